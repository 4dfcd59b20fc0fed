import { describe, expect, it } from 'vitest';
import { type Execute, serveControl } from '../../../src/bus/control.ts';
import { MemoryBus } from '../../../src/bus/memory.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const groups = { clusterGroup: 'fleet', controlGroup: 'console', logGroup: 'panic' };
const reserved = ['fleet.view.beat', 'console', 'console.node.relay-1', 'panic.x', '$SRV.PING', '$JS.API.x'];

function startNode() {
  const clock = new VirtualClock();
  const bus = new MemoryBus(clock, () => [0]);
  const [wire, client] = [bus.connect('node'), bus.connect('client')];
  wire.setState('up');
  client.setState('up');
  const recorder = new Recorder();
  const executed: string[] = [];
  const execute: Execute = async function* (line) {
    executed.push(line);
    yield 'done\n';
    return 0;
  };
  const incarnation = '1'.repeat(32) as Incarnation;
  const self = { node: 'relay-1', subcluster: 'default', version: '1.2.3', incarnation };
  serveControl({ wire, groups, self, execute, clock, log: recorder.log, counters: recorder.counters });
  const heard: string[] = [];
  client.subscribe('>', ({ subject }) => heard.push(subject));
  const ask = async (subject: string, reply: string) => {
    heard.length = 0;
    client.publish(subject, new TextEncoder().encode('version'), { reply });
    for (let turn = 0; turn < 3; turn++) {
      clock.runUntil(clock.nowMs() + 1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(heard[0]).toBe(subject);
    return heard.slice(1);
  };
  return { ask, executed, recorder };
}

describe('the console over NATS', () => {
  it('CON-14 a command is answered where it was asked, and only there', async () => {
    const { ask, executed } = startNode();
    expect(await ask('console.node.relay-1', 'inbox')).toEqual(['inbox']);
    expect(await ask('$SRV.PING', 'inbox')).toEqual(['inbox']);
    expect(await ask('console', '')).toEqual([]);
    expect(executed).toEqual(['version', 'version']);
  });

  it('never answers where the requester itself might not publish, and runs nothing then', async () => {
    const { ask, executed, recorder } = startNode();
    for (const reply of reserved) {
      expect(await ask('console.node.relay-1', reply)).toEqual([]);
      for (const verb of ['PING', 'INFO', 'STATS']) expect(await ask(`$SRV.${verb}`, reply)).toEqual([]);
    }
    expect(executed).toEqual([]);
    expect(recorder.counted.get('control_requests_dropped')).toBe(reserved.length);
  });
});
