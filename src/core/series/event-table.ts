/**
 * Counts of things that happened, over windows of time, by all nodes together: the table of `metrics` (replication 8, 9).
 *
 * Invariants: a sum over all nodes is what this node counted, plus the rows of the members, plus those of members that
 * have left; rows say absolute totals for each cell of time, so nothing counts twice (8.8). Dropping a cell takes nothing
 * out of the sums: they age with their windows.
 */
import type { Digest } from '../digest.ts';
import { FlotillaError } from '../errors.ts';
import type { Incarnation } from '../identity.ts';
import { checkedText } from '../replica/gauge-key.ts';
import type { Changes } from '../replica/messages.ts';
import {
  maxCount,
  mostKeys,
  type RemoteRow,
  type ReplicatedRows,
  type TableRow,
  type TableStats,
} from '../replica/table.ts';
import { finish, type Work } from '../replica/work.ts';
import { isGauge, type KeyType, removalCell, type StreamDefinition, sameDefinition } from './cell.ts';
import { dumpAll, dumpRow } from './event-dump.ts';
import { type Counted, EventRow, eachCount, type Stream } from './event-row.ts';
import type { GaugeRows } from './gauge-cache.ts';
import { OthersRows } from './others-rows.ts';
import { OwnRow } from './own-row.ts';
import { isUpTo, Removals } from './removals.ts';
import { clearGauge, isPast, RetiredRows } from './retired-rows.ts';
import { plus, type StreamKey } from './stream-key.ts';
import { type Monitor, type Scope, StreamTotals } from './stream-totals.ts';
import type { Query } from './window-totals.ts';

export interface EventTableOptions {
  readonly self: Incarnation;
  /** Keys this node counts for, each counted once for each cell it is in; others are counted together. */
  readonly maxKeys: number;
  /** Counts begun before this process enter the sums too (8.9). */
  readonly hasSnapshots: boolean;
  /** Managers have no row of their own (replication 4.13): they tell nobody anything. Default: false. */
  readonly onlyReceives?: boolean;
  nowMs(): number;
  /** A stream of a member has keys of another type than here, and does not enter the sums (9.15). Once a stream. */
  clash(definition: StreamDefinition): void;
}

const maxStreams = 4096;

export class EventTable implements ReplicatedRows, GaugeRows {
  readonly #options: EventTableOptions;
  readonly #startS: number;
  readonly #totals = new Map<string, StreamTotals>();
  readonly #own = new OwnRow();
  readonly #others: OthersRows;
  readonly #removals: Removals;
  readonly #clashes = new Set<string>();
  /** Rows of those who have left; for reading only. */
  readonly retired = new RetiredRows();
  #self: Incarnation;
  #announced = 0;
  #overflows = 0;
  #refused = 0;
  #rolledUp = 0;
  onPending = (): void => {};
  onWork = (work: Work): void => finish(work);
  /** Another node changed or removed a key of a gauge cache. */
  onGauge = (_definition: StreamDefinition, _key: string): void => {};
  /** Another node counted so much, or so much more than was known here; also of cells that no sum here wants to know. */
  onCounted: Counted = () => {};
  gaugeUpkeep: () => Work = function* () {};

