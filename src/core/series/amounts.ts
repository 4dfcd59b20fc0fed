/**
 * Amounts by key, where a key at 0 is not there. In one map while they are few, in many parts above that: a map doubles
 * at once when it grows, and one of 200,000 keys holds everything else up for tens of milliseconds then.
 *
 * Invariant: a key is in the part that its hash says. Whoever walks meets every key that stays, with its amount of that
 * moment, also when the parts are made meanwhile.
 */
import { hashText, mix } from '../digest.ts';
import type { StreamKey } from './stream-key.ts';

const manyKeys = 4_096;
const partCount = 256;

export class Amounts {
  #parts: Map<StreamKey, number>[] = [new Map()];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get parts(): readonly ReadonlyMap<StreamKey, number>[] {
    return this.#parts;
  }

  partOf(key: StreamKey): number {
    if (this.#parts.length === 1) return 0;
    return (typeof key === 'number' ? mix(key) : hashText(key, 0)) & (partCount - 1);
  }

  get(key: StreamKey): number {
    return this.#parts[this.partOf(key)]!.get(key) ?? 0;
  }

  has(key: StreamKey): boolean {
    return this.#parts[this.partOf(key)]!.has(key);
  }

  set(key: StreamKey, value: number): void {
    const part = this.#parts[this.partOf(key)]!;
    const before = part.size;
    if (value === 0) part.delete(key);
    else part.set(key, value);
    this.#size += part.size - before;
    if (this.#parts.length === 1 && this.#size > manyKeys) this.#split();
  }

  *keys(): Generator<StreamKey, void, void> {
    for (const [key] of this) yield key;
  }

  *[Symbol.iterator](): Generator<readonly [StreamKey, number], void, void> {
    const parts = this.#parts;
    for (const part of parts) {
      for (const entry of part) {
        if (this.#parts === parts) {
          yield entry;
          continue;
        }
        // Keys that came since are not among these: to a walk they are as those that come behind it.
        const value = this.get(entry[0]);
        if (value !== 0) yield [entry[0], value];
      }
    }
  }

  #split(): void {
    const [all] = this.#parts;
    this.#parts = Array.from({ length: partCount }, () => new Map());
    for (const [key, value] of all!) this.#parts[this.partOf(key)]!.set(key, value);
  }
}
