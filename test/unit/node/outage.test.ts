import { describe, expect, it } from 'vitest';
import { MemoryBus } from '../../../src/bus/memory.ts';
import { Outage } from '../../../src/node/outage.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

const problem = 'bus link m: The NATS server cannot be reached: nats://10.0.0.1:4222: refused';
const fields = { code: 'FLT-1201', advice: 'Check `servers`.' };

function watched() {
  const clock = new VirtualClock();
  const recorder = new Recorder();
  const wire = new MemoryBus(clock, () => [0]).connect('m');
  const outage = new Outage({ log: recorder.log, clock });
  outage.watch(wire);
  return { clock, recorder, wire, outage };
}

describe('a bus that is not reached', () => {
  it('LIFE-4 is one error after three seconds, with the last problem of the attempts and what to do', () => {
    const { clock, recorder, outage } = watched();
    outage.log.warning(problem, fields);
    clock.runUntil(2_999);
    expect(recorder.texts('error')).toEqual([]);
    outage.log.debug('bus link m: another reason', { code: 'FLT-1202' });
    outage.log.debug(problem, fields);
    clock.runUntil(60_000);
    expect(recorder.lines.filter(({ level }) => level === 'error')).toEqual([
      { level: 'error', text: `Cannot connect, counting for this node alone: ${problem}`, fields },
    ]);
    // Everything the connection said is written as it was.
    expect(recorder.texts('warning')).toEqual([`warning: ${problem}`]);
  });

  it('LIFE-4 is no error when a server answers in time, and one more with each outage that lasts', () => {
    const { clock, recorder, wire } = watched();
    clock.runUntil(2_000);
    wire.setState('up');
    clock.runUntil(20_000);
    for (const downForMs of [2_000, 4_000, 2_000, 4_000]) {
      wire.setState('down');
      clock.runUntil(clock.nowMs() + downForMs);
      wire.setState('up');
      clock.runUntil(clock.nowMs() + 10_000);
    }
    expect(recorder.texts('error')).toHaveLength(2);
  });

  it('LIFE-9 is no error while the node leaves', async () => {
    const { clock, recorder, wire } = watched();
    await wire.close();
    clock.runUntil(60_000);
    expect(recorder.texts('error')).toEqual([]);
  });
});
