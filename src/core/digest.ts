/**
 * Digests of rows: two rows with the same entries have the same digest, in whatever order the entries came.
 *
 * A digest is the sum over all entries of a hash of (key, value), in two independent 32-bit lanes, so an entry is put in
 * or taken out with an addition, and the digest of a million rows costs nothing to keep. Entries of value 0 contribute
 * nothing, since 0 means absent (replication 4.10). Hazard: no protection against forgery; the cluster network is
 * trusted (4.16).
 */

export interface Digest {
  /** Unsigned 32-bit numbers. */
  readonly high: number;
  readonly low: number;
}

/** Spreads the bits of an integer over all 32 bits of the result. A bijection. */
export function mix(word: number): number {
  let x = word ^ (word >>> 16);
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return x ^ (x >>> 16);
}

/** Hash of an address of one or four words, different for each seed. */
export function mixWords(seed: number, wide: boolean, a: number, b: number, c: number, d: number): number {
  const first = mix(a ^ seed);
  return wide ? mix(mix(mix(first ^ b) ^ c) ^ d) : first;
}

/** FNV-1a over UTF-16 units, mixed at the end. */
export function hashText(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return mix(hash);
}

/** The name of a shared object as beats carry it. */
export function objectHash(name: string): number {
  return hashText(name, 0) >>> 0;
}

const highSeed = 0x51ed270b;
const lowSeed = 0x2c1b3c6d;

/** The digest of one row, kept while the row changes. */
export class RunningDigest implements Digest {
  high = 0;
  low = 0;

  /** One entry of an address row changes its value. `part` tells apart tables whose keys look alike. */
  changeAddress(
    part: number,
    wide: boolean,
    a: number,
    b: number,
    c: number,
    d: number,
    before: number,
    after: number,
  ): void {
    const highKey = mixWords(highSeed + part, wide, a, b, c, d);
    const lowKey = mixWords(lowSeed - part, wide, a, b, c, d);
    this.#change(highKey, lowKey, before, after);
  }

  changeText(key: string, before: number, after: number): void {
    this.#change(hashText(key, highSeed), hashText(key, lowSeed), before, after);
  }

  /** A version of a key comes in, or goes out again: `sign` 1 or -1. Its time is never 0. */
  changeVersion(key: string, time: number, origin: string, sign: 1 | -1): void {
    const high = hashText(key, highSeed) ^ hashText(origin, lowSeed);
    const low = hashText(key, lowSeed) ^ hashText(origin, highSeed);
    if (sign === 1) this.#change(high, low, 0, time);
    else this.#change(high, low, time, 0);
  }

  #change(highKey: number, lowKey: number, before: number, after: number): void {
    if (before !== 0) {
      this.high = (this.high - element(highKey, before)) >>> 0;
      this.low = (this.low - element(lowKey, before)) >>> 0;
    }
    if (after !== 0) {
      this.high = (this.high + element(highKey, after)) >>> 0;
      this.low = (this.low + element(lowKey, after)) >>> 0;
    }
  }
}

/** Values have 53 bits: the upper 21 go in where there are any. */
function element(key: number, value: number): number {
  const upper = Math.floor(value / 0x1_0000_0000);
  const lower = mix(Math.imul(key, 0x9e3779b1) ^ (value | 0));
  return upper === 0 ? lower : mix(lower ^ Math.imul(upper, 0x27d4eb2f));
}

export function sameDigest(a: Digest, b: Digest): boolean {
  return a.high === b.high && a.low === b.low;
}
