/**
 * Tells the actors of addresses that something was decided about them. A take-over decides about a thousand in one turn,
 * and telling them takes tens of milliseconds, in which no beat would leave and no lease be extended: so some are told at
 * once, the others in the turns that follow.
 *
 * Invariant: an actor looks at what is wanted when it is told, so what is decided in between needs no order.
 */
import type { Clock, Timer } from '../core/clock.ts';
import type { Duravip } from './duravip.ts';

/** About three milliseconds. */
const toldAtOnce = 128;

export class DecisionNotices {
  readonly #clock: Clock;
  readonly #waiting = new Set<Duravip>();
  #next: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  tell(vips: Iterable<Duravip>): void {
    for (const vip of vips) this.#waiting.add(vip);
    if (!this.#next) this.#tellSome();
  }

  stop(): void {
    this.#next?.cancel();
    this.#waiting.clear();
  }

  #tellSome(): void {
    this.#next = undefined;
    const some = [...this.#waiting].slice(0, toldAtOnce);
    for (const vip of some) this.#waiting.delete(vip);
    if (this.#waiting.size > 0) this.#next = this.#clock.after(0, () => this.#tellSome());
    for (const vip of some) vip.decided();
  }
}
