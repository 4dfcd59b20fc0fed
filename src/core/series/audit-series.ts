/**
 * Named audit series: any event counted over windows of time, by address or by any text (replication 9). One made with
 * `define` is found by its name; one that a policy adds to is made at once, and is another for each monitor (9.2).
 *
 * Invariant: adds count here at once, whatever is replicated (9.14). Errors: FLT-1911 for a series that is not there,
 * FLT-1912 and FLT-1302 for arguments (9.18).
 */
import { FlotillaError } from '../errors.ts';
import type { Incarnation } from '../identity.ts';
import { checkedText } from '../replica/gauge-key.ts';
import {
  checkedMonitor,
  checkWindows,
  masked,
  monitorText,
  parseKey,
  parseMonitor,
  prefixOf,
  wrong,
} from './audit-argument.ts';
import type { KeyType } from './cell.ts';
import type { EventTable } from './event-table.ts';
import type { Journal } from './journal.ts';
import type { StreamKey } from './stream-key.ts';
import type { Monitor } from './stream-totals.ts';

export const seriesTypes = ['cidr', 'cidr_ipv6', 'string'] as const;
export type SeriesType = (typeof seriesTypes)[number];
/** Who counts together: this node alone, all nodes, or this node with managers that collect. */
export const replicateModes = ['none', 'cluster', 'manager'] as const;
export type ReplicateMode = (typeof replicateModes)[number];

const keyTypes: Record<SeriesType, KeyType> = { cidr: 'ipv4', cidr_ipv6: 'ipv6', string: 'text' };

export interface SeriesOptions {
  /** Written to files of `log_dir`. */
  readonly serialize?: boolean;
  readonly replicate?: ReplicateMode;
  /** Saved at shutdown, and read at the start. */
  readonly persist?: boolean;
}

export interface Series {
  readonly name: string;
  readonly id: string;
  readonly keyType: KeyType;
  readonly monitor: Monitor;
  readonly options: Required<SeriesOptions>;
  readonly table: EventTable;
}

/** What `add` and `count` have in common: a key alone, or an address. */
export interface AddOptions {
  readonly key?: string;
  readonly count?: number;
}

export interface CountQuery {
  /** An address with or without mask, `/mask` of the current address, or a text. */
  readonly key?: string;
  readonly startv?: number;
  readonly endv?: number;
}

/** The hash form of `audit_series_add` (9.7). */
export interface MonitorAdd {
  readonly count?: number;
  readonly replicate?: ReplicateMode;
  readonly ip?: string;
  readonly serialize?: boolean;
}

/** The hash form of `audit_series` (9.10). */
export interface MonitorQuery {
  readonly start?: number;
  readonly end?: number;
  readonly mask?: number;
  readonly ip?: string;
}

export interface SeriesHome {
  /** The table for a mode; where that is not replicated, the one of this node alone. */
  table(mode: ReplicateMode, series: string): EventTable;
  /** All tables that may know series of others (9.15). */
  tables(): readonly EventTable[];
  readonly journal: Journal;
  /** A series was made: what was saved of it can be restored. */
  made?(series: Series): void;
}

const maxSeries = 4096;

export class AuditSeries {
  readonly #home: SeriesHome;
  readonly #byName = new Map<string, Series>();
  readonly #byId = new Map<string, Series>();

  constructor(home: SeriesHome) {
    this.#home = home;
  }

  get all(): Iterable<Series> {
    return this.#byId.values();
  }

  /**
   * A second time with the same arguments it does nothing, with others it is an error (9.6). Original name:
   * `msys.audit_series.define`.
   */
  define(
    name: string,
    type: SeriesType,
    intervalS: number,
    windows: number,
    { serialize = false, replicate = 'none', persist = false }: SeriesOptions = {},
  ): Series {
    const keyType = keyTypes[type] ?? wrong('type', `'${type}'`);
    if (!replicateModes.includes(replicate)) wrong('replicate', `'${replicate}'`);
    const monitor = checkedMonitor({ sizeS: intervalS, count: windows });
    const options = { serialize, replicate, persist };
    const known = this.#byName.get(name);
    if (!known) {
      const series = this.#make(name, keyType, monitor, options);
      this.#byName.set(name, series);
      return series;
    }
    const before = JSON.stringify([known.keyType, known.monitor, known.options]);
    if (before !== JSON.stringify([keyType, monitor, options]))
      wrong('series', `'${name}' is defined otherwise`);
    return known;
  }

