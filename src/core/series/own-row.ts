/**
 * What this node counted: its row of an event table, and which of it the others have not been told.
 *
 * Invariants: `digest` is the digest of the row as it was taken; own changes wait in the cells (`Cell.sent`) until they
 * are taken, drops of cells before changes: a cell that was dropped may have begun anew.
 */
import type { Digest } from '../digest.ts';
import type { Incarnation } from '../identity.ts';
import { PartedMap } from '../parted-map.ts';
import { noChanges } from '../replica/changes.ts';
import type { Changes } from '../replica/messages.ts';
import type { Cell, CellChanges, StreamDefinition } from './cell.ts';
import { blockOf, EventRow, partsOf, type Stream } from './event-row.ts';
import type { StreamKey } from './stream-key.ts';

/** Lives whose counts a stream says it has taken over. */
const maxContinues = 8;

export class OwnRow {
  readonly #row = new EventRow();
  /** Cells with something in `sent`. */
  readonly #dirty = new Map<Cell, Stream>();
  #dirtyKeys = 0;
  /** Cells that were dropped, and streams that continue more than they said, since the row was last taken. */
  #dropped: { readonly stream: Stream; readonly number: number; readonly digest: Digest }[] = [];
  readonly #continued = new Map<Stream, readonly Incarnation[]>();

  get pending(): number {
    return this.#dirtyKeys + this.#dropped.length + this.#continued.size;
  }

  get digest(): Digest {
    return this.#row.digest;
  }

  /** Keys, each counted once for each cell it is in. */
  get size(): number {
    return this.#row.size;
  }

  get streams(): ReadonlyMap<string, Stream> {
    return this.#row.streams;
  }

  define(definition: StreamDefinition): Stream {
    return this.#row.define(definition);
  }

  get(stream: Stream, number: number, key: StreamKey): number {
    return stream.cells.get(number)?.values.get(key) ?? 0;
  }

  set(stream: Stream, number: number, key: StreamKey, value: number): void {
    const before = this.get(stream, number, key);
    if (value === before) return;
    const cell = stream.cells.get(number) ?? this.#row.open(stream, number);
    this.#row.set(cell, key, value);
    cell.sent ??= new PartedMap();
    if (cell.sent.has(key)) return;
    cell.sent.set(key, before);
    this.#dirtyKeys++;
    this.#dirty.set(cell, stream);
  }

  drop(stream: Stream, number: number): void {
    const cell = this.#row.takeOut(stream, number)!;
    if (this.#dirty.delete(cell)) this.#dirtyKeys -= cell.sent!.size;
    this.#dropped.push({ stream, number, digest: cell.digest });
  }

  remove(stream: Stream): void {
    for (const number of [...stream.cells.keys()]) this.drop(stream, number);
    this.#continued.delete(stream);
    this.#row.remove(stream);
  }

  /** What those lives had counted in the stream is in it now. */
  continue(stream: Stream, lives: readonly Incarnation[]): void {
    this.#continued.set(stream, lives.reduce(withLife, this.continues(stream.definition.id)));
  }

  /** Lives whose counts are in the stream, also those that nobody was told of yet. */
  continues(id: string): readonly Incarnation[] {
    const stream = this.streams.get(id);
    return stream ? (this.#continued.get(stream) ?? stream.continues) : [];
  }

  /** The row belongs to another life of this process from now on. */
  become(before: Incarnation): void {
    for (const stream of this.streams.values())
      if (stream.cells.size > 0) this.#row.state(stream, withLife(stream.continues, before));
  }

  take(limit: number): Changes | undefined {
    const cells: CellChanges[] = [];
    for (const { stream, number, digest } of this.#dropped.splice(0, limit)) {
      this.#row.digest.subtract(digest);
      cells.push({ ...blockOf(stream, number, [], []), isDropped: true });
    }
    if (this.#dropped.length === 0) {
      for (const [stream, continues] of this.#continued) {
        this.#row.state(stream, continues);
        cells.push(blockOf(stream, 0, [], []));
      }
      this.#continued.clear();
      this.#takeCells(limit - cells.length, cells);
    }
    return cells.length === 0 ? undefined : { ...noChanges, cells };
  }

  /** The whole row, each part as it is when it is asked for. */
  parts(): Generator<Changes, void, void> {
    return partsOf(this.streams.values());
  }

  #takeCells(limit: number, into: CellChanges[]): void {
    let left = limit;
    for (const [cell, stream] of this.#dirty) {
      if (left <= 0) return;
      const block = this.#takeCell(cell, stream, left);
      left -= block.keys.length;
      if (block.keys.length > 0) into.push(block);
    }
  }

  #takeCell(cell: Cell, stream: Stream, limit: number): CellChanges {
    const keys: StreamKey[] = [];
    const values: number[] = [];
    let left = limit;
    for (const [key, before] of cell.sent!) {
      if (left-- === 0) break;
      cell.sent!.delete(key);
      this.#dirtyKeys--;
      const value = cell.values.get(key);
      if (value === before) continue;
      this.#row.digest.add(cell.restate(key, before, value));
      keys.push(key);
      values.push(value);
    }
    if (cell.sent!.size === 0) this.#dirty.delete(cell);
    return blockOf(stream, cell.number, keys, values);
  }
}

function withLife(lives: readonly Incarnation[], life: Incarnation): readonly Incarnation[] {
  return [...lives.filter((other) => other !== life), life].slice(-maxContinues);
}
