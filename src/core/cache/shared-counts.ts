/**
 * Counts of all nodes, kept in a replicated cache: for each count an entry of each node that has added to it, written by
 * that node alone, so that additions never undo each other. They end when they are told to, like all entries.
 *
 * Invariant: `#totals` is the sum of the entries that are in the cache now, whatever put them there or took them away.
 */
import { PartedMap } from '../parted-map.ts';
import type { Cache } from './cache.ts';
import type { CacheEntry } from './entry.ts';

interface Total {
  sum: number;
  shares: number;
}

const sharePattern = /^\0c([0-9a-f]+):/;

export class SharedCounts {
  readonly #cache: Cache;
  /** Of this process, and of no other. */
  readonly #owner: string;
  readonly #totals = new PartedMap<Total>();

  constructor(cache: Cache, owner: string) {
    this.#cache = cache;
    this.#owner = owner;
  }

  /** 0 where nothing is counted. */
  get(id: string): number {
    return this.#totals.get(id)?.sum ?? 0;
  }

  add(id: string, by: number, ttlMs: number): void {
    const key = this.#ownKey(id);
    this.#cache.set(key, String(countOf(this.#cache.peek(key)) + by), ttlMs);
  }

  /** The own share only, as all of these. */
  expire(id: string, ttlMs: number): void {
    this.#cache.expire(this.#ownKey(id), ttlMs);
  }

  remove(id: string): void {
    this.#cache.delete(this.#ownKey(id));
  }

  /** An entry was put into the cache, or, with `sign` -1, taken out. */
  changed(entry: CacheEntry, sign: 1 | -1): void {
    const id = entry.value === undefined ? undefined : sharePattern.exec(entry.key)?.[1];
    if (id === undefined) return;
    const total = this.#totals.get(id) ?? { sum: 0, shares: 0 };
    total.sum += sign * countOf(entry);
    total.shares += sign;
    if (total.shares === 0) this.#totals.delete(id);
    else this.#totals.set(id, total);
  }

  #ownKey(id: string): string {
    return `\0c${id}:${this.#owner}`;
  }
}

/** 0 for what is no count: an entry of another node may hold anything. */
function countOf(entry: CacheEntry | undefined): number {
  const count = Number(entry?.value ?? 0);
  return Number.isSafeInteger(count) ? count : 0;
}
