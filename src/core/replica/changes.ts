/**
 * Building and reading the columns of `Changes`. Addresses of both families and the netblocks that addresses were rolled
 * up into are four parts, numbered in the order of the columns.
 */
import type { CellChanges } from '../series/cell.ts';
import type { Changes } from './messages.ts';

export interface Part {
  readonly wide: boolean;
  /** Prefix length that a key stands for. */
  readonly bits: number;
  /** 32-bit words of a key in its column; the others are 0. */
  readonly words: 1 | 2 | 4;
}

export const parts: readonly Part[] = [
  { wide: false, bits: 32, words: 1 },
  { wide: true, bits: 128, words: 4 },
  { wide: false, bits: 24, words: 1 },
  { wide: true, bits: 64, words: 2 },
];

/** The columns of each part, with the words of a key in them. */
const addressColumns = [
  ['v4Keys', 'v4Values', 1],
  ['v6Keys', 'v6Values', 4],
  ['v4BlockKeys', 'v4BlockValues', 1],
  ['v6BlockKeys', 'v6BlockValues', 2],
] as const;

const noKeys = new Uint32Array(0);
const noValues = new Float64Array(0);

export const noChanges: Changes = {
  v4Keys: noKeys,
  v4Values: noValues,
  v6Keys: noKeys,
  v6Values: noValues,
  v4BlockKeys: noKeys,
  v4BlockValues: noValues,
  v6BlockKeys: noKeys,
  v6BlockValues: noValues,
  textKeys: [],
  textValues: noValues,
  cells: [],
};

export function changeCount(changes: Changes): number {
  const { v4Values, v6Values, v4BlockValues, v6BlockValues, textValues } = changes;
  const plain =
    v4Values.length + v6Values.length + v4BlockValues.length + v6BlockValues.length + textValues.length;
  return changes.cells.reduce((count, { keys }) => count + keys.length + 1, plain);
}

/** The same changes in parts of up to `keys` keys. */
export function* inParts(changes: Changes, keys: number): Generator<Changes, void, void> {
  if (changeCount(changes) <= keys) {
    yield changes;
    return;
  }
  for (const [keyColumn, valueColumn, words] of addressColumns) {
    for (let at = 0; at < changes[valueColumn].length; at += keys) {
      yield {
        ...noChanges,
        [keyColumn]: changes[keyColumn].subarray(at * words, (at + keys) * words),
        [valueColumn]: changes[valueColumn].subarray(at, at + keys),
      };
    }
  }
  for (let at = 0; at < changes.textKeys.length; at += keys) {
    const textKeys = changes.textKeys.slice(at, at + keys);
    yield { ...noChanges, textKeys, textValues: changes.textValues.subarray(at, at + keys) };
  }
  yield* cellsInParts(changes.cells, keys);
}

/** A block may have no keys at all, and there may be many of few keys: so small ones go together. */
function* cellsInParts(blocks: readonly CellChanges[], keys: number): Generator<Changes, void, void> {
  let part: CellChanges[] = [];
  let room = keys;
  for (const block of blocks) {
    for (let at = 0; at === 0 || at < block.keys.length; at += keys) {
      const some = block.keys.slice(at, at + keys);
      part.push({ ...block, keys: some, values: block.values.subarray(at, at + keys) });
      room -= some.length + 1;
      if (room > 0) continue;
      yield { ...noChanges, cells: part };
      part = [];
      room = keys;
    }
  }
  if (part.length > 0) yield { ...noChanges, cells: part };
}

export type EachChange = (part: number, a: number, b: number, c: number, d: number, value: number) => void;

/** Key words come as signed numbers, as addresses are. */
export function eachAddress(changes: Changes, each: EachChange): void {
  eachOf(0, changes.v4Keys, changes.v4Values, each);
  eachOf(1, changes.v6Keys, changes.v6Values, each);
  eachOf(2, changes.v4BlockKeys, changes.v4BlockValues, each);
  eachOf(3, changes.v6BlockKeys, changes.v6BlockValues, each);
}

function eachOf(part: number, keys: Uint32Array, values: Float64Array, each: EachChange): void {
  const words = parts[part]!.words;
  for (let i = 0, at = 0; i < values.length; i++, at += words) {
    const a = keys[at]! | 0;
    const b = words > 1 ? keys[at + 1]! | 0 : 0;
    const c = words > 2 ? keys[at + 2]! | 0 : 0;
    const d = words > 2 ? keys[at + 3]! | 0 : 0;
    each(part, a, b, c, d, values[i]!);
  }
}

class Column {
  readonly #words: number;
  #keys: Uint32Array;
  #values: Float64Array;
  #size = 0;

  constructor(words: number) {
    this.#words = words;
    this.#keys = new Uint32Array(16 * words);
    this.#values = new Float64Array(16);
  }

  add(a: number, b: number, c: number, d: number, value: number): void {
    if (this.#size === this.#values.length) this.#grow();
    const at = this.#size * this.#words;
    this.#keys[at] = a;
    if (this.#words > 1) this.#keys[at + 1] = b;
    if (this.#words > 2) {
      this.#keys[at + 2] = c;
      this.#keys[at + 3] = d;
    }
    this.#values[this.#size++] = value;
  }

  get keys(): Uint32Array {
    return this.#keys.subarray(0, this.#size * this.#words);
  }

  get values(): Float64Array {
    return this.#values.subarray(0, this.#size);
  }

  #grow(): void {
    const keys = new Uint32Array(this.#keys.length * 2);
    const values = new Float64Array(this.#values.length * 2);
    keys.set(this.#keys);
    values.set(this.#values);
    this.#keys = keys;
    this.#values = values;
  }
}

/** Collects changes of addresses and netblocks. */
export class ChangesBuilder {
  readonly #columns: (Column | undefined)[] = [];
  size = 0;

  add(part: number, a: number, b: number, c: number, d: number, value: number): void {
    let column = this.#columns[part];
    if (!column) {
      column = new Column(parts[part]!.words);
      this.#columns[part] = column;
    }
    column.add(a, b, c, d, value);
    this.size++;
  }

  build(): Changes {
    const keys = (part: number) => this.#columns[part]?.keys ?? noKeys;
    const values = (part: number) => this.#columns[part]?.values ?? noValues;
    return {
      ...noChanges,
      v4Keys: keys(0),
      v4Values: values(0),
      v6Keys: keys(1),
      v6Values: values(1),
      v4BlockKeys: keys(2),
      v4BlockValues: values(2),
      v6BlockKeys: keys(3),
      v6BlockValues: values(3),
    };
  }
}
