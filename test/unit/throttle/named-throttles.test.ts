import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { NamedThrottles } from '../../../src/core/throttle/named-throttles.ts';

let wallMs = 0;
const clock = { nowMs: () => wallMs, wallMs: () => wallMs };

beforeEach(() => {
  wallMs = 1_000_000_000_000;
});

describe('named throttles of one node', () => {
  it('REP-7.10 a name that is held keeps its rate', () => {
    const throttles = new NamedThrottles(10, clock);
    throttles.create('a', '1');
    throttles.create('a', '5');
    throttles.increment('a');
    throttles.increment('a');
    expect(throttles.check('a')).toBe(true);
  });

  it('REP-7.12 over quota means more uses than units', () => {
    const throttles = new NamedThrottles(10, clock);
    throttles.create('a', '3/2');
    for (let i = 0; i < 3; i++) throttles.increment('a');
    expect(throttles.check('a')).toBe(false);
    throttles.increment('a');
    expect(throttles.check('a')).toBe(true);
    throttles.decrement('a');
    expect(throttles.check('a')).toBe(false);
    throttles.increment('a');
    wallMs += 2000;
    expect(throttles.check('a')).toBe(false);
  });

  it('REP-7.11 taking back ends at nothing', () => {
    const throttles = new NamedThrottles(10, clock);
    throttles.create('a', '1');
    throttles.decrement('a');
    throttles.increment('a');
    throttles.increment('a');
    expect(throttles.check('a')).toBe(true);
  });

  it('REP-7.13 a unit is booked in the first window with room', () => {
    const throttles = new NamedThrottles(10, clock);
    throttles.create('a', '30/1');
    wallMs += 400;
    const waitsMs = Array.from({ length: 61 }, () => throttles.tarpit('a'));
    expect(waitsMs.slice(0, 30)).toEqual(Array(30).fill(0));
    expect(waitsMs.slice(30, 60)).toEqual(Array(30).fill(600));
    expect(waitsMs[60]).toBe(1600);
    wallMs += 600;
    expect(throttles.tarpit('a')).toBe(1000);
    wallMs += 1000;
    expect(throttles.tarpit('a')).toBe(0);
  });

  it('REP-7.3 never more units than N are released in a window, and none is held while there is room', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.nat(2500), { maxLength: 60 }),
        (units, windowS, gapsMs) => {
          const throttles = new NamedThrottles(10, clock);
          throttles.create('a', `${units}/${windowS}`);
          const released = new Map<number, number>();
          for (const gapMs of gapsMs) {
            wallMs += Math.floor(gapMs / 5);
            throttles.create('a', `${units}/${windowS}`);
            const waitMs = throttles.tarpit('a');
            const at = Math.floor((wallMs + waitMs) / (windowS * 1000));
            const window = Math.floor(wallMs / (windowS * 1000));
            for (let w = window; w < at; w++) expect(released.get(w)).toBe(units);
            released.set(at, (released.get(at) ?? 0) + 1);
            expect(released.get(at)).toBeLessThanOrEqual(units);
          }
        },
      ),
    );
  });

  it('REP-7.14 the least recently used one goes', () => {
    const throttles = new NamedThrottles(2, clock);
    throttles.create('a', '1');
    throttles.create('b', '1');
    throttles.increment('a');
    throttles.create('c', '1');
    expect(() => throttles.check('b')).toThrow("no such throttle 'b'");
    expect(throttles.check('a')).toBe(false);
    expect(throttles.evictions).toBe(1);
  });

  it('REP-7.14 one goes a window and a second after it was last used, but not while somebody is held', () => {
    const throttles = new NamedThrottles(10, clock);
    throttles.create('a', '1/5');
    wallMs += 6000;
    throttles.increment('a');
    wallMs += 6001;
    expect(() => throttles.increment('a')).toThrow("no such throttle 'a'");
    throttles.create('b', '1/5');
    for (let i = 0; i < 5; i++) throttles.tarpit('b');
    wallMs += 6001;
    expect(throttles.tarpit('b')).toBeGreaterThan(0);
  });

  it('REP-7.14 who was held for a long time finds the throttle when it is let go', () => {
    const throttles = new NamedThrottles(10, clock);
    throttles.create('a', '1/1');
    const waitsMs = Array.from({ length: 5 }, () => throttles.tarpit('a'));
    wallMs += waitsMs.at(-1)!;
    throttles.increment('a');
    wallMs += 2001;
    expect(() => throttles.increment('a')).toThrow("no such throttle 'a'");
  });

  it('REP-7.15 REP-22.10 a name that is not held is an error', () => {
    const throttles = new NamedThrottles(10, clock);
    expect(() => throttles.tarpit('a')).toThrow("no such throttle 'a'");
  });

  it('REP-7.5 a rate of 0 is no limit', () => {
    const throttles = new NamedThrottles(10, clock);
    throttles.create('a', '0');
    for (let i = 0; i < 100; i++) expect(throttles.tarpit('a')).toBe(0);
    expect(throttles.check('a')).toBe(false);
  });

  it('a bound on those who wait', () => {
    const throttles = new NamedThrottles(10, clock);
    throttles.create('a', '1');
    expect(() => {
      for (let i = 0; i < 20_000; i++) throttles.tarpit('a');
    }).toThrow('Too many wait');
  });

  it('a clock that is set back does not hold everybody until it catches up', () => {
    const throttles = new NamedThrottles(10, clock);
    throttles.create('a', '1');
    throttles.tarpit('a');
    wallMs -= 3_600_000;
    expect(throttles.tarpit('a')).toBe(0);
  });
});
