/**
 * Slots held for clients of the API over NATS. A client may die without a word, so each slot is held for a time that the
 * client may extend, and is free again when that is over.
 *
 * Invariant: a slot is given back once. Bounded: so many are held at most.
 */
import type { Clock, Timer } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { Slot } from './throttles.ts';

interface Held {
  readonly slot: Slot;
  timer: Timer;
}

const maxHeld = 10_000;

export class HeldSlots {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #random: Random;
  readonly #held = new Map<string, Held>();

  constructor({ clock, random }: { readonly clock: Pick<Clock, 'after'>; readonly random: Random }) {
    this.#clock = clock;
    this.#random = random;
  }

  get size(): number {
    return this.#held.size;
  }

  /** An id that nobody can guess. FLT-1305 when too many are held; then it is free again. */
  hold(slot: Slot, holdS: number): string {
    if (this.#held.size >= maxHeld) {
      slot.giveBack();
      throw new FlotillaError('FLT-1305', `${maxHeld} slots held for clients`);
    }
    const id = this.#random.hex(16);
    this.#held.set(id, { slot, timer: this.#expiry(id, holdS) });
    return id;
  }

  /** From now on for so long. FLT-2105. */
  extend(id: string, holdS: number): void {
    const held = this.#get(id);
    held.timer.cancel();
    held.timer = this.#expiry(id, holdS);
  }

  /** FLT-2105. */
  giveBack(id: string): void {
    const { slot, timer } = this.#get(id);
    timer.cancel();
    this.#held.delete(id);
    slot.giveBack();
  }

  /** All of them, at the end of the node. */
  stop(): void {
    for (const id of [...this.#held.keys()]) this.giveBack(id);
  }

  #expiry(id: string, holdS: number): Timer {
    return this.#clock.after(holdS * 1000, () => this.giveBack(id));
  }

  #get(id: string): Held {
    const held = this.#held.get(id);
    if (!held) throw new FlotillaError('FLT-2105', `'${id.slice(0, 64)}'`);
    return held;
  }
}
