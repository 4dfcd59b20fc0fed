/**
 * What this node counts for each address and what all nodes count together, side by side: one probe changes both.
 *
 * Invariants: a total is this node's count plus the last received counts of the other members; a key whose own count
 * changed since the row was last sent is in the dirty list, and is never removed while it is; the sums of the watched
 * prefix lengths follow each change.
 */
import { AddressMap } from './address-map.ts';
import { ClockHand } from './clock-hand.ts';
import {
  addExactly,
  addToBusy,
  ageOf,
  becameDirty,
  becameIdle,
  becameOwn,
  type Column,
  changeOwn,
  changeRemote,
  clearDirty,
  countAt,
  growOlder,
  isDirty,
  isIdle,
  isOwnLeaf,
  leftIdle,
  leftOwn,
  own,
  ownAt,
  span,
  total,
  totalAt,
} from './count-slot.ts';
import { DirtyKeys } from './dirty-keys.ts';
import { Leaves } from './leaves.ts';
import { PrefixSums } from './prefix-sums.ts';
import type { Shard } from './shard.ts';
import type { Work } from './work.ts';

/** Shared by the count maps of one object. */
export interface Ledger {
  /** Changed keys waiting to be sent. */
  pending: number;
  /** Increments that would have passed 2^53-1 (replication 4.10). */
  overflows: number;
  /** Addresses rolled up into their netblock (replication 21.10). */
  rolledUp: number;
}

export interface CountMapOptions {
  readonly keyWords: 1 | 4;
  readonly seed: number;
  /** Most keys held on this node's account, counting or idle; those of others are bounded by their own nodes. */
  readonly maxKeys: number;
  readonly ledger: Ledger;
  /** Takes over the count of a key, by its first 64 bits, that has to make room. May change this very map. */
  readonly rollUp: (a: number, b: number, count: number) => void;
}

/** Larger than this, an IPv4 map keeps the sums of all /16, so that no prefix has to be summed from all addresses. */
const manyKeys = 131_072;

/** How many slots a full table looks at for idle or cold keys: enough to find some, few enough for the hot path. */
const handReach = 64;
/** And when there is none among them: idle keys are a bonus, a cold one has to be found. */
const idleReach = 256;
const coldReach = 4096;

export type EachTaken = (a: number, b: number, c: number, d: number, sent: number, count: number) => void;
export type EachCount = (a: number, b: number, c: number, d: number, count: number) => void;

/** The sums of all keys. */
class WholeSum {
  readonly #sums = new Float64Array(2);
  readonly #carries = new Int32Array(2);

