/**
 * Keys as programs and Redis clients know them, strings that expire, counters, and hashes whose fields are counters, over
 * one replicated cache.
 *
 * A counter is an entry of the cache that names a *generation*; what is counted is kept under the generation, one share a
 * node, so that two nodes that add at the same time never undo each other. When the entry expires or is deleted, the next
 * count begins another generation, and nothing of the old one can come back. So it is with a hash.
 *
 * Invariant: counts are not lost where two nodes begin a generation at the same time, which is what happens to every busy
 * key at the beginning of its time: the newest entry wins, and whoever had counted in the other one adds its share to it.
 * Hazard: so what began to be counted less than three seconds before a SET at another node survives it.
 */
import { FlotillaError } from '../errors.ts';
import { RecencyMap } from '../recency-map.ts';
import type { Cache, CacheWatcher } from './cache.ts';
import type { CacheEntry } from './entry.ts';
import { checkField, HashFields } from './hash-fields.ts';
import { writtenMs } from './hybrid-clock.ts';
import { SharedCounts } from './shared-counts.ts';

export interface SetOptions {
  /** 0 or undefined: never expires. */
  readonly ttlMs?: number | undefined;
  readonly keepTtl?: boolean;
  readonly only?: 'absent' | 'present' | undefined;
}

interface Register {
  readonly isHash: boolean;
  readonly generation: string;
  /** Where counting began. */
  readonly base: number;
  /** What other nodes began to count until then means nothing: somebody has set or deleted the key since. */
  readonly resetMs: number;
}

/** What this node has added, to be carried into another generation if that one wins. */
interface Share {
  readonly generation: string;
  readonly bornMs: number;
  /** Of a counter. */
  count: number;
}

