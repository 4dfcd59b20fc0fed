/**
 * Goes round all slots of an address map for ever, a few at a time: how a full table finds cold keys without a list
 * ordered by age, which would cost memory and time for every count.
 */
import type { AddressMap } from './address-map.ts';
import type { Shard } from './shard.ts';

export class ClockHand {
  readonly #map: AddressMap;
  shardIndex = 0;
  slot = 0;

  constructor(map: AddressMap) {
    this.#map = map;
  }

  get shard(): Shard {
    return this.#map.shards[this.shardIndex]!;
  }

  next(): void {
    this.slot++;
    this.settle();
  }

  /** Shards shrink and split between two rounds; a split only moves the hand back a little. */
  settle(): void {
    if (this.slot < this.shard.capacity) return;
    this.slot = 0;
    const covered = this.#map.coveredUpTo(this.shardIndex);
    this.shardIndex = covered === 1 ? 0 : covered * this.#map.shards.length;
  }
}