  add(ownBy: number, totalBy: number): void {
    const ownCarry = addExactly(this.#sums, own, ownBy);
    const totalCarry = addExactly(this.#sums, total, totalBy);
    if (ownCarry !== 0) this.#carries[own]! += ownCarry;
    if (totalCarry !== 0) this.#carries[total]! += totalCarry;
  }

  get(column: Column): number {
    return this.#carries[column]! * span + this.#sums[column]!;
  }
}

export class CountMap {
  readonly #options: CountMapOptions;
  readonly #map: AddressMap;
  readonly #ledger: Ledger;
  readonly #dirty: DirtyKeys;
  readonly #hand: ClockHand;
  /** Shortest length first. */
  #sums: PrefixSums[] = [];
  readonly #whole = new WholeSum();
  #ownKeys = 0;
  #idleKeys = 0;
  /** What is rolled up into this very map finds room in any case. */
  #makingRoom = false;

  constructor(options: CountMapOptions) {
    this.#options = options;
    this.#ledger = options.ledger;
    this.#map = new AddressMap({ keyWords: options.keyWords, values: 2, seed: options.seed });
    this.#dirty = new DirtyKeys(options.keyWords);
    this.#hand = new ClockHand(this.#map);
  }

  get size(): number {
    return this.#map.size;
  }

  /** Keys this node counts something for. */
  get ownKeys(): number {
    return this.#ownKeys;
  }

  /** Adds to this node's count. Returns the new total. */
  increment(a: number, b: number, c: number, d: number, by: number): number {
    const hash = this.#map.hash(a, b, c, d);
    let shard = this.#map.shardToChange(hash);
    let slot = shard.find(hash, a, b, c, d);
    if (slot < 0) {
      this.#makeRoom();
      slot = this.#findOrInsert(hash, a, b, c, d);
      shard = this.#map.shardOf(hash);
    }
    const sum = addToBusy(shard, slot, by);
    if (sum > 0) {
      this.#follow(hash, shard, slot, 0, by, by);
      return sum;
    }
    const room = span - 1 - ownAt(shard, slot);
    if (by > room) this.#ledger.overflows++;
    this.#changeOwn(hash, shard, slot, Math.min(by, room));
    return totalAt(shard, slot);
  }

  /** Takes from this node's count, not below zero; returns what could not be taken. */
  decrement(a: number, b: number, c: number, d: number, by: number): number {
    const hash = this.#map.hash(a, b, c, d);
    const shard = this.#map.shardToChange(hash);
    const slot = shard.find(hash, a, b, c, d);
    if (slot < 0) return by;
    const taken = Math.min(ownAt(shard, slot), by);
    if (taken > 0) this.#changeOwn(hash, shard, slot, -taken);
    return by - taken;
  }

  /** The count of another node has changed. */
  changeRemote(a: number, b: number, c: number, d: number, by: number): void {
    const hash = this.#map.hash(a, b, c, d);
    let shard = this.#map.shardToChange(hash);
    let slot = shard.find(hash, a, b, c, d);
    if (slot < 0) {
      if (this.#isFull) this.#dropIdle();
      slot = this.#insert(hash, a, b, c, d);
      shard = this.#map.shardOf(hash);
    }
    this.#follow(hash, shard, slot, changeRemote(shard, slot, by), 0, by);
  }

  get(column: Column, a: number, b: number, c: number, d: number): number {
    const hash = this.#map.hash(a, b, c, d);
    const shard = this.#map.shardOf(hash);
    const slot = shard.find(hash, a, b, c, d);
    return slot < 0 ? 0 : countAt(shard, slot, column);
  }

  /** Sum over a prefix: of a watched length with one probe, else from the shortest watched length that is longer. */
  sum(column: Column, a: number, b: number, c: number, d: number, bits: number): number {
    if (bits === 0) return this.#whole.get(column);
    if (this.#map.size === 0) return 0;
    for (const sums of this.#sums) {
      if (sums.bits < bits || !sums.complete) continue;
      return sums.bits === bits ? sums.get(column, a, b, c, d) : sums.sum(column, a, b, c, d, bits);
    }
    return this.#sumOfAddresses(column, a, b, c, d, bits);
  }

  #sumOfAddresses(column: Column, a: number, b: number, c: number, d: number, bits: number): number {
    let sum = 0;
    this.#map.visit(a, b, c, d, bits, (shard, slot) => {
      sum += countAt(shard, slot, column);
    });
    return sum;
  }

  /** Keeps the sums of a prefix length from now on. Returns what is left to do for it. */
  watch(bits: number): Work | undefined {
    if (bits === 0 || this.#sums.some((sums) => sums.bits === bits)) return undefined;
    const sums = new PrefixSums(bits, this.#options.keyWords, this.#options.seed);
    this.#sums = [...this.#sums, sums].sort((left, right) => left.bits - right.bits);
    const fill = sums.fill(this.#map);
    fill.next();
    return sums.complete ? undefined : fill;
  }

  /** Takes up to `limit` keys out of the dirty list, returns how many; those back at what was sent are passed over. */
  take(limit: number, each: EachTaken): number {
    const before = this.#dirty.size;
    this.#dirty.take(limit, (a, b, c, d, sent) => {
      const hash = this.#map.hash(a, b, c, d);
      const shard = this.#map.shardOf(hash);
      const slot = shard.find(hash, a, b, c, d);
      const count = ownAt(shard, slot);
      clearDirty(shard, slot);
      if (count !== sent) each(a, b, c, d, sent, count);
      if (this.#isFull && isIdle(shard, slot)) this.#remove(this.#map.shardIndex(hash), slot);
    });
    const taken = before - this.#dirty.size;
    this.#ledger.pending -= taken;
    return taken;
  }

  /** This node's counts, one shard in each step. */
  *eachOwn(each: EachCount): Work {
    for (const shardIndex of this.#map.shardIndexes()) {
      const shard = this.#map.shards[shardIndex]!;
      for (let slot = 0; slot < shard.capacity; slot++) {
        const count = ownAt(shard, slot);
        if (count === 0) continue;
        each(
          shard.keyWord(slot, 0),
          shard.keyWord(slot, 1),
          shard.keyWord(slot, 2),
          shard.keyWord(slot, 3),
          count,
        );
      }
      yield;
    }
  }

  /** The tree of all nodes or of this one, as of now. `bits`: the prefix length that a key stands for. */
  leaves(column: Column, bits: number): Leaves {
    if (column !== own) return new Leaves(this.#map, bits, totalAt);
    return new Leaves(this.#map, bits, (shard, slot) =>
      isOwnLeaf(shard, slot) ? ownAt(shard, slot) : undefined,
    );
  }

  /** One pass over all keys: ages them, and drops those that were idle long enough. */
  *upkeep(): Work {
    for (const shardIndex of this.#map.shardIndexes()) {
      const shard = this.#map.shards[shardIndex]!;
      for (let slot = 0; slot < shard.capacity; ) {
        if (!shard.isFree(slot) && growOlder(shard, slot)) this.#remove(shardIndex, slot);
        else slot++;
      }
      this.#map.compact(shardIndex);
      yield;
    }
  }

  /** Large enough for the coarse sums. */
  get isLarge(): boolean {
    return this.#options.keyWords === 1 && this.#map.size > manyKeys;
  }

  get #isFull(): boolean {
    return this.#ownKeys + this.#idleKeys >= this.#options.maxKeys;
  }

  #makeRoom(): void {
    if (!this.#isFull || this.#makingRoom) return;
    this.#makingRoom = true;
    if (!this.#dropIdle()) this.#rollUpColdest();
    this.#makingRoom = false;
  }

  #dropIdle(): boolean {
    const hand = this.#hand;
    let dropped = 0;
    hand.settle();
    for (let looked = 0; looked < idleReach && (looked < handReach || dropped === 0); looked++) {
      if (this.#idleKeys === 0) break;
      const { shard, slot } = hand;
      if (!shard.isFree(slot) && isIdle(shard, slot) && !isDirty(shard, slot)) {
        this.#remove(hand.shardIndex, slot);
        dropped++;
      } else hand.next();
    }
    return dropped > 0;
  }

  /** Of the next few keys the one that was not touched for longest; of equals the one that counts least. */
  #rollUpColdest(): void {
    const hand = this.#hand;
    let coldest: { shard: Shard; slot: number; age: number; count: number } | undefined;
    for (let looked = 0; looked < coldReach && (looked < handReach || !coldest); looked++, hand.next()) {
      const { shard, slot } = hand;
      if (shard.isFree(slot)) continue;
      growOlder(shard, slot);
      const count = ownAt(shard, slot);
      const age = ageOf(shard, slot);
      if (count === 0) continue;
      if (!coldest || age > coldest.age || (age === coldest.age && count < coldest.count))
        coldest = { shard, slot, age, count };
    }
    // Else there is nothing but changes to be sent: they make room as soon as they are sent.
    if (coldest) this.#rollUp(coldest.shard, coldest.slot, coldest.count);
  }

  #rollUp(shard: Shard, slot: number, count: number): void {
    const a = shard.keyWord(slot, 0);
    const b = shard.keyWord(slot, 1);
    const c = shard.keyWord(slot, 2);
    const d = shard.keyWord(slot, 3);
    this.#options.rollUp(a, b, count);
    // By its key: it may have moved.
    this.decrement(a, b, c, d, count);
    this.#ledger.rolledUp++;
  }

  /** To make room a key may have been inserted: perhaps this one. */
  #findOrInsert(hash: number, a: number, b: number, c: number, d: number): number {
    const slot = this.#map.shardOf(hash).find(hash, a, b, c, d);
    return slot < 0 ? this.#insert(hash, a, b, c, d) : slot;
  }

  #insert(hash: number, a: number, b: number, c: number, d: number): number {
    this.#idleKeys++;
    return this.#map.insert(hash, a, b, c, d);
  }

