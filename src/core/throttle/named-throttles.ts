/**
 * Named throttles of one node (replication 7.10-7.15), made when somebody first asks for them.
 *
 * Bounded: the least recently used one goes when there are too many, and each goes when it was not used for its window and
 * a second. Invariant: the map is in order of use, the least recent first.
 */
import type { Clock } from '../clock.ts';
import { FlotillaError } from '../errors.ts';
import { Bookings } from './bookings.ts';
import { parseRate, type Rate, unitsIn, windowAt } from './rate.ts';

interface NamedThrottle {
  /** Undefined: no limit. */
  readonly rate: Rate | undefined;
  readonly bookings: Bookings | undefined;
  lastUseMs: number;
}

/** Callers that one throttle lets wait. */
const maxWaiting = 10_000;

export class NamedThrottles {
  readonly #capacity: number;
  readonly #clock: Pick<Clock, 'nowMs' | 'wallMs'>;
  readonly #throttles = new Map<string, NamedThrottle>();
  #evictions = 0;

  constructor(capacity: number, clock: Pick<Clock, 'nowMs' | 'wallMs'>) {
    this.#capacity = capacity;
    this.#clock = clock;
  }

  get size(): number {
    return this.#throttles.size;
  }

  /** Those that went because there were too many. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Nothing happens when the name is held, even with another rate. Throws FLT-1801. */
  create(name: string, rateText: string | number): void {
    const rate = parseRate(rateText);
    if (this.#touch(name)) return;
    this.#makeRoom();
    const bookings = rate && new Bookings(rate);
    this.#throttles.set(name, { rate, bookings, lastUseMs: this.#clock.nowMs() });
  }

  increment(name: string): void {
    this.#held(name).bookings?.add(1, this.#clock.wallMs());
  }

  decrement(name: string): void {
    this.#held(name).bookings?.add(-1, this.#clock.wallMs());
  }

  /** Over quota: more uses in this window than it has units. Meant to be called after `increment`. */
  check(name: string): boolean {
    const { rate, bookings } = this.#held(name);
    if (!rate || !bookings) return false;
    const wallMs = this.#clock.wallMs();
    return bookings.used(wallMs) > unitsIn(rate, windowAt(rate, wallMs));
  }

  /** Books a unit. How long the caller has to be held, 0 when it may go on. Throws FLT-1804 when too many are held. */
  tarpit(name: string): number {
    const throttle = this.#held(name);
    const { bookings } = throttle;
    if (bookings === undefined) return 0;
    const wallMs = this.#clock.wallMs();
    if (bookings.waiting(wallMs) >= maxWaiting) throw new FlotillaError('FLT-1804', `'${name}'`);
    const waitMs = bookings.book(wallMs);
    // Whoever is let go after a long time must find the throttle it was held by.
    throttle.lastUseMs = this.#clock.nowMs() + waitMs;
    return waitMs;
  }

  #held(name: string): NamedThrottle {
    const throttle = this.#touch(name);
    if (throttle === undefined) throw new FlotillaError('FLT-1802', `no such throttle '${name}'`);
    return throttle;
  }

  #touch(name: string): NamedThrottle | undefined {
    const throttle = this.#throttles.get(name);
    if (throttle === undefined) return undefined;
    this.#throttles.delete(name);
    if (this.#isOver(throttle)) return undefined;
    throttle.lastUseMs = Math.max(throttle.lastUseMs, this.#clock.nowMs());
    this.#throttles.set(name, throttle);
    return throttle;
  }

  #makeRoom(): void {
    for (const [name, throttle] of this.#throttles) {
      const isOver = this.#isOver(throttle);
      if (!isOver && this.#throttles.size < this.#capacity) return;
      this.#throttles.delete(name);
      if (!isOver) this.#evictions++;
    }
  }

  /** One for which callers are still held is in use. */
  #isOver({ rate, bookings, lastUseMs }: NamedThrottle): boolean {
    const lifeMs = ((rate?.windowS ?? 1) + 1) * 1000;
    return this.#clock.nowMs() - lastUseMs > lifeMs && !bookings?.waiting(this.#clock.wallMs());
  }
}
