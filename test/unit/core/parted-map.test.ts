/** A map in parts against one in one piece. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PartedMap } from '../../../src/core/parted-map.ts';

/** Above it the map is made of parts. */
const many = 4_096;

describe.each([
  ['texts', (n: number) => `k${n}`],
  ['numbers', (n: number) => n * 3 - 500],
])('a map by %s', (_, keyOf: (n: number) => string | number) => {
  it('R7 always: holds what a plain map holds, however large it was before', () => {
    const change = fc.record({
      from: fc.nat(2 * many),
      keys: fc.constantFrom(1, 10, many),
      what: fc.constantFrom('set', 'delete', 'clear'),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const map = new PartedMap<number, string | number>();
        const plain = new Map<string | number, number>();
        for (const [at, { from, keys, what }] of changes.entries()) {
          if (what === 'clear' && keys === 1) for (const all of [map, plain]) all.clear();
          for (let n = from; n < from + keys; n++) {
            if (what === 'set') for (const all of [map, plain]) all.set(keyOf(n), at);
            if (what === 'delete') expect(map.delete(keyOf(n))).toBe(plain.delete(keyOf(n)));
          }
          expect(map.size).toBe(plain.size);
        }
        expect(new Map(map)).toEqual(plain);
        for (const [key, value] of plain) expect([map.has(key), map.get(key)]).toEqual([true, value]);
      }),
      { numRuns: 30 },
    );
  });

  it('a walk meets each key that stays once, also while the map gets its parts, and none that is gone', () => {
    const map = new PartedMap<number, string | number>();
    for (let n = 0; n < 100; n++) map.set(keyOf(n), n);
    const met: (string | number)[] = [];
    for (const [key] of map) {
      met.push(key);
      if (met.length === 1) for (let n = 100; n < 2 * many; n++) map.set(keyOf(n), n);
      if (met.length === 50) map.delete(keyOf(99));
    }
    expect(new Set(met).size).toBe(met.length);
    expect(met).toEqual(expect.arrayContaining(Array.from({ length: 99 }, (__, n) => keyOf(n))));
    expect(met).not.toContain(keyOf(99));
  });

  it('taking out all of it during a walk ends the walk', () => {
    const map = new PartedMap<number, string | number>();
    for (let n = 0; n < 2 * many; n++) map.set(keyOf(n), n);
    let met = 0;
    for (const [key] of map) {
      expect(map.delete(key)).toBe(true);
      met++;
    }
    expect([met, map.size]).toEqual([2 * many, 0]);
    map.set(keyOf(1), 1);
    expect([...map]).toEqual([[keyOf(1), 1]]);
  });
});
