import { describe, expect, it } from 'vitest';
import { compareRates, parseRate, windowAt, windowStartMs } from '../../../src/core/throttle/rate.ts';

describe('rates', () => {
  it.each([
    ['6', { units: 6, windowS: 1 }],
    ['60/3', { units: 60, windowS: 3 }],
    ['1/31536000', { units: 1, windowS: 31_536_000 }],
    [30, { units: 30, windowS: 1 }],
    ['0', undefined],
    ['0/60', undefined],
  ])('REP-7.1 %s is read', (text, rate) => {
    expect(parseRate(text)).toEqual(rate);
  });

  it.each(['', '-1', '1.5', '6/0', '6/', '/6', '6 / 3', 'six', '1/31536001', '1e3', '9007199254740993'])(
    "REP-7.2 '%s' is refused",
    (text) => {
      expect(() => parseRate(text)).toThrow(`invalid throttle rate '${text}'`);
    },
  );

  it('REP-7.3 windows are numbered from the epoch', () => {
    const rate = { units: 1, windowS: 60 };
    expect(windowAt(rate, 119_999)).toBe(1);
    expect(windowAt(rate, 120_000)).toBe(2);
    expect(windowStartMs(rate, 2)).toBe(120_000);
  });

  it('REP-7.22 of two rates the one that admits less is smaller', () => {
    expect(compareRates({ units: 1, windowS: 60 }, { units: 1, windowS: 1 })).toBeLessThan(0);
    expect(compareRates({ units: 60, windowS: 60 }, { units: 1, windowS: 1 })).toBeGreaterThan(0);
    expect(compareRates({ units: 2, windowS: 1 }, { units: 2, windowS: 1 })).toBe(0);
  });
});
