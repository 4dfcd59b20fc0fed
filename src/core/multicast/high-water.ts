/**
 * The highest number heard of each sender: what is not above it came late or twice, and is left out.
 *
 * Invariant: at most `most` senders are remembered, those heard last.
 */
import type { Incarnation } from '../identity.ts';

export class HighWater {
  readonly #most: number;
  readonly #highest = new Map<Incarnation, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** False: not above all that came before from this sender. */
  passes(from: Incarnation, number: number): boolean {
    if (number <= (this.#highest.get(from) ?? 0)) return false;
    this.#highest.delete(from);
    this.#highest.set(from, number);
    if (this.#highest.size > this.#most) this.#highest.delete(this.#highest.keys().next().value!);
    return true;
  }
}
