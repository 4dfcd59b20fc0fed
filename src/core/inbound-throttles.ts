/**
 * May this node accept a message now? `inbound_throttle_messages`, by reference: a throttle belongs to the stanza that sets
 * it, and all pathways that fall back to that stanza draw from it together (replication 7.4, 7.6).
 */
import type { InboundThrottle, InboundThrottleSettings } from './settings.ts';
import { Bookings } from './throttle/bookings.ts';
import { parseRate, windowAt } from './throttle/rate.ts';

/** `waitMs` 0: a unit is taken, and `giveBack` undoes it within the window. Else none is. */
export interface InboundUnit {
  readonly waitMs: number;
  giveBack(): void;
}

interface Held {
  readonly rate: string;
  /** Undefined: no limit. */
  readonly bookings: Bookings | undefined;
}

export class InboundThrottles {
  readonly #wallMs: () => number;
  /** By the stanza that sets it; one for each that was needed. */
  readonly #held = new Map<string, Held>();
  #settings: InboundThrottleSettings;

  constructor(settings: InboundThrottleSettings, wallMs: () => number) {
    this.#settings = settings;
    this.#wallMs = wallMs;
  }

  /** Other rates take effect with the next message; what was used of the running window is forgotten then. */
  configure(settings: InboundThrottleSettings): void {
    this.#settings = settings;
    const stays = new Set(
      [settings.global, ...settings.byPathway.values()].map((throttle) => throttle?.stanza),
    );
    for (const stanza of this.#held.keys()) if (!stays.has(stanza)) this.#held.delete(stanza);
  }

  /** Without a pathway, or for one that is not configured, the global one counts. */
  take(pathway?: string): InboundUnit {
    const { byPathway, global } = this.#settings;
    const throttle = pathway !== undefined && byPathway.has(pathway) ? byPathway.get(pathway) : global;
    const bookings = throttle && this.#bookings(throttle);
    if (!bookings) return { waitMs: 0, giveBack: () => {} };
    const wallMs = this.#wallMs();
    const window = windowAt(bookings.rate, wallMs);
    const waitMs = bookings.take(wallMs);
    return { waitMs, giveBack: () => waitMs === 0 && bookings.giveBack(window, this.#wallMs()) };
  }

  #bookings({ stanza, rate }: InboundThrottle): Bookings | undefined {
    let held = this.#held.get(stanza);
    if (held?.rate !== rate) {
      const parsed = parseRate(rate);
      held = { rate, bookings: parsed && new Bookings(parsed) };
      this.#held.set(stanza, held);
    }
    return held.bookings;
  }
}
