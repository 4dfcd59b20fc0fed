/**
 * Values by key, in the order in which they were last used. No operation takes longer when there are many.
 *
 * A walk meets them in no order, and what is used, put in or deleted meanwhile does it no harm.
 */
import { PartedMap } from './parted-map.ts';
import { Ring, type RingNode } from './ring.ts';

interface Item<V> {
  readonly key: string;
  readonly value: V;
}

export class RecencyMap<V> {
  readonly #nodes = new PartedMap<RingNode<Item<V>>>();
  readonly #order = new Ring<Item<V>>();

  get size(): number {
    return this.#order.size;
  }

  get oldest(): Item<V> | undefined {
    return this.#order.oldest?.item;
  }

  /** Without using it. */
  get(key: string): V | undefined {
    return this.#nodes.get(key)?.item.value;
  }

  has(key: string): boolean {
    return this.#nodes.has(key);
  }

  use(key: string): V | undefined {
    const node = this.#nodes.get(key);
    if (node) this.#order.touch(node);
    return node?.item.value;
  }

  set(key: string, value: V): void {
    this.delete(key);
    this.#nodes.set(key, this.#order.add({ key, value }));
  }

  delete(key: string): boolean {
    const node = this.#nodes.get(key);
    if (!node) return false;
    this.#nodes.delete(key);
    this.#order.delete(node);
    return true;
  }

  *[Symbol.iterator](): Generator<readonly [string, V], void, void> {
    for (const [key, node] of this.#nodes) yield [key, node.item.value];
  }
}