  constructor(options: EventTableOptions) {
    this.#options = options;
    this.#self = options.self;
    this.#startS = this.#nowS;
    this.#removals = new Removals(this.#own, this.retired, {
      onlyReceives: this.#options.onlyReceives ?? false,
      nowMs: () => this.#options.nowMs(),
      totalsOf: (definition) => this.#totalsFor(definition),
      countOthers: this.#countOthers,
    });
    this.#others = new OthersRows({
      own: this.#own,
      retired: this.retired,
      isOver: this.#isOver,
      countOthers: this.#countOthers,
      sumOthers: this.#sumOthers,
      learnRemovals: (definition, removals) => this.#learn(definition, removals),
    });
  }

  /**
   * This node counts such events, in windows of these monitors; again when they have changed, which is meant for the
   * start: sums are then made anew from all rows, at once. A shared stream is sent to the others.
   */
  define(definition: StreamDefinition, monitors: readonly Monitor[], isShared: boolean): void {
    const { id, keyType } = definition;
    const known = this.#own.streams.get(id);
    if (known && !(isShared && sameDefinition(known.definition, definition))) this.#own.remove(known);
    if (isShared && !this.#own.streams.has(id)) this.#own.define(definition);
    const sums = this.#totals.get(id);
    if (sums?.keyType !== keyType || !sums.serves(monitors)) this.#recount(definition, monitors);
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
   * What earlier lives of this node had counted is counted by this one from now on: their rows go where they are still
   * kept. Cells, of so many seconds, that are too old are left out (9.17), and keys that were removed since.
   */
  takeOver(
    { id, intervalS, count }: Omit<StreamDefinition, 'keyType'>,
    lives: readonly Incarnation[],
    counts: Iterable<readonly [number, StreamKey, number]>,
  ): void {
    const totals = this.#totalsOf(id);
    const stream = this.#own.streams.get(id);
    if (stream) this.#others.takenOver(lives, stream, this.onWork);
    for (const [cell, key, by] of counts) {
      checkKey(totals.keyType, key);
      if (isPast({ intervalS, count }, cell, this.#nowS)) continue;
      if (stream && isUpTo(stream.definition, cell, this.#own.get(stream, removalCell, key))) continue;
      if (stream) this.#addTo(stream, cell, key, by, totals);
      else totals.addOwn(cell * intervalS, key, by);
    }
    if (stream) this.#own.continue(stream, lives);
    this.#announce();
  }

  /** Earlier lives of this node whose counts are in its own of that stream. */
  livesIn(id: string): readonly Incarnation[] {
    return this.#own.continues(id);
  }

  /**
   * Takes a key out of all windows, here and at the others, each of which takes out what it has counted itself (9.12).
   * True when it was there.
   */
  remove(id: string, key: StreamKey): boolean {
    const totals = this.#totalsOf(id);
    checkKey(totals.keyType, key);
    const isThere = totals.has(key);
    const stream = this.#own.streams.get(id);
    if (!stream) totals.removeOwn(key);
    else if (isThere) {
      const atMs = Math.max(this.#options.nowMs(), this.#own.get(stream, removalCell, key) + 1);
      this.#removals.removeOwn(stream, key, atMs);
      this.onWork(this.#removals.removeFromRetired(stream, key, atMs));
    }
    this.#announce();
    return isThere;
  }

  *streams(id: string): Generator<Stream, void, void> {
    const own = this.#own.streams.get(id);
    if (own) yield own;
    yield* this.#others.streams(id);
  }

  ownStream(definition: StreamDefinition): Stream {
    return this.#own.streams.get(definition.id) ?? this.#own.define(definition);
  }

  setOwn(stream: Stream, cell: number, key: string, value: number): boolean {
    const isNew = value !== 0 && this.#own.get(stream, cell, key) === 0;
    if (isNew && this.#own.size >= Math.min(this.#options.maxKeys, mostKeys)) return false;
    this.#own.set(stream, cell, key, value);
    this.#announce();
    return true;
  }

  clearRetired(id: string, key: string, upToMs: number): void {
    for (const row of this.retired.values()) {
      const stream = row.streams.get(id);
      if (stream) clearGauge(row, stream, key, upToMs);
    }
  }

  get sinceMs(): number {
    return this.#options.hasSnapshots ? 0 : this.#startS * 1000;
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

  /** The number of the current window of so many seconds. */
  windowNow(sizeS: number): number {
    return Math.floor(this.#nowS / sizeS);
  }

  /** Keys and sums of one window, in no order; walk it in slices when it may be large. */
  entries(
    id: string,
    sizeS: number,
    back: number,
    scope: Scope = 'cluster',
  ): Iterable<readonly [StreamKey, number]> {
    return this.#totalsOf(id).entries(scope, sizeS, this.#nowS, back);
  }

  /** Sums of the current window, of all nodes or in the row of one; of a gauge cache, its keys. */
  dump(from?: Incarnation, under?: string): Generator<readonly TableRow[], void, void> {
    const now = this.#nowS;
    if (from !== undefined) return dumpRow(from === this.#self ? this.#own : this.row(from), now, under);
    return dumpAll(this.#totals, [this.#own, ...this.#others.all], now, under);
  }

  get pending(): number {
    return this.#own.pending;
  }

  get digest(): Digest {
    return this.#own.digest;
  }

  get stats(): TableStats {
    let keys = this.#own.size;
    let refused = this.#refused;
    for (const row of this.#others.members) {
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

  takeChanges(limit: number): Changes | undefined {
    const changes = this.#own.take(limit);
    this.#announced = this.pending;
    return changes;
  }

  become(self: Incarnation): void {
    this.#own.become(this.#self);
    this.#self = self;
  }

  ownRow(): Generator<Changes, void, void> {
    return this.#own.parts();
  }

  blankRow(): EventRow {
    return new EventRow();
  }

  addRow(origin: Incarnation): void {
    this.#others.add(origin);
  }

  applyToRow(origin: Incarnation, changes: Changes): void {
    for (const block of changes.cells) {
      const { definition, cell, keys, values } = block;
      this.#others.write(origin, block, this.onWork);
      if (cell === removalCell && !isGauge(definition))
        this.onWork(
          this.#learn(
            definition,
            keys.map((key, i) => [key, values[i]!] as const),
          ),
        );
    }
  }

  row(origin: Incarnation): EventRow {
    return this.#others.row(origin);
  }

  replaceRow(origin: Incarnation, fresh: RemoteRow): Work {
    return this.#others.replace(origin, fresh as EventRow);
  }

  removeRow(origin: Incarnation, sequence: number): Work {
    return this.#others.remove(origin, sequence);
  }

  /** Of the row of one who has left nothing is worth telling. */
  isOver(row: EventRow): boolean {
    return this.#others.isOver(row);
  }

  /** What another member has of one that left, up to its batch of that number. */
  learnRetired(life: Incarnation, sequence: number, row: EventRow): void {
    if (life !== this.#self) this.onWork(this.#others.learn(life, sequence, row));
  }

  /** Rows of the others, also of those who have left, in parts; without gauge caches. */
  othersRows(): Generator<readonly [Incarnation, Changes], void, void> {
    return this.#others.parts();
  }

  /** The row of a life as an earlier process here knew it: only what is more than that is news. */
  restore(origin: Incarnation, row: EventRow): void {
    this.#others.restore(origin, row, this.onWork);
  }

  *upkeep(): Work {
    yield* this.gaugeUpkeep();
    for (const stream of this.#own.streams.values()) {
      if (isGauge(stream.definition)) continue;
      for (const number of stream.cells.keys())
        if (this.#isOut(stream, number)) this.#own.drop(stream, number);
      yield* this.#removals.forget(stream);
      this.#announce();
      yield;
    }
    yield* this.retired.age(this.#options.nowMs(), this.#isOver);
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

  #recount(definition: StreamDefinition, monitors: readonly Monitor[]): void {
    const { id, keyType, intervalS } = definition;
    const totals = new StreamTotals(keyType, monitors, (work) => this.onWork(work));
    this.#totals.set(id, totals);
    const own = this.#own.streams.get(id);
    const countOwn: Counted = (_, cell, key, by) => {
      if (cell !== removalCell) totals.addOwn(cell * intervalS, key, by);
    };
    if (own) finish(eachCount(own, countOwn));
    for (const row of this.#others.all) {
      const stream = row.streams.get(id);
      if (stream) finish(eachCount(stream, this.#sumOthers));
    }
  }

  #addTo(stream: Stream, number: number, wanted: StreamKey, by: number, totals: StreamTotals): void {
    const second = number * stream.definition.intervalS;
    const key =
      this.#own.size < Math.min(this.#options.maxKeys, mostKeys) ||
      this.#own.get(stream, number, wanted) !== 0
        ? this.#roomFor(totals, second, wanted)
        : this.#rollUp(wanted, totals.keyType);
    const before = this.#own.get(stream, number, key);
    const after = this.#clamped(plus(before, by));
    if (after === before) return;
    this.#own.set(stream, number, key, after);
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

  /** Too old, or counted by a clock that was far ahead. */
  #isOut({ definition }: Stream, number: number): boolean {
    if (number === removalCell) return false;
    const current = Math.floor(this.#nowS / definition.intervalS);
    return isPast(definition, number, this.#nowS) || number > current + definition.count;
  }

  /** Neither in its own windows nor in those that are summed up here, which may be longer, nothing is left to be seen. */
  readonly #isOver = ({ definition, cells }: Stream): boolean => {
    const totals = this.#totals.get(definition.id);
    for (const number of cells.keys()) {
      if (number === removalCell) continue;
      if (!isPast(definition, number, this.#nowS)) return false;
      if (totals && !totals.isPast(number * definition.intervalS, this.#nowS)) return false;
    }
    return true;
  };

  readonly #countOthers: Counted = (definition, cell, key, by) => {
    if (isGauge(definition)) this.onGauge(definition, key as string);
    if (cell === removalCell || isGauge(definition)) return;
    this.onCounted(definition, cell, key, by);
    this.#sumOthers(definition, cell, key, by);
  };

  readonly #sumOthers: Counted = (definition, cell, key, by) => {
    if (cell === removalCell || isGauge(definition)) return;
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
    const totals = new StreamTotals(keyType, [{ sizeS: intervalS, count }], (work) => this.onWork(work));
    this.#totals.set(id, totals);
    return totals;
  }

  *#learn(definition: StreamDefinition, removals: Iterable<readonly [StreamKey, number]>): Work {
    yield* this.#removals.learn(definition, removals);
    this.#announce();
  }

  /** More is pending than before. */
  #announce(): void {
    if (this.pending <= this.#announced) return;
    this.#announced = this.pending;
    this.onPending();
  }
}

/** A key that others cannot read would cost them all that is sent along with it. */
function checkKey(keyType: KeyType, key: StreamKey): void {
  if (keyType === 'text') checkedText(key);
  else if ((keyType === 'ipv4' && typeof key !== 'number') || (keyType === 'ipv6' && typeof key === 'number'))
    throw new FlotillaError('FLT-1912', 'key: an address of the other family');
}
