/** Keys and texts that wait to be sent: first changed, first out, however many there are. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DirtyKeys } from '../../../src/core/replica/dirty-keys.ts';
import { DirtyTexts } from '../../../src/core/replica/dirty-texts.ts';

/** Both as one: a number goes in, and comes out with the value it had. */
interface Dirty {
  readonly size: number;
  add(n: number): void;
  take(limit: number): number[];
}

function texts(): Dirty {
  const dirty = new DirtyTexts();
  return {
    get size() {
      return dirty.size;
    },
    add: (n) => dirty.add(`t${n}`, n * 0.5),
    take: (limit) => {
      const taken: number[] = [];
      dirty.take(limit, (text, sent) => taken.push(text === `t${sent * 2}` ? sent * 2 : Number.NaN));
      return taken;
    },
  };
}

function keys(words: 1 | 4): Dirty {
  const dirty = new DirtyKeys(words);
  return {
    get size() {
      return dirty.size;
    },
    add: (n) => dirty.add(n, ~n, n ^ 5, -n, n * 0.5),
    take: (limit) => {
      const taken: number[] = [];
      const rest = (a: number) => (words === 1 ? [0, 0, 0] : [~a, a ^ 5, -a]);
      dirty.take(limit, (a, b, c, d, sent) => {
        const isWhole = [b, c, d, sent].join() === [...rest(a), a * 0.5].join();
        taken.push(isWhole ? a : Number.NaN);
      });
      return taken;
    },
  };
}

describe.each([
  ['texts', texts],
  ['IPv4 addresses', () => keys(1)],
  ['IPv6 addresses', () => keys(4)],
])('%s that wait', (_, make: () => Dirty) => {
  it('REP-4.2 always: come out once, in the order in which they went in', () => {
    const step = fc.oneof(
      fc.record({ add: fc.constantFrom(1, 15, 100, 5_000, 20_000) }),
      fc.record({ take: fc.constantFrom(1, 16, 100, 8_192, 1_000_000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), (steps) => {
        const dirty = make();
        let [first, last] = [1, 1];
        for (const one of steps) {
          if ('add' in one) for (let i = 0; i < one.add; i++) dirty.add(last++);
          else {
            const taken = dirty.take(one.take);
            expect(taken.length).toBe(Math.min(one.take, last - first));
            expect(taken.findIndex((n) => n !== first++)).toBe(-1);
          }
          expect(dirty.size).toBe(last - first);
        }
      }),
      { numRuns: 20 },
    );
  });
});
