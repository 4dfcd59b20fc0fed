import { describe, expect, it } from 'vitest';
import { settled, slopePerMinute } from '../../soak/slope.ts';

const line = (value: (atS: number) => number) =>
  Array.from({ length: 61 }, (_, atS) => ({ atS, value: value(atS) }));

describe('the slope that a soak prints', () => {
  it('is what a figure grows by in a minute, whatever comes and goes in between', () => {
    expect(slopePerMinute(line((atS) => 100 + 2 * atS))).toBeCloseTo(120);
    expect(slopePerMinute(line(() => 7))).toBe(0);
    expect(Math.abs(slopePerMinute(line((atS) => (atS % 2 === 0 ? 1 : -1))))).toBeLessThan(0.1);
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
