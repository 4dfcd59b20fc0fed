/**
 * Sums of a stream over windows of one size, by key: what queries read. Windows are numbered from the epoch
 * (replication 8.3), so those of all nodes line up.
 *
 * Invariant: a sum by prefix is the sum of the keys below it. A prefix length that was asked for once is kept, in this
 * window and those that follow, so that the next query is one probe; summing it up for the first time is work for later
 * turns, and until it is done the window is walked.
 */
import { addressBits, isIpv4, maskWord, type Prefix } from '../address.ts';
import type { Work } from '../replica/work.ts';
import { Amounts } from './amounts.ts';
import { addressKey, liesIn, maskedKey, plus, type StreamKey } from './stream-key.ts';

/** Prefix lengths kept, of both families together; others are read by a walk over the window. */
const maxMasks = 16;

/** Sums by prefix of those parts of the window's keys that come before part `done`. */
interface MaskSums {
  readonly sums: Amounts;
  done: number;
}

interface Window {
  readonly sums: Amounts;
  /** By family and length of the prefix. */
  readonly masks: Map<number, MaskSums>;
}

/** All that a query may ask for: one key, or the addresses of a prefix. */
export type Query = StreamKey | Prefix;

export class WindowTotals {
  readonly sizeS: number;
  /** Finished windows kept, beside the current one (8.4). */
  readonly count: number;
  readonly #windows = new Map<number, Window>();
  readonly #masks = new Set<number>();
  readonly #run: (work: Work) => void;

  constructor(sizeS: number, count: number, run: (work: Work) => void) {
    this.sizeS = sizeS;
    this.count = count;
    this.#run = run;
  }

  at(second: number): number {
    return Math.floor(second / this.sizeS);
  }

  add(second: number, key: StreamKey, by: number): void {
    const { sums, masks } = this.#window(this.at(second));
    for (const [mask, kept] of masks)
      if (isOfFamily(key, mask) && sums.partOf(key) < kept.done)
        addTo(kept.sums, maskedKey(key, mask & 0xff), by);
    addTo(sums, key, by);
  }

  sum(number: number, query: Query): number {
    const window = this.#windows.get(number);
    if (!window) return 0;
    if (typeof query !== 'object') return window.sums.get(query);
    const { address, bits } = query;
    const key = addressKey(address);
    if (bits === addressBits(address)) return window.sums.get(key);
    const mask = bits | (typeof key === 'number' ? 0 : wideFlag);
    const kept = window.masks.get(mask) ?? this.#keep(window, mask);
    return kept?.done === Number.POSITIVE_INFINITY ? kept.sums.get(key) : walk(window.sums, query);
  }

  /** The sum of one key in one window. */
  get(number: number, key: StreamKey): number {
    return this.#windows.get(number)?.sums.get(key) ?? 0;
  }

  /** Keys in one window. */
  size(number: number): number {
    return this.#windows.get(number)?.sums.size ?? 0;
  }

  /** Keys and sums of one window, in no order. */
  entries(number: number): Iterable<readonly [StreamKey, number]> {
    return this.#windows.get(number)?.sums ?? [];
  }

  numbers(): IterableIterator<number> {
    return this.#windows.keys();
  }

  /** Drops what is older than the oldest window kept; a window is dropped in one step. */
  *age(nowS: number): Work {
    for (const number of this.#windows.keys()) {
      if (number >= this.at(nowS) - this.count) continue;
      this.#windows.delete(number);
      yield;
    }
  }

  #window(number: number): Window {
    const known = this.#windows.get(number);
    if (known) return known;
    const empty = () => ({ sums: new Amounts(), done: Number.POSITIVE_INFINITY });
    const window = {
      sums: new Amounts(),
      masks: new Map([...this.#masks].map((mask) => [mask, empty()] as const)),
    };
    this.#windows.set(number, window);
    return window;
  }

  #keep(window: Window, mask: number): MaskSums | undefined {
    if (!this.#masks.has(mask) && this.#masks.size >= maxMasks) return undefined;
    this.#masks.add(mask);
    const kept = { sums: new Amounts(), done: 0 };
    window.masks.set(mask, kept);
    this.#run(sumUp(window.sums, mask, kept));
    return kept;
  }
}

const wideFlag = 0x100;

function isOfFamily(key: StreamKey, mask: number): boolean {
  return (typeof key === 'number') === ((mask & wideFlag) === 0);
}

function addTo(sums: Amounts, key: StreamKey, by: number): void {
  sums.set(key, plus(sums.get(key), by));
}

/** A part in each step; what is added to parts that are done is added here too (`add`). */
function* sumUp(from: Amounts, mask: number, kept: MaskSums): Work {
  while (kept.done < from.parts.length) {
    for (const [key, sum] of from.parts[kept.done]!)
      if (isOfFamily(key, mask)) addTo(kept.sums, maskedKey(key, mask & 0xff), sum);
    kept.done++;
    // Few keys are in one part, and done at once; they may be spread over many while others wait.
    if (kept.done < from.parts.length) yield;
  }
  kept.done = Number.POSITIVE_INFINITY;
}

function walk(sums: Amounts, prefix: Prefix): number {
  let total = 0;
  if (isIpv4(prefix.address)) {
    const { address, bits } = prefix;
    for (const part of sums.parts)
      for (const [key, sum] of part)
        if (typeof key === 'number' && maskWord(key, bits) === address) total = plus(total, sum);
    return total;
  }
  for (const part of sums.parts)
    for (const [key, sum] of part) if (liesIn(key, prefix)) total = plus(total, sum);
  return total;
}
