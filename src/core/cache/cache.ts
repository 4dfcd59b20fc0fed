/**
 * The content of one replicated cache at one node: for each key the newest version it has heard of.
 *
 * Invariant: which of two versions of a key stays depends on the two alone, so caches that have heard the same writes are
 * equal, in whatever order and however often they heard them (replication 13.6). Except for room: what is used least
 * goes, at each node on its own (13.9).
 *
 * Deleted keys stay as entries without a value for an hour, at most `maxDeleted` of them. Hazard: a node that was cut off
 * for longer, or a version that is replaced by one with a shorter life and missed where that one was, can bring an older
 * value back.
 */
import { RunningDigest } from '../digest.ts';
import { hashText } from '../hash.ts';
import type { Incarnation } from '../identity.ts';
import { Ring, type RingNode } from '../ring.ts';
import { type CacheCounts, noCounts } from './cache-counts.ts';
import { type CacheEntry, checkKey, checkValue, isExpired } from './entry.ts';
import { ExpiryWheel } from './expiry-wheel.ts';
import { HybridClock, isNewer, maxAheadMs, writtenMs } from './hybrid-clock.ts';

export interface CacheSettings {
  readonly self: Incarnation;
  /** Entries with a value. */
  readonly maxSize: number;
  readonly maxDeleted?: number | undefined;
  wallMs(): number;
}

/** Who wants to know of each entry. All but `merged` are called in the middle of a change and must not begin another. */
export interface CacheWatcher {
  stored(entry: CacheEntry): void;
  removed(entry: CacheEntry): void;
  /** An entry of another node was stored. */
  merged(entry: CacheEntry): void;
  /** A value went because its time was over. */
  expired(entry: CacheEntry): void;
}

/**
 * What became of an entry of another node. full: it would have needed the room of another key. ahead: its node's clock is
 * more than a minute ahead.
 */
export type MergeResult = 'merged' | 'known' | 'expired' | 'full' | 'ahead';

/** What `max_size = -1` stands for: the most that was tried. */
export const largestSize = 4_000_000;

/** Keys fall into buckets by their hash; nodes compare the digests of these. */
export const bucketCount = 1024;

/** With one write: more than can come with it. */
const mostEvicted = 2;
/** In a step: some milliseconds of work. */
const stepEntries = 512;
const deletedLifeMs = 3_600_000;
const defaultMaxDeleted = 100_000;

interface Held {
  readonly entry: CacheEntry;
  /** Where it is among those that expire with it. */
  due: RingNode<Place> | undefined;
}

/** In the order of last use. */
type Place = RingNode<Held>;

export class Cache {
  #self: Incarnation;
  readonly #maxDeleted: number;
  readonly #wallMs: () => number;
  readonly #clock: HybridClock;
  readonly #buckets = Array.from({ length: bucketCount }, () => new Map<string, Place>());
  readonly #digests = Array.from({ length: bucketCount }, () => new RunningDigest());
  readonly #live = new Ring<Held>();
  readonly #deleted = new Ring<Held>();
  readonly #wheel = new ExpiryWheel<Place>();
  readonly #counts = noCounts();
  #maxSize: number;
  /** An own write, to be told to the others. */
  onWrite: (entry: CacheEntry) => void = () => {};
  /** Something went for want of room, or by flush: this cache lacks what the others have. */
  onLoss: (cause: 'room' | 'flush') => void = () => {};
  watcher: CacheWatcher | undefined;

  constructor(settings: CacheSettings) {
    this.#self = settings.self;
    this.#maxSize = settings.maxSize;
    this.#maxDeleted = settings.maxDeleted ?? defaultMaxDeleted;
    this.#wallMs = settings.wallMs;
    this.#clock = new HybridClock(settings.wallMs);
  }

  /** The next life of the process writes under another name; what it holds stays. */
  become(self: Incarnation): void {
    this.#self = self;
  }

  /** Keys with a value. */
  get size(): number {
    return this.#live.size;
  }

  get maxSize(): number {
    return this.#maxSize;
  }

