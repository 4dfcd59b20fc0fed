/**
 * The book of one limit: who was granted how much in which window, as far as this node knows. The account holder and its
 * deputy know all of it, every other node what was granted to itself. Slots are all in window 0, and the book also has
 * how many of them were given back.
 *
 * Invariant: entries only grow while their window is open, and a window that has closed never opens again, else what was
 * granted in it could be granted once more.
 */
import type { Incarnation } from '../identity.ts';
import { compareRates, isSlots, type Rate, sameWindows, unitsIn, windowAt, windowMs } from './rate.ts';

/** Clocks of nodes may differ by that much, or by a window where that is more. */
const clockSlackMs = 2000;

export class Account {
  #rate: Rate;
  readonly #windows = new Map<number, Map<Incarnation, number>>();
  readonly #released = new Map<Incarnation, number>();
  /** When somebody last used this rate. */
  #statedMs: number;
  #latest = Number.NEGATIVE_INFINITY;

  constructor(rate: Rate, wallMs: number) {
    this.#rate = rate;
    this.#statedMs = wallMs;
  }

  get rate(): Rate {
    return this.#rate;
  }

  get isEmpty(): boolean {
    return this.#windows.size === 0;
  }

  /**
   * Somebody uses this rate. The smallest that anybody uses counts (replication 7.22); when nobody has spoken of it for two
   * of its windows and some, a larger one does. Windows of another length have other numbers, so what was granted in them
   * is forgotten. True when the rate is another one now.
   */
  state(rate: Rate, wallMs: number): boolean {
    const order = compareRates(rate, this.#rate);
    if (order > 0 && wallMs < this.#statedMs + patienceMs(this.#rate)) return false;
    this.#statedMs = wallMs;
    if (order === 0) return false;
    if (!sameWindows(rate, this.#rate)) {
      this.#windows.clear();
      this.#latest = Number.NEGATIVE_INFINITY;
    }
    this.#rate = rate;
    return true;
  }

  /** True for windows of which somebody with a good clock may still speak. */
  isOpen(window: number, wallMs: number): boolean {
    const now = windowAt(this.#rate, wallMs);
    const slack = slackOf(this.#rate);
    // A clock that an operator set back: refusing until it catches up would stop the throttle for that long.
    this.#latest = now < this.#latest - slack ? now : Math.max(this.#latest, now);
    return Math.abs(window - this.#latest) <= slack;
  }

  dropClosed(wallMs: number): void {
    for (const window of this.#windows.keys()) if (!this.isOpen(window, wallMs)) this.#windows.delete(window);
  }

  granted(window: number, to: Incarnation): number {
    return this.#windows.get(window)?.get(to) ?? 0;
  }

  /** Slots that were given back. */
  released(by: Incarnation): number {
    return this.#released.get(by) ?? 0;
  }

  /** Granted and not given back. */
  held(window: number, by: Incarnation): number {
    return this.granted(window, by) - this.released(by);
  }

  remaining(window: number): number {
    let held = 0;
    for (const by of this.#windows.get(window)?.keys() ?? []) held += this.held(window, by);
    return Math.max(0, unitsIn(this.#rate, window) - held);
  }

  /** What somebody said it has given back in all. */
  release(by: Incarnation, released: number): void {
    if (isSlots(this.#rate) && released > 0) this.#released.set(by, Math.max(this.released(by), released));
  }

  /**
   * Of slots only what this one holds. Those of who is gone are free, and who is here says itself what it holds: what is
   * remembered of it may have been given back meanwhile, and it would be told that it has it.
   */
  keepOnly(self: Incarnation): void {
    if (!isSlots(this.#rate)) return;
    const [granted, released] = [this.granted(0, self), this.released(self)];
    this.#windows.clear();
    this.#released.clear();
    if (granted <= released) return;
    this.merge(0, self, granted);
    this.release(self, released);
  }

  /** What somebody said was granted in all. */
  merge(window: number, to: Incarnation, granted: number): void {
    let entries = this.#windows.get(window);
    if (!entries) {
      entries = new Map();
      this.#windows.set(window, entries);
    }
    entries.set(to, Math.max(entries.get(to) ?? 0, granted));
  }

  /** One grant out of `remaining` (replication 7.18); nothing when that is 0. */
  grant(window: number, to: Incarnation, want: number, remaining: number, epsilon: number): void {
    const most = Math.min(remaining, Math.max(1, Math.floor(epsilon * remaining)));
    this.merge(window, to, this.granted(window, to) + Math.min(want, most));
  }

  *entries(
    wallMs: number,
  ): Generator<{ window: number; to: Incarnation; granted: number; released: number }> {
    for (const [window, entries] of this.#windows) {
      if (!this.isOpen(window, wallMs)) continue;
      for (const [to, granted] of entries)
        if (granted > 0) yield { window, to, granted, released: this.released(to) };
    }
  }
}

/** How many windows two good clocks may be apart. */
export function slackOf(rate: Rate): number {
  if (isSlots(rate)) return 0;
  return Math.max(1, Math.ceil(clockSlackMs / windowMs(rate)));
}

/** Whoever waits says again what it wants, and with which rate, at least in each window. */
function patienceMs(rate: Rate): number {
  return isSlots(rate) ? clockSlackMs : 2 * windowMs(rate) + clockSlackMs;
}
