/**
 * Counts of things that happened, over windows of time, by all nodes together: the table of `metrics` (replication 8, 9).
 *
 * Invariants: a sum over all nodes is what this node counted, plus the rows of the members, plus those of members that
 * have left; rows say absolute totals for each cell of time, so nothing counts twice (8.8). Dropping a cell takes nothing
 * out of the sums: they age with their windows. Own changes wait in the cells (`Cell.sent`) until they are taken.
 */
import type { Digest } from '../digest.ts';
import { FlotillaError } from '../errors.ts';
import type { Incarnation } from '../identity.ts';
import { noChanges } from '../replica/changes.ts';
import { checkedText } from '../replica/gauge-key.ts';
import type { Changes } from '../replica/messages.ts';
import {
  maxCount,
  mostKeys,
  type RemoteRow,
  type ReplicatedRows,
  type TableStats,
} from '../replica/table.ts';
import { finish, type Work } from '../replica/work.ts';
import type { Cell, CellChanges, KeyType, StreamDefinition } from './cell.ts';
import { sameDefinition } from './cell.ts';
import { type Counted, EventRow, eachCount, type Stream, stepKeys } from './event-row.ts';
import { isPast, RetiredRows } from './retired-rows.ts';
import { plus, type StreamKey } from './stream-key.ts';
import { type Monitor, type Scope, StreamTotals } from './stream-totals.ts';
import type { Query } from './window-totals.ts';

export interface EventTableOptions {
  readonly self: Incarnation;
  /** Keys this node counts for, each counted once for each cell it is in; others are counted together. */
  readonly maxKeys: number;
  /** Counts begun before this process enter the sums too (8.9). */
  readonly hasSnapshots: boolean;
  nowMs(): number;
  /** A stream of a member has keys of another type than here, and does not enter the sums (9.15). Once a stream. */
  clash(definition: StreamDefinition): void;
}

/** Keys in a part of `ownRow`. */
const rowPartKeys = 4096;
const maxStreams = 4096;
/** Lives whose counts a stream says it has taken over. */
const maxContinues = 8;

export class EventTable implements ReplicatedRows {
  readonly #options: EventTableOptions;
  readonly #startS: number;
  readonly #totals = new Map<string, StreamTotals>();
  readonly #own = new EventRow();
  readonly #rows = new Map<Incarnation, EventRow>();
  readonly #retired = new RetiredRows();
  /** Cells with something in `sent`. */
  readonly #dirty = new Map<Cell, Stream>();
  #dirtyKeys = 0;
  /** Own cells that were dropped, and own streams that continue more than they said, since the row was last taken. */
  #dropped: { readonly stream: Stream; readonly number: number; readonly digest: Digest }[] = [];
  readonly #continued = new Map<Stream, readonly Incarnation[]>();
  readonly #clashes = new Set<string>();
  #self: Incarnation;
  #announced = 0;
  #overflows = 0;
  #refused = 0;
  #rolledUp = 0;
  onPending = (): void => {};
  onWork = (work: Work): void => finish(work);

  constructor(options: EventTableOptions) {
    this.#options = options;
    this.#self = options.self;
    this.#startS = this.#nowS;
  }

