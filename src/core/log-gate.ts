/** Keeps a fault that repeats for every connection from flooding the log. */
import type { Clock } from './clock.ts';

/** Lets one line through each interval, and tells it how many were held back before it. */
export class LogGate {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #nextMs = Number.NEGATIVE_INFINITY;
  #heldBack = 0;

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  pass(write: (heldBack: number) => void): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#nextMs) {
      this.#heldBack += 1;
      return;
    }
    const heldBack = this.#heldBack;
    this.#heldBack = 0;
    this.#nextMs = nowMs + this.#intervalMs;
    write(heldBack);
  }
}
