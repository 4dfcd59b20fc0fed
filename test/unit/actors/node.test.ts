import { describe, expect, it } from 'vitest';
import { type NodeDuties, nodeMachine } from '../../../src/actors/node.ts';
import { ActorSystem } from '../../../src/actors/system.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';

type Duty = Exclude<keyof NodeDuties, 'ended'>;

/** A node whose duties are done, or fail, when the test says so. */
class Drill {
  readonly diary: string[] = [];
  readonly #waiting = new Map<Duty, { done: () => void; fail: (error: Error) => void }>();
  readonly #actor;

  constructor() {
    const recorder = new Recorder();
    const system = new ActorSystem({
      clock: new VirtualClock(),
      log: recorder.log,
      counters: recorder.counters,
    });
    const duty = (name: Duty) => () => {
      this.diary.push(name);
      return new Promise<void>((done, fail) => this.#waiting.set(name, { done, fail }));
    };
    const duties: NodeDuties = {
      openConsole: duty('openConsole'),
      join: duty('join'),
      openListeners: duty('openListeners'),
      rejoin: duty('rejoin'),
      close: duty('close'),
      ended: (error) => this.diary.push(error === undefined ? 'ended' : `ended: ${(error as Error).message}`),
    };
    this.#actor = system.start('node', nodeMachine, { duties });
  }

  get state(): string {
    return this.#actor.state;
  }

  async done(...names: Duty[]): Promise<this> {
    for (const name of names) {
      this.#waiting.get(name)!.done();
      await turn();
    }
    return this;
  }

  async fail(name: Duty, message: string): Promise<void> {
    this.#waiting.get(name)!.fail(new Error(message));
    await turn();
  }

  async send(type: 'STOP' | 'RESET' | 'FAIL', message = ''): Promise<void> {
    this.#actor.send(type === 'FAIL' ? { type, error: new Error(message) } : { type });
    await turn();
  }
}

/** Promises that are settled have been followed up. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
const started = () => new Drill().done('openConsole', 'join', 'openListeners');

describe('start', () => {
  it('LIFE-6 the console answers before the bus is joined, and listeners open last', async () => {
    const node = new Drill();
    expect([node.state, node.diary]).toEqual(['starting', ['openConsole']]);
    await node.done('openConsole');
    expect([node.state, node.diary]).toEqual(['joining', ['openConsole', 'join']]);
    await node.done('join');
    expect([node.state, node.diary]).toEqual(['opening', ['openConsole', 'join', 'openListeners']]);
    await node.done('openListeners');
    expect(node.state).toBe('serving');
  });

  it.each([
    ['openConsole', []],
    ['join', ['openConsole']],
    ['openListeners', ['openConsole', 'join']],
  ] as const)(
    'a start that fails in %s closes what was opened, and ends with the reason',
    async (broken, before) => {
      const node = await new Drill().done(...before);
      await node.fail(broken, 'no luck');
      expect(node.state).toBe('stopping');
      await node.done('close');
      expect([node.state, node.diary]).toEqual(['failed', [...before, broken, 'close', 'ended: no luck']]);
    },
  );
});

describe('stop', () => {
  it('LIFE-9 closes everything and ends without a reason', async () => {
    const node = await started();
    await node.send('STOP');
    expect(node.state).toBe('stopping');
    await node.done('close');
    expect([node.state, node.diary.slice(3)]).toEqual(['stopped', ['close', 'ended']]);
  });

  it('a second STOP, a RESET and a FAIL do not start a second close beside the first', async () => {
    const node = await started();
    for (const type of ['STOP', 'STOP', 'RESET', 'FAIL'] as const) await node.send(type, 'too late');
    await node.done('close');
    for (const type of ['STOP', 'RESET', 'FAIL'] as const) await node.send(type, 'much too late');
    expect([node.state, node.diary.slice(3)]).toEqual(['stopped', ['close', 'ended']]);
  });

  it('STOP in the middle of the start closes, and what the start had begun goes no further', async () => {
    const node = await new Drill().done('openConsole');
    await node.send('STOP');
    await node.done('join');
    expect([node.state, node.diary]).toEqual(['stopping', ['openConsole', 'join', 'close']]);
    await node.done('close');
    expect(node.diary.at(-1)).toBe('ended');
  });

  it('an error while closing is the reason when there is no earlier one', async () => {
    const node = await started();
    await node.send('STOP');
    await node.fail('close', 'stuck');
    expect([node.state, node.diary.at(-1)]).toEqual(['failed', 'ended: stuck']);
  });
});

describe('failures', () => {
  it('ID-20 a node that cannot go on closes first and then ends with the reason', async () => {
    const node = await started();
    await node.send('FAIL', 'name taken');
    expect(node.state).toBe('stopping');
    await node.done('close');
    expect([node.state, node.diary.slice(3)]).toEqual(['failed', ['close', 'ended: name taken']]);
  });

  it('the first error is kept, whatever fails after it', async () => {
    const node = await started();
    await node.send('FAIL', 'first');
    await node.send('FAIL', 'second');
    await node.fail('close', 'third');
    expect(node.diary.slice(3)).toEqual(['close', 'ended: first']);
  });
});

describe('reset', () => {
  it('CMD-17 leaves and joins again, and serves on', async () => {
    const node = await started();
    await node.send('RESET');
    expect([node.state, node.diary.slice(3)]).toEqual(['resetting', ['rejoin']]);
    await node.done('rejoin');
    expect(node.state).toBe('serving');
  });

  it('a RESET during a reset, or before the node serves, is not a second one', async () => {
    const early = await new Drill().done('openConsole');
    await early.send('RESET');
    expect(early.diary).toEqual(['openConsole', 'join']);
    const node = await started();
    for (const type of ['RESET', 'RESET'] as const) await node.send(type);
    await node.done('rejoin');
    expect([node.state, node.diary.slice(3)]).toEqual(['serving', ['rejoin']]);
  });

  it('a reset that fails ends the node with the reason', async () => {
    const node = await started();
    await node.send('RESET');
    await node.fail('rejoin', 'no way back');
    await node.done('close');
    expect([node.state, node.diary.slice(3)]).toEqual(['failed', ['rejoin', 'close', 'ended: no way back']]);
  });

  it('STOP during a reset closes', async () => {
    const node = await started();
    await node.send('RESET');
    await node.send('STOP');
    await node.done('close');
    expect(node.diary.slice(3)).toEqual(['rejoin', 'close', 'ended']);
  });
});