/** Nodes whose clocks differ, and batches under way: what is no further apart counts as the same moment. */
const sameTimeMs = 3_000;
const defaultMaxShares = 100_000;
const registerPattern = /^\0([#%])([0-9a-f]+):(-?\d+):(\d+)$/;
/** Keys that begin with NUL are those of counts, of query results, and these: of a numbered database of Redis clients. */
const ownPattern = /^\0(?!d\d+:)/;
const integerPattern = /^(0|-?[1-9]\d{0,15})$/;

export interface KeySpacePorts {
  /** Hexadecimal digits, never the same again anywhere. */
  unique(): string;
  wallMs(): number;
  /** Shares remembered; those beyond it are not carried into another generation, should that win. */
  readonly maxShares?: number;
}

export class KeySpace implements CacheWatcher {
  readonly #cache: Cache;
  readonly #counts: SharedCounts;
  readonly #fields: HashFields;
  readonly #ports: KeySpacePorts;
  /** In the order in which they were added to last. */
  readonly #shares = new RecencyMap<Share>();

  constructor(cache: Cache, ports: KeySpacePorts) {
    this.#cache = cache;
    const owner = ports.unique();
    this.#counts = new SharedCounts(cache, owner);
    this.#fields = new HashFields(cache, owner);
    this.#ports = ports;
    cache.watcher = this;
  }

  /** Undefined for a hash, too. */
  get(key: string): string | undefined {
    const text = this.#cache.get(key);
    const register = registerOf(text);
    if (register?.isHash) return undefined;
    return register ? String(this.#total(register)) : text;
  }

  /** As Redis calls it; undefined: no such key. */
  type(key: string): 'string' | 'hash' | undefined {
    if (!this.has(key)) return undefined;
    return this.#hash(key) ? 'hash' : 'string';
  }

  /** Those of one of the parts into which all keys fall; what is kept beside them is not for clients. */
  keysIn(bucket: number): string[] {
    return this.#cache
      .bucketEntries(bucket)
      .filter(({ key, value }) => value !== undefined && !ownPattern.test(key))
      .map(({ key }) => key);
  }

  has(key: string): boolean {
    return this.#cache.has(key);
  }

  /** False: the condition does not hold, nothing is stored. Throws FLT-2002. */
  set(key: string, value: string, { ttlMs = 0, keepTtl = false, only }: SetOptions = {}): boolean {
    checkOwn(key);
    if (registerPattern.test(value)) throw new FlotillaError('FLT-2002', 'values like this one are counters');
    if (only !== undefined && this.has(key) !== (only === 'present')) return false;
    this.#cache.set(key, value, keepTtl ? (this.#cache.ttlMs(key) ?? 0) : ttlMs);
    this.#forget(key);
    return true;
  }

  delete(key: string): boolean {
    this.#forget(key);
    return this.#cache.delete(key);
  }

  /** 0: it never expires; undefined: no such key. */
  ttlMs(key: string): number | undefined {
    return this.#cache.ttlMs(key);
  }

  /** By wall time; 0: it never expires; undefined: no such key. */
  expiresMs(key: string): number | undefined {
    return this.has(key) ? this.#cache.peek(key)?.expiresMs : undefined;
  }

  /** From now; 0: never. False when there is no such key. */
  expire(key: string, ttlMs: number): boolean {
    return this.expireAt(key, ttlMs === 0 ? 0 : this.#ports.wallMs() + ttlMs);
  }

  /** By wall time, not in the past; 0: never. */
  expireAt(key: string, expiresMs: number): boolean {
    if (!this.#cache.expireAt(key, expiresMs)) return false;
    const register = registerOf(this.#cache.peek(key)?.value);
    if (register) this.#keep(register.generation, this.#leftMs(key));
    return true;
  }

  /** The new count; undefined when the value is not a whole number, or would be none. Throws FLT-2002. */
  add(key: string, by: number, ttlMsOfNew = 0): number | undefined {
    const text = this.#cache.get(key);
    const register = registerOf(text) ?? this.#begin(key, text, ttlMsOfNew);
    if (!register || register.isHash) return undefined;
    const total = this.#total(register) + by;
    if (!Number.isSafeInteger(total)) return undefined;
    this.#count(key, register, by);
    return total;
  }

  /** The fields of a hash; none: no such key, or no hash. */
  fields(key: string): ReadonlyMap<string, number> {
    const { generation = '' } = this.#hash(key) ?? {};
    const names = this.#fields.names(generation);
    return new Map(names.map((field) => [field, this.#fields.get(generation, field) ?? 0]));
  }

  fieldCount(key: string): number {
    return this.#fields.size(this.#hash(key)?.generation ?? '');
  }

  field(key: string, field: string): number | undefined {
    const hash = this.#hash(key);
    return hash && this.#fields.get(hash.generation, field);
  }

  /** The new count of a field; undefined when it would be no whole number, or the key is no hash. Throws FLT-2002. */
  addToField(key: string, field: string, by: number): number | undefined {
    checkField(field);
    const text = this.#cache.get(key);
    const count = this.field(key, field) ?? 0;
    if (!Number.isSafeInteger(count + by)) return undefined;
    const hash = text === undefined ? this.#begin(key, undefined, 0, true) : this.#hash(key);
    if (!hash) return undefined;
    this.#countField(key, hash, field, by);
    return count + by;
  }

  /** How many of them there were. A hash without fields is none. */
  deleteFields(key: string, fields: readonly string[]): number {
    const hash = this.#hash(key);
    if (!hash) return 0;
    const removed = fields.filter((field) => this.#fields.remove(hash.generation, field)).length;
    if (this.#fields.size(hash.generation) === 0) this.delete(key);
    return removed;
  }

  #hash(key: string): Register | undefined {
    const register = this.has(key) ? registerOf(this.#cache.peek(key)?.value) : undefined;
    return register?.isHash ? register : undefined;
  }

  #total(register: Register): number {
    return register.base + this.#counts.get(register.generation);
  }

  /** A number that is there becomes the beginning of a count, with the time it has left to live. */
  #begin(key: string, text: string | undefined, ttlMsOfNew: number, isHash = false): Register | undefined {
    if (text !== undefined && !integerPattern.test(text)) return undefined;
    checkOwn(key);
    const earlier = this.#cache.peek(key);
    const register = {
      isHash,
      generation: this.#ports.unique(),
      base: Number(text ?? 0),
      resetMs: earlier ? resetMsOf(earlier) : 0,
    };
    const { generation, base, resetMs } = register;
    const ttlMs = this.#cache.ttlMs(key) ?? ttlMsOfNew;
    this.#cache.set(key, `\0${isHash ? '%' : '#'}${generation}:${base}:${resetMs}`, ttlMs);
    this.#carry(key, register);
    return register;
  }

  stored(entry: CacheEntry): void {
    this.#counts.changed(entry, 1);
    this.#fields.changed(entry, 1);
  }

  removed(entry: CacheEntry): void {
    this.#counts.changed(entry, -1);
    this.#fields.changed(entry, -1);
  }

  merged(entry: CacheEntry): void {
    const { key, value } = entry;
    const share = this.#shares.get(key);
    const register = registerOf(value);
    if (register && (share?.generation ?? register.generation) === register.generation)
      this.#keep(register.generation, this.#leftMs(key));
    else if (register) this.#carry(key, register);
    else if (share && isReset(share, resetMsOf(entry))) this.#forget(key);
  }

  /** Its share ends by itself, at the same moment. */
  expired({ key }: CacheEntry): void {
    this.#shares.delete(key);
  }

  #carry(key: string, register: Register): void {
    const share = this.#shares.get(key);
    const fields = share ? this.#fields.own(share.generation) : [];
    this.#forget(key);
    if (!share || isReset(share, register.resetMs)) return;
    if (!register.isHash) this.#count(key, register, share.count);
    else for (const [field, count] of fields) this.#countField(key, register, field, count);
  }

  /** The own share has the time that the key has. */
  #keep(generation: string, ttlMs: number): void {
    this.#counts.expire(generation, ttlMs);
    this.#fields.keep(generation, ttlMs);
  }

  #count(key: string, register: Register, by: number): void {
    const { generation } = register;
    this.#counts.add(generation, by, this.#leftMs(key));
    this.#remember(key, generation, by);
  }

  #countField(key: string, { generation }: Register, field: string, by: number): void {
    this.#fields.add(generation, field, by, this.#leftMs(key));
    this.#remember(key, generation, 0);
  }

  #remember(key: string, generation: string, by: number): void {
    let share = this.#shares.use(key);
    if (!share) {
      share = { generation, bornMs: this.#ports.wallMs(), count: 0 };
      this.#shares.set(key, share);
    }
    share.count += by;
    if (this.#shares.size > (this.#ports.maxShares ?? defaultMaxShares))
      this.#shares.delete(this.#shares.oldest!.key);
  }

  /** The share of a key that ends at this very moment must not live for ever. */
  #leftMs(key: string): number {
    return this.#cache.ttlMs(key) ?? 1;
  }

  #forget(key: string): void {
    const share = this.#shares.get(key);
    if (!share) return;
    this.#shares.delete(key);
    this.#counts.remove(share.generation);
    this.#fields.removeOwn(share.generation);
  }
}

function checkOwn(key: string): void {
  if (ownPattern.test(key)) throw new FlotillaError('FLT-2002', 'a key must not begin with NUL');
}

function isReset({ bornMs }: Share, resetMs: number): boolean {
  return bornMs <= resetMs;
}

/** A number that was set may be the one that others began to count from at the same moment; who deletes wants an end. */
function resetMsOf({ value, time }: CacheEntry): number {
  return value === undefined ? writtenMs(time) : Math.max(0, writtenMs(time) - sameTimeMs);
}

function registerOf(text: string | undefined): Register | undefined {
  const [, kind, generation, base, resetMs] = (text?.startsWith('\0') && registerPattern.exec(text)) || [];
  if (generation === undefined) return undefined;
  return { isHash: kind === '%', generation, base: Number(base), resetMs: Number(resetMs) };
}
