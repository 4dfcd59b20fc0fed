import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Promises } from '../../../src/core/agreement/promises.ts';
import { compareViewIds, type ViewId } from '../../../src/core/view.ts';
import { incarnationOf, timeoutMs } from './post-office.ts';

const ballot = (epoch: number, by = 'a'): ViewId => ({ epoch, coordinator: incarnationOf(by), nonce: 1 });

describe('promises', () => {
  it('BUS-12 always: what was allowed and promised only grows', () => {
    const ballots = fc.array(fc.tuple(fc.nat({ max: 5 }), fc.constantFrom('a', 'b', 'c')), { maxLength: 20 });
    fc.assert(
      fc.property(ballots, (list) => {
        const promises = new Promises();
        const given: ViewId[] = [];
        for (const [epoch, by] of list) {
          const next = ballot(epoch, by);
          if (!promises.allow(next)) continue;
          promises.give(next, 0);
          given.push(next);
          expect(promises.isHighest(next)).toBe(true);
        }
        expect(given).toEqual([...given].sort(compareViewIds));
      }),
    );
  });

  it('BUS-21 a promise is in force for the failure timeout; its repetition does not prolong it, another one does', () => {
    const promises = new Promises();
    promises.give(ballot(1), 0);
    promises.give(ballot(1), 900);
    expect([promises.isOlderThan(timeoutMs, 999), promises.isOlderThan(timeoutMs, 1_000)]).toEqual([
      false,
      true,
    ]);
    promises.give(ballot(2), 1_000);
    expect(promises.isOlderThan(timeoutMs, 1_999)).toBe(false);
  });

  it('BUS-21 a promise that ran out is no longer open, but never forgotten', () => {
    const promises = new Promises();
    promises.give(ballot(5), 0);
    promises.close();
    expect([promises.isOpen, promises.allow(ballot(4)), promises.allow(ballot(5))]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('BUS-21 an own ballot ends the promise to another proposer', () => {
    const promises = new Promises();
    promises.give(ballot(1, 'b'), 0);
    promises.makeOwn(ballot(2));
    expect([promises.isOpen, promises.isHighest(ballot(1, 'b')), promises.isHighest(ballot(2))]).toEqual([
      false,
      false,
      true,
    ]);
  });

  it('only the latest ballots are remembered', () => {
    const promises = new Promises();
    for (let epoch = 1; epoch <= 100; epoch++) promises.give(ballot(epoch), 0);
    expect(promises.latest.map(({ epoch }) => epoch)).toEqual([100, 99, 98, 97, 96, 95, 94, 93]);
  });
});
