/** Amounts in many parts against a plain map. */
import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../../../src/core/address.ts';
import { finish, type Work } from '../../../src/core/replica/work.ts';
import { Amounts } from '../../../src/core/series/amounts.ts';
import { WindowTotals } from '../../../src/core/series/window-totals.ts';

const many = 40_000;

describe('amounts', () => {
  it('OWN-7 hold what a map holds, when they were split too', () => {
    const amounts = new Amounts();
    const map = new Map<number | string, number>();
    for (let i = 0; i < many; i++) {
      const key = i % 3 === 0 ? `k${i % 17_000}` : (i * 7919) % 30_000;
      const value = i % 5;
      amounts.set(key, value);
      if (value === 0) map.delete(key);
      else map.set(key, value);
    }
    expect(amounts.parts.length).toBeGreaterThan(1);
    expect(amounts.size).toBe(map.size);
    expect(new Map(amounts)).toEqual(map);
    for (const [key, value] of map) expect(amounts.get(key)).toBe(value);
  });

  it('OWN-7 a walk during which they are split meets every key that stays, as it is then', () => {
    const amounts = new Amounts();
    for (let i = 0; i < 1000; i++) amounts.set(i, 1);
    const met = new Map<number | string, number>();
    for (const [key, value] of amounts) {
      met.set(key, value);
      if (met.size !== 10) continue;
      for (let i = 1000; i < many; i++) amounts.set(i, 1);
      amounts.set(500, 7);
      amounts.set(501, 0);
    }
    expect(met.get(500)).toBe(7);
    expect(met.has(501)).toBe(false);
    for (let i = 0; i < 1000; i++) expect(met.has(i)).toBe(i !== 501);
  });
});

describe('sums by prefix', () => {
  it('REP-8.3 are exact while they are summed up for the first time, and counts go on', () => {
    const works: Work[] = [];
    const totals = new WindowTotals(60, 1, (work) => works.push(work));
    for (let i = 0; i < many; i++) totals.add(0, i, 1);
    const prefix = parsePrefix('0.0.16.0/20')!;
    expect(totals.sum(0, prefix)).toBe(4096);
    const [work] = works;
    for (let i = 0; i < 4096; i++) {
      totals.add(0, 4096 + i, 1);
      if (i % 37 === 0) work!.next();
      if (i % 512 === 0) expect(totals.sum(0, prefix)).toBe(4096 + i + 1);
    }
    finish(work!);
    expect(totals.sum(0, prefix)).toBe(8192);
    totals.add(0, 4096, -1);
    expect(totals.sum(0, prefix)).toBe(8191);
    expect(works.length).toBe(1);
  });
});
