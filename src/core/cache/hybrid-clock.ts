/**
 * The times writes carry: wall time with a counter below the millisecond, never the same twice at one node and always
 * after every write the node has seen, so that a reply to a write is newer than it although clocks differ a little.
 *
 * A time is one number, milliseconds x 1024 + counter: 53 bits last until the year 2248, and a burst of more writes than
 * that in one millisecond runs a little ahead. Two writes of one time at two nodes are told apart by the incarnation.
 *
 * Hazard: a clock far ahead would make a node's writes win for as long as it is ahead, and would pull the clocks of all
 * others with it. So a time more than a minute ahead of the own wall clock is refused, and a node whose own clock is set
 * back by more than that begins again at wall time instead of having all its writes refused until it is caught up with.
 */
import type { Incarnation } from '../identity.ts';

const ticksPerMs = 1024;
export const maxAheadMs = 60_000;

/** Which write: what is compared to find the newest. */
export interface Version {
  readonly time: number;
  readonly origin: Incarnation;
}

/** A total order: of any two versions that are not the same, one is newer, at every node the same one. */
export function isNewer(a: Version, b: Version): boolean {
  return a.time > b.time || (a.time === b.time && a.origin > b.origin);
}

export function isSameVersion(a: Version, b: Version): boolean {
  return a.time === b.time && a.origin === b.origin;
}

/** Wall time of a write, without the counter. */
export function writtenMs(time: number): number {
  return Math.floor(time / ticksPerMs);
}

export class HybridClock {
  readonly #wallMs: () => number;
  #last = 0;

  constructor(wallMs: () => number) {
    this.#wallMs = wallMs;
  }

  /** The time of an own write, after all times before it. */
  next(): number {
    const nowMs = Math.floor(this.#wallMs());
    const isAhead = writtenMs(this.#last) > nowMs + maxAheadMs;
    this.#last = isAhead ? nowMs * ticksPerMs : Math.max(this.#last + 1, nowMs * ticksPerMs);
    return this.#last;
  }

  /** How far the time of another node is ahead of the own wall clock, where that is too far; else it is taken note of. */
  observe(time: number): number | undefined {
    const aheadMs = writtenMs(time) - this.#wallMs();
    if (aheadMs > maxAheadMs) return aheadMs;
    this.#last = Math.max(this.#last, time);
    return undefined;
  }
}
