/** One node's replicated cache. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { bucketCount, Cache } from '../../../src/core/cache/cache.ts';
import type { CacheEntry } from '../../../src/core/cache/entry.ts';
import { maxAheadMs } from '../../../src/core/cache/hybrid-clock.ts';
import type { Incarnation } from '../../../src/core/identity.ts';

const incarnation = (number: number) => number.toString(16).padStart(32, '0') as Incarnation;

let wallMs = 0;
beforeEach(() => {
  wallMs = 1_800_000_000_000;
});

function cacheOf(
  number: number,
  maxSize = 1_000,
  maxDeleted?: number,
): { cache: Cache; written: CacheEntry[] } {
  const written: CacheEntry[] = [];
  const cache = new Cache({ self: incarnation(number), maxSize, maxDeleted, wallMs: () => wallMs });
  cache.onWrite = (entry) => written.push(entry);
  return { cache, written };
}

function contents(cache: Cache): CacheEntry[] {
  return Array.from({ length: bucketCount }, (_, bucket) => cache.bucketEntries(bucket))
    .flat()
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

describe('a replicated cache', () => {
  it('REP-13.8 own writes can be read at once, missing and expired keys are undefined', () => {
    const { cache } = cacheOf(1);
    cache.set('k', 'v', 5_000);
    expect(cache.get('k')).toBe('v');
    expect(cache.get('other')).toBeUndefined();
    wallMs += 4_999;
    expect(cache.get('k')).toBe('v');
    wallMs += 1;
    expect(cache.get('k')).toBeUndefined();
    expect(cache.purge(10)).toBe(0);
    wallMs += 1_000;
    expect(cache.purge(10)).toBe(1);
    expect(cache.counts).toMatchObject({ elements: 0, hits: 2, misses: 2, inserts: 1, expired: 1 });
    expect(cache.digest).toEqual({ high: 0, low: 0 });
  });

  it('REP-13.7 a pair expires at the same moment where it was written and where it arrived late', () => {
    const a = cacheOf(1);
    const b = cacheOf(2);
    a.cache.set('k', 'v', 5_000);
    wallMs += 3_000;
    b.cache.merge(a.written[0]!);
    expect(b.cache.ttlMs('k')).toBe(2_000);
    wallMs += 2_000;
    expect(b.cache.get('k')).toBeUndefined();
    expect(cacheOf(3).cache.merge(a.written[0]!)).toBe('expired');
  });

  it('REP-13.7 a newer version that has expired on the way still ends the older one', () => {
    const a = cacheOf(1);
    const b = cacheOf(2);
    a.cache.set('k', 'for ever');
    a.cache.set('k', 'for a second', 1_000);
    b.cache.merge(a.written[0]!);
    wallMs += 1_000;
    b.cache.merge(a.written[1]!);
    expect(b.cache.get('k')).toBeUndefined();
  });

  it('REP-13.9 REP-3.11 the least recently used goes when there is no room, and the loss is told', () => {
    const { cache } = cacheOf(1, 3);
    let losses = 0;
    cache.onLoss = () => losses++;
    for (const key of ['a', 'b', 'c']) cache.set(key, key);
    expect(losses).toBe(0);
    cache.get('a');
    cache.set('b', 'again');
    cache.set('d', 'd');
    expect(losses).toBe(1);
    expect(contents(cache).map(({ key }) => key)).toEqual(['a', 'b', 'd']);
    cache.maxSize = 1;
    expect([cache.purge(1), cache.purge(9)]).toEqual([1, 1]);
    expect(contents(cache).map(({ key }) => key)).toEqual(['d']);
    expect(cache.counts).toMatchObject({ elements: 1, evicted: 3 });
    expect(cache.hasRoom).toBe(false);
  });

  it('REP-13.9 what comes in by comparison takes no room from another key', () => {
    const a = cacheOf(1);
    const b = cacheOf(2, 1);
    a.cache.set('k', '1');
    a.cache.set('l', '2');
    expect(a.written.map((entry) => b.cache.merge(entry, false))).toEqual(['merged', 'full']);
    a.cache.set('k', '3');
    expect(b.cache.merge(a.written[2]!, false)).toBe('merged');
    expect(b.cache.merge(a.written[1]!)).toBe('merged');
    expect(b.cache.get('k')).toBeUndefined();
  });

  it('REP-13.13 keys and values beyond their bounds are refused and nothing is stored', () => {
    const { cache, written } = cacheOf(1);
    cache.set('é'.repeat(512), 'x'.repeat(1024 * 1024));
    expect(() => cache.set('é'.repeat(513), 'v')).toThrow('at most 1024 bytes');
    expect(() => cache.set('k', 'x'.repeat(1024 * 1024 + 1))).toThrow('at most 1048576 bytes');
    expect(() => cache.set('\ud800', 'v')).toThrow('does not fit');
    expect(written).toHaveLength(1);
  });

  it('REP-14.6 a flush empties this node and tells nobody', () => {
    const { cache, written } = cacheOf(1);
    cache.set('a', '1');
    cache.set('b', '2', 1_000);
    expect(cache.flush().next()).toEqual({ value: 2, done: true });
    expect(cache.size).toBe(0);
    expect(written).toHaveLength(2);
    expect(cache.counts.manual).toBe(2);
    wallMs += 5_000;
    expect(cache.purge(10)).toBe(0);
  });

  it('REP-13.6 a deleted key stays deleted when an older write arrives late, for an hour', () => {
    const a = cacheOf(1);
    const b = cacheOf(2);
    a.cache.set('k', 'v');
    expect(a.cache.delete('k')).toBe(true);
    expect(a.cache.delete('k')).toBe(false);
    b.cache.merge(a.written[1]!);
    expect(b.cache.merge(a.written[0]!)).toBe('known');
    expect(b.cache.get('k')).toBeUndefined();
    wallMs += 3_601_000;
    b.cache.purge(10);
    expect(contents(b.cache)).toEqual([]);
  });

  it('REP-13.6 the number of deleted keys is bounded, the oldest goes', () => {
    const { cache } = cacheOf(1, 1_000, 2);
    for (const key of ['a', 'b', 'c']) {
      cache.set(key, key);
      cache.delete(key);
    }
    expect(contents(cache).map(({ key }) => key)).toEqual(['b', 'c']);
  });

  it('a conditional write and another time to live', () => {
    const { cache, written } = cacheOf(1);
    expect(cache.setIfAbsent('k', 'v', 1_000)).toBe(true);
    expect(cache.setIfAbsent('k', 'w')).toBe(false);
    expect(cache.expire('k', 9_000)).toBe(true);
    expect(cache.ttlMs('k')).toBe(9_000);
    expect(cache.expire('k', 0)).toBe(true);
    expect(cache.ttlMs('k')).toBe(0);
    expect(cache.expire('none', 1)).toBe(false);
    expect(written).toHaveLength(3);
  });

  it('REP-13.6 a write from a clock too far ahead is refused', () => {
    const a = cacheOf(1);
    const b = cacheOf(2);
    wallMs += maxAheadMs + 1;
    a.cache.set('k', 'v');
    wallMs -= maxAheadMs + 1;
    expect(b.cache.merge(a.written[0]!)).toBe('ahead');
    expect(b.cache.size).toBe(0);
  });

  it('REP-13.6 after all clocks were set back new writes win everywhere', () => {
    const a = cacheOf(1);
    const b = cacheOf(2);
    a.cache.set('k', 'before');
    b.cache.merge(a.written[0]!);
    wallMs -= 3_600_000;
    a.cache.set('k', 'after');
    expect(b.cache.merge(a.written[1]!)).toBe('merged');
    expect(b.cache.get('k')).toBe('after');
    expect(b.cache.digest).toEqual(a.cache.digest);
  });

  it('REP-13.6 of two writes of one time the same one wins in either order', () => {
    const entry = { key: 'k', time: wallMs * 1024, expiresMs: 0 };
    const first = { ...entry, value: 'a', origin: incarnation(1) };
    const second = { ...entry, value: 'b', origin: incarnation(2) };
    for (const order of [
      [first, second],
      [second, first],
    ]) {
      const { cache } = cacheOf(3);
      for (const version of order) cache.merge(version);
      expect(cache.get('k')).toBe('b');
    }
  });

  it('REP-13.6 caches that heard the same writes are equal, in whatever order and however often', () => {
    const write = fc.record({
      node: fc.nat(2),
      key: fc.constantFrom('a', 'b', 'c'),
      what: fc.constantFrom('set', 'delete', 'expire'),
      ttlMs: fc.constantFrom(0, 60_000),
      skewMs: fc.integer({ min: -20, max: 20 }),
    });
    fc.assert(
      fc.property(
        fc.array(write, { maxLength: 25 }),
        fc.array(fc.nat(), { maxLength: 60 }),
        (writes, order) => {
          const nodes = [1, 2, 3].map((number) => cacheOf(number));
          const startMs = wallMs;
          writes.forEach(({ node, key, what, ttlMs, skewMs }, number) => {
            wallMs = startMs + skewMs;
            const { cache } = nodes[node]!;
            if (what === 'set') cache.set(key, `value ${number}`, ttlMs);
            else if (what === 'delete') cache.delete(key);
            else cache.expire(key, ttlMs);
          });
          wallMs = startMs;
          const all = nodes.flatMap(({ written }) => written);
          const shuffled = order
            .map((index) => all[index % all.length])
            .filter((entry) => entry !== undefined);
          for (const entry of shuffled) nodes[0]!.cache.merge(entry);
          for (const { cache } of nodes) for (const entry of all) cache.merge(entry);
          for (const { cache } of nodes) {
            expect(contents(cache)).toEqual(contents(nodes[0]!.cache));
            expect(cache.digest).toEqual(nodes[0]!.cache.digest);
            expect(cache.bucketDigests()).toEqual(nodes[0]!.cache.bucketDigests());
          }
        },
      ),
    );
  });
});
