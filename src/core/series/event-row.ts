/**
 * What one life of one node counted: streams of cells (replication 8.8).
 *
 * Invariant: `digest` is the sum of the digests of all cells and of what each stream says it continues.
 */
import type { Incarnation } from '../identity.ts';
import { noChanges } from '../replica/changes.ts';
import type { Changes } from '../replica/messages.ts';
import { mostKeys, type RemoteRow } from '../replica/table.ts';
import type { Work } from '../replica/work.ts';
import {
  Cell,
  type CellChanges,
  DigestSum,
  type StreamDefinition,
  sameDefinition,
  textDigest,
} from './cell.ts';
import { plus, type StreamKey } from './stream-key.ts';

/** A sender keeps within half of these; they guard against one without bounds. */
const maxRowKeys = 2 * mostKeys;
const maxStreams = 4096;
const maxCells = 32_768;

/** Keys looked at in one step. */
export const stepKeys = 512;

/** Keys in a part of a whole row. */
const rowPartKeys = 2048;

export interface Stream {
  readonly definition: StreamDefinition;
  continues: readonly Incarnation[];
  readonly cells: Map<number, Cell>;
}

export type Counted = (definition: StreamDefinition, cell: number, key: StreamKey, by: number) => void;

export class EventRow implements RemoteRow {
  readonly digest = new DigestSum();
  readonly streams = new Map<string, Stream>();
  size = 0;
  /** Keys and cells that found no room. */
  refused = 0;
  /** Of one who has left: the number of its last batch that is in the row. */
  sequence = 0;

  apply(changes: Changes): void {
    for (const block of changes.cells) this.write(block, () => {});
  }

  /** Sets the values of one block and tells by how much each key changed. */
  write({ definition, continues, cell: number, isDropped, keys, values }: CellChanges, each: Counted): void {
    const stream = this.#streamOf(definition);
    if (!stream) return;
    this.state(stream, continues);
    if (isDropped) {
      this.drop(stream, number);
      return;
    }
    const cell = this.#cellOf(stream, number);
    if (!cell) return;
    for (const [i, key] of keys.entries()) this.put(stream, cell, key, values[i]!, each);
  }

  put({ definition }: Stream, cell: Cell, key: StreamKey, value: number, each: Counted): void {
    const before = this.set(cell, key, value);
    if (before === value) return;
    this.digest.add(cell.restate(key, before, value));
    each(definition, cell.number, key, plus(value, -before));
  }

  /** Sets a value, but not the digest; returns what is to be taken for the value before: the same when there is no room. */
  set(cell: Cell, key: StreamKey, value: number): number {
    const before = cell.values.get(key);
    if (before === 0 && value !== 0 && this.size >= maxRowKeys) {
      this.refused++;
      return value;
    }
    this.size += Number(value !== 0) - Number(before !== 0);
    cell.values.set(key, value);
    return before;
  }

  /** Drops a cell, whatever is in it. */
  drop(stream: Stream, number: number): void {
    const cell = this.takeOut(stream, number);
    if (cell) this.digest.subtract(cell.digest);
  }

  /** Takes a cell out; the digest still has it. */
  takeOut(stream: Stream, number: number): Cell | undefined {
    const cell = stream.cells.get(number);
    if (!cell) return undefined;
    this.size -= cell.values.size;
    stream.cells.delete(number);
    return cell;
  }

  /** What the stream says it continues. */
  state(stream: Stream, continues: readonly Incarnation[]): void {
    const [before, after] = [stream.continues.join(), continues.join()];
    if (before === after) return;
    const { id } = stream.definition;
    if (before !== '') this.digest.subtract(textDigest(`${id}\n${before}`));
    if (after !== '') this.digest.add(textDigest(`${id}\n${after}`));
    stream.continues = continues;
  }

  /** Takes a stream out as it is, with all its cells. */
  remove(stream: Stream): void {
    for (const { values, digest } of stream.cells.values()) {
      this.size -= values.size;
      this.digest.subtract(digest);
    }
    this.streams.delete(stream.definition.id);
    const { continues } = stream;
    this.state(stream, []);
    stream.continues = continues;
  }

  /** An existing stream, or a new one in place of one that was defined otherwise. */
  #streamOf(definition: StreamDefinition): Stream | undefined {
    const known = this.streams.get(definition.id);
    if (known && sameDefinition(known.definition, definition)) return known;
    if (known) this.remove(known);
    if (this.streams.size < maxStreams) return this.define(definition);
    this.refused++;
    return undefined;
  }

  define(definition: StreamDefinition): Stream {
    const stream = { definition, continues: [], cells: new Map<number, Cell>() };
    this.streams.set(definition.id, stream);
    return stream;
  }

  #cellOf(stream: Stream, number: number): Cell | undefined {
    const known = stream.cells.get(number);
    if (known || stream.cells.size < maxCells) return known ?? this.open(stream, number);
    this.refused++;
    return undefined;
  }

  open(stream: Stream, number: number): Cell {
    const cell = new Cell(stream.definition, number);
    stream.cells.set(number, cell);
    return cell;
  }
}

/** All counts of a stream, in steps. */
export function* eachCount({ definition, cells }: Stream, each: Counted): Work {
  let looked = 0;
  for (const { number, values } of cells.values()) {
    for (const [key, value] of values) {
      each(definition, number, key, value);
      if (++looked % stepKeys === 0) yield;
    }
  }
}

/** Each key that some of the cells have, once, in steps. */
export function* eachKey(cells: readonly Cell[], each: (key: StreamKey) => void): Work {
  let looked = 0;
  for (const [i, { values }] of cells.entries()) {
    for (const key of values.keys()) {
      if (!cells.slice(0, i).some((seen) => seen.values.has(key))) each(key);
      if (++looked % stepKeys === 0) yield;
    }
  }
}

/** Whole streams, each part as it is when it is asked for. */
export function* partsOf(streams: Iterable<Stream>): Generator<Changes, void, void> {
  let part: CellChanges[] = [];
  let room = rowPartKeys;
  for (const stream of streams) {
    if (stream.cells.size === 0 && stream.continues.length > 0) part.push(blockOf(stream, 0, [], []));
    for (const [number, cell] of stream.cells) {
      let keys: StreamKey[] = [];
      let amounts: number[] = [];
      room--;
      for (const [key, value] of cell.values) {
        keys.push(key);
        amounts.push(value);
        if (--room > 0) continue;
        part.push(blockOf(stream, number, keys, amounts));
        yield { ...noChanges, cells: part };
        [part, keys, amounts, room] = [[], [], [], rowPartKeys];
        // Dropped meanwhile: the rest of it would put it back.
        if (stream.cells.get(number) !== cell) break;
      }
      // Also an empty one: a cell that is not in a row was dropped, one that is there without a key counts 0 for it.
      if (stream.cells.get(number) === cell) part.push(blockOf(stream, number, keys, amounts));
    }
  }
  if (part.length > 0) yield { ...noChanges, cells: part };
}

export function blockOf(
  { definition, continues }: Stream,
  cell: number,
  keys: readonly StreamKey[],
  values: readonly number[],
): CellChanges {
  return { definition, continues, cell, isDropped: false, keys, values: Float64Array.from(values) };
}