  /**
   * This node counts such events, in windows of these monitors; again when they have changed. A shared stream is sent to
   * the others. Meant for the start: sums are made anew from all rows, at once.
   */
  define(definition: StreamDefinition, monitors: readonly Monitor[], isShared: boolean): void {
    const { id, keyType } = definition;
    const known = this.#own.streams.get(id);
    if (known && !(isShared && sameDefinition(known.definition, definition))) this.#removeOwn(known);
    if (isShared && !this.#own.streams.has(id)) this.#own.define(definition);
    const totals = new StreamTotals(keyType, monitors);
    this.#totals.set(id, totals);
    const own = this.#own.streams.get(id);
    const countOwn: Counted = (_, cell, key, by) => totals.addOwn(cell * definition.intervalS, key, by);
    if (own) finish(eachCount(own, countOwn));
    for (const row of [...this.#rows.values(), ...this.#retired.values()]) {
      const stream = row.streams.get(id);
      if (stream) finish(eachCount(stream, this.#countOthers));
    }
    this.#announce();
  }

  /** Counts something that happened now. Sums over all nodes have it at once (9.14). */
  add(id: string, key: StreamKey, by = 1): void {
    const totals = this.#totalsOf(id);
    if (!Number.isFinite(by) || Math.abs(by) > maxCount) throw new FlotillaError('FLT-1912', `count ${by}`);
    checkKey(totals.keyType, key);
    const stream = this.#own.streams.get(id);
    if (stream) this.#addTo(stream, Math.floor(this.#nowS / stream.definition.intervalS), key, by, totals);
    else totals.addOwn(this.#nowS, this.#roomFor(totals, this.#nowS, key), plus(by, 0));
    this.#announce();
  }

  /**
   * What an earlier life of this node had counted is counted by this one from now on: its row goes where it is still
   * kept. Cells that are too old are left out (9.17).
   */
  takeOver(id: string, life: Incarnation, counts: Iterable<readonly [number, StreamKey, number]>): void {
    const totals = this.#totalsOf(id);
    const stream = this.#own.streams.get(id);
    if (!stream) return;
    for (const [cell, key, by] of counts) {
      checkKey(totals.keyType, key);
      if (!isPast(stream.definition, cell, this.#nowS)) this.#addTo(stream, cell, key, by, totals);
    }
    this.#continued.set(stream, withLife(this.#continued.get(stream) ?? stream.continues, life));
    this.#announce();
  }

  has(id: string): boolean {
    return this.#totals.has(id);
  }

  keyType(id: string): KeyType {
    return this.#totalsOf(id).keyType;
  }

  /** Others are told what this node counts there. */
  isShared(id: string): boolean {
    return this.#own.streams.has(id);
  }

  /** The sum over windows `start` to `end` of so many seconds, 0 being the current one. */
  sum(id: string, sizeS: number, start: number, end: number, query: Query, scope: Scope = 'cluster'): number {
    return this.#totalsOf(id).sum(scope, sizeS, this.#nowS, start, end, query);
  }

  /** Keys and sums of one window. */
  keys(id: string, sizeS: number, back: number, scope: Scope = 'cluster'): Map<StreamKey, number> {
    return this.#totalsOf(id).keys(scope, sizeS, this.#nowS, back);
  }

  get pending(): number {
    return this.#dirtyKeys + this.#dropped.length + this.#continued.size;
  }

  get digest(): Digest {
    return this.#own.digest;
  }

  get stats(): TableStats {
    let keys = this.#own.size;
    let refused = this.#refused;
    for (const row of this.#rows.values()) {
      keys += row.size;
      refused += row.refused;
    }
    return {
      ownKeys: this.#own.size,
      keys,
      overflows: this.#overflows,
      anomalies: this.#clashes.size,
      refused,
      rolledUp: this.#rolledUp,
    };
  }

  /** Drops first: a cell that was dropped may have begun anew, when the clock was set back or the stream redefined. */
  takeChanges(limit: number): Changes | undefined {
    const cells: CellChanges[] = [];
    for (const { stream, number, digest } of this.#dropped.splice(0, limit)) {
      this.#own.digest.subtract(digest);
      cells.push({ ...blockOf(stream, number, [], []), isDropped: true });
    }
    if (this.#dropped.length === 0) {
      for (const [stream, continues] of this.#continued) {
        this.#own.state(stream, continues);
        cells.push(blockOf(stream, 0, [], []));
      }
      this.#continued.clear();
      this.#takeCells(limit - cells.length, cells);
    }
    this.#announced = this.pending;
    return cells.length === 0 ? undefined : { ...noChanges, cells };
  }

  become(self: Incarnation): void {
    for (const stream of this.#own.streams.values())
      if (stream.cells.size > 0) this.#own.state(stream, withLife(stream.continues, this.#self));
    this.#self = self;
  }

  *ownRow(): Generator<Changes, void, void> {
    let part: CellChanges[] = [];
    let room = rowPartKeys;
    for (const stream of this.#own.streams.values()) {
      if (stream.cells.size === 0 && stream.continues.length > 0) part.push(blockOf(stream, 0, [], []));
      for (const { number, values } of stream.cells.values()) {
        let keys: StreamKey[] = [];
        let amounts: number[] = [];
        room--;
        for (const [key, value] of values) {
          keys.push(key);
          amounts.push(value);
          if (--room > 0) continue;
          part.push(blockOf(stream, number, keys, amounts));
          yield { ...noChanges, cells: part };
          [part, keys, amounts, room] = [[], [], [], rowPartKeys];
          // Dropped meanwhile: the rest of it would put it back.
          if (stream.cells.get(number)?.values !== values) break;
        }
        // Also an empty one: a cell that is not in a row was dropped, one that is there without a key counts 0 for it.
        if (stream.cells.get(number)?.values === values) part.push(blockOf(stream, number, keys, amounts));
      }
    }
    if (part.length > 0) yield { ...noChanges, cells: part };
  }

  blankRow(): EventRow {
    return new EventRow();
  }

  /** Who was here before is back: what it had counted is known, its snapshot will tell what came in between. */
  addRow(origin: Incarnation): void {
    this.#rows.set(origin, this.#retired.take(origin) ?? this.blankRow());
  }

  applyToRow(origin: Incarnation, changes: Changes): void {
    const row = this.row(origin);
    for (const block of changes.cells) {
      for (const stream of this.#continuedBy(block)) this.onWork(this.#takeBack(stream));
      row.write(block, this.#countOthers);
    }
  }

  row(origin: Incarnation): EventRow {
    const row = this.#rows.get(origin);
    if (!row) throw new FlotillaError('FLT-1303', origin);
    return row;
  }

  replaceRow(origin: Incarnation, fresh: RemoteRow): Work {
    const before = this.row(origin);
    const after = fresh as EventRow;
    this.#rows.set(origin, after);
    const streams = [...after.streams.values()].map((stream) => {
      const own = before.streams.get(stream.definition.id);
      const earlier = this.#continuedBy(stream);
      return { stream, earlier: own ? [own, ...earlier] : earlier };
    });
    return this.#exchange(streams);
  }

  /** The row is kept, and so are the sums: what it counted has happened (4.5). */
  removeRow(origin: Incarnation): Work {
    const row = this.row(origin);
    this.#rows.delete(origin);
    const over = [...row.streams.values()].filter(({ definition }) =>
      this.#isContinued(origin, definition.id),
    );
    for (const stream of over) row.remove(stream);
    const noRoom = this.#retired.put(origin, row);
    return this.#takeBackAll([...over, ...noRoom.flatMap(({ streams }) => [...streams.values()])]);
  }

  *upkeep(): Work {
    for (const stream of this.#own.streams.values()) {
      for (const number of stream.cells.keys()) if (this.#isOut(stream, number)) this.#drop(stream, number);
      this.#announce();
      yield;
    }
    yield* this.#retired.age(this.#nowS);
    for (const totals of this.#totals.values()) yield* totals.age(this.#nowS);
  }

  get #nowS(): number {
    return Math.floor(this.#options.nowMs() / 1000);
  }

  #totalsOf(id: string): StreamTotals {
    const totals = this.#totals.get(id);
    if (!totals) throw new FlotillaError('FLT-1911', id);
    return totals;
  }

  #addTo(stream: Stream, number: number, wanted: StreamKey, by: number, totals: StreamTotals): void {
    const second = number * stream.definition.intervalS;
    const cell = stream.cells.get(number) ?? this.#own.open(stream, number);
    const key =
      this.#own.size < Math.min(this.#options.maxKeys, mostKeys) || cell.values.has(wanted)
        ? this.#roomFor(totals, second, wanted)
        : this.#rollUp(wanted, totals.keyType);
    const before = cell.get(key);
    const after = this.#clamped(plus(before, by));
    if (after === before) return;
    this.#own.set(cell, key, after);
    cell.sent ??= new Map();
    if (!cell.sent.has(key)) {
      cell.sent.set(key, before);
      this.#dirtyKeys++;
      this.#dirty.set(cell, stream);
    }
    totals.addOwn(second, key, plus(after, -before));
  }

  #clamped(count: number): number {
    if (Math.abs(count) <= maxCount) return count;
    this.#overflows++;
    return Math.sign(count) * maxCount;
  }

  #roomFor(totals: StreamTotals, second: number, key: StreamKey): StreamKey {
    return totals.hasRoom(second, key, this.#options.maxKeys) ? key : this.#rollUp(key, totals.keyType);
  }

  /** Where those are counted for whom there is no room: `*`, 0.0.0.0 or ::, so that sums stay whole. */
  #rollUp(key: StreamKey, keyType: KeyType): StreamKey {
    this.#rolledUp++;
    if (keyType === 'text') return '*';
    return typeof key === 'number' ? 0 : '\0'.repeat(8);
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
      const value = cell.get(key);
      if (value === before) continue;
      this.#own.digest.add(cell.restate(key, before, value));
      keys.push(key);
      values.push(value);
    }
    if (cell.sent!.size === 0) this.#dirty.delete(cell);
    return blockOf(stream, cell.number, keys, values);
  }

  /** Too old, or counted by a clock that was far ahead. */
  #isOut({ definition }: Stream, number: number): boolean {
    const current = Math.floor(this.#nowS / definition.intervalS);
    return isPast(definition, number, this.#nowS) || number > current + definition.count;
  }

  #drop(stream: Stream, number: number): void {
    const cell = this.#own.takeOut(stream, number)!;
    if (this.#dirty.delete(cell)) this.#dirtyKeys -= cell.sent!.size;
    this.#dropped.push({ stream, number, digest: cell.digest });
  }

  #removeOwn(stream: Stream): void {
    for (const number of [...stream.cells.keys()]) this.#drop(stream, number);
    this.#continued.delete(stream);
    this.#own.remove(stream);
  }

  readonly #countOthers: Counted = (definition, cell, key, by) => {
    if (!this.#options.hasSnapshots && cell * definition.intervalS < this.#startS) return;
    this.#totalsFor(definition)?.addOthers(definition, cell, key, by);
  };

  /** Streams that only others count are kept in windows as they define them (9.15). */
  #totalsFor({ id, keyType, intervalS, count, ...rest }: StreamDefinition): StreamTotals | undefined {
    const known = this.#totals.get(id);
    if (known?.keyType === keyType) return known;
    if (known) {
      if (!this.#clashes.has(id)) this.#options.clash({ id, keyType, intervalS, count, ...rest });
      this.#clashes.add(id);
      return undefined;
    }
    if (this.#totals.size >= maxStreams) {
      this.#refused++;
      return undefined;
    }
    const totals = new StreamTotals(keyType, [{ sizeS: intervalS, count }]);
    this.#totals.set(id, totals);
    return totals;
  }

  /** The streams of lives that have left whose counts are in this one: taken out of their rows. */
  #continuedBy(stream: Pick<Stream, 'definition' | 'continues'>): Stream[] {
    return stream.continues.flatMap((life) => this.#retired.takeStream(life, stream.definition.id) ?? []);
  }

  #isContinued(origin: Incarnation, id: string): boolean {
    for (const { streams } of this.#rows.values())
      if (streams.get(id)?.continues.includes(origin)) return true;
    return false;
  }

  *#takeBackAll(streams: readonly Stream[]): Work {
    for (const stream of streams) yield* this.#takeBack(stream);
  }

  *#takeBack(stream: Stream): Work {
    yield* eachCount(stream, (definition, cell, key, by) => this.#countOthers(definition, cell, key, -by));
  }

  /** Key by key from what was counted to what is. A cell that is not in the new stream was dropped: its counts stay. */
  *#exchange(streams: readonly { readonly stream: Stream; readonly earlier: readonly Stream[] }[]): Work {
    for (const { stream, earlier } of streams) {
      const { definition, cells } = stream;
      const same = earlier.filter(({ definition: { intervalS } }) => intervalS === definition.intervalS);
      for (const cell of cells.values()) {
        const befores = same.flatMap((old) => old.cells.get(cell.number) ?? []);
        yield* eachKey([cell, ...befores], (key) => {
          const before = befores.reduce((sum, old) => plus(sum, old.get(key)), 0);
          const by = plus(cell.get(key), -before);
          if (by !== 0) this.#countOthers(definition, cell.number, key, by);
        });
      }
    }
  }

  /** More is pending than before. */
  #announce(): void {
    if (this.pending <= this.#announced) return;
    this.#announced = this.pending;
    this.onPending();
  }
}

/** Each key that some of the cells have, once, in steps. */
function* eachKey(cells: readonly Cell[], each: (key: StreamKey) => void): Work {
  let looked = 0;
  for (const [i, { values }] of cells.entries()) {
    for (const key of values.keys()) {
      if (!cells.slice(0, i).some((seen) => seen.values.has(key))) each(key);
      if (++looked % stepKeys === 0) yield;
    }
  }
}

/** A key that others cannot read would cost them all that is sent along with it. */
function checkKey(keyType: KeyType, key: StreamKey): void {
  if (keyType === 'text') checkedText(key);
  else if ((keyType === 'ipv4' && typeof key !== 'number') || (keyType === 'ipv6' && typeof key === 'number'))
    throw new FlotillaError('FLT-1912', 'key: an address of the other family');
}

function blockOf(
  { definition, continues }: Stream,
  cell: number,
  keys: readonly StreamKey[],
  values: readonly number[],
): CellChanges {
  return { definition, continues, cell, isDropped: false, keys, values: Float64Array.from(values) };
}

function withLife(lives: readonly Incarnation[], life: Incarnation): readonly Incarnation[] {
  return [...lives.filter((other) => other !== life), life].slice(-maxContinues);
}
