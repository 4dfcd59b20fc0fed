import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { ActorSystem } from '../../../src/actors/system.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

interface LampDuties {
  /** Called in each state; may throw. */
  shine(): void;
  fail(): void;
}

/** A machine with an action on an event, one on a timer, and one at its start. */
const lamp = setup({
  types: {
    input: {} as LampDuties,
    context: {} as LampDuties,
    events: {} as { type: 'ON' } | { type: 'OFF' } | { type: 'BREAK' },
  },
  actions: {
    shine: ({ context }) => context.shine(),
    fail: ({ context }) => context.fail(),
  },
}).createMachine({
  context: ({ input }) => input,
  type: 'parallel',
  states: {
    light: {
      initial: 'off',
      states: {
        off: { on: { ON: 'on' } },
        on: { entry: 'shine', on: { OFF: 'off', BREAK: { actions: 'fail' } } },
      },
    },
    pulse: {
      initial: 'waiting',
      states: { waiting: { after: { 1000: { target: 'waiting', reenter: true, actions: 'shine' } } } },
    },
  },
});

function world() {
  const clock = new VirtualClock();
  const recorder = new Recorder();
  const system = new ActorSystem({ clock, log: recorder.log, counters: recorder.counters });
  return { clock, recorder, system };
}

const broken = () => {
  throw new Error('the bulb is broken');
};
const calm: LampDuties = { shine: () => {}, fail: () => {} };

describe('actors under supervision', () => {
  it('state names are words, those of parallel regions joined by a blank', () => {
    const { system } = world();
    const actor = system.start('lamp', lamp, calm);
    expect([actor.id, actor.state]).toEqual(['lamp', 'off waiting']);
    actor.send({ type: 'ON' });
    expect(system.list()).toEqual([{ id: 'lamp', state: 'on waiting' }]);
  });

  it('timers run on the clock that was injected', () => {
    const { system, clock } = world();
    let flashes = 0;
    system.start('lamp', lamp, { ...calm, shine: () => flashes++ });
    clock.runUntil(3_500);
    expect(flashes).toBe(3);
  });

  it('a failing action is logged with the last event, and the actor is started anew from its input', () => {
    const { system, clock, recorder } = world();
    let restarts = 0;
    const actor = system.start('lamp', lamp, { ...calm, fail: broken }, { onRestart: () => restarts++ });
    actor.send({ type: 'ON' });
    actor.send({ type: 'BREAK' });
    expect(recorder.texts()).toEqual(['critical: An actor failed: lamp failed on BREAK']);
    expect(recorder.lines[0]?.fields).toMatchObject({ code: 'FLT-1901', actor: 'lamp', event: 'BREAK' });
    expect(recorder.lines[0]?.fields.cause).toContain('the bulb is broken');
    expect(recorder.counted.get('actor_failures_total')).toBe(1);
    clock.runUntil(1);
    expect([actor.state, restarts, system.failed]).toEqual(['off waiting', 1, 0]);
    actor.send({ type: 'ON' });
    expect(actor.state).toBe('on waiting');
  });

  it('a failure of a timer is logged as such', () => {
    const { system, clock, recorder } = world();
    system.start('lamp', lamp, { ...calm, shine: broken });
    clock.runUntil(1_000);
    expect(recorder.texts()).toEqual(['critical: An actor failed: lamp failed on a timer of 1000 ms']);
  });

  it('timers of the life that failed do not run on in the next', () => {
    const { system, clock } = world();
    let flashes = 0;
    const actor = system.start('lamp', lamp, { shine: () => flashes++, fail: broken });
    actor.send({ type: 'ON' });
    clock.runUntil(500);
    actor.send({ type: 'BREAK' });
    flashes = 0;
    // The pulse of the first life was due at 1000 ms, that of the second is at 1500 ms.
    clock.runUntil(1_400);
    expect(flashes).toBe(0);
    clock.runUntil(1_600);
    expect(flashes).toBe(1);
  });

  it('a failure right at the start is a failure like others: it does not reach who started the actor', () => {
    const { system, clock, recorder } = world();
    const fragile = setup({ actions: { fail: broken } }).createMachine({
      initial: 'on',
      states: { on: { entry: 'fail' } },
    });
    expect(() => system.start('fragile', fragile, undefined)).not.toThrow();
    clock.runUntil(10);
    expect(system.failed).toBe(1);
    expect(recorder.counted.get('actor_failures_total')).toBe(6);
  });

  it('the sixth failure within a minute gives the actor up: escalated once, events ignored, the others live on', () => {
    const { system, clock, recorder } = world();
    const escalated: string[] = [];
    system.onEscalation = (id, error) =>
      escalated.push(`${id}: ${error.code} ${(error.cause as Error).message}`);
    const actor = system.start('lamp', lamp, { ...calm, fail: broken });
    const other = system.start('other', lamp, calm);
    for (let failure = 1; failure <= 6; failure++) {
      actor.send({ type: 'ON' });
      actor.send({ type: 'BREAK' });
      clock.runUntil(failure * 100);
    }
    expect([actor.state, system.failed]).toEqual(['failed', 1]);
    expect(escalated).toEqual(['lamp: FLT-1901 the bulb is broken']);
    actor.send({ type: 'ON' });
    other.send({ type: 'ON' });
    expect(system.list()).toEqual([
      { id: 'lamp', state: 'failed' },
      { id: 'other', state: 'on waiting' },
    ]);
    expect(recorder.counted.get('actor_failures_total')).toBe(6);
  });

  it('failures further apart than a minute do not add up', () => {
    const { system, clock } = world();
    const actor = system.start('lamp', lamp, { ...calm, fail: broken });
    for (let failure = 1; failure <= 20; failure++) {
      actor.send({ type: 'ON' });
      actor.send({ type: 'BREAK' });
      clock.runUntil(failure * 13_000);
    }
    expect(system.failed).toBe(0);
  });

  it('an actor that is stopped while its restart is due stays stopped', () => {
    const { system, clock } = world();
    let flashes = 0;
    const actor = system.start('lamp', lamp, { shine: () => flashes++, fail: broken });
    actor.send({ type: 'ON' });
    actor.send({ type: 'BREAK' });
    flashes = 0;
    actor.stop();
    actor.stop();
    clock.runUntil(10_000);
    expect([flashes, system.list()]).toEqual([0, []]);
  });

  it('two actors with one id are a defect', () => {
    const { system } = world();
    system.start('lamp', lamp, calm);
    expect(() => system.start('lamp', lamp, calm)).toThrow('two actors with the id lamp');
  });

  it('stopping the system stops all actors and leaves no timer', () => {
    const { system, clock } = world();
    let flashes = 0;
    for (const id of ['first', 'second']) system.start(id, lamp, { ...calm, shine: () => flashes++ });
    system.stop();
    clock.runUntil(10_000);
    expect([flashes, system.list()]).toEqual([0, []]);
  });
});

