/**
 * The leader's ordered messages within one view (BUS-9, BUS-11): numbered from 1, applied without gaps, kept until
 * every member has them.
 *
 * Invariant: `applied` grows by one with each delivery, and the entries after `stable` are kept, because a member of
 * the next view may lack them and this process may be the only survivor that can tell.
 */
import type { OrderedEntry } from './messages.ts';

/** How much members may lag behind: it is kept, and all of it travels once more when the view changes. */
export interface Lag {
  readonly entries: number;
  readonly bytes: number;
}

export class OrderedStream {
  /** Highest number delivered without a gap. */
  applied = 0;
  /** Highest number that all members are known to have. */
  #stable = 0;
  /** Delivered and not yet stable, ascending and contiguous, the last one being `applied`. */
  #kept: OrderedEntry[] = [];
  /** Received ahead of a gap, or while the stream is frozen. */
  readonly #early = new Map<number, OrderedEntry>();
  readonly #backlog: number;

  constructor(backlog: number) {
    this.#backlog = backlog;
  }

  /**
   * Leader only: the next entry, delivered here at once, or undefined when members lag by the whole backlog, or by
   * more than this message may add to.
   */
  append(payload: Uint8Array, most?: Lag): OrderedEntry | undefined {
    if (this.full || (most && !this.#fits(payload.length, most))) return undefined;
    const entry = { number: this.applied + 1, payload };
    this.#deliver(entry);
    return entry;
  }

  /** Keeps an entry until its predecessors are here. Duplicates and entries beyond the backlog are ignored. */
  receive(entry: OrderedEntry): void {
    if (entry.number <= this.applied || entry.number > this.applied + this.#backlog) return;
    this.#early.set(entry.number, entry);
  }

  /** The next entry that may be delivered, in order; undefined at a gap. */
  takeNext(): OrderedEntry | undefined {
    const entry = this.#early.get(this.applied + 1);
    if (!entry) return undefined;
    this.#early.delete(entry.number);
    this.#deliver(entry);
    return entry;
  }

  /** All members have everything up to `number`: nobody will ever ask for it again. */
  stableUpTo(number: number): void {
    if (number <= this.#stable) return;
    this.#kept = this.#kept.slice(Math.max(0, number - this.#stable));
    this.#stable = number;
  }

  /** Kept entries from `first` on, for a member that lacks them or for the flush of a new view. */
  keptFrom(first: number): readonly OrderedEntry[] {
    return this.#kept.slice(Math.max(0, first - this.#stable - 1));
  }

  get kept(): readonly OrderedEntry[] {
    return this.#kept;
  }

  get full(): boolean {
    return this.applied - this.#stable >= this.#backlog;
  }

  #fits(bytes: number, most: Lag): boolean {
    const sum = this.#kept.reduce((total, { payload }) => total + payload.length, bytes);
    return this.applied - this.#stable < most.entries && sum <= most.bytes;
  }

  #deliver(entry: OrderedEntry): void {
    this.applied = entry.number;
    this.#kept.push(entry);
  }
}
