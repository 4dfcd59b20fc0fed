/**
 * The longest turn of the event loop of this process, in time that its main thread was on a processor: what it waits for
 * one belongs to the machine, and on a busy one it is most of all.
 *
 * It is what the thread ran between two firings of a timer of a millisecond, so a turn and some short ones beside it.
 */
import { ThreadClock } from './thread-clock.ts';

const periodMs = 1;
/** What nothing in a node may take longer than. */
export const longTurnMs = 10;

export class TurnMeter {
  readonly #clock = new ThreadClock();
  #beforeMs = this.#clock.ranMs();
  #longestMs = 0;
  #long = 0;

  constructor() {
    setInterval(() => {
      const ranMs = this.#clock.ranMs();
      const turnMs = ranMs - this.#beforeMs;
      this.#longestMs = Math.max(this.#longestMs, turnMs);
      if (turnMs > longTurnMs) this.#long++;
      this.#beforeMs = ranMs;
    }, periodMs);
  }

  /** Since this was last asked. */
  take(): { readonly longestMs: number; readonly long: number } {
    const taken = { longestMs: this.#longestMs, long: this.#long };
    this.#longestMs = 0;
    this.#long = 0;
    return taken;
  }
}
