/** Maps that do nothing to all of their keys at once do the same as plain ones. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PartedMap } from '../../../src/core/parted-map.ts';
import { RecencyMap } from '../../../src/core/recency-map.ts';

const step = fc.record({
  do: fc.constantFrom('set', 'set', 'use', 'delete'),
  key: fc.nat(12).map((number) => `k${number}`),
});

describe('a map in the order of use', () => {
  it('is a plain map whose keys are put in anew when they are used', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const map = new RecencyMap<number>();
        const model = new Map<string, number>();
        for (const [value, { do: what, key }] of steps.entries()) {
          const before = model.get(key);
          if (what === 'set') map.set(key, value);
          else if (what === 'use') expect(map.use(key)).toBe(before);
          else expect(map.delete(key)).toBe(before !== undefined);
          model.delete(key);
          if (what === 'set') model.set(key, value);
          else if (what === 'use' && before !== undefined) model.set(key, before);
          const [oldest] = model;
          expect(map.oldest).toEqual(oldest && { key: oldest[0], value: oldest[1] });
          expect(map.size).toBe(model.size);
          expect(new Map(map)).toEqual(model);
        }
      }),
    );
  });

  it('can be walked while keys are used, deleted and put in', () => {
    const map = new RecencyMap<number>();
    for (let i = 0; i < 100; i++) map.set(`k${i}`, i);
    const met: string[] = [];
    for (const [key, value] of map) {
      met.push(key);
      map.use(key);
      if (value % 2 === 0) map.delete(key);
      if (value < 10) map.delete(`k${value + 50}`);
    }
    expect(new Set(met).size).toBe(met.length);
    expect(met).toHaveLength(90);
    expect(map.size).toBe(45);
  });
});

describe('a map in parts', () => {
  it('has every key also after it has become large, and a walk meets all that were there', () => {
    const map = new PartedMap<number>();
    for (let i = 0; i < 4_000; i++) map.set(`k${i}`, i);
    const walk = map[Symbol.iterator]();
    const met = [walk.next().value![0]];
    for (let i = 4_000; i < 20_000; i++) map.set(`k${i}`, i);
    map.delete('k3999');
    for (const [key, value] of walk) {
      expect(value).toBe(map.get(key));
      met.push(key);
    }
    expect(map.size).toBe(19_999);
    expect(new Set(met).size).toBe(met.length);
    expect(met.filter((key) => Number(key.slice(1)) < 4_000)).toHaveLength(3_999);
    for (let i = 0; i < 20_000; i++) expect(map.has(`k${i}`)).toBe(i !== 3_999);
    map.clear();
    expect([...map]).toEqual([]);
  });
});
