/**
 * What expires when, by second: putting in, taking out and finding what is due cost the same however much there is, also
 * where a second has very many.
 *
 * Invariant: an item is due at the end of the second it expires in, at every node the same second, so that digests of
 * equal caches differ no longer than clocks do.
 */
import { PartedMap } from '../parted-map.ts';
import { Ring, type RingNode } from '../ring.ts';

export class ExpiryWheel<T> {
  readonly #seconds = new PartedMap<Ring<T>, number>();
  /** No second before it has items. */
  #earliest = Number.POSITIVE_INFINITY;

  /** Its place, by which it is taken out. */
  add(item: T, expiresMs: number): RingNode<T> {
    const second = Math.floor(expiresMs / 1000);
    let items = this.#seconds.get(second);
    if (!items) {
      items = new Ring();
      this.#seconds.set(second, items);
    }
    this.#earliest = Math.min(this.#earliest, second);
    return items.add(item);
  }

  delete(place: RingNode<T>, expiresMs: number): void {
    const second = Math.floor(expiresMs / 1000);
    const items = this.#seconds.get(second);
    items?.delete(place);
    if (items?.size === 0) this.#seconds.delete(second);
  }

  /** Items that are due, at most `limit`. They stay until they are taken out. */
  due(nowMs: number, limit: number): T[] {
    const now = Math.floor(nowMs / 1000);
    const due: T[] = [];
    for (const second of this.#secondsBefore(now)) {
      for (const item of this.#seconds.get(second) ?? []) {
        if (due.length === limit) return due;
        due.push(item);
      }
    }
    return due;
  }

  /** Moves on past seconds that are empty; a long silence is not walked through second by second, but in no order. */
  *#secondsBefore(now: number): Generator<number, void, void> {
    if (this.#isFar(now)) {
      this.#earliest = Number.POSITIVE_INFINITY;
      for (const [second] of this.#seconds) this.#earliest = Math.min(this.#earliest, second);
    }
    if (this.#isFar(now)) {
      for (const [second] of this.#seconds) if (second < now) yield second;
      return;
    }
    while (this.#earliest < now && !this.#seconds.has(this.#earliest)) this.#earliest++;
    for (let second = this.#earliest; second < now; second++) yield second;
  }

  /** Most of the seconds since the earliest one are empty. */
  #isFar(now: number): boolean {
    return now - this.#earliest > this.#seconds.size;
  }
}
