/**
 * How much of one local rate is used: in the running window, and booked in the windows to come (replication 7.3, 7.13).
 *
 * Bookings go into the first window with room, so all windows between the running one and the last that has any are full,
 * and four numbers tell everything, however many wait.
 */
import { type Rate, unitsBefore, unitsIn, windowAt, windowStartMs } from './rate.ts';

export class Bookings {
  readonly rate: Rate;
  #window = Number.NEGATIVE_INFINITY;
  #used = 0;
  /** The last window that has bookings; the running one when none waits. */
  #lastWindow = Number.NEGATIVE_INFINITY;
  #lastUsed = 0;

  constructor(rate: Rate) {
    this.rate = rate;
  }

  used(wallMs: number): number {
    this.#roll(wallMs);
    return this.#used;
  }

  /** Units booked in windows to come. */
  waiting(wallMs: number): number {
    this.#roll(wallMs);
    if (this.#lastWindow === this.#window) return 0;
    const between = unitsBefore(this.rate, this.#lastWindow) - unitsBefore(this.rate, this.#window + 1);
    return between + this.#lastUsed;
  }

  /** Counts a use, whether there is room or not. */
  add(units: 1 | -1, wallMs: number): void {
    this.#roll(wallMs);
    this.#used = Math.max(0, this.#used + units);
  }

  /** A unit that was taken in `window`. After the window nothing is left of it. */
  giveBack(window: number, wallMs: number): void {
    if (window === windowAt(this.rate, wallMs)) this.add(-1, wallMs);
  }

  /** Takes a unit of the running window: 0, or the time until the first window with room; nothing is taken then. */
  take(wallMs: number): number {
    this.#roll(wallMs);
    if (this.#used >= unitsIn(this.rate, this.#window)) return this.#untilRoomMs(wallMs);
    this.#used++;
    return 0;
  }

  /** Takes a unit of the first window with room. The time until that. */
  book(wallMs: number): number {
    const waitMs = this.take(wallMs);
    if (waitMs === 0) return 0;
    if (this.#isLastFull) {
      this.#lastWindow++;
      this.#lastUsed = 0;
    }
    this.#lastUsed++;
    return waitMs;
  }

  #untilRoomMs(wallMs: number): number {
    return windowStartMs(this.rate, this.#lastWindow + (this.#isLastFull ? 1 : 0)) - wallMs;
  }

  get #isLastFull(): boolean {
    const last = this.#lastWindow;
    return last === this.#window || this.#lastUsed >= unitsIn(this.rate, last);
  }

  /** A clock that is set back by more than a window starts anew: else nobody would be let through until it catches up. */
  #roll(wallMs: number): void {
    const window = windowAt(this.rate, wallMs);
    if (window === this.#window || window === this.#window - 1) return;
    const isBooked = window > this.#window && window <= this.#lastWindow;
    const full = unitsIn(this.rate, window);
    this.#used = !isBooked ? 0 : window < this.#lastWindow ? full : this.#lastUsed;
    if (!isBooked) this.#lastWindow = window;
    this.#window = window;
  }
}
