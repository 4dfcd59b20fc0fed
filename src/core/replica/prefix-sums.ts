/**
 * The sums of one prefix length, kept up to date with every change of an address: a cap on a netblock reads one slot.
 *
 * Law: a sum equals the sum of the addresses below it. Sums of 0 are not held, so the size is bounded by the addresses
 * that count something.
 */
import { maskWord } from '../address.ts';
import { AddressMap } from './address-map.ts';
import { addExactly, type Column, carryAt, own, span, total, totalCarryShift } from './count-slot.ts';
import type { Shard } from './shard.ts';
import type { Work } from './work.ts';

/** Meta word: 1 (slot taken), carry of `own` from bit 1 on, carry of `total` in the upper half. */
const ownCarryShift = 1;
const allHashes = 2 ** 32;

export class PrefixSums {
  readonly bits: number;
  readonly #map: AddressMap;
  /** The sums contain the addresses whose hash, unsigned, is below this. */
  #coveredHash = 0;

  constructor(bits: number, keyWords: 1 | 4, seed: number) {
    this.bits = bits;
    this.#map = new AddressMap({ keyWords, values: 2, seed });
  }

  get complete(): boolean {
    return this.#coveredHash === allHashes;
  }

  get size(): number {
    return this.#map.size;
  }

  /** Takes in the addresses counted so far, shard by shard, which is in the order of their hashes. */
  *fill(addresses: AddressMap): Work {
    for (const index of addresses.shardIndexes()) {
      this.#addShard(addresses.shards[index]!);
      this.#coveredHash = addresses.coveredUpTo(index) * allHashes;
      yield;
    }
  }

  #addShard(shard: Shard): void {
    for (let slot = 0; slot < shard.capacity; slot++) {
      if (shard.isFree(slot)) continue;
      const at = slot * shard.floatStride;
      const a = shard.keyWord(slot, 0);
      const b = shard.keyWord(slot, 1);
      const c = shard.keyWord(slot, 2);
      const d = shard.keyWord(slot, 3);
      this.#add(a, b, c, d, shard.floats[at + own]!, shard.floats[at + total]!, carryAt(shard, slot));
    }
  }

  /** An address with this hash has changed. */
  change(hash: number, a: number, b: number, c: number, d: number, ownBy: number, totalBy: number): void {
    if (hash >>> 0 < this.#coveredHash) this.#add(a, b, c, d, ownBy, totalBy);
  }

  #add(a: number, b: number, c: number, d: number, ownBy: number, totalBy: number, carry = 0): void {
    const { bits } = this;
    const map = this.#map;
    const p = maskWord(a, bits);
    const q = maskWord(b, bits - 32);
    const r = maskWord(c, bits - 64);
    const s = maskWord(d, bits - 96);
    const hash = map.hash(p, q, r, s);
    let shard = map.shardToChange(hash);
    let slot = shard.find(hash, p, q, r, s);
    if (slot < 0) {
      slot = map.insert(hash, p, q, r, s);
      shard = map.shardOf(hash);
    }
    const at = slot * shard.floatStride;
    const ownSum = shard.floats[at + own]! + ownBy;
    const totalSum = shard.floats[at + total]! + totalBy;
    if (ownSum < 0 || ownSum >= span || totalSum <= 0 || totalSum >= span || carry !== 0) {
      this.#addWithCarry(hash, shard, slot, ownBy, totalBy, carry);
      return;
    }
    shard.floats[at + own] = ownSum;
    shard.floats[at + total] = totalSum;
  }

  /** Where a sum passes 2^53, or ends. */
  #addWithCarry(
    hash: number,
    shard: Shard,
    slot: number,
    ownBy: number,
    totalBy: number,
    carry: number,
  ): void {
    const { floats, ints } = shard;
    const at = slot * shard.floatStride;
    const meta = slot * shard.stride + shard.metaAt;
    ints[meta]! += addExactly(floats, at + own, ownBy) << ownCarryShift;
    ints[meta]! += (addExactly(floats, at + total, totalBy) + carry) << totalCarryShift;
    if (floats[at + total] === 0 && floats[at + own] === 0 && ints[meta] === 1)
      this.#map.removeAt(this.#map.shardIndex(hash), slot);
  }

  /** The sum of a prefix of this length. Only once complete. */
  get(column: Column, a: number, b: number, c: number, d: number): number {
    const hash = this.#map.hash(a, b, c, d);
    const shard = this.#map.shardOf(hash);
    const slot = shard.find(hash, a, b, c, d);
    return slot < 0 ? 0 : read(shard, slot, column);
  }

  /** The sum of a shorter prefix. Only once complete. */
  sum(column: Column, a: number, b: number, c: number, d: number, bits: number): number {
    let sum = 0;
    this.#map.visit(a, b, c, d, bits, (shard, slot) => {
      sum += read(shard, slot, column);
    });
    return sum;
  }
}

function read(shard: Shard, slot: number, column: Column): number {
  const meta = shard.ints[slot * shard.stride + shard.metaAt]!;
  const carry = column === own ? (meta & 0xffff) >> ownCarryShift : carryAt(shard, slot);
  return carry * span + shard.floats[slot * shard.floatStride + column]!;
}