  /** What is too much then goes with `purge`, and with each write (replication 3.11). */
  set maxSize(maxSize: number) {
    this.#maxSize = maxSize;
  }

  /** What was dropped for want of room may come back: there is some again. */
  get hasRoom(): boolean {
    return this.#live.size * 8 <= this.#maxSize * 7 && this.#deleted.size * 8 <= this.#maxDeleted * 7;
  }

  /** A copy; `pending` is counted by whoever lets lookups wait. */
  get counts(): CacheCounts {
    return { ...this.#counts, elements: this.size };
  }

  get(key: string): string | undefined {
    const node = this.#find(key);
    if (!node) {
      this.#counts.misses++;
      return undefined;
    }
    this.#counts.hits++;
    this.#live.touch(node);
    return node.item.entry.value;
  }

  has(key: string): boolean {
    return this.#find(key) !== undefined;
  }

  /** The entry as it is, also of a key that was deleted; not a lookup. */
  peek(key: string): CacheEntry | undefined {
    return this.#bucket(key).get(key)?.item.entry;
  }

  /** `ttlMs` 0 never expires. */
  set(key: string, value: string, ttlMs = 0): void {
    checkKey(key);
    checkValue(key, value);
    this.#write(key, value, ttlMs === 0 ? 0 : this.#wallMs() + ttlMs);
    this.#counts.inserts++;
  }

  /** Only where there is no value yet, as known here: two nodes may both succeed at once, and the newest wins. */
  setIfAbsent(key: string, value: string, ttlMs = 0): boolean {
    if (this.has(key)) return false;
    this.set(key, value, ttlMs);
    return true;
  }

  /** Another time to live, from now, for a key that has a value. */
  expire(key: string, ttlMs: number): boolean {
    return this.expireAt(key, ttlMs === 0 ? 0 : this.#wallMs() + ttlMs);
  }

  /** By wall time; 0: never. */
  expireAt(key: string, expiresMs: number): boolean {
    const node = this.#find(key);
    if (!node) return false;
    this.#write(key, node.item.entry.value, expiresMs);
    return true;
  }

  /** What is left of it; 0: it never expires; undefined: no such key. */
  ttlMs(key: string): number | undefined {
    const node = this.#find(key);
    if (!node) return undefined;
    return node.item.entry.expiresMs === 0 ? 0 : node.item.entry.expiresMs - this.#wallMs();
  }

  /** Everywhere; true if there was a value here. */
  delete(key: string): boolean {
    if (!this.has(key)) return false;
    this.#write(key, undefined, 0);
    this.#counts.manual++;
    return true;
  }

  /**
   * Empties this node's cache and no other's (replication 14.6): of what is there now, some in each step. Returns the
   * number of values that went.
   */
  *flush(): Generator<void, number, void> {
    const { size } = this.#live;
    let gone = 0;
    // From now on: what goes must not be fetched again meanwhile.
    this.onLoss('flush');
    for (let node = this.#live.oldest; node && gone < size; node = this.#live.oldest) {
      this.#remove(node);
      this.#counts.manual++;
      if (++gone % stepEntries === 0) yield;
    }
    return gone;
  }

  /** A version from another node. `mayEvict` false: only into free room. */
  merge(entry: CacheEntry, mayEvict = true): MergeResult {
    if (this.#clock.observe(entry.time) !== undefined) return 'ahead';
    const known = this.#bucket(entry.key).get(entry.key);
    if (known && !this.#replaces(entry, known.item.entry)) return 'known';
    if (isExpired(entry, this.#wallMs())) {
      if (known) this.#expire(known);
      return 'expired';
    }
    const needsRoom = entry.value !== undefined && known?.item.entry.value === undefined;
    if (needsRoom && !mayEvict && this.size >= this.#maxSize) return 'full';
    this.#put(entry, known);
    this.watcher?.merged(entry);
    return 'merged';
  }

  /** Drops what has expired or is too much, at most `limit` entries: as many were dropped. */
  purge(limit: number): number {
    const due = this.#wheel.due(this.#wallMs(), limit);
    for (const node of due) this.#expire(node);
    return due.length + this.#makeRoom(limit - due.length);
  }

  /** Digest of all entries, the deleted ones included. */
  get digest(): { readonly high: number; readonly low: number } {
    let high = 0;
    let low = 0;
    for (const digest of this.#digests) {
      high = (high + digest.high) >>> 0;
      low = (low + digest.low) >>> 0;
    }
    return { high, low };
  }

  /** High and low of each bucket, one after another. */
  bucketDigests(): Uint32Array {
    const words = new Uint32Array(bucketCount * 2);
    this.#digests.forEach(({ high, low }, bucket) => {
      words[bucket * 2] = high;
      words[bucket * 2 + 1] = low;
    });
    return words;
  }

  /** Entries of one bucket that have not expired, the deleted ones included. */
  bucketEntries(bucket: number): CacheEntry[] {
    const nowMs = this.#wallMs();
    return [...this.#buckets[bucket]!.values()]
      .map(({ item }) => item.entry)
      .filter((entry) => !isExpired(entry, nowMs));
  }

  #find(key: string): Place | undefined {
    const node = this.#bucket(key).get(key);
    return node?.item.entry.value === undefined || isExpired(node.item.entry, this.#wallMs())
      ? undefined
      : node;
  }

  /** The newest wins; but after all clocks were set back, what was written before would win for as long as that. */
  #replaces(entry: CacheEntry, known: CacheEntry): boolean {
    return isNewer(entry, known) || writtenMs(known.time) > this.#wallMs() + maxAheadMs;
  }

  #expire(node: Place): void {
    this.#remove(node);
    if (node.item.entry.value === undefined) return;
    this.#counts.expired++;
    this.watcher?.expired(node.item.entry);
  }

  #bucket(key: string): Map<string, Place> {
    return this.#buckets[bucketOf(key)]!;
  }

  #write(key: string, value: string | undefined, expiresMs: number): void {
    const time = this.#clock.next();
    const entry = {
      key,
      value,
      time,
      origin: this.#self,
      expiresMs: value === undefined ? writtenMs(time) + deletedLifeMs : Math.ceil(expiresMs),
    };
    this.#put(entry, this.#bucket(key).get(key));
    this.onWrite(entry);
  }

  #put(entry: CacheEntry, before: Place | undefined): void {
    if (before && isExpired(before.item.entry, this.#wallMs())) this.#expire(before);
    else if (before) this.#remove(before);
    const list = entry.value === undefined ? this.#deleted : this.#live;
    const node = list.add({ entry, due: undefined });
    const bucket = bucketOf(entry.key);
    this.#buckets[bucket]!.set(entry.key, node);
    this.#digests[bucket]!.changeVersion(entry.key, entry.time, entry.origin, 1);
    if (entry.expiresMs !== 0) node.item.due = this.#wheel.add(node, entry.expiresMs);
    this.watcher?.stored(entry);
    this.#makeRoom(mostEvicted);
  }

  #remove(node: Place): void {
    const { entry, due } = node.item;
    const bucket = bucketOf(entry.key);
    this.#buckets[bucket]!.delete(entry.key);
    this.#digests[bucket]!.changeVersion(entry.key, entry.time, entry.origin, -1);
    if (due) this.#wheel.delete(due, entry.expiresMs);
    (entry.value === undefined ? this.#deleted : this.#live).delete(node);
    this.watcher?.removed(entry);
  }

  #makeRoom(limit: number): number {
    let gone = 0;
    for (; gone < limit && this.#live.size > this.#maxSize; gone++, this.#counts.evicted++)
      this.#remove(this.#live.oldest!);
    for (; gone < limit && this.#deleted.size > this.#maxDeleted; gone++) this.#remove(this.#deleted.oldest!);
    if (gone > 0) this.onLoss('room');
    return gone;
  }
}

function bucketOf(key: string): number {
  return hashText(key) % bucketCount;
}
