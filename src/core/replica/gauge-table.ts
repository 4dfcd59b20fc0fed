/**
 * A gauge table (replication 5B): a flat map from text to count.
 *
 * Invariants: a total is this node's count plus the last received counts of the other members; a key whose own count
 * changed since the row was last sent is in `#dirty` with the value that was sent, and its cell says so. Keys nobody counts
 * anything for are held only while they are dirty.
 *
 * A node counts for at most `maxKeys` keys; what comes after that is counted under `*`, so that sums stay whole. All of it
 * may be of the one key that is asked for, as far as a cap can know: so `count` adds it to keys without a count of their
 * own here, or they could be opened without end.
 */
import type { Prefix } from '../address.ts';
import { type Digest, RunningDigest } from '../digest.ts';
import { FlotillaError } from '../errors.ts';
import type { Incarnation } from '../identity.ts';
import { noChanges } from './changes.ts';
import { addExactly, span } from './count-slot.ts';
import { DirtyTexts } from './dirty-texts.ts';
import { checkedText, type Spelling } from './gauge-key.ts';
import { GaugeRow } from './gauge-row.ts';
import type { Changes } from './messages.ts';
import {
  checkedCount,
  type Key,
  maxCount,
  type RemoteRow,
  type ReplicatedTable,
  type TableRow,
  type TableStats,
} from './table.ts';
import { sortedRows, TextMap, type TextRows } from './text-map.ts';
import { finish, type Work } from './work.ts';

export interface GaugeTableOptions {
  readonly self: Incarnation;
  readonly maxKeys: number;
  readonly spelling: Spelling;
}

/** Collects what finds no room; no domain is called so. */
export const otherKeys = '*';

/** Keys in a part of `ownRow`. */
const rowPartKeys = 4096;

interface Cell {
  own: number;
  /** Below 2^53; `carry` says how often that was passed (replication 4.10). */
  total: number;
  carry: number;
  isDirty: boolean;
}

export type ChangeListener = (key: string, by: number) => void;

export class GaugeTable implements ReplicatedTable {
  readonly kind = 'gauge table';
  readonly #options: GaugeTableOptions;
  readonly #cells = new TextMap<Cell>();
  readonly #rows = new Map<Incarnation, GaugeRow>();
  readonly #dirty = new DirtyTexts();
  readonly #digest = new RunningDigest();
  readonly #listeners = new Set<ChangeListener>();
  readonly #sum = new Float64Array(1);
  #announced = 0;
  #ownKeys = 0;
  #overflows = 0;
  #anomalies = 0;
  #rolledUp = 0;
  #self: Incarnation;
  onPending = (): void => {};
  onWork = (work: Work): void => finish(work);

  constructor(options: GaugeTableOptions) {
    this.#options = options;
    this.#self = options.self;
  }

