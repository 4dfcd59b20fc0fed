/** Addresses with their counts as they were at one moment: what a dump and a listing are made from. */
import type { Address } from '../address.ts';
import type { AddressMap } from './address-map.ts';
import type { Shard } from './shard.ts';
import type { Work } from './work.ts';

/** Count of a slot, or undefined when its key does not belong to the listing. */
export type LeafCount = (shard: Shard, slot: number) => number | undefined;

export class Leaves {
  readonly words: 1 | 4;
  /** Prefix length of every key here. */
  readonly bits: number;
  readonly keys: Int32Array;
  readonly counts: Float64Array;
  size = 0;
  readonly #capture: { step(): boolean; cancel(): void };

  /** The moment is now; the copying is done by `fill`, or by whoever changes the map before that. */
  constructor(map: AddressMap, bits: number, countOf: LeafCount) {
    this.words = map.wide ? 4 : 1;
    this.bits = bits;
    this.keys = new Int32Array(map.size * this.words);
    this.counts = new Float64Array(map.size);
    this.#capture = map.capture((shard) => this.#addShard(shard, countOf));
  }

  *fill(): Work {
    while (this.#capture.step()) yield;
  }

  cancel(): void {
    this.#capture.cancel();
  }

  word(leaf: number, word: number): number {
    return word === 0 || this.words === 4 ? this.keys[leaf * this.words + word]! : 0;
  }

  address(leaf: number): Address {
    if (this.words === 1) return this.word(leaf, 0);
    return [this.word(leaf, 0), this.word(leaf, 1), this.word(leaf, 2), this.word(leaf, 3)];
  }

  #addShard(shard: Shard, countOf: LeafCount): void {
    for (let slot = 0; slot < shard.capacity; slot++) {
      if (shard.isFree(slot)) continue;
      const count = countOf(shard, slot);
      if (count === undefined) continue;
      for (let word = 0; word < this.words; word++)
        this.keys[this.size * this.words + word] = shard.keyWord(slot, word);
      this.counts[this.size++] = count;
    }
  }
}
