/**
 * A cell: what one node counted in one span of time of a stream, its own absolute total for each key. Streams are the
 * counted things: the event words `connect`, `reception` ..., and `series:<interval,number>:<name>`.
 *
 * Invariants: keys at 0 are not held; `digest` is the digest of what the cell holds, or, in the own row, of what was
 * taken from it: then `sent` has the keys changed since, with the values they had.
 */
import { type Digest, hashText, mix } from '../digest.ts';
import type { Incarnation } from '../identity.ts';
import type { PartedMap } from '../parted-map.ts';
import { Amounts } from './amounts.ts';
import type { StreamKey } from './stream-key.ts';

/** address: of both families. */
export type KeyType = 'address' | 'ipv4' | 'ipv6' | 'text';

export interface StreamDefinition {
  readonly id: string;
  readonly keyType: KeyType;
  /** Cell n spans the seconds from n x intervalS, counted from the epoch. */
  readonly intervalS: number;
  /** Finished cells kept, beside the current one. */
  readonly count: number;
}

/**
 * Not a span of time: when a key was removed, in milliseconds. Whoever learns of a newer removal takes its own counts up
 * to it away, and tells others too, so that one who was cut off hears of it from anybody.
 */
export const removalCell = 0;

/** Not spans of time either: of a gauge cache, what a node counted, and when it changed that last, in milliseconds. */
export const valueCell = 1;
export const changedCell = 2;

/** Streams of gauge caches are not summed up in windows. */
export const gaugePrefix = 'gauge:';

export function isGauge({ id }: StreamDefinition): boolean {
  return id.startsWith(gaugePrefix);
}

/** Keys of one cell with their new absolute totals. Says all of its stream, for who has never heard of it (9.15). */
export interface CellChanges {
  readonly definition: StreamDefinition;
  /** Lives of the same node whose counts the sender has taken over into its own. */
  readonly continues: readonly Incarnation[];
  readonly cell: number;
  /** The sender has dropped the cell, as too old; counts are not taken back by that. */
  readonly isDropped: boolean;
  readonly keys: readonly StreamKey[];
  readonly values: Float64Array;
}

/** A sum of digests of parts, so that a part is put in or taken out at once. */
export class DigestSum implements Digest {
  high = 0;
  low = 0;

  add({ high, low }: Digest): void {
    this.high = (this.high + high) >>> 0;
    this.low = (this.low + low) >>> 0;
  }

  subtract({ high, low }: Digest): void {
    this.high = (this.high - high) >>> 0;
    this.low = (this.low - low) >>> 0;
  }
}

const highSeed = 0x3b9f1d25;
const lowSeed = 0x64e81c07;

export function textDigest(text: string): Digest {
  return { high: hashText(text, highSeed) >>> 0, low: hashText(text, lowSeed) >>> 0 };
}

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** Both words of the number go in: amounts may be negative and fractions. */
function element(seed: number, key: StreamKey, value: number): number {
  const hash = typeof key === 'number' ? mix(key ^ seed) : hashText(key, seed);
  float[0] = value;
  return mix(mix(hash ^ words[0]!) ^ Math.imul(words[1]!, 0x27d4eb2f)) >>> 0;
}

export class Cell {
  readonly number: number;
  readonly values = new Amounts();
  readonly digest = new DigestSum();
  sent: PartedMap<number, StreamKey> | undefined;
  readonly #seed: Digest;

  constructor({ id, keyType, intervalS, count }: StreamDefinition, number: number) {
    this.number = number;
    this.#seed = textDigest(`${id}\n${keyType} ${intervalS} ${count} ${number}`);
  }

  /** By how much the digest changes with a key. */
  restate(key: StreamKey, before: number, after: number): Digest {
    const change = new DigestSum();
    if (after !== 0) change.add(this.#element(key, after));
    if (before !== 0) change.subtract(this.#element(key, before));
    this.digest.add(change);
    return change;
  }

  #element(key: StreamKey, value: number): Digest {
    return { high: element(this.#seed.high, key, value), low: element(this.#seed.low, key, value) };
  }
}

export function sameDefinition(a: StreamDefinition, b: StreamDefinition): boolean {
  return a.id === b.id && a.keyType === b.keyType && a.intervalS === b.intervalS && a.count === b.count;
}