  increment(key: Key, by = 1): number {
    const text = this.#spelt(key);
    if (checkedCount(by) === 0) return this.count(key);
    const cell = this.#cells.get(text);
    const isNew = cell === undefined || cell.own === 0;
    if (!isNew || this.#ownKeys < this.#options.maxKeys) return this.#add(text, by);
    this.#rolledUp++;
    this.#add(otherKeys, by);
    return this.count(text);
  }

  decrement(key: Key, by = 1): void {
    const text = this.#spelt(key);
    const missing = this.#subtract(text, checkedCount(by));
    if (missing > 0 && this.#subtract(otherKeys, missing) > 0) this.#anomalies++;
    this.#announce();
  }

  set(key: Key, count: number): void {
    const before = this.count(key, this.#self);
    if (checkedCount(count) > before) this.increment(key, count - before);
    else if (count < before) this.decrement(key, before - count);
  }

  count(key: Key | Prefix, from?: Incarnation): number {
    const text = this.#spelt(key);
    if (from !== undefined && from !== this.#self) return this.row(from).get(text);
    const cell = this.#cells.get(text);
    if (from !== undefined) return cell?.own ?? 0;
    const total = cell ? totalOf(cell) : 0;
    return cell && cell.own > 0 ? total : Math.min(total + this.#ownElsewhere(text), maxCount);
  }

  /** What this node counts under `*`, and may be of this key. */
  #ownElsewhere(key: string): number {
    return key === otherKeys ? 0 : (this.#cells.get(otherKeys)?.own ?? 0);
  }

  watchPrefix(): void {
    throw new FlotillaError('FLT-1302', 'a gauge table has no prefixes');
  }

  *entries(from?: Incarnation): Iterable<readonly [string, number]> {
    const copy = this.#copy(from);
    finish(copy.fill());
    for (const { key, count } of copy.rows) yield [key, count];
  }

  dump(from?: Incarnation, under?: string): Generator<readonly TableRow[], void, void> {
    if (under !== undefined) this.watchPrefix();
    if (from !== undefined && from !== this.#self) this.row(from);
    return this.#dump(from);
  }

  *#dump(from: Incarnation | undefined): Generator<readonly TableRow[], void, void> {
    yield* sortedRows(this.#copy(from));
  }

  /** Tells each change of a count over all nodes; returns the way to stop. */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  become(self: Incarnation): void {
    this.#self = self;
  }

  get pending(): number {
    return this.#dirty.size;
  }

  get digest(): Digest {
    return this.#digest;
  }

  get stats(): TableStats {
    return {
      ownKeys: this.#ownKeys,
      keys: this.#cells.size,
      overflows: this.#overflows,
      anomalies: this.#anomalies,
      refused: 0,
      rolledUp: this.#rolledUp,
    };
  }

  takeChanges(limit: number): Changes | undefined {
    const keys: string[] = [];
    const values: number[] = [];
    this.#dirty.take(limit, (key, sent) => {
      const cell = this.#cells.get(key)!;
      const { own } = cell;
      cell.isDirty = false;
      this.#dropIfIdle(key);
      if (own === sent) return;
      this.#digest.changeText(key, sent, own);
      keys.push(key);
      values.push(own);
    });
    this.#announced = this.#dirty.size;
    return keys.length === 0 ? undefined : textChanges(keys, values);
  }

  *ownRow(): Generator<Changes, void, void> {
    let keys: string[] = [];
    let values: number[] = [];
    for (const [key, { own }] of this.#cells) {
      if (own === 0) continue;
      keys.push(key);
      values.push(own);
      if (keys.length < rowPartKeys) continue;
      yield textChanges(keys, values);
      keys = [];
      values = [];
    }
    if (keys.length > 0) yield textChanges(keys, values);
  }

  blankRow(): GaugeRow {
    return new GaugeRow();
  }

  addRow(origin: Incarnation): void {
    this.#rows.set(origin, this.blankRow());
  }

  applyToRow(origin: Incarnation, changes: Changes): void {
    const row = this.row(origin);
    for (const [i, key] of changes.textKeys.entries())
      this.#changeTotal(key, row.write(key, changes.textValues[i]!));
  }

  replaceRow(origin: Incarnation, fresh: RemoteRow): Work {
    const before = this.row(origin);
    this.#rows.set(origin, fresh as GaugeRow);
    return this.#exchange(before, fresh as GaugeRow);
  }

  removeRow(origin: Incarnation): Work {
    const before = this.row(origin);
    this.#rows.delete(origin);
    return this.#exchange(before, this.blankRow());
  }

  /** What could not be deleted while a dump was being copied. */
  *upkeep(): Work {
    yield* this.#cells.sweep((_key, cell) => isIdle(cell));
    for (const row of this.#rows.values()) yield* row.counts.sweep((_key, value) => value === 0);
  }

  /** Each key turns from its old to its new value by itself; nothing is ever missing in between. */
  *#exchange(before: GaugeRow, after: GaugeRow): Work {
    yield* after.each((key, value) => this.#changeTotal(key, value - before.get(key)));
    yield* before.each((key, value) => {
      if (after.get(key) === 0) this.#changeTotal(key, -value);
    });
  }

  /** Keys that are held are spelt right, so the hot path need not look at them again. */
  #spelt(key: Key | Prefix): string {
    if (typeof key === 'string' && this.#cells.get(key) !== undefined) return key;
    return this.#options.spelling(checkedText(key));
  }

  #add(key: string, by: number): number {
    const own = this.#cells.get(key)?.own ?? 0;
    if (own + by > maxCount) this.#overflows++;
    const count = this.#changeOwn(key, own, Math.min(own + by, maxCount));
    this.#announce();
    return count;
  }

  /** Returns what could not be taken. */
  #subtract(key: string, by: number): number {
    const own = this.#cells.get(key)?.own ?? 0;
    const taken = Math.min(own, by);
    this.#changeOwn(key, own, own - taken);
    return by - taken;
  }

  #changeOwn(key: string, before: number, after: number): number {
    if (before === after) return this.count(key);
    if (before === 0) this.#ownKeys++;
    if (after === 0) this.#ownKeys--;
    const cell = this.#cellOf(key);
    if (!cell.isDirty) this.#dirty.add(key, before);
    cell.isDirty = true;
    cell.own = after;
    return this.#changeCell(key, cell, after - before);
  }

  #changeTotal(key: string, by: number): void {
    if (by !== 0) this.#changeCell(key, this.#cellOf(key), by);
    this.#dropIfIdle(key);
  }

  /** The cell that is about to change. */
  #cellOf(key: string): Cell {
    let cell = this.#cells.get(key);
    if (cell) {
      this.#cells.aboutToChange(key, cell);
      return cell;
    }
    cell = { own: 0, total: 0, carry: 0, isDirty: false };
    this.#cells.set(key, cell);
    return cell;
  }

  #changeCell(key: string, cell: Cell, by: number): number {
    this.#sum[0] = cell.total;
    cell.carry += addExactly(this.#sum, 0, by);
    cell.total = this.#sum[0];
    for (const listener of this.#listeners) listener(key, by);
    return totalOf(cell);
  }

  #dropIfIdle(key: string): void {
    const cell = this.#cells.get(key);
    if (cell && isIdle(cell)) this.#cells.delete(key);
  }

  #announce(): void {
    if (this.#dirty.size <= this.#announced) return;
    this.#announced = this.#dirty.size;
    this.onPending();
  }

  row(origin: Incarnation): GaugeRow {
    const row = this.#rows.get(origin);
    if (!row) throw new FlotillaError('FLT-1303', origin);
    return row;
  }

  #copy(from: Incarnation | undefined): TextRows {
    if (from === undefined) return this.#cells.copy(totalOf);
    return from === this.#self ? this.#cells.copy((cell) => cell.own) : this.row(from).counts.copy((n) => n);
  }
}

function totalOf({ total, carry }: Cell): number {
  return Math.min(carry * span + total, maxCount);
}

function isIdle({ own, total, carry, isDirty }: Cell): boolean {
  return own === 0 && total === 0 && carry === 0 && !isDirty;
}

function textChanges(keys: readonly string[], values: readonly number[]): Changes {
  return { ...noChanges, textKeys: keys, textValues: Float64Array.from(values) };
}
