/**
 * Numbers by IP address: open addressing in typed arrays, 24 bytes a slot for an IPv4 address with two numbers.
 *
 * A map is one shard until it holds 16,384 keys and 256 shards, chosen by the hash, from then on. Each shard grows for
 * itself, so that neither growing nor a pass over one shard ever holds the event loop for long, a table of a million
 * keys included; and sliced work (captures, passes, snapshots) needs no cursor finer than a shard, because keys move
 * only within theirs.
 *
 * Invariant: every change goes through `shardToChange`, `insert` or `removeAt`, which first lets the captures under way
 * copy the shard; so a capture shows one moment although it is taken in slices.
 */
import { maskWord } from '../address.ts';
import { mixWords } from '../digest.ts';
import { type AddressMapShape, Shard } from './shard.ts';

const splitKeys = 16_384;
const splitShards = 256;
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
    return (hash >>> 24) & (this.#shards.length - 1);
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
    if (this.size >= splitKeys && this.#shards.length === 1) this.#split();
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

  #split(): void {
    for (const capture of this.#captures) capture.finish();
    const whole = this.#shards[0]!;
    const capacity = Math.ceil(whole.size / splitShards / (fullest / growth));
    this.#shards = Array.from({ length: splitShards }, () => new Shard(this.#shape, capacity));
    for (let slot = 0; slot < whole.capacity; slot++) {
      if (whole.isFree(slot)) continue;
      const shard = this.shardOf(whole.hashAt(slot));
      if (shard.size >= shard.capacity * fullest) shard.resize(Math.ceil(shard.capacity * growth));
      shard.adopt(whole.ints, slot);
    }
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
