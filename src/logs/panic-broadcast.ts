/**
 * The paniclog for whoever listens on the bus (logging 14): at most once, never stored, never in the way of the local
 * lines.
 *
 * Invariants: each message is published at most once, those of before the connection marked as replayed; at most a
 * hundred a second, and how many were not is told; what publishing itself logs is not published.
 */
import type { Counters } from '../actors/ports.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { PanicMessage } from '../core/logs/panic-message.ts';

export interface PanicBroadcastOptions {
  readonly clock: Clock;
  readonly counters: Counters;
  /** The last messages of each level, oldest first. */
  readonly kept: () => readonly PanicMessage[];
}

/** False: the link is down, and the message is gone. */
export type PublishPanic = (message: PanicMessage, isReplayed: boolean) => boolean;

const mostEachSecond = 100;
const secondMs = 1000;

export class PanicBroadcast {
  readonly #options: PanicBroadcastOptions;
  #publish: PublishPanic | undefined;
  /** Messages up to this one were published, or will not be. */
  #done = -1;
  #isPublishing = false;
  #second: Timer | undefined;
  #inSecond = 0;
  #suppressed = 0;

  constructor(options: PanicBroadcastOptions) {
    this.#options = options;
  }

  /** The way to the bus, when it is open; what was kept meanwhile goes first. */
  connected(publish: PublishPanic): void {
    this.#publish = publish;
    for (const message of this.#options.kept()) if (message.seq > this.#done) this.#send(message, true);
  }

  disconnected(): void {
    this.#publish = undefined;
  }

  add(message: PanicMessage): void {
    if (!this.#isPublishing) this.#send(message, false);
  }

  close(): void {
    this.#publish = undefined;
    this.#second?.cancel();
  }

  #send(message: PanicMessage, isReplayed: boolean): void {
    if (!this.#publish) return;
    this.#second ??= this.#options.clock.after(secondMs, () => this.#nextSecond());
    if (this.#inSecond >= mostEachSecond) {
      this.#suppressed++;
      this.#options.counters.add('paniclog_unsent_total');
      this.#done = message.seq;
      return;
    }
    this.#inSecond++;
    if (this.#publishOne(message, isReplayed)) this.#done = message.seq;
  }

  #publishOne(message: PanicMessage, isReplayed: boolean): boolean {
    this.#isPublishing = true;
    try {
      return this.#publish?.(message, isReplayed) ?? false;
    } finally {
      this.#isPublishing = false;
    }
  }

  #nextSecond(): void {
    this.#second = undefined;
    this.#inSecond = 0;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    if (suppressed === 0) return;
    const timeUs = this.#options.clock.wallMs() * 1000;
    const text = `${suppressed} messages suppressed`;
    this.#publishOne({ timeUs, level: 'warning', text, seq: this.#done }, false);
  }
}
