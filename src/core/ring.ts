/**
 * Items in the order in which they were put in or last touched, as a ring with a fixed head: moving one to the end is six
 * assignments, where putting a key of a large Map in anew would make it be rehashed for ever.
 */
export interface RingNode<T> {
  readonly item: T;
  before: RingNode<T>;
  after: RingNode<T>;
}

export class Ring<T> {
  readonly #head: RingNode<T>;
  #size = 0;

  constructor() {
    const head = {} as RingNode<T>;
    head.before = head;
    head.after = head;
    this.#head = head;
  }

  get size(): number {
    return this.#size;
  }

  get oldest(): RingNode<T> | undefined {
    return this.#size === 0 ? undefined : this.#head.after;
  }

  /** The oldest first; none may be moved or taken out meanwhile. */
  *[Symbol.iterator](): Generator<T, void, void> {
    for (let node = this.#head.after; node !== this.#head; node = node.after) yield node.item;
  }

  add(item: T): RingNode<T> {
    const node: RingNode<T> = { item, before: this.#head.before, after: this.#head };
    this.#link(node);
    this.#size++;
    return node;
  }

  touch(node: RingNode<T>): void {
    unlink(node);
    node.before = this.#head.before;
    node.after = this.#head;
    this.#link(node);
  }

  delete(node: RingNode<T>): void {
    unlink(node);
    this.#size--;
  }

  #link(node: RingNode<T>): void {
    node.before.after = node;
    this.#head.before = node;
  }
}

function unlink<T>(node: RingNode<T>): void {
  node.before.after = node.after;
  node.after.before = node.before;
}
