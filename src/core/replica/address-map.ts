/**
 * Numbers by IP address: open addressing in typed arrays, 24 bytes a slot for an IPv4 address with two numbers.
 *
 * A map is one shard at first and splits into more as it grows; the upper bits of the hash choose the shard. Each shard
 * holds some thousand keys at most, up to a million in all, and grows for itself, so that neither growing nor a step over
 * one shard ever holds the event loop for long; and sliced work (copies, passes, snapshots) needs no cursor finer than a
 * shard, because keys move only within theirs, or into those that it splits into.
 *
 * Invariant: every change goes through `shardToChange`, `insert` or `removeAt`, which first lets the captures under way
 * copy the shard; so a capture shows one moment although it is taken in slices.
 */
import { maskWord } from '../address.ts';
import { mixWords } from '../digest.ts';
import { type AddressMapShape, Shard } from './shard.ts';

/** From so many keys on, so many shards. Splitting the last time moves 65,536 keys in one go: a few milliseconds. */
const splits = [
  { keys: 4_096, shards: 16 },
  { keys: 65_536, shards: 256 },
];
const smallestCapacity = 8;
/** Shards are 0.64 to 0.8 full: at most 37.5 bytes for an IPv4 address with two numbers. */
const fullest = 0.8;
const growth = 1.25;
/** Emptier than this, a shard gives memory back. */
const emptiest = 0.3;

export class AddressMap {
  readonly #shape: AddressMapShape;
  readonly wide: boolean;
  #shards: Shard[];
  /** Shifts a hash down to the number of its shard. A shift by 32 is none in JavaScript, hence the extra bit. */
  #shift = 31;
  #nextSplit = splits[0];
  #captures: ShardCapture[] = [];
  size = 0;

  constructor(shape: AddressMapShape) {
    this.#shape = shape;
    this.wide = shape.keyWords === 4;
    this.#shards = [new Shard(shape, smallestCapacity)];
  }

  get shards(): readonly Shard[] {
    return this.#shards;
  }

