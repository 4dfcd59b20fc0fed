import { describe, expect, it } from 'vitest';
import { floors, settled, slopePerMinute } from '../../soak/slope.ts';

const line = (value: (atS: number) => number) =>
  Array.from({ length: 61 }, (_, atS) => ({ atS, value: value(atS) }));

describe('the slope that a soak prints', () => {
  it('is what a figure grows by in a minute, whatever comes and goes in between', () => {
    expect(slopePerMinute(line((atS) => 100 + 2 * atS))).toBeCloseTo(120);
    expect(slopePerMinute(line(() => 7))).toBe(0);
    expect(Math.abs(slopePerMinute(line((atS) => (atS % 2 === 0 ? 1 : -1))))).toBeLessThan(0.1);
  });

  it('of memory is that of its floors: garbage that waits to be collected is no growth', () => {
    // Collected every 12 s; what is kept grows by 6 a minute.
    const memory = line((atS) => 100 + atS / 10 + 40 * ((atS % 12) / 12));
    expect(Math.abs(slopePerMinute(memory) - 6)).toBeGreaterThan(1);
    expect(slopePerMinute(floors(memory, 12))).toBeCloseTo(6);
  });

  it('is 0 where there is nothing to tell from', () => {
    expect(slopePerMinute([])).toBe(0);
    expect(slopePerMinute([{ atS: 3, value: 9 }])).toBe(0);
  });

  it('is taken from the second half, when all has filled up', () => {
    const samples = line((atS) => Math.min(atS, 30));
    expect(slopePerMinute(settled(samples))).toBeCloseTo(0);
  });
});
