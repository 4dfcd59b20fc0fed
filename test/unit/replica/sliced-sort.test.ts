import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sortInSlices } from '../../../src/core/replica/sliced-sort.ts';
import { finish } from '../../../src/core/replica/work.ts';

describe('sorting in slices', () => {
  it('gives what sorting at once gives, and keeps equals in order', () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.integer({ min: 1, max: 6_000 }), (size, different) => {
        const keys = Int32Array.from({ length: size }, (_, i) => Math.imul(i + 1, 0x9e3779b1) % different);
        const order = Int32Array.from(keys.keys());
        finish(sortInSlices(order, (a, b) => keys[a]! - keys[b]!));
        const expected = [...keys.keys()].sort((a, b) => keys[a]! - keys[b]!);
        expect([...order]).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('pauses after every few thousand keys, so that a million never hold up the node', () => {
    const order = Int32Array.from({ length: 200_000 }, (_, i) => Math.imul(i, 0x9e3779b1));
    let compared = 0;
    let most = 0;
    for (const _ of sortInSlices(order, (a, b) => ++compared && a - b)) {
      most = Math.max(most, compared);
      compared = 0;
    }
    expect(Math.max(most, compared)).toBeLessThan(12_000);
  });
});
