/**
 * What this process wants ordered and has not seen ordered yet, first come first served (BUS-8).
 *
 * Invariant: an item leaves only when it comes back in the ordered stream. In a new view all that is left is submitted
 * again, after the groups, because nobody but this process knows of it: those who come along have delivered exactly what
 * this process has.
 */
import { type Item, itemBytes } from './messages.ts';

/** What is on its way to the leader at a time. */
const windowItems = 64;
const windowBytes = 262_144;

export interface Submission {
  readonly first: number;
  readonly items: readonly Item[];
}

export class Outbox {
  #items: Item[] = [];
  /** How many of this view have come back. */
  #done = 0;
  /** How many of `#items` are on their way. */
  #sent = 0;
  #bytes = 0;

  get size(): number {
    return this.#items.length;
  }

  /** Of all that waits. */
  get bytes(): number {
    return this.#bytes;
  }

  add(item: Item): void {
    this.#items.push(item);
    this.#bytes += itemBytes(item);
  }

  /** An own item has its place. */
  ordered(): void {
    const item = this.#items.shift();
    if (!item) return;
    this.#bytes -= itemBytes(item);
    this.#done += 1;
    this.#sent = Math.max(0, this.#sent - 1);
  }

  /** `groups`: what the others are told first of all; undefined: nothing. */
  viewInstalled(groups: Item | undefined): void {
    const messages = this.#items.filter(({ kind }) => kind === 'message');
    this.#items = groups ? [groups, ...messages] : messages;
    this.#bytes = this.#items.reduce((sum, item) => sum + itemBytes(item), 0);
    this.#done = 0;
    this.#sent = 0;
  }

  /** What has not been sent yet, as much as may be on its way. */
  next(): Submission | undefined {
    return this.#from(this.#sent);
  }

  /** From the first one on: something was lost, or had no room. */
  again(): Submission | undefined {
    this.#sent = 0;
    return this.#from(0);
  }

  #from(start: number): Submission | undefined {
    let bytes = this.#items.slice(0, start).reduce((sum, item) => sum + itemBytes(item), 0);
    let end = start;
    while (end < Math.min(this.#items.length, windowItems)) {
      bytes += itemBytes(this.#items[end]!);
      if (bytes > windowBytes && end > 0) break;
      end += 1;
    }
    if (end === start) return undefined;
    this.#sent = end;
    return { first: this.#done + start + 1, items: this.#items.slice(start, end) };
  }
}
