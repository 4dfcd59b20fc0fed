/**
 * A shared object as programs and front listeners use it: stays the same object over a cluster reset, while the
 * replica behind it is replaced.
 */
import type { Replica } from '../actors/replica.ts';
import type { Prefix } from '../core/address.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Incarnation } from '../core/identity.ts';
import type { Key, TableRow } from '../core/replica/table.ts';

export interface CountOptions {
  /** Node name or private name of the member whose own count is asked for; without it, the sum over all. */
  readonly from?: string;
}

/** Counters shared by the whole cluster. Keys are addresses, or names for gauge tables. */
export class SharedObject {
  readonly name: string;
  readonly #replica: () => Replica;
  readonly #resolve: (from: string) => Incarnation | undefined;

  /** @internal */
  constructor(name: string, replica: () => Replica, resolve: (from: string) => Incarnation | undefined) {
    this.name = name;
    this.#replica = replica;
    this.#resolve = resolve;
  }

  /** Adds to this node's count; returns the new sum over the cluster. FLT-1302, FLT-1304 for bad arguments. */
  increment(key: Key, by = 1): number {
    return this.#replica().table.increment(key, by);
  }

  /** Takes from this node's count, never below zero. */
  decrement(key: Key, by = 1): void {
    this.#replica().table.decrement(key, by);
  }

  set(key: Key, count: number): void {
    this.#replica().table.set(key, count);
  }

  /** The count of a key or the sum under a prefix. FLT-1303 when nobody of the name in `from` is in the view. */
  count(keyOrPrefix: Key | Prefix, { from }: CountOptions = {}): number {
    return this.#replica().table.count(keyOrPrefix, this.#member(from));
  }

  /** All keys that count something, in no order. */
  entries({ from }: CountOptions = {}): Iterable<readonly [key: string, count: number]> {
    return this.#replica().table.entries(this.#member(from));
  }

  /** The lines of `cluster shared show`, in batches that leave turns to others. */
  rows(under?: string, { from }: CountOptions = {}): AsyncIterable<readonly TableRow[]> {
    return this.#replica().rows(this.#member(from), under);
  }

  /** Keeps the sum of every prefix of this length, so that `count` reads it at memory speed. */
  watchPrefix(prefix: string | Prefix): void {
    this.#replica().table.watchPrefix(prefix);
  }

  #member(from: string | undefined): Incarnation | undefined {
    if (from === undefined) return undefined;
    const incarnation = this.#resolve(from);
    if (!incarnation) throw new FlotillaError('FLT-1303', from);
    return incarnation;
  }
}
