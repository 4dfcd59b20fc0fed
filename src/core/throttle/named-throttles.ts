/**
 * Named throttles of one node (replication 7.10-7.15), made when somebody first asks for them.
 *
 * Bounded: the least recently used one goes when there are too many, and each goes when it was not used for its window and
 * a second: not at once, but each new one takes up to two with it.
 */
import type { Clock } from '../clock.ts';
import { FlotillaError } from '../errors.ts';
import { RecencyMap } from '../recency-map.ts';
import { Bookings } from './bookings.ts';
import { parseRate, type Rate, unitsIn, windowAt } from './rate.ts';

interface NamedThrottle {
  /** Undefined: no limit. */
  readonly rate: Rate | undefined;
  readonly bookings: Bookings | undefined;
  lastUseMs: number;
}

/** Throttles that go when one comes. */
const turnGone = 2;
/** Callers that one throttle lets wait. */
const maxWaiting = 10_000;

export class NamedThrottles {
  readonly #capacity: number;
  readonly #clock: Pick<Clock, 'nowMs' | 'wallMs'>;
  readonly #throttles = new RecencyMap<NamedThrottle>();
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
    const throttle = this.#throttles.use(name);
    if (throttle === undefined) return undefined;
    if (this.#isOver(throttle)) {
      this.#throttles.delete(name);
      return undefined;
    }
    throttle.lastUseMs = Math.max(throttle.lastUseMs, this.#clock.nowMs());
    return throttle;
  }

  /** Those that are over first; who comes pays for two of them, so that all go in the end and nobody waits for it. */
  #makeRoom(): void {
    for (let gone = 0; gone < turnGone; gone++) {
      const oldest = this.#throttles.oldest;
      if (!oldest) return;
      const isOver = this.#isOver(oldest.value);
      if (!isOver && this.#throttles.size < this.#capacity) return;
      this.#throttles.delete(oldest.key);
      if (!isOver) this.#evictions++;
    }
  }

  /** One for which callers are still held is in use. */
  #isOver({ rate, bookings, lastUseMs }: NamedThrottle): boolean {
    const lifeMs = ((rate?.windowS ?? 1) + 1) * 1000;
    return this.#clock.nowMs() - lastUseMs > lifeMs && !bookings?.waiting(this.#clock.wallMs());
  }
}
