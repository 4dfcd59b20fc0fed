/**
 * Entries in the order of their last use, as a ring with a fixed head: moving one to the end is six assignments, where
 * putting a key of a large Map in anew would make it grow and be rehashed for ever.
 */
import type { CacheEntry } from './entry.ts';

/** A place in the list. An entry that is written again keeps its node. */
export interface RecencyNode {
  entry: CacheEntry;
  before: RecencyNode;
  after: RecencyNode;
}

export class RecencyList {
  readonly #head: RecencyNode;
  #size = 0;

  constructor() {
    const head = {} as RecencyNode;
    head.before = head;
    head.after = head;
    this.#head = head;
  }

  get size(): number {
    return this.#size;
  }

  get oldest(): RecencyNode | undefined {
    return this.#size === 0 ? undefined : this.#head.after;
  }

  add(entry: CacheEntry): RecencyNode {
    const node: RecencyNode = { entry, before: this.#head.before, after: this.#head };
    this.#link(node);
    this.#size++;
    return node;
  }

  touch(node: RecencyNode): void {
    unlink(node);
    node.before = this.#head.before;
    node.after = this.#head;
    this.#link(node);
  }

  delete(node: RecencyNode): void {
    unlink(node);
    this.#size--;
  }

  #link(node: RecencyNode): void {
    node.before.after = node;
    this.#head.before = node;
  }
}

function unlink(node: RecencyNode): void {
  node.before.after = node.after;
  node.after.before = node.before;
}
