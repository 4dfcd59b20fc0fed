/**
 * Random and mutated bytes for the decoders of messages of throttles and of replicated caches (goal R7). They must never
 * throw, and what they accept must be a message: sent again it reads the same. A failure names the run and seed that
 * replay it. Messages about rows, with the cells of series, have a fuzzer of their own.
 */
import { decodeCacheMessage, encodeCacheMessage } from '../../src/bus/cache-codec.ts';
import { decodeQuotaMessage, encodeQuotaMessage } from '../../src/bus/quota-codec.ts';
import { bucketCount } from '../../src/core/cache/cache.ts';
import type { CacheEntry } from '../../src/core/cache/entry.ts';
import type { CacheMessage } from '../../src/core/cache/messages.ts';
import { newIncarnation } from '../../src/core/identity.ts';
import type { QuotaMessage } from '../../src/core/throttle/messages.ts';
import type { Rate } from '../../src/core/throttle/rate.ts';
import { partitionPolicies } from '../../src/core/throttle/shares.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import { mutateBytes } from './mutate.ts';
import { examine } from './rereading.ts';

export interface ObjectCodecFuzzSummary {
  readonly runs: number;
  /** Bytes that were a message. */
  readonly messages: number;
}

type Codec = (random: SeededRandom) => {
  readonly bytes: Uint8Array;
  examine(bytes: Uint8Array): boolean;
};

const quotaCodec: Codec = (random) => ({
  bytes: encodeQuotaMessage(randomQuotaMessage(random)),
  examine: (bytes) => examine(bytes, decodeQuotaMessage, encodeQuotaMessage),
});
const cacheCodec: Codec = (random) => ({
  bytes: encodeCacheMessage(randomCacheMessage(random)),
  examine: (bytes) => examine(bytes, decodeCacheMessage, encodeCacheMessage),
});

export function fuzzQuotaCodec(runs: number, seed: number): ObjectCodecFuzzSummary {
  return fuzz('quota codec', quotaCodec, runs, seed);
}

export function fuzzCacheCodec(runs: number, seed: number): ObjectCodecFuzzSummary {
  return fuzz('cache codec', cacheCodec, runs, seed);
}

function fuzz(name: string, codec: Codec, runs: number, seed: number): ObjectCodecFuzzSummary {
  let messages = 0;
  for (let run = 0; run < runs; run++) {
    const random = new SeededRandom(seed, `${name} ${run}`);
    const { bytes: whole, examine } = codec(random);
    const bytes = random.chance(0.1) ? randomBytes(random) : mutateBytes(whole, random);
    try {
      if (examine(bytes)) messages++;
    } catch (error) {
      const hex = Buffer.from(bytes).toString('hex');
      throw new Error(`${name}, run ${run} of seed ${seed}: ${hex}`, { cause: error });
    }
  }
  return { runs, messages };
}

function randomBytes(random: SeededRandom): Uint8Array {
  return Uint8Array.from({ length: random.below(200) }, () => random.below(256));
}

function randomQuotaMessage(random: SeededRandom): QuotaMessage {
  const from = newIncarnation(random);
  const survey = { object: randomName(random), type: random.pick(['OBTM', 'OBTC'] as const), from };
  const view = { epoch: random.below(100), coordinator: newIncarnation(random), nonce: random.below(100) };
  const header = { ...survey, view };
  const limit = () => ({ id: randomName(random), rate: randomRate(random), window: number(random) });
  const given = () => ({ granted: number(random), released: random.below(9) });
  const part = { part: random.below(3), parts: 3 + random.below(9) };
  const items = <T>(make: () => T) => Array.from({ length: random.below(4) }, make);
  const makers: readonly (() => QuotaMessage)[] = [
    () => ({
      ...{ kind: 'ask', ...header, ...limit(), ...given() },
      ...{ own: randomRate(random), epsilon: random.pick([0.1, 0.95]), want: number(random) },
      partition: random.pick(partitionPolicies),
    }),
    () => ({ kind: 'record', ...header, ...limit(), ...given(), to: from, exhausted: random.chance(0.5) }),
    () => ({ kind: 'grant', ...header, ...limit(), ...given(), exhausted: random.chance(0.5) }),
    () => ({
      kind: 'report',
      ...header,
      ...part,
      items: items(() => ({ ...limit(), ...given(), to: newIncarnation(random) })),
      lost: items(() => ({ node: randomName(random), forMs: number(random) })),
    }),
    () => ({ kind: 'reported', ...header }),
    () => ({ kind: 'uses-ask', ...survey, request: random.below(100) }),
    () => ({
      kind: 'uses',
      ...survey,
      ...part,
      request: random.below(100),
      items: items(() => ({ id: randomName(random), rate: randomRate(random), used: number(random) })),
    }),
  ];
  return random.pick(makers)();
}

function randomRate(random: SeededRandom): Rate {
  const rate = { units: 9 + number(random), windowS: random.below(100) };
  return random.chance(0.5) ? rate : { ...rate, burst: 1 + random.below(9) };
}

function randomCacheMessage(random: SeededRandom): CacheMessage {
  const header = { object: randomName(random), type: 'cache', from: newIncarnation(random) } as const;
  const entries = () => {
    const origins = [newIncarnation(random), newIncarnation(random)];
    return Array.from({ length: random.below(5) }, (): CacheEntry => {
      const value = random.chance(0.3) ? undefined : randomName(random);
      const version = { time: 1 + number(random), origin: random.pick(origins) };
      return { key: randomName(random), value, ...version, expiresMs: 1 + number(random) };
    });
  };
  const session = number(random);
  const index = random.below(9);
  const makers: readonly (() => CacheMessage)[] = [
    () => ({ kind: 'cache-batch', ...header, sequence: number(random), entries: entries() }),
    () => ({ kind: 'cache-chunk', ...header, session, index, last: random.chance(0.5), entries: entries() }),
    () => ({ kind: 'cache-credit', ...header, session, index }),
    () => ({
      kind: 'cache-compare',
      ...header,
      session,
      digests: Uint32Array.from({ length: bucketCount * 2 }, (_, i) => i * session),
    }),
  ];
  // One with digests takes as long as a hundred others.
  return random.pick(random.chance(0.05) ? makers : makers.slice(0, 3))();
}

function randomName(random: SeededRandom): string {
  return random.pick(['a', '', 'größe', 'x'.repeat(64)]);
}

function number(random: SeededRandom): number {
  return random.below(random.chance(0.8) ? 100 : 2 ** 40);
}