  /** Adds to the current window. Original name: `msys.audit_series.add`; `current` is the address of the session that asks. */
  add(name: string, options: string | AddOptions = {}, current?: string): void {
    const { key, count = 1 } = typeof options === 'string' ? { key: options } : options;
    const series = this.#defined(name);
    this.#add(
      series,
      parseKey(series.keyType, key ?? (series.keyType === 'text' ? undefined : current)),
      count,
    );
  }

  /** The sum over windows `startv` to `endv`, 0 being the current one. Original name: `msys.audit_series.count`. */
  count(name: string, options: string | CountQuery = {}, current?: string): number {
    const { key, startv = 0, endv = startv } = typeof options === 'string' ? { key: options } : options;
    const series = this.#defined(name);
    checkWindows(series.monitor, startv, endv, ['startv', 'endv']);
    const query =
      series.keyType === 'text'
        ? parseKey('text', key)
        : this.#ofFamily(series, prefixOf('key', key, current));
    return series.table.sum(series.id, series.monitor.sizeS, startv, endv, query);
  }

  /** Out of all windows, at all nodes; true when it was there. Original name: `msys.audit_series.remove_item`. */
  remove(name: string, key?: string, current?: string): boolean {
    const series = this.#defined(name);
    return series.table.remove(series.id, parseKey(series.keyType, key ?? current));
  }

  /** The series is made when it is not there. Original name: `audit_series_add`. */
  addTo(
    name: string,
    monitor: string,
    { count = 1, ip, ...options }: MonitorAdd = {},
    current?: string,
  ): void {
    const key = parseKey('address', ip ?? current);
    const { replicate = 'none', serialize = false } = options;
    const window = parseMonitor(monitor);
    const series =
      this.#byId.get(idOf(name, window)) ??
      this.#make(name, 'address', window, { serialize, replicate, persist: false });
    this.#add(series, key, count);
  }

  /** 0 of a series that nobody has added to. Original name: `audit_series`. */
  during(name: string, monitor: string, query: MonitorQuery = {}, current?: string): number {
    const { start = 0, end = start, mask, ip } = query;
    const window = parseMonitor(monitor);
    checkWindows(window, start, end, ['period_start', 'period_end']);
    const prefix = masked(ip ?? current, mask);
    const series = this.#find(idOf(name, window));
    return series ? series.table.sum(series.id, window.sizeS, start, end, this.#ofFamily(series, prefix)) : 0;
  }

  /** The series of this name and monitor, as the console names them (10.5). */
  of(name: string, monitor: string): Series {
    return this.#find(idOf(name, parseMonitor(monitor))) ?? unknown(name);
  }

  /** The one that was defined, or else the first that was made by adding to it. */
  named(name: string): Series {
    const made = [...this.#byId.values()].find((series) => series.name === name);
    return this.#byName.get(name) ?? made ?? unknown(name);
  }

  addKey(series: Series, key: StreamKey, by: number): void {
    this.#add(series, key, by);
  }

  /** What earlier lives of this node had counted (9.17). */
  restore(
    series: Series,
    lives: readonly Incarnation[],
    counts: Iterable<readonly [number, StreamKey, number]>,
  ): void {
    const { id, monitor, table } = series;
    table.takeOver({ id, intervalS: monitor.sizeS, count: monitor.count }, lives, counts);
  }

  /** What this node counted itself: cell, key and amount. Walk it in slices. */
  *ownCounts({ id, monitor, table }: Series): Generator<readonly [number, StreamKey, number], void, void> {
    const current = table.windowNow(monitor.sizeS);
    for (let back = 0; back <= monitor.count; back++)
      for (const [key, sum] of table.entries(id, monitor.sizeS, back, 'local'))
        yield [current - back, key, sum];
  }

  #add({ name, id, keyType, options, table }: Series, key: StreamKey, by: number): void {
    table.add(id, key, by);
    if (options.serialize) this.#home.journal.add(name, keyType, key, by);
  }

  #make(name: string, keyType: KeyType, monitor: Monitor, options: Required<SeriesOptions>): Series {
    if (this.#byId.size >= maxSeries) throw new FlotillaError('FLT-1305', `${maxSeries} series`);
    const id = idOf(checkedText(name), monitor);
    const table = this.#home.table(options.replicate, name);
    const definition = { id, keyType, intervalS: monitor.sizeS, count: monitor.count };
    table.define(definition, [monitor], options.replicate !== 'none');
    const series = { name, id, keyType, monitor, options, table };
    this.#byId.set(id, series);
    this.#home.made?.(series);
    return series;
  }

  #defined(name: string): Series {
    return this.#byName.get(name) ?? unknown(name);
  }

  /** Also one that only others count. */
  #find(id: string): Series | undefined {
    const known = this.#byId.get(id);
    if (known) return known;
    const table = this.#home.tables().find((one) => one.has(id));
    if (!table) return undefined;
    const [, monitor, name] = /^series:(\d+,\d+):(.*)$/.exec(id)!;
    const options = { serialize: false, replicate: 'cluster', persist: false } as const;
    return { name: name!, id, keyType: table.keyType(id), monitor: parseMonitor(monitor!), options, table };
  }

  #ofFamily<T extends { readonly address: unknown }>({ keyType }: Series, prefix: T): T {
    const isNarrow = typeof prefix.address === 'number';
    if ((keyType === 'ipv4' && !isNarrow) || (keyType === 'ipv6' && isNarrow) || keyType === 'text')
      wrong('key', 'is of another kind than those of the series');
    return prefix;
  }
}

function idOf(name: string, monitor: Monitor): string {
  return `series:${monitorText(monitor)}:${name}`;
}

function unknown(name: string): never {
  throw new FlotillaError('FLT-1911', `series '${name}'`);
}
