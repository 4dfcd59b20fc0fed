/**
 * Keys in the order in which they were touched last. In generations of some thousand keys: one ordered map of all of them
 * would be made anew, at once, each time that it has filled up with the places of those that moved.
 */
import { Amounts } from './amounts.ts';

const generationKeys = 4096;

export class TouchOrder {
  /** The oldest first; all but the newest only lose keys. */
  readonly #generations = new Map<number, Set<string>>();
  /** By key, the number of its generation. */
  readonly #where = new Amounts();
  #newest = 0;

  get size(): number {
    return this.#where.size;
  }

  get oldest(): string | undefined {
    for (const keys of this.#generations.values()) for (const key of keys) return key;
    return undefined;
  }

  has(key: string): boolean {
    return this.#where.has(key);
  }

  touch(key: string): void {
    this.delete(key);
    let keys = this.#generations.get(this.#newest);
    if (!keys || keys.size >= generationKeys) {
      keys = new Set();
      this.#generations.set(++this.#newest, keys);
    }
    keys.add(key);
    this.#where.set(key, this.#newest);
  }

  delete(key: string): void {
    const number = this.#where.get(key);
    const keys = this.#generations.get(number);
    if (!keys?.delete(key)) return;
    this.#where.set(key, 0);
    if (keys.size === 0) this.#generations.delete(number);
  }

  /** In no order. Keys may be touched and deleted meanwhile. */
  *keys(): Generator<string, void, void> {
    for (const key of this.#where.keys()) yield key as string;
  }
}
