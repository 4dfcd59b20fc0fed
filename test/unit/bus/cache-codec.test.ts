/** Bytes of the messages of replicated caches. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCacheMessage, encodeCacheMessage } from '../../../src/bus/cache-codec.ts';
import { decodeSharedMessage } from '../../../src/bus/shared-codec.ts';
import { sharedFamilyOf } from '../../../src/bus/shared-header.ts';
import { bucketCount } from '../../../src/core/cache/cache.ts';
import type { CacheEntry } from '../../../src/core/cache/entry.ts';
import type { CacheMessage } from '../../../src/core/cache/messages.ts';
import { incarnation } from './arbitrary-messages.ts';

const count = fc.oneof(fc.nat(), fc.maxSafeNat());
const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.constant('\ufeffmark'));
const time = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const entry: fc.Arbitrary<CacheEntry> = fc.oneof(
  fc.record({ key: text, value: text, time, origin: incarnation, expiresMs: count }),
  fc.record({ key: text, value: fc.constant(undefined), time, origin: incarnation, expiresMs: time }),
);
const entries = fc.array(entry, { maxLength: 6 });
const header = {
  object: text,
  type: fc.constantFrom('cache' as const, 'metrics' as const),
  from: incarnation,
};
const digests = fc
  .uint32Array({ minLength: 4, maxLength: 4 })
  .map((words) => Uint32Array.from({ length: bucketCount * 2 }, (_, i) => words[i % 4]!));
const message: fc.Arbitrary<CacheMessage> = fc.oneof(
  fc.record({ kind: fc.constant('cache-batch' as const), ...header, sequence: count, entries }),
  fc.record({ kind: fc.constant('cache-compare' as const), ...header, session: count, digests }),
  fc.record({
    kind: fc.constant('cache-chunk' as const),
    ...header,
    session: count,
    index: count,
    last: fc.boolean(),
    entries,
  }),
  fc.record({ kind: fc.constant('cache-credit' as const), ...header, session: count, index: count }),
);

describe('messages of caches', () => {
  it('come back as they were, and are not taken for those of rows', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const bytes = encodeCacheMessage(sent);
        expect(sharedFamilyOf(bytes)).toBe('cache');
        expect(decodeSharedMessage(bytes)).toBeUndefined();
        expect(decodeCacheMessage(bytes)).toEqual(sent);
        expect(decodeCacheMessage(Uint8Array.from([...bytes, 1, 2, 3]))).toEqual(sent);
      }),
      { numRuns: 500 },
    );
  });

  it('REP-4.16 what is cut short is none', () => {
    fc.assert(
      fc.property(message, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (sent, part) => {
        const bytes = encodeCacheMessage(sent);
        expect(decodeCacheMessage(bytes.subarray(0, Math.floor(bytes.length * part)))).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('REP-4.16 nothing damaged throws, and what is read of it can be sent again', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(message, damage, (sent, places) => {
        const bytes = encodeCacheMessage(sent);
        for (const [at, byte] of places) bytes[at % bytes.length] = byte;
        const read = decodeCacheMessage(bytes);
        if (read) expect(decodeCacheMessage(encodeCacheMessage(read))).toEqual(read);
      }),
      { numRuns: 2_000 },
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void decodeCacheMessage(bytes)));
  });

  it('REP-13.13 entries that no node can write are malformed', () => {
    const from = '0123456789abcdef0123456789abcdef' as CacheEntry['origin'];
    const good: CacheEntry = { key: 'k', value: 'v', time: 1, origin: from, expiresMs: 0 };
    const read = (wrong: Partial<CacheEntry>) =>
      decodeCacheMessage(
        encodeCacheMessage({
          kind: 'cache-batch',
          object: 'mycache',
          type: 'cache',
          from,
          sequence: 1,
          entries: [{ ...good, ...wrong }],
        }),
      );
    expect(read({})).toBeDefined();
    expect(read({ key: 'k'.repeat(1025) })).toBeUndefined();
    expect(read({ value: 'v'.repeat(1024 * 1024 + 1) })).toBeUndefined();
    expect(read({ time: 0 })).toBeUndefined();
    expect(read({ value: undefined })).toBeUndefined();
    expect(read({ value: undefined, expiresMs: 1 })).toBeDefined();
  });
});
