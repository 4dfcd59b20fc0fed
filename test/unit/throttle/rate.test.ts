import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareRates,
  parseRate,
  unitsIn,
  windowAt,
  windowMs,
  windowStartMs,
} from '../../../src/core/throttle/rate.ts';

describe('rates', () => {
  it.each([
    ['6', { units: 6, windowS: 1 }],
    ['60/3', { units: 60, windowS: 3 }],
    ['1/31536000', { units: 1, windowS: 31_536_000 }],
    [30, { units: 30, windowS: 1 }],
    ['6/60,burst=1', { units: 6, windowS: 60, burst: 1 }],
    ['6,burst=6', { units: 6, windowS: 1, burst: 6 }],
    ['0', undefined],
    ['0/60', undefined],
  ])('REP-7.1 %s is read', (text, rate) => {
    expect(parseRate(text)).toEqual(rate);
  });

  it.each([
    '',
    '-1',
    '1.5',
    '6/0',
    '6/',
    '/6',
    '6 / 3',
    'six',
    '1/31536001',
    '1e3',
    '6/60,burst=0',
    '6,burst=7',
    '6,burst=',
    '9007199254740993',
  ])("REP-7.2 REP-22.10 '%s' is refused", (text) => {
    expect(() => parseRate(text)).toThrow(`invalid throttle rate '${text}'`);
  });

  it('REP-7.3 windows are numbered from the epoch', () => {
    const rate = { units: 1, windowS: 60 };
    expect(windowAt(rate, 119_999)).toBe(1);
    expect(windowAt(rate, 120_000)).toBe(2);
    expect(windowStartMs(rate, 2)).toBe(120_000);
  });

  it('REP-21.8 a burst limit divides a window into shorter ones that hold all its units together', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 0, max: 1e9 }),
        (units, windowS, burst, at) => {
          const rate = { units, windowS, burst: Math.min(burst, units) };
          const startMs = Math.floor(at / windowS) * windowS * 1000;
          const windows = new Map<number, number>();
          for (let window = windowAt(rate, startMs); ; window++) {
            const ms = windowStartMs(rate, window);
            expect(windowAt(rate, ms)).toBe(window);
            if (ms >= startMs + windowS * 1000) break;
            windows.set(window, unitsIn(rate, window));
          }
          expect([...windows.values()].reduce((sum, each) => sum + each, 0)).toBe(units);
          expect(Math.min(...windows.values())).toBeGreaterThan(0);
          const isFine = windowMs(rate) > 100;
          if (isFine) expect(Math.max(...windows.values())).toBeLessThanOrEqual(rate.burst);
        },
      ),
    );
  });

  it('REP-21.8 6/60,burst=1 is one each ten seconds, 7/2,burst=4 three and four', () => {
    expect(windowMs({ units: 6, windowS: 60, burst: 1 })).toBe(10_000);
    expect([0, 1, 2, 3].map((window) => unitsIn({ units: 7, windowS: 2, burst: 4 }, window))).toEqual([
      3, 4, 3, 4,
    ]);
    expect(windowMs({ units: 1000, windowS: 1, burst: 1 })).toBe(100);
  });

  it('REP-7.22 of two rates the one that admits less is smaller', () => {
    expect(compareRates({ units: 1, windowS: 60 }, { units: 1, windowS: 1 })).toBeLessThan(0);
    expect(compareRates({ units: 60, windowS: 60 }, { units: 1, windowS: 1 })).toBeGreaterThan(0);
    expect(compareRates({ units: 2, windowS: 1 }, { units: 2, windowS: 1 })).toBe(0);
  });
});
