/**
 * What has arrived and waits to be looked at: a few milliseconds of it in each turn of the event loop. A connection reads
 * up to two megabytes in one turn, and a flood of small messages would hold up everything else for a tenth of a second.
 *
 * Invariants: first come, first served; at most `maxBytes` wait, and what comes beyond that is dropped: whoever needs it
 * sees the gap and asks again.
 */
import type { Clock } from '../core/clock.ts';

export interface InboxOptions {
  readonly clock: Clock;
  readonly maxBytes: number;
  handle(data: Uint8Array): void;
  dropped(): void;
}

/** Work of one turn. */
const turnMs = 4;
/** What comes sooner after the last message than this may come in the same turn. */
const pauseMs = 1;

export class Inbox {
  readonly #options: InboxOptions;
  /** Taken from the front by number: shifting a long list would cost as much as all that is in it. */
  #waiting: Uint8Array[] = [];
  #next = 0;
  #waitingBytes = 0;
  /** On messages of this turn. */
  #spentMs = 0;
  #endedMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  push(data: Uint8Array): void {
    const { clock, maxBytes } = this.#options;
    if (this.#waiting.length === 0) {
      if (clock.nowMs() - this.#endedMs > pauseMs) this.#spentMs = 0;
      if (this.#spentMs < turnMs) {
        this.#handle(data);
        return;
      }
      clock.after(0, () => this.#takeTurn());
    }
    if (this.#waitingBytes + data.length > maxBytes) {
      this.#options.dropped();
      return;
    }
    this.#waiting.push(data);
    this.#waitingBytes += data.length;
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
  }

  #takeTurn(): void {
    this.#spentMs = 0;
    while (this.#next < this.#waiting.length && this.#spentMs < turnMs && !this.#isClosed) {
      const data = this.#waiting[this.#next++]!;
      this.#waitingBytes -= data.length;
      this.#handle(data);
    }
    if (this.#next < this.#waiting.length) {
      this.#options.clock.after(0, () => this.#takeTurn());
      return;
    }
    this.#waiting = [];
    this.#next = 0;
  }

  #handle(data: Uint8Array): void {
    const { clock } = this.#options;
    const startedMs = clock.nowMs();
    this.#options.handle(data);
    this.#endedMs = clock.nowMs();
    this.#spentMs += this.#endedMs - startedMs;
  }
}
