/**
 * Numbers by IP address: open addressing in typed arrays, 24 bytes a slot for an IPv4 address with two numbers.
 *
 * A map is one shard at first; the upper bits of the hash choose the place in a directory, and the place the shard. Each
 * shard holds some thousand keys at most, up to a million in all, and grows and splits for itself, so that neither growing
 * nor a step over one shard ever holds the event loop for long; and sliced work (copies, passes, snapshots) needs no cursor
 * finer than a shard, because keys move only within theirs, or into those that it splits into. A shard that others of its
 * size have not yet kept up with stands at several places in a row.
 *
 * Invariant: every change goes through `shardToChange`, `insert` or `removeAt`, which first lets the captures under way
 * copy the shard; so a capture shows one moment although it is taken in slices.
 */
import { maskWord } from '../address.ts';
import { mixWords } from '../digest.ts';
import { type AddressMapShape, Shard } from './shard.ts';

/** With so many keys a shard splits into 16, until it has the most bits of the hash to itself: 256 shards. */
const splittingKeys = 4_096;
const splitBits = 4;
const mostShardBits = 8;
const smallestCapacity = 8;
/** Shards are 0.64 to 0.8 full: at most 37.5 bytes for an IPv4 address with two numbers. */
const fullest = 0.8;
const growth = 1.25;
/** Emptier than this, a shard gives memory back. */
const emptiest = 0.3;

export class AddressMap {
  readonly #shape: AddressMapShape;
  readonly wide: boolean;
  /** At each place of the directory the shard that has the keys of its hashes. */
  #shards: Shard[];
  /** Shifts a hash down to its place. A shift by 32 is none in JavaScript, hence the extra bit. */
  #shift = 31;
  #captures: ShardCapture[] = [];
  size = 0;

  constructor(shape: AddressMapShape) {
    this.#shape = shape;
    this.wide = shape.keyWords === 4;
    this.#shards = [new Shard(shape, smallestCapacity)];
  }

  /** By place; a shard may stand at several in a row, `shardIndexes` names each once. */
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
    const shard = this.#shards[this.shardIndex(hash)]!;
    if (this.#captures.length !== 0) this.#save(shard);
    return shard;
  }

  /** Adds a key that is not there, with numbers 0; returns its slot in `shardOf(hash)`. */
  insert(hash: number, a: number, b: number, c: number, d: number): number {
    let shard = this.shardToChange(hash);
    if (shard.size >= splittingKeys && shard.hashBits < mostShardBits) {
      this.#split(this.shardIndex(hash));
      shard = this.shardOf(hash);
    }
    if (shard.size >= shard.capacity * fullest) shard.resize(Math.ceil(shard.capacity * growth));
    const slot = ~shard.find(hash, a, b, c, d);
    shard.take(slot, a, b, c, d);
    this.size++;
    return slot;
  }

  /** Later slots may move into the freed one: look at it again. */
  removeAt(shardIndex: number, slot: number): void {
    const shard = this.#shards[shardIndex]!;
    this.#save(shard);
    shard.remove(slot);
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
    for (const index of this.shardIndexes()) {
      const shard = this.#shards[index]!;
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

  #save(shard: Shard): void {
    for (const capture of this.#captures) capture.save(shard);
  }

  /** The first place of each shard, one after the other; goes on right when shards are split in between. */
  *shardIndexes(): Generator<number, void, void> {
    for (let index = 0; index < this.#shards.length; ) {
      const covered = this.coveredUpTo(index);
      yield index;
      index = covered * this.#shards.length;
    }
  }

  /** The part of all hashes, 0 to 1, that the shards up to this one, itself included, have the keys of. */
  coveredUpTo(shardIndex: number): number {
    const span = 2 ** -this.#shards[shardIndex]!.hashBits;
    return (Math.floor(shardIndex / this.#shards.length / span) + 1) * span;
  }

  #split(shardIndex: number): void {
    const whole = this.#shards[shardIndex]!;
    const end = this.coveredUpTo(shardIndex);
    const bits = whole.hashBits + splitBits;
    if (this.#shards.length < 2 ** bits) this.#refine();
    const capacity = Math.max(smallestCapacity, Math.ceil(whole.size / 2 ** splitBits / (fullest / growth)));
    const places = this.#shards.length / 2 ** bits;
    let place = end * this.#shards.length - places * 2 ** splitBits;
    for (let part = 0; part < 2 ** splitBits; part++, place += places) {
      const shard = new Shard(this.#shape, capacity, bits);
      this.#shards.fill(shard, place, place + places);
      for (const capture of this.#captures) capture.alreadyHas(shard);
    }
    for (let slot = 0; slot < whole.capacity; slot++) if (!whole.isFree(slot)) this.#adopt(whole, slot);
  }

  /** More places; no key moves. */
  #refine(): void {
    this.#shards = this.#shards.flatMap((shard) => Array<Shard>(2 ** splitBits).fill(shard));
    this.#shift -= splitBits;
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
  readonly #saved = new Set<Shard>();
  #next = 0;
  #ended = false;

  constructor(map: AddressMap, take: (shard: Shard) => void, detach: () => void) {
    this.#map = map;
    this.#take = take;
    this.#detach = detach;
  }

  save(shard: Shard): void {
    if (this.#saved.has(shard)) return;
    this.#saved.add(shard);
    this.#take(shard);
  }

  /** A piece of a shard that was saved before it was split. */
  alreadyHas(shard: Shard): void {
    this.#saved.add(shard);
  }

  /** Copies one more shard. False when there was none left. */
  step(): boolean {
    if (this.#ended) return false;
    const { shards } = this.#map;
    while (this.#next < shards.length && this.#saved.has(shards[this.#next]!)) this.#next++;
    if (this.#next >= shards.length) {
      this.cancel();
      return false;
    }
    this.save(shards[this.#next]!);
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
