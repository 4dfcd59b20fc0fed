import { describe, expect, it } from 'vitest';
import { type Execute, managerHeader, serveControl } from '../../../src/bus/control.ts';
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
  const held = new Map<string, () => void>();
  const execute: Execute = async function* (line) {
    executed.push(line);
    if (line.startsWith('hold')) await new Promise<void>((resolve) => held.set(line, resolve));
    yield 'done\n';
    return 0;
  };
  const incarnation = '1'.repeat(32) as Incarnation;
  const self = {
    node: 'relay-1',
    privateName: '#ec0-00007#relay-1',
    subcluster: 'default',
    version: '1.2.3',
    incarnation,
  };
  const control = serveControl({
    wire,
    groups,
    self,
    execute,
    clock,
    log: recorder.log,
    counters: recorder.counters,
  });
  const heard: string[] = [];
  client.subscribe('>', ({ subject }) => heard.push(subject));
  const settle = async () => {
    for (let turn = 0; turn < 5; turn++) {
      clock.runUntil(clock.nowMs() + 1);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const ask = async (subject: string, reply: string) => {
    heard.length = 0;
    client.publish(subject, new TextEncoder().encode('version'), { reply });
    await settle();
    expect(heard[0]).toBe(subject);
    return heard.slice(1);
  };
  const command = async (manager: string, line: string, reply: string) => {
    const headers = { [managerHeader]: manager };
    client.publish('console', new TextEncoder().encode(line), { reply, headers });
    await settle();
  };
  return { ask, command, settle, held, heard, executed, control, recorder };
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

  it('MGR-23 commands of one manager run one after the other, those of another one meanwhile', async () => {
    const { command, held, executed, heard, settle } = startNode();
    await command('barca', 'hold 1', 'inbox.1');
    await command('barca', 'version', 'inbox.2');
    await command('roma', 'pid', 'inbox.3');
    expect(executed).toEqual(['hold 1', 'pid']);
    held.get('hold 1')?.();
    await settle();
    expect(executed).toEqual(['hold 1', 'pid', 'version']);
    expect(heard.filter((subject) => subject.startsWith('inbox'))).toEqual(['inbox.3', 'inbox.1', 'inbox.2']);
  });

  it('MGR-23 what waits when the life ends is not run', async () => {
    const { command, held, executed, control, settle } = startNode();
    await command('barca', 'hold 1', 'inbox.1');
    await command('barca', 'shutdown', 'inbox.2');
    control.unsubscribe();
    held.get('hold 1')?.();
    await settle();
    expect(executed).toEqual(['hold 1']);
  });

  it('INV-36 a command of a manager that arrives twice runs once; one without a manager runs each time', async () => {
    const { ask, command, executed } = startNode();
    for (let copy = 0; copy < 3; copy++) await command('barca', 'cluster reset', 'inbox.1');
    await command('barca', 'cluster reset', 'inbox.2');
    expect(executed).toEqual(['cluster reset', 'cluster reset']);
    for (let time = 0; time < 2; time++) await ask('console', 'inbox.1');
    expect(executed).toHaveLength(4);
    for (let time = 0; time < 2; time++) await command('barca', 'pid', '');
    expect(executed).toHaveLength(6);
  });

  it('MGR-23 a manager cannot make a node keep more than 32 commands', async () => {
    const { command, executed, heard } = startNode();
    await command('barca', 'hold 0', 'inbox.0');
    for (let at = 1; at <= 40; at++) await command('barca', `version ${at}`, `inbox.${at}`);
    expect(executed).toEqual(['hold 0']);
    expect(heard.filter((subject) => subject.startsWith('inbox'))).toHaveLength(9);
  });
});
