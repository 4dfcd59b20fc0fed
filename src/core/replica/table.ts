/**
 * What a shared table offers to those who count, and what the replicator asks of it. The replicator knows nothing about
 * kinds of tables: a new kind implements `ReplicatedRows` and columns of `Changes`.
 */
import type { Address, Prefix } from '../address.ts';
import type { Digest } from '../digest.ts';
import { FlotillaError } from '../errors.ts';
import type { Incarnation } from '../identity.ts';
import type { Changes } from './messages.ts';
import type { Work } from './work.ts';

/** An address in text or parsed form, or the key of a gauge table. */
export type Key = string | Address;

export type TableKind = 'cidrtree' | 'gauge table';

/**
 * Most keys a node counts for in one table, whatever `max_keys` says: all others keep its row, and one that found no room
 * there would differ for ever.
 */
export const mostKeys = 4_000_000;

/** Larger sums are shown as this (replication 4.10). */
export const maxCount = Number.MAX_SAFE_INTEGER;

/** A line of a dump: a prefix with the sum below it, or a key with its count. */
export interface TableRow {
  readonly key: string;
  readonly count: number;
}

/**
 * A table all nodes count in together. Own changes take effect here at once (replication 4.3). Counts are integers from
 * 0 to 2^53-1. Errors: FLT-1302 for what is no key, FLT-1303 for a node without a row here, FLT-1304 for what is no
 * count; nothing has changed then.
 */
export interface SharedTable {
  readonly kind: TableKind;
  /**
   * Adds to this node's count and returns the new count of the key over all nodes, for a cap to look at. Never refused:
   * what finds no room is counted with others (docs/decisions/0009-full-tables.md).
   */
  increment(key: Key, by?: number): number;
  /** Takes from this node's count. Below zero it stops at zero and counts an anomaly (replication 4.11). */
  decrement(key: Key, by?: number): void;
  set(key: Key, count: number): void;
  /** The count of a key, or the sum under a prefix: over all nodes, or in the row of one. */
  count(keyOrPrefix: Key | Prefix, from?: Incarnation): number;
  /** Keeps the sums of all prefixes of this length and family, so that `count` reads them with one probe. */
  watchPrefix(prefix: string | Prefix): void;
  /** All keys that count something, in no order. Of one moment (replication 18.6). */
  entries(from?: Incarnation): Iterable<readonly [key: string, count: number]>;
  /**
   * The content of the moment of the first step, in the order of a dump; each step is a slice of work with the rows that
   * were ready, often none. Counts that change later are not in it, neither in rows nor in the sums of a tree: before a
   * part of the table changes for the first time, the dump copies it. The copy is of keys and counts only, and all the
   * memory that a dump takes; rows are made from it as they are asked for. `under` keeps what lies in one prefix. Go on
   * to the end, or call `return`: the copy is kept until then.
   */
  dump(from?: Incarnation, under?: string): Generator<readonly TableRow[], void, void>;
}

/** The row of another node. */
export interface RemoteRow {
  /** Keys that count something. */
  readonly size: number;
  readonly digest: Digest;
  /** Sets values in the row only; totals follow when the row is put into the table. */
  apply(changes: Changes): void;
}

export interface TableStats {
  /** Keys this node counts something for. */
  readonly ownKeys: number;
  /** Keys that any node counts something for, idle ones included. */
  readonly keys: number;
  readonly overflows: number;
  readonly anomalies: number;
  /** Keys of other nodes that found no room here: only of one that keeps to no bound. */
  readonly refused: number;
  readonly rolledUp: number;
}

/** What the replicator asks of a table: rows of members, whatever is counted in them. */
export interface ReplicatedRows {
  /** Changed keys of the own row not yet taken. */
  readonly pending: number;
  /** Of the own row as taken. */
  readonly digest: Digest;
  readonly stats: TableStats;
  /** Called at the end of an operation that made more keys pending than there were before. */
  onPending: () => void;
  /** Called with work that came up. Unless somebody takes it over, it is done at once. */
  onWork: (work: Work) => void;

  /** Takes out up to `limit` pending keys; undefined when all of them are back at the value that was sent. */
  takeChanges(limit: number): Changes | undefined;
  /** The own row belongs to a new incarnation: the process joins again, what it counts goes on (CMD-17). */
  become(self: Incarnation): void;
  /**
   * The whole own row as it is when each part of it is asked for. Idle leaves of a tree are not in it: 0 means absent
   * (replication 4.10), and a joiner's dump lacks only the branch lines that they cause, for five minutes at most.
   */
  ownRow(): Iterator<Changes, void, void>;

  /** A row of its own, in no table. */
  blankRow(): RemoteRow;
  /** A member without counts. */
  addRow(origin: Incarnation): void;
  /** Applies changes to a member's row and to the totals. */
  applyToRow(origin: Incarnation, changes: Changes): void;
  row(origin: Incarnation): RemoteRow;
  /** Puts `fresh` in place of the member's row at once; the totals follow with the work, key by key. */
  replaceRow(origin: Incarnation, fresh: RemoteRow): Work;
  /**
   * Takes the member's row away at once; the totals follow with the work, key by key. `sequence`: of the last batch that
   * is in the row.
   */
  removeRow(origin: Incarnation, sequence: number): Work;

  /** Drops what was idle for long. Once each `upkeepPeriodMs`. */
  upkeep(): Work;
}

export interface ReplicatedTable extends SharedTable, ReplicatedRows {}

export function checkedCount(count: number): number {
  if (count !== 1 && (!Number.isSafeInteger(count) || count < 0))
    throw new FlotillaError('FLT-1304', String(count));
  return count;
}
