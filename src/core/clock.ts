/**
 * Time as the domain sees it. Nothing in core or actors reads a clock of its own: the real clock and the
 * simulator's virtual one both implement this.
 */

/** A callback that is still to come. Cancelling it twice, or after it ran, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Monotonic milliseconds with an arbitrary origin. Never steps, so every deadline is measured with it. */
  nowMs(): number;
  /**
   * Milliseconds since the Unix epoch. Operators step it; use it only for time stamps that people read, and for what nodes
   * must agree on without a word: numbers of windows, versions and ends of cache entries.
   */
  wallMs(): number;
  /** Runs `run` once, `delayMs` from now or a little later. `delayMs` 0 means a later turn, not this one. */
  after(delayMs: number, run: () => void): Timer;
}
