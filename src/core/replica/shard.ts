/**
 * One hash table of an address map: linear probing over slots of numbers, key words and a meta word.
 *
 * Invariant: a slot is free exactly when its meta word is 0; no free slot lies between a key and its home.
 */
import { mixWords } from '../digest.ts';

export interface AddressMapShape {
  /** 1 for IPv4, 4 for IPv6. */
  readonly keyWords: 1 | 4;
  /** Numbers held for each key. */
  readonly values: 1 | 2;
  /** Secret: who knows it can choose IPv6 addresses that all fall into one place. */
  readonly seed: number;
}

export class Shard {
  readonly wide: boolean;
  /** Slot width and position of its parts, in 32-bit words; numbers come first, for their alignment. */
  readonly stride: number;
  readonly keyAt: number;
  readonly metaAt: number;
  /** Slot width in 64-bit words. */
  readonly floatStride: number;
  readonly #seed: number;
  /** So many upper bits of the hash are the same for all keys that belong here. */
  readonly hashBits: number;
  ints: Int32Array;
  floats: Float64Array;
  capacity: number;
  size = 0;

  constructor({ keyWords, values, seed }: AddressMapShape, capacity: number, hashBits = 0) {
    this.wide = keyWords === 4;
    this.keyAt = values * 2;
    this.metaAt = this.keyAt + keyWords;
    this.floatStride = Math.ceil((this.metaAt + 1) / 2);
    this.stride = this.floatStride * 2;
    this.#seed = seed;
    this.hashBits = hashBits;
    this.capacity = capacity;
    this.ints = new Int32Array(capacity * this.stride);
    this.floats = new Float64Array(this.ints.buffer);
  }

  /** The slot of a key, or `~slot` of the free slot where it belongs. */
  find(hash: number, a: number, b: number, c: number, d: number): number {
    const { ints, stride, keyAt, metaAt, capacity } = this;
    let slot = this.#home(hash);
    for (;;) {
      const at = slot * stride;
      if (ints[at + metaAt] === 0) return ~slot;
      const key = at + keyAt;
      if (
        ints[key] === a &&
        (!this.wide || (ints[key + 1] === b && ints[key + 2] === c && ints[key + 3] === d))
      )
        return slot;
      slot = slot + 1 === capacity ? 0 : slot + 1;
    }
  }

  isFree(slot: number): boolean {
    return this.ints[slot * this.stride + this.metaAt] === 0;
  }

  /** Word `word` of the key in a slot; 0 beyond the words a key has. */
  keyWord(slot: number, word: number): number {
    return word === 0 || this.wide ? this.ints[slot * this.stride + this.keyAt + word]! : 0;
  }

  /** Takes a free slot; its numbers are 0 and its meta word is 1. */
  take(slot: number, a: number, b: number, c: number, d: number): void {
    const key = slot * this.stride + this.keyAt;
    this.ints[key] = a;
    if (this.wide) {
      this.ints[key + 1] = b;
      this.ints[key + 2] = c;
      this.ints[key + 3] = d;
    }
    this.ints[slot * this.stride + this.metaAt] = 1;
    this.size++;
  }

  /** Frees a slot and moves what follows back over it, so that no probe ends too early. */
  remove(slot: number): void {
    let hole = slot;
    for (let next = this.#after(slot); !this.isFree(next); next = this.#after(next)) {
      const home = this.#home(this.hashAt(next));
      const staysBehindHole = hole <= next ? home > hole && home <= next : home > hole || home <= next;
      if (staysBehindHole) continue;
      this.ints.copyWithin(hole * this.stride, next * this.stride, (next + 1) * this.stride);
      hole = next;
    }
    this.ints.fill(0, hole * this.stride, (hole + 1) * this.stride);
    this.size--;
  }

  resize(capacity: number): void {
    const from = { ints: this.ints, capacity: this.capacity };
    this.ints = new Int32Array(capacity * this.stride);
    this.floats = new Float64Array(this.ints.buffer);
    this.capacity = capacity;
    for (let slot = 0; slot < from.capacity; slot++) {
      if (from.ints[slot * this.stride + this.metaAt] !== 0) this.#put(from.ints, slot);
    }
  }

  /** Copies a slot of another array, whose key is not here yet. */
  adopt(ints: Int32Array, slot: number): void {
    this.#put(ints, slot);
    this.size++;
  }

  hashOf(a: number, b: number, c: number, d: number): number {
    return mixWords(this.#seed, this.wide, a, b, c, d);
  }

  #put(ints: Int32Array, slot: number): void {
    const { wide, stride } = this;
    const from = slot * stride;
    const key = from + this.keyAt;
    const a = ints[key]!;
    const b = wide ? ints[key + 1]! : 0;
    const c = wide ? ints[key + 2]! : 0;
    const d = wide ? ints[key + 3]! : 0;
    const to = ~this.find(this.hashOf(a, b, c, d), a, b, c, d) * stride;
    for (let i = 0; i < stride; i++) this.ints[to + i] = ints[from + i]!;
  }

  hashAt(slot: number): number {
    return this.hashOf(
      this.keyWord(slot, 0),
      this.keyWord(slot, 1),
      this.keyWord(slot, 2),
      this.keyWord(slot, 3),
    );
  }

  /** In integers only, which is twice as fast as with a division; shards stay far below 65,536 slots. */
  #home(hash: number): number {
    return Math.imul(hash & 0xffff, this.capacity) >>> 16;
  }

  #after(slot: number): number {
    return slot + 1 === this.capacity ? 0 : slot + 1;
  }
}