  hash(a: number, b: number, c: number, d: number): number {
    return mixWords(this.#shape.seed, this.wide, a, b, c, d);
  }

  shardIndex(hash: number): number {
    return (hash >>> 1) >>> this.#shift;
  }

  shardOf(hash: number): Shard {
    return this.#shards[this.shardIndex(hash)]!;
  }

  /** As `shardOf`, for a caller that is about to write into it. */
  shardToChange(hash: number): Shard {
    const index = this.shardIndex(hash);
    if (this.#captures.length !== 0) this.saveShard(index);
    return this.#shards[index]!;
  }

  /** Adds a key that is not there, with numbers 0; returns its slot in `shardOf(hash)`. */
  insert(hash: number, a: number, b: number, c: number, d: number): number {
    if (this.#nextSplit && this.size >= this.#nextSplit.keys) this.#split(this.#nextSplit.shards);
    const shard = this.shardToChange(hash);
    if (shard.size >= shard.capacity * fullest) shard.resize(Math.ceil(shard.capacity * growth));
    const slot = ~shard.find(hash, a, b, c, d);
    shard.take(slot, a, b, c, d);
    this.size++;
    return slot;
  }

  /** Later slots may move into the freed one: look at it again. */
  removeAt(shardIndex: number, slot: number): void {
    this.saveShard(shardIndex);
    this.#shards[shardIndex]!.remove(slot);
    this.size--;
  }

  /** Gives memory back after many removals. */
  compact(shardIndex: number): void {
    const shard = this.#shards[shardIndex]!;
    if (shard.capacity <= smallestCapacity || shard.size >= shard.capacity * emptiest) return;
    shard.resize(Math.max(smallestCapacity, Math.ceil(shard.size / (fullest / growth))));
  }

  /**
   * Visits the keys within a prefix. Tries every possible IPv4 address where those are fewer than the keys held, else
   * looks at all keys.
   */
  visit(
    a: number,
    b: number,
    c: number,
    d: number,
    bits: number,
    see: (shard: Shard, slot: number) => void,
  ): void {
    const addresses = this.wide ? Number.POSITIVE_INFINITY : 2 ** (32 - bits);
    if (addresses < this.size) this.#probe(a, addresses, see);
    else this.#scan(a, b, c, d, bits, see);
  }

  #probe(first: number, addresses: number, see: (shard: Shard, slot: number) => void): void {
    for (let i = 0; i < addresses; i++) {
      const key = (first + i) | 0;
      const hash = this.hash(key, 0, 0, 0);
      const shard = this.shardOf(hash);
      const slot = shard.find(hash, key, 0, 0, 0);
      if (slot >= 0) see(shard, slot);
    }
  }

  #scan(
    a: number,
    b: number,
    c: number,
    d: number,
    bits: number,
    see: (shard: Shard, slot: number) => void,
  ): void {
    for (const shard of this.#shards) {
      for (let slot = 0; slot < shard.capacity; slot++) {
        if (!shard.isFree(slot) && isWithin(shard, slot, a, b, c, d, bits)) see(shard, slot);
      }
    }
  }

  /** Begins to copy the map as it is now; `take` is called once for each shard, in any order. */
  capture(take: (shard: Shard) => void): ShardCapture {
    const capture = new ShardCapture(this, take, () => {
      this.#captures = this.#captures.filter((other) => other !== capture);
    });
    this.#captures = [...this.#captures, capture];
    return capture;
  }

  /** Before a change that does not come through `shardToChange`. */
  saveShard(shardIndex: number): void {
    for (const capture of this.#captures) capture.save(shardIndex);
  }

  /** The number of each shard, one after the other; goes on right when shards are split in between. */
  *shardIndexes(): Generator<number, void, void> {
    let { length } = this.#shards;
    for (let index = 0; index < length; index++) {
      yield index;
      if (this.#shards.length === length) continue;
      index = ((index + 1) * this.#shards.length) / length - 1;
      length = this.#shards.length;
    }
  }

  #split(shards: number): void {
    for (const capture of this.#captures) capture.finish();
    const whole = this.#shards;
    const capacity = Math.max(smallestCapacity, Math.ceil(this.size / shards / (fullest / growth)));
    this.#shards = Array.from({ length: shards }, () => new Shard(this.#shape, capacity));
    this.#shift = 31 - Math.log2(shards);
    this.#nextSplit = splits.find(({ keys }) => keys > this.size);
    for (const from of whole) {
      for (let slot = 0; slot < from.capacity; slot++) if (!from.isFree(slot)) this.#adopt(from, slot);
    }
  }

  #adopt(from: Shard, slot: number): void {
    const shard = this.shardOf(from.hashAt(slot));
    if (shard.size >= shard.capacity * fullest) shard.resize(Math.ceil(shard.capacity * growth));
    shard.adopt(from.ints, slot);
  }
}

function isWithin(
  shard: Shard,
  slot: number,
  a: number,
  b: number,
  c: number,
  d: number,
  bits: number,
): boolean {
  if (maskWord(shard.keyWord(slot, 0), bits) !== a) return false;
  if (!shard.wide || bits <= 32) return true;
  return (
    maskWord(shard.keyWord(slot, 1), bits - 32) === b &&
    maskWord(shard.keyWord(slot, 2), bits - 64) === c &&
    maskWord(shard.keyWord(slot, 3), bits - 96) === d
  );
}

/** Copies a map shard by shard: each one at the latest before its first change. */
export class ShardCapture {
  readonly #map: AddressMap;
  readonly #take: (shard: Shard) => void;
  readonly #detach: () => void;
  readonly #saved = new Set<number>();
  #next = 0;
  #ended = false;

  constructor(map: AddressMap, take: (shard: Shard) => void, detach: () => void) {
    this.#map = map;
    this.#take = take;
    this.#detach = detach;
  }

  save(shardIndex: number): void {
    if (this.#saved.has(shardIndex)) return;
    this.#saved.add(shardIndex);
    this.#take(this.#map.shards[shardIndex]!);
  }

  /** Copies one more shard. False when there was none left. */
  step(): boolean {
    if (this.#ended) return false;
    while (this.#next < this.#map.shards.length && this.#saved.has(this.#next)) this.#next++;
    if (this.#next >= this.#map.shards.length) {
      this.cancel();
      return false;
    }
    this.save(this.#next);
    return true;
  }

  finish(): void {
    while (this.step());
  }

  /** Stops copying: nobody wants the rest. */
  cancel(): void {
    this.#ended = true;
    this.#detach();
  }
}
