/**
 * Sums of a stream over windows of one size, by key: what queries read. Windows are numbered from the epoch
 * (replication 8.3), so those of all nodes line up.
 *
 * Invariant: a sum by prefix is the sum of the keys below it. A prefix length that was asked for once is kept, in this
 * window and those that follow, so that the next query is one probe.
 */
import { addressBits, type Prefix } from '../address.ts';
import type { Work } from '../replica/work.ts';
import { addressKey, liesIn, maskedKey, plus, type StreamKey } from './stream-key.ts';

/** Prefix lengths kept, of both families together; others are read by a walk over the window. */
const maxMasks = 16;

type Sums = Map<StreamKey, number>;

const noSums: Sums = new Map();

interface Window {
  readonly sums: Sums;
  /** By family and length of the prefix. */
  readonly masks: Map<number, Sums>;
}

/** All that a query may ask for: one key, or the addresses of a prefix. */
export type Query = StreamKey | Prefix;

export class WindowTotals {
  readonly sizeS: number;
  /** Finished windows kept, beside the current one (8.4). */
  readonly count: number;
  readonly #windows = new Map<number, Window>();
  readonly #masks = new Set<number>();

  constructor(sizeS: number, count: number) {
    this.sizeS = sizeS;
    this.count = count;
  }

  at(second: number): number {
    return Math.floor(second / this.sizeS);
  }

  add(second: number, key: StreamKey, by: number): void {
    const number = this.at(second);
    let window = this.#windows.get(number);
    if (!window) {
      window = { sums: new Map(), masks: new Map([...this.#masks].map((mask) => [mask, new Map()])) };
      this.#windows.set(number, window);
    }
    addTo(window.sums, key, by);
    for (const [mask, sums] of window.masks)
      if (isOfFamily(key, mask)) addTo(sums, maskedKey(key, mask & 0xff), by);
  }

  sum(number: number, query: Query): number {
    const window = this.#windows.get(number);
    if (!window) return 0;
    if (typeof query !== 'object') return window.sums.get(query) ?? 0;
    const { address, bits } = query;
    const key = addressKey(address);
    if (bits === addressBits(address)) return window.sums.get(key) ?? 0;
    const mask = bits | (typeof key === 'number' ? 0 : wideFlag);
    const kept = window.masks.get(mask) ?? this.#keep(window, mask);
    return kept ? (kept.get(key) ?? 0) : walk(window.sums, query);
  }

  /** The keys of one window, in no order. */
  keys(number: number): ReadonlyMap<StreamKey, number> {
    return this.#windows.get(number)?.sums ?? noSums;
  }

  /** Drops what is older than the oldest window kept; a window is dropped in one step. */
  *age(nowS: number): Work {
    for (const number of this.#windows.keys()) {
      if (number >= this.at(nowS) - this.count) continue;
      this.#windows.delete(number);
      yield;
    }
  }

  #keep(window: Window, mask: number): Sums | undefined {
    if (!this.#masks.has(mask) && this.#masks.size >= maxMasks) return undefined;
    this.#masks.add(mask);
    const sums: Sums = new Map();
    for (const [key, sum] of window.sums)
      if (isOfFamily(key, mask)) addTo(sums, maskedKey(key, mask & 0xff), sum);
    window.masks.set(mask, sums);
    return sums;
  }
}

const wideFlag = 0x100;

function isOfFamily(key: StreamKey, mask: number): boolean {
  return (typeof key === 'number') === ((mask & wideFlag) === 0);
}

function addTo(sums: Sums, key: StreamKey, by: number): void {
  const sum = plus(sums.get(key) ?? 0, by);
  if (sum === 0) sums.delete(key);
  else sums.set(key, sum);
}

function walk(sums: Sums, prefix: Prefix): number {
  let total = 0;
  for (const [key, sum] of sums) if (liesIn(key, prefix)) total = plus(total, sum);
  return total;
}
