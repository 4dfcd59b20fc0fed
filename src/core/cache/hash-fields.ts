/**
 * Fields of the hashes of Redis clients: numbers that all nodes count together, kept in a replicated cache. For each field
 * there is an entry of each node that has added to it; others only ever delete it.
 *
 * An entry lives twice as long as its hash was to live when it was written. Programs give a hash more time with each count,
 * and would write all of its fields each time otherwise. What outlives its hash means nothing, and goes by itself.
 *
 * Invariant: `#hashes` is what the entries in the cache say now, whatever put them there or took them away.
 */

import { FlotillaError } from '../errors.ts';
import { PartedMap } from '../parted-map.ts';
import type { Cache } from './cache.ts';
import { type CacheEntry, fits } from './entry.ts';

const fieldPattern = /^\0f([0-9a-f]+):([0-9a-f]+):(.*)$/s;
/** In bytes: with what stands before it, it is a key of the cache. */
const maxFieldBytes = 960;

export class HashFields {
  readonly #cache: Cache;
  /** Of this process, and of no other. */
  readonly #owner: string;
  /** Counts by the generation of the hash, the field, and who has counted. */
  readonly #hashes = new PartedMap<PartedMap<Map<string, number>>>();

  constructor(cache: Cache, owner: string) {
    this.#cache = cache;
    this.#owner = owner;
  }

  size(hash: string): number {
    return this.#hashes.get(hash)?.size ?? 0;
  }

  names(hash: string): string[] {
    return [...(this.#hashes.get(hash) ?? [])].map(([field]) => field);
  }

  /** Over all nodes; undefined: no such field. */
  get(hash: string, field: string): number | undefined {
    const counts = this.#hashes.get(hash)?.get(field);
    return counts && [...counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** What this process has counted. */
  own(hash: string): (readonly [field: string, count: number])[] {
    return [...(this.#hashes.get(hash) ?? [])].flatMap(([field, counts]) => {
      const count = counts.get(this.#owner);
      return count === undefined ? [] : [[field, count] as const];
    });
  }

  /** `leftMs`: what the hash has to live; 0: for ever. */
  add(hash: string, field: string, by: number, leftMs: number): void {
    const count = this.#hashes.get(hash)?.get(field)?.get(this.#owner) ?? 0;
    this.#cache.set(keyOf(hash, this.#owner, field), String(count + by), leftMs * 2);
  }

  /** The hash has another time to live: no field may end before it, and none may stay when it has an end. */
  keep(hash: string, leftMs: number): void {
    for (const [field] of this.own(hash)) {
      const key = keyOf(hash, this.#owner, field);
      const fieldMs = this.#cache.ttlMs(key) ?? 0;
      const fits = leftMs === 0 || fieldMs === 0 ? fieldMs === leftMs : fieldMs >= leftMs;
      if (!fits) this.#cache.expire(key, leftMs * 2);
    }
  }

  /** Of all nodes; what one of them adds at the same moment survives it. False: no such field. */
  remove(hash: string, field: string): boolean {
    const owners = [...(this.#hashes.get(hash)?.get(field)?.keys() ?? [])];
    for (const owner of owners) this.#cache.delete(keyOf(hash, owner, field));
    return owners.length > 0;
  }

  removeOwn(hash: string): void {
    for (const [field] of this.own(hash)) this.#cache.delete(keyOf(hash, this.#owner, field));
  }

  /** An entry was put into the cache, or, with `sign` -1, taken out. */
  changed({ key, value }: CacheEntry, sign: 1 | -1): void {
    const [, hash, owner, field] = (value !== undefined && fieldPattern.exec(key)) || [];
    if (hash === undefined || owner === undefined || field === undefined) return;
    const fields = this.#hashes.get(hash) ?? new PartedMap<Map<string, number>>();
    const counts = fields.get(field) ?? new Map<string, number>();
    const count = Number(value);
    // An entry of another node may hold anything.
    if (sign === 1) counts.set(owner, Number.isSafeInteger(count) ? count : 0);
    else counts.delete(owner);
    if (counts.size > 0) fields.set(field, counts);
    else fields.delete(field);
    if (fields.size > 0) this.#hashes.set(hash, fields);
    else this.#hashes.delete(hash);
  }
}

/** @throws FlotillaError FLT-2002 */
export function checkField(field: string): void {
  if (!fits(field, maxFieldBytes))
    throw new FlotillaError(
      'FLT-2002',
      `a field of ${field.length} characters, at most ${maxFieldBytes} bytes`,
    );
}

function keyOf(hash: string, owner: string, field: string): string {
  return `\0f${hash}:${owner}:${field}`;
}
