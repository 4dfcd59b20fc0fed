/**
 * A map by text that can be copied, as it is at one moment, in slices and while it changes.
 *
 * Invariant: while a copy is under way no key is deleted, because a key that came back would be visited twice; what
 * should have gone goes with `sweep`.
 */
import { PartedMap } from '../parted-map.ts';
import { sortedOrder } from './sliced-sort.ts';
import type { TableRow } from './table.ts';
import { paused, type Work } from './work.ts';

/** Keys looked at, and rows given out, in one step. */
const stepKeys = 4096;
const stepRows = 1024;

export class TextMap<V> {
  readonly #values = new PartedMap<V>();
  readonly #copies = new Set<TextCopy<V>>();

  get size(): number {
    return this.#values.size;
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  [Symbol.iterator](): Generator<readonly [string, V], void, void> {
    return this.#values[Symbol.iterator]();
  }

  set(key: string, value: V): void {
    this.aboutToChange(key, this.#values.get(key));
    this.#values.set(key, value);
  }

  /** Before a value changes in place. */
  aboutToChange(key: string, value: V | undefined): void {
    for (const copy of this.#copies) copy.save(key, value);
  }

  delete(key: string): void {
    if (this.#copies.size === 0) this.#values.delete(key);
  }

  /** Deletes what is empty. */
  *sweep(isEmpty: (key: string, value: V) => boolean): Work {
    let looked = 0;
    for (const [key, value] of this.#values) {
      if (isEmpty(key, value)) this.delete(key);
      if (++looked % stepKeys === 0) yield;
    }
  }

  /** The keys that count something, with their counts. The moment is now; `fill` does the copying. */
  copy(countOf: (value: V) => number): TextCopy<V> {
    const copy = new TextCopy(this.#values, countOf, () => this.#copies.delete(copy));
    this.#copies.add(copy);
    return copy;
  }
}

/** Rows of one moment; all there once `fill` has ended. */
export interface TextRows {
  readonly rows: readonly TableRow[];
  fill(): Work;
}

export class TextCopy<V> implements TextRows {
  readonly #source: PartedMap<V>;
  readonly #countOf: (value: V) => number;
  readonly #saved = new PartedMap<number>();
  readonly #close: () => void;
  readonly rows: TableRow[] = [];

  constructor(source: PartedMap<V>, countOf: (value: V) => number, close: () => void) {
    this.#source = source;
    this.#countOf = countOf;
    this.#close = close;
  }

  save(key: string, value: V | undefined): void {
    if (!this.#saved.has(key)) this.#saved.set(key, value === undefined ? 0 : this.#countOf(value));
  }

  *fill(): Work {
    let looked = 0;
    try {
      for (const [key, value] of this.#source) {
        const count = this.#saved.get(key) ?? this.#countOf(value);
        if (count > 0) this.rows.push({ key, count });
        if (++looked % stepKeys === 0) yield;
      }
    } finally {
      this.#close();
    }
  }
}

/** Copies and sorts: by key, ascending by UTF-16 unit, which for the ASCII of domain names is by byte. */
export function* sortedRows(copy: TextRows): Generator<readonly TableRow[], void, void> {
  for (const _ of copy.fill()) yield [];
  const { rows } = copy;
  const order = yield* paused(
    sortedOrder(rows.length, (a, b) => (rows[a]!.key < rows[b]!.key ? -1 : 1)),
    [],
  );
  for (let at = 0; at < order.length; at += stepRows)
    yield Array.from(order.subarray(at, at + stepRows), (row) => rows[row]!);
}