  #remove(shardIndex: number, slot: number): void {
    this.#idleKeys--;
    this.#map.removeAt(shardIndex, slot);
  }

  #changeOwn(hash: number, shard: Shard, slot: number, by: number): void {
    this.#follow(hash, shard, slot, changeOwn(shard, slot, by), by, by);
  }

  /** Everything that depends on the counts of a key. */
  #follow(hash: number, shard: Shard, slot: number, effects: number, ownBy: number, totalBy: number): void {
    this.#whole.add(ownBy, totalBy);
    if (effects !== 0) this.#note(shard, slot, effects, ownBy);
    if (this.#sums.length !== 0) this.#changeSums(hash, shard, slot, ownBy, totalBy);
  }

  #note(shard: Shard, slot: number, effects: number, ownBy: number): void {
    if ((effects & becameDirty) !== 0) this.#addDirty(shard, slot, ownAt(shard, slot) - ownBy);
    if ((effects & becameOwn) !== 0) this.#ownKeys++;
    if ((effects & leftOwn) !== 0) this.#ownKeys--;
    if ((effects & becameIdle) !== 0) this.#idleKeys++;
    if ((effects & leftIdle) !== 0) this.#idleKeys--;
  }

  #changeSums(hash: number, shard: Shard, slot: number, ownBy: number, totalBy: number): void {
    const a = shard.keyWord(slot, 0);
    const b = shard.keyWord(slot, 1);
    const c = shard.keyWord(slot, 2);
    const d = shard.keyWord(slot, 3);
    for (const sums of this.#sums) sums.change(hash, a, b, c, d, ownBy, totalBy);
  }

  #addDirty(shard: Shard, slot: number, sent: number): void {
    this.#dirty.add(
      shard.keyWord(slot, 0),
      shard.keyWord(slot, 1),
      shard.keyWord(slot, 2),
      shard.keyWord(slot, 3),
      sent,
    );
    this.#ledger.pending++;
  }
}
