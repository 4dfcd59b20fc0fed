/**
 * What the leader does with submissions: gives each sender's items their places in the order in which it numbered them.
 *
 * Invariant: within a view no item of a sender comes before an earlier one, nor twice, whatever was lost or repeated on
 * the way.
 */
import type { Incarnation } from '../identity.ts';
import type { OrderedItem, Submit } from './messages.ts';

export class Sequencer {
  readonly #next = new Map<Incarnation, number>();

  viewInstalled(): void {
    this.#next.clear();
  }

  /** `order` is false while there is no room: the sender asks again. */
  take({ from, first, items }: Omit<Submit, 'kind' | 'view'>, order: (item: OrderedItem) => boolean): void {
    for (const [index, item] of items.entries()) {
      const number = first + index;
      const next = this.#next.get(from) ?? 1;
      if (number < next) continue;
      if (number > next) return;
      // Before it is ordered: whoever hears of it may submit the next one at once.
      this.#next.set(from, number + 1);
      if (order({ from, item })) continue;
      this.#next.set(from, number);
      return;
    }
  }
}
