/**
 * A map by text or number that grows without holding anybody up: in one piece while its keys are few, in many parts above
 * that. One map doubles at once when it is full, and one of 200,000 keys takes tens of milliseconds for it.
 *
 * Invariant: a key is in the part that its hash says. Whoever walks meets every key that stays, with its value of that
 * moment, also when the parts are made meanwhile; keys that come meanwhile may or may not be met.
 */
import { hashText, mix } from './digest.ts';

const manyKeys = 4_096;
const partCount = 256;

export class PartedMap<V, K extends string | number = string> {
  #parts: Map<K, V>[] = [new Map()];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#partOf(key).get(key);
  }

  has(key: K): boolean {
    return this.#partOf(key).has(key);
  }

  set(key: K, value: V): void {
    const part = this.#partOf(key);
    const before = part.size;
    part.set(key, value);
    this.#size += part.size - before;
    if (this.#parts.length === 1 && this.#size > manyKeys) this.#split();
  }

  delete(key: K): boolean {
    const isThere = this.#partOf(key).delete(key);
    // Whoever walks over few keys that come and go should not pass all the parts there once were.
    if (isThere && --this.#size === 0 && this.#parts.length > 1) this.clear();
    return isThere;
  }

  clear(): void {
    this.#parts = [new Map()];
    this.#size = 0;
  }

  *[Symbol.iterator](): Generator<readonly [K, V], void, void> {
    const parts = this.#parts;
    for (const part of parts) {
      for (const entry of part) {
        if (this.#parts === parts) {
          yield entry;
          continue;
        }
        const value = this.get(entry[0]);
        if (value !== undefined) yield [entry[0], value];
      }
    }
  }

  #partOf(key: K): Map<K, V> {
    if (this.#parts.length === 1) return this.#parts[0]!;
    return this.#parts[(typeof key === 'number' ? mix(key) : hashText(key, 0)) & (partCount - 1)]!;
  }

  #split(): void {
    const [all] = this.#parts;
    this.#parts = Array.from({ length: partCount }, () => new Map());
    for (const [key, value] of all!) this.#partOf(key).set(key, value);
  }
}