describe('a pulse', () => {
  it('beats at its interval for as long as the actor lives', () => {
    const { clock, system } = world();
    const beatsMs: number[] = [];
    const pulse = { everyMs: 200, run: () => beatsMs.push(clock.nowMs()) };
    const actor = system.start('lamp', lamp, calm, { pulse });
    clock.runUntil(700);
    actor.stop();
    clock.runUntil(2_000);
    expect(beatsMs).toEqual([200, 400, 600]);
  });

  it('may end its own actor', () => {
    const { clock, system } = world();
    let beats = 0;
    const actor = system.start('lamp', lamp, calm, {
      pulse: {
        everyMs: 200,
        run: () => {
          beats++;
          actor.stop();
        },
      },
    });
    clock.runUntil(2_000);
    expect(beats).toBe(1);
  });

  it('that fails is a failure of the actor, which is started anew with one pulse, not two', () => {
    const { clock, recorder, system } = world();
    let fails = true;
    let beats = 0;
    const run = () => {
      beats++;
      if (fails) broken();
    };
    let restarts = 0;
    system.start('lamp', lamp, calm, { pulse: { everyMs: 200, run }, onRestart: () => restarts++ });
    clock.runUntil(200);
    fails = false;
    clock.runUntil(1_000);
    expect([restarts, beats, recorder.texts('critical')]).toEqual([
      1,
      5,
      ['critical: An actor failed: lamp failed on its pulse'],
    ]);
  });

  it('of an actor whose machine failed begins again with the next one', () => {
    const { clock, system } = world();
    let beats = 0;
    const actor = system.start(
      'lamp',
      lamp,
      { ...calm, fail: broken },
      { pulse: { everyMs: 200, run: () => beats++ } },
    );
    clock.runUntil(100);
    actor.send({ type: 'ON' });
    actor.send({ type: 'BREAK' });
    clock.runUntil(1_000);
    // Of the actor started anew at 100 ms: 300, 500, 700, 900.
    expect(beats).toBe(4);
  });
});
