/** A receiver gets the row of its sender, whatever is lost, late or twice. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { finish } from '../../../src/core/replica/work.ts';
import { changesOf, header, Pair } from './row-pair.ts';

let pair: Pair;

beforeEach(() => {
  pair = new Pair();
});

/** The receiver has the row of a sender with some keys. */
function synchronised(keys = 5): void {
  for (let i = 0; i < keys; i++) pair.sender.change(`k${i}`, i + 1);
  pair.sender.under = [];
  pair.receiver.fetch(0);
  pair.fetchAll();
  expect(pair.receiver.state).toBe('whole');
}

describe('a row being received', () => {
  it('REP-4.8 a new member is asked for its row, and a chunk at a time it comes', () => {
    synchronised();
    expect(pair.contents).toEqual({ k0: 1, k1: 2, k2: 3, k3: 4, k4: 5 });
    expect(pair.receiver.applied).toBe(5);
    expect(pair.requests).toBe(1);
  });

  it('REP-4.8 batches apply in the order sent; a duplicate is ignored', () => {
    synchronised();
    pair.sender.change('k0', 9);
    pair.sender.under.push(pair.sender.under[0]!);
    pair.sender.change('k0', 0);
    pair.sender.under.push(pair.sender.under[0]!);
    pair.deliverAll();
    expect(pair.contents).toEqual({ k1: 2, k2: 3, k3: 4, k4: 5 });
    expect(pair.receiver.stats.drops).toBe(2);
    expect(pair.requests).toBe(1);
  });

  it('REP-4.8 a gap asks for a snapshot and keeps the row until it is there', () => {
    synchronised();
    pair.sender.change('k0', 7);
    pair.sender.under = [];
    pair.sender.change('k1', 8);
    pair.deliverAll();
    expect(pair.receiver.state).toBe('fetching');
    expect(pair.contents).toEqual({ k0: 1, k1: 2, k2: 3, k3: 4, k4: 5 });
    pair.fetchAll();
    expect(pair.contents).toEqual({ k0: 7, k1: 8, k2: 3, k3: 4, k4: 5 });
    expect(pair.receiver.stats).toMatchObject({ gaps: 1, snapshots: 2 });
  });

  it('REP-4.8 a batch that is only late closes the gap, and the snapshot is given up', () => {
    synchronised();
    pair.sender.change('k0', 7);
    pair.sender.change('k1', 8);
    pair.deliver(1);
    expect(pair.receiver.state).toBe('fetching');
    pair.deliver(0);
    expect(pair.receiver.state).toBe('whole');
    expect(pair.contents).toMatchObject({ k0: 7, k1: 8 });
    expect(pair.receiver.stats.snapshots).toBe(1);
  });

  it('REP-4.8 a key changed between two chunks ends at its newest value, on either side of the chunk', () => {
    synchronised(6);
    pair.sender.change('k0', 10);
    pair.sender.under = [];
    pair.sender.change('k0', 11);
    pair.deliverAll();
    pair.sender.sendChunk(); // k0, k1
    pair.sender.change('k0', 12);
    pair.sender.change('k5', 13);
    pair.sender.sendChunk(); // k2, k3
    pair.sender.change('k5', 0);
    pair.sender.change('new', 14);
    pair.deliverAll();
    pair.fetchAll();
    expect(pair.contents).toEqual({ k0: 12, k1: 2, k2: 3, k3: 4, k4: 5, new: 14 });
  });

  it('REP-21.4 a beat ahead is believed only when the next one finds no progress: beats overtake batches', () => {
    synchronised();
    pair.sender.change('k0', 7);
    pair.beat();
    expect(pair.receiver.state).toBe('whole');
    pair.deliverAll();
    pair.sender.change('k0', 8);
    pair.beat();
    expect(pair.receiver.state).toBe('whole');
    pair.sender.under = [];
    pair.beat();
    expect(pair.receiver.state).toBe('fetching');
    pair.fetchAll();
    expect(pair.contents).toMatchObject({ k0: 8 });
  });

  it('REP-21.4 a digest that differs at the same sequence number fetches the row', () => {
    synchronised();
    pair.row.write('k0', 99);
    expect(pair.receiver.verify()).toBeUndefined();
    pair.beat();
    expect(pair.receiver.stats.differences).toBe(1);
    pair.fetchAll();
    expect(pair.contents).toMatchObject({ k0: 1 });
    pair.beat();
    expect(pair.receiver.verify()).toBe(true);
  });

  it('REP-21.4 verify tells a row that differs from what the last beat said', () => {
    synchronised();
    pair.beat();
    pair.row.write('k0', 99);
    expect(pair.receiver.verify()).toBe(false);
  });

  it('a member that never sent anything needs no snapshot', () => {
    pair.receiver.fetch(0);
    pair.beat();
    expect(pair.receiver.state).toBe('whole');
    expect(pair.receiver.stats.snapshots).toBe(0);
  });

  it('beats do not end a snapshot that is under way', () => {
    for (let i = 0; i < 5; i++) pair.sender.change(`k${i}`, 1);
    pair.sender.under = [];
    pair.receiver.fetch(0);
    pair.sender.sendChunk();
    pair.deliverAll();
    pair.beat();
    pair.beat();
    expect(pair.receiver.state).toBe('fetching');
    pair.fetchAll();
    expect(pair.requests).toBe(1);
    expect(Object.keys(pair.contents)).toHaveLength(5);
  });

  it('a member whose first batch arrives needs no snapshot either', () => {
    pair.receiver.fetch(0);
    pair.sender.change('k0', 1);
    pair.deliverAll();
    expect(pair.receiver.state).toBe('whole');
    expect(pair.contents).toEqual({ k0: 1 });
  });

  it('a session without progress starts over, as a new session, later and later up to a second', () => {
    pair.receiver.fetch(0);
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) {
      waits.push(pair.receiver.deadlineMs - pair.nowMs);
      pair.nowMs = pair.receiver.deadlineMs;
      pair.receiver.tick(pair.nowMs);
    }
    expect(waits).toEqual([300, 600, 1000, 1000, 1000]);
    expect(pair.requests).toBe(6);
  });

  it('P4 a chunk is written a few keys at a time, and a session that has some to write yet is not late', () => {
    pair.slow = true;
    for (let i = 0; i < 3; i++) pair.sender.change(`k${i}`, i + 1);
    pair.sender.under = [];
    pair.receiver.fetch(0);
    const keys = Array.from({ length: 1_000 }, (_, i) => [`x${i}`, 1] as const);
    const chunk = { ...header, kind: 'snapshot-chunk', session: 1, index: 0, sequence: 3 } as const;
    pair.receiver.onChunk({ ...chunk, last: true, changes: changesOf(keys) }, 0);
    let steps = 0;
    for (; pair.work.length > 0; steps++) {
      pair.wait(2_000);
      pair.step();
    }
    expect(steps).toBeGreaterThanOrEqual(4);
    expect(pair.requests).toBe(1);
    expect(pair.receiver.state).toBe('exchanging');
    expect(pair.row.size).toBe(1_000);
  });

  it('a session that is replaced while a chunk of it is being written leaves nothing behind', () => {
    synchronised();
    pair.slow = true;
    pair.sender.change('k0', 7);
    pair.sender.under = [];
    pair.sender.change('k1', 8);
    pair.deliverAll();
    pair.sender.sendChunk();
    pair.deliverAll();
    pair.step();
    pair.receiver.linkRestored(1);
    pair.sender.change('k0', 9);
    pair.fetchAll();
    for (const done of pair.exchanges) done();
    expect(pair.receiver.state).toBe('whole');
    expect(pair.contents).toEqual({ k0: 9, k1: 8, k2: 3, k3: 4, k4: 5 });
  });

  it('nor does it when that was the last chunk, and the late batches came after all', () => {
    synchronised();
    pair.slow = true;
    pair.sender.change('k0', 7);
    pair.sender.change('k1', 8);
    pair.deliver(1);
    const chunk = { ...header, kind: 'snapshot-chunk', session: 2, index: 0, sequence: 6 } as const;
    pair.receiver.onChunk({ ...chunk, last: true, changes: changesOf([['k0', 7]]) }, 0);
    pair.step();
    pair.deliver(0);
    expect(pair.receiver.state).toBe('whole');
    pair.finishWork();
    expect(pair.receiver.state).toBe('whole');
    expect(pair.exchanges).toEqual([]);
    expect(pair.contents).toEqual({ k0: 7, k1: 8, k2: 3, k3: 4, k4: 5 });
  });

  it('chunks of an earlier session are ignored', () => {
    synchronised();
    pair.sender.change('k0', 7);
    pair.sender.under = [];
    pair.sender.change('k1', 8);
    pair.deliverAll();
    pair.sender.sendChunk();
    const stale = pair.sender.under.splice(0);
    pair.nowMs = 300;
    pair.receiver.tick(300);
    pair.sender.change('k0', 9);
    pair.sender.under.push(...stale);
    pair.deliverAll();
    pair.fetchAll();
    expect(pair.contents).toMatchObject({ k0: 9, k1: 8 });
  });

  it('a restored link asks again at once', () => {
    pair.receiver.fetch(0);
    pair.receiver.linkRestored(1);
    expect(pair.requests).toBe(2);
  });

  it('REP-4.5 of one that leaves, a batch that is half written is written whole, as its number says', () => {
    synchronised();
    pair.slow = true;
    pair.receiver.fetch(0);
    pair.fetchAll();
    expect(pair.receiver.state).toBe('exchanging');
    const keys = Array.from({ length: 600 }, (_, key) => `n${key}`);
    const changes = changesOf(keys.map((key) => [key, 1] as const));
    pair.receiver.onBatch({ ...header, kind: 'batch', sequence: 6, changes }, 0);
    const rest = pair.lastRest();
    rest.next();
    rest.next();
    pair.receiver.stop();
    expect(pair.receiver.applied).toBe(6);
    expect(Object.keys(pair.contents)).toHaveLength(605);
    finish(rest);
    expect(pair.receiver.applied).toBe(6);
  });

  it('what arrives while the row is being exchanged is applied afterwards', () => {
    synchronised();
    pair.slow = true;
    pair.row.write('k0', 99);
    pair.beat();
    pair.fetchAll();
    expect(pair.receiver.state).toBe('exchanging');
    pair.sender.change('k0', 5);
    pair.sender.change('k1', 6);
    pair.deliverAll();
    expect(pair.contents).toMatchObject({ k0: 1, k1: 2 });
    for (const done of pair.exchanges) done();
    expect(pair.receiver.state).toBe('whole');
    expect(pair.contents).toMatchObject({ k0: 5, k1: 6 });
  });

  it('P4 what arrived meanwhile is applied in steps, with what comes between them', () => {
    synchronised();
    pair.slow = true;
    pair.row.write('k0', 99);
    pair.beat();
    pair.fetchAll();
    for (let i = 0; i < 5; i++) {
      pair.sender.change('k0', 10 + i);
      pair.deliverAll();
    }
    const rest = pair.lastRest();
    rest.next();
    expect(pair.contents).toMatchObject({ k0: 10 });
    pair.sender.change('k1', 77);
    pair.deliverAll();
    expect([pair.receiver.state, pair.contents.k1]).toEqual(['exchanging', 2]);
    // A beat that describes more than is applied so far is no reason to fetch anything.
    pair.beat();
    expect(pair.requests).toBe(2);
    finish(rest);
    expect(pair.receiver.state).toBe('whole');
    expect(pair.contents).toMatchObject({ k0: 14, k1: 77 });
  });

  it('a member that leaves between these steps changes nothing any more', () => {
    synchronised();
    pair.slow = true;
    pair.row.write('k0', 99);
    pair.beat();
    pair.fetchAll();
    for (const value of [10, 11]) {
      pair.sender.change('k0', value);
      pair.deliverAll();
    }
    const rest = pair.lastRest();
    rest.next();
    pair.receiver.stop();
    finish(rest);
    expect(pair.contents).toMatchObject({ k0: 10 });
  });

  it('too many batches held back are dropped, and a new session brings their content', () => {
    synchronised();
    pair.sender.change('k0', 7);
    pair.sender.under = [];
    const many = changesOf(Array.from({ length: 300_000 }, (_, i) => [`x${i}`, 1] as const));
    pair.receiver.onBatch({ ...header, kind: 'batch', sequence: 8, changes: many }, 0);
    expect(pair.receiver.state).toBe('fetching');
    pair.receiver.onBatch({ ...header, kind: 'batch', sequence: 9, changes: many }, 0);
    expect(pair.requests).toBe(3);
    expect(pair.receiver.stats.drops).toBeGreaterThan(0);
  });
});

