/** Times to live, write times, expiry by second, rows of counters. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { noCounts, queryCacheHeading, queryCacheRow } from '../../../src/core/cache/cache-counts.ts';
import { fits, utf8Bytes } from '../../../src/core/cache/entry.ts';
import { ExpiryWheel } from '../../../src/core/cache/expiry-wheel.ts';
import { HybridClock, maxAheadMs, writtenMs } from '../../../src/core/cache/hybrid-clock.ts';
import { ttlMsOf } from '../../../src/core/cache/ttl.ts';

describe('values of caches', () => {
  it('REP-13.7 a time to live is seconds, or minutes or hours in either case', () => {
    const good = {
      '0': 0,
      '0H': 0,
      '90': 90_000,
      '15M': 900_000,
      '15m': 900_000,
      '2H': 7_200_000,
      '1h': 3_600_000,
    };
    for (const [text, ms] of Object.entries(good)) expect(ttlMsOf(text)).toBe(ms);
    for (const text of ['', 'H', '-1', '1.5', ' 1', '1 ', '1S', '1HM', '1e3', '0x1', '9'.repeat(400), '1\n'])
      expect(() => ttlMsOf(text)).toThrow(`invalid ttl '${text}'`);
  });

  it('REP-13.6 times of own writes rise, also while the wall clock stands still or is set back', () => {
    let wallMs = 1_000_000;
    const clock = new HybridClock(() => wallMs);
    let last = 0;
    for (const [step, count] of [
      [0, 5_000],
      [-30_000, 100],
      [60_000, 100],
    ] as const) {
      wallMs += step;
      for (let i = 0; i < count; i++) {
        const time = clock.next();
        expect(time).toBeGreaterThan(last);
        last = time;
      }
    }
    expect(writtenMs(last)).toBe(wallMs);
  });

  it('REP-13.6 a write after one that was seen is newer; a time too far ahead is refused and leaves no trace', () => {
    const clock = new HybridClock(() => 1_000_000);
    const other = new HybridClock(() => 1_000_000 + maxAheadMs);
    const seen = other.next();
    expect(clock.observe(seen)).toBeUndefined();
    expect(clock.next()).toBeGreaterThan(seen);
    const ahead = new HybridClock(() => 1_000_001 + maxAheadMs);
    const fresh = new HybridClock(() => 1_000_000);
    expect(fresh.observe(ahead.next())).toBe(maxAheadMs + 1);
    expect(writtenMs(fresh.next())).toBe(1_000_000);
  });

  it('REP-13.6 a clock set back by more than others accept begins again at wall time', () => {
    let wallMs = 10_000_000;
    const clock = new HybridClock(() => wallMs);
    clock.next();
    wallMs -= maxAheadMs + 1;
    expect(writtenMs(clock.next())).toBe(wallMs);
  });

  it('REP-13.13 sizes are those of UTF-8, and half a character fits nowhere', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const bytes = new TextEncoder().encode(text).length;
        expect(utf8Bytes(text)).toBe(bytes);
        expect(fits(text, bytes)).toBe(true);
        if (bytes > 0) expect(fits(text, bytes - 1)).toBe(false);
      }),
    );
    expect(fits('\ud800', 100)).toBe(false);
  });

  it('REP-14.7 REP-22.1 the row of a query cache is that of the manual', () => {
    const counts = { ...noCounts(), elements: 2, hits: 241, misses: 94, inserts: 6, expired: 4 };
    expect(`${queryCacheHeading}ecdb\n${queryCacheRow(counts)}\n`).toBe(
      `cache name                      lookups %                  deletions %
                       elts  hit miss pend  total  inserts man ttl lru  total
----------------------- ----- -------------------- -------- ------------------
ecdb
                           2  72  28   0      335        6   0 100   0      4
`,
    );
  });
});

describe('an expiry wheel', () => {
  it('REP-13.7 gives out what is due and nothing else, whatever the clock does', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), ms: fc.nat(20_000) }),
      fc.record({ do: fc.constant('delete' as const), ms: fc.nat(20) }),
      fc.record({ do: fc.constant('due' as const), ms: fc.integer({ min: -3_000, max: 9_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 5 }), (steps, limit) => {
        const wheel = new ExpiryWheel<number>();
        const items = new Map<number, number>();
        const places = new Map<number, ReturnType<typeof wheel.add>>();
        let nowMs = 5_000;
        let number = 0;
        for (const { do: what, ms } of steps) {
          if (what === 'add') {
            items.set(++number, ms);
            places.set(number, wheel.add(number, ms));
          } else if (what === 'delete') {
            const expiresMs = items.get(ms);
            if (expiresMs !== undefined) wheel.delete(places.get(ms)!, expiresMs);
            items.delete(ms);
          } else {
            nowMs += ms;
            const ripe = [...items].filter(([, at]) => Math.floor(at / 1000) < Math.floor(nowMs / 1000));
            const due = wheel.due(nowMs, limit);
            expect(due.length).toBe(Math.min(limit, ripe.length));
            for (const item of due) {
              expect(ripe.map(([ripeItem]) => ripeItem)).toContain(item);
              wheel.delete(places.get(item)!, items.get(item)!);
              items.delete(item);
            }
          }
        }
      }),
    );
  });
});
