/**
 * What may be wrong for a moment, but not for long. Whoever looks every few milliseconds says whether something is so
 * now, and learns once that it has been so for longer than allowed.
 */
import type { Clock } from '../../src/core/clock.ts';

export class Lasting {
  readonly #clock: Clock;
  readonly #since = new Map<string, { readonly atMs: number; readonly occasion: number; told: boolean }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Nothing is so: what is not so now need not be told, which is most of what a simulation looks at. */
  get isIdle(): boolean {
    return this.#since.size === 0;
  }

  /**
   * True once for each time that it lasts longer than the bound. Another occasion is another time: what ended and began
   * again between two looks has not lasted.
   */
  exceeds(what: string, isSo: boolean, boundMs: number, occasion = 0): boolean {
    if (!isSo) {
      this.#since.delete(what);
      return false;
    }
    const nowMs = this.#clock.nowMs();
    const earlier = this.#since.get(what);
    const since = earlier?.occasion === occasion ? earlier : { atMs: nowMs, occasion, told: false };
    this.#since.set(what, since);
    if (since.told || nowMs - since.atMs <= boundMs) return false;
    since.told = true;
    return true;
  }
}
