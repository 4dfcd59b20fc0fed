/**
 * What one connection has sent and the server has not yet read, in messages and bytes (`max_backlog`, spec BUS-3).
 *
 * The client library hands everything to the socket and tells nobody how much waits there, so that a server that
 * stopped reading would cost memory without end. A round trip (PING, PONG) proves that all before it was read; one is
 * asked for only when a quarter of the bound is unproven, so that a quiet link sends no extra packets.
 */
import type { Clock } from '../core/clock.ts';

export interface BacklogLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** A full backlog whose round trip takes longer than this belongs to a stuck connection. */
  readonly stuckAfterMs: number;
}

/** `full`: not now. `stuck`: not on this connection any more. */
export type Admission = 'admitted' | 'full' | 'stuck';

export class Backlog {
  readonly #limits: BacklogLimits;
  readonly #clock: Clock;
  readonly #roundTrip: () => Promise<void>;
  #messages = 0;
  #bytes = 0;
  #askedAtMs: number | undefined;

  constructor(limits: BacklogLimits, clock: Clock, roundTrip: () => Promise<void>) {
    this.#limits = limits;
    this.#clock = clock;
    this.#roundTrip = roundTrip;
  }

  get messages(): number {
    return this.#messages;
  }

  admit(bytes: number): Admission {
    if (this.#messages >= this.#limits.maxMessages || this.#bytes + bytes > this.#limits.maxBytes) {
      this.#ask();
      const waitedMs = this.#clock.nowMs() - (this.#askedAtMs ?? 0);
      return waitedMs > this.#limits.stuckAfterMs ? 'stuck' : 'full';
    }
    this.#messages++;
    this.#bytes += bytes;
    if (this.#messages * 4 > this.#limits.maxMessages || this.#bytes * 4 > this.#limits.maxBytes) this.#ask();
    return 'admitted';
  }

  /** One round trip at a time; it covers what was admitted before it, the rest is covered by the next. */
  #ask(): void {
    if (this.#askedAtMs !== undefined) return;
    this.#askedAtMs = this.#clock.nowMs();
    const { messages, bytes } = { messages: this.#messages, bytes: this.#bytes };
    this.#roundTrip().then(
      () => {
        this.#messages -= messages;
        this.#bytes -= bytes;
        this.#askedAtMs = undefined;
      },
      () => {
        // The connection is gone, and this backlog with it.
      },
    );
  }
}