type Step =
  | { readonly do: 'change'; readonly key: number; readonly value: number }
  | { readonly do: 'deliver' | 'lose' | 'repeat'; readonly index: number }
  | { readonly do: 'chunk' | 'beat' | 'tick' | 'exchange' | 'step' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('change' as const), key: fc.nat(6), value: fc.nat(3) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('deliver' as const), index: fc.nat(3) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('lose' as const, 'repeat' as const), index: fc.nat(3) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'chunk' as const,
        'chunk' as const,
        'beat' as const,
        'tick' as const,
        'exchange' as const,
        'step' as const,
        'step' as const,
      ),
    }),
  },
);

function play(steps: readonly Step[]): void {
  const pair = new Pair();
  const { sender, receiver } = pair;
  pair.slow = true;
  for (let key = 0; key < 5; key++) sender.change(`k${key}`, 1);
  sender.under = [];
  receiver.fetch(0);
  for (const step of steps) {
    if (step.do === 'change') sender.change(`k${step.key}`, step.value);
    else if (step.do === 'deliver') pair.deliver(step.index);
    else if (step.do === 'lose') sender.under.splice(step.index, 1);
    else if (step.do === 'repeat') sender.under.push(...sender.under.slice(step.index, step.index + 1));
    else if (step.do === 'chunk') sender.sendChunk();
    else if (step.do === 'beat') pair.beat();
    else if (step.do === 'step') pair.step();
    else if (step.do === 'exchange') for (const done of pair.exchanges.splice(0)) done();
    else pair.wait(350);
    if (receiver.state !== 'fetching' || receiver.applied > 0)
      expect(pair.contents).toEqual(sender.history[receiver.applied]);
  }
  for (let round = 0; round < 8; round++) {
    pair.finishWork();
    pair.deliverAll();
    pair.fetchAll();
    for (const done of pair.exchanges.splice(0)) done();
    pair.wait(1_000);
    pair.beat();
  }
  expect(receiver.state).toBe('whole');
  expect(pair.contents).toEqual(sender.history[sender.sequence]);
}

describe('a row being received, whatever happens to the messages', () => {
  it('REP-22.8 it always is what the sender had at the sequence number applied, and ends as what it has', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 150, size: 'max' }), play), { numRuns: 1_000 });
  });
});
