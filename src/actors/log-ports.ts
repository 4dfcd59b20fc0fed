/**
 * What the log service of a node and the pullers of a manager ask of the world (logging 9 and 10): journals on the one
 * side, the service over the bus and a store of records on the other.
 */
import type { LogId } from '../core/logs/log-id.ts';
import type {
  FetchedInterval,
  FetchRequest,
  LogFormat,
  NothingNew,
  OpenedLog,
  OpenRequest,
  Refusal,
} from '../core/logs/service-messages.ts';

// The node's side

export interface LogRun {
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** The records behind `after`, up to `last`, of the segment of `last`; none when `count` is 0. */
export interface LogInterval {
  readonly after: LogId;
  readonly last: LogId;
  readonly count: number;
}

/** Reads a journal for one subscriber. */
export interface LogReader {
  /** Behind `after`, the stored checkpoint unless given. Rejects with FLT-2203 where the journal is damaged. */
  interval(after?: LogId): Promise<LogInterval>;
  /**
   * Whole records of an interval from `marker` on, at most `maxBytes` of them; a larger single one as a whole. They are
   * read into `into` where there is room, and elsewhere if not.
   */
  run(interval: LogInterval, maxBytes: number, marker: number, into?: Uint8Array): Promise<LogRun>;
  /** Rejects with FLT-2208 when there is no such subscriber any more. */
  stored(): Promise<LogId>;
  /** What is stored then: nothing new where the journal has another identity by now. */
  checkpoint(id: LogId, identity?: string): Promise<LogId>;
  close(): Promise<void>;
}

export interface LogLag {
  readonly bytes: number;
  /** Undefined: nobody has counted them. */
  readonly records: number | undefined;
  /** Time of the first of them, in microseconds since the epoch; undefined: there is none. */
  readonly oldestUs: number | undefined;
}

/** A journal that a node offers; implemented by the Journal of src/journal. */
export interface LogJournal {
  /** Random id of the journal as it is now; undefined: this process does not own it. */
  identity(): Promise<string | undefined>;
  readonly format: LogFormat;
  subscribers(): Promise<ReadonlyMap<string, LogId>>;
  reader(subscriber: string): Promise<LogReader>;
  /** Resolves when what readers can see is on the disk. */
  syncWritten(): Promise<void>;
  /** First and last record there are; undefined: none. */
  bounds(): Promise<{ readonly first: LogId; readonly last: LogId } | undefined>;
  /** What is behind `id`. */
  lag(id: LogId): Promise<LogLag>;
  diskBytes(): Promise<number>;
  removeSubscriber(name: string): Promise<void>;
  /** Called when records were written; returns how to stop that. */
  onWritten(listener: () => void): () => void;
}

/** An entry of `logs` (NodeSettings.logs). */
export interface OfferedLog {
  readonly name: string;
  readonly path: string;
}

/** The journals of this process, by path; `reopen logs` and removal by hand put another in the place of one. */
export interface LogJournals {
  /** Opens it if it is not open, and makes none. Rejects when there is none, or it is another process's. */
  journal(path: string): Promise<LogJournal>;
  /** Called when one was opened that was not open before, perhaps because it is new; returns how to stop that. */
  onOpened(listener: () => void): () => void;
}

// The manager's side

/** Where a record that an aggregator pulled comes from. */
export interface LogSource {
  readonly node: string;
  readonly subcluster: string;
  readonly log: string;
  readonly subscriber: string;
  /** Random id of the journal (design 13). */
  readonly journal: string;
}

export interface PulledRecord {
  readonly id: LogId;
  /** Microseconds since the Unix epoch. */
  readonly timeUs: number;
  readonly payload: Uint8Array;
}

/** What keeps pulled records. Never called twice at the same time for one (node, log). */
export interface AggregateStore {
  /**
   * Resolves when all of them are written (each once, also over crashes) and synced, so that they may be acknowledged.
   * Rejects when they cannot be kept: the puller holds that log and tries again, with the same records or more.
   */
  store(source: LogSource, records: readonly PulledRecord[]): Promise<void>;
}

/** The log services of all nodes. Every call is bounded in time; it rejects when no answer came, or a wrong one. */
export interface LogServices {
  open(node: string, request: OpenRequest): Promise<OpenedLog | Refusal>;
  fetch(node: string, request: FetchRequest): Promise<FetchedInterval | NothingNew | Refusal>;
  /** What is stored now. */
  ack(node: string, lease: string, id: LogId): Promise<{ readonly checkpoint: LogId } | Refusal>;
  /** Nobody waits for it to arrive. */
  close(node: string, lease: string): void;
  /** The logs that a node offers, by name. */
  names(node: string): Promise<readonly string[] | Refusal>;
  /** Called when a log of a node has got records; some calls are lost. */
  onReady(listener: (node: string, log: string) => void): () => void;
}

export interface DecodedInterval {
  readonly records: readonly PulledRecord[];
  /** Compressed records that a bad disk has damaged: nobody can read them any more. */
  readonly unreadable: readonly LogId[];
}

export interface RecordDecoder {
  /** In slices, so that the event loop gets its turns. Rejects when the bytes are not what they are said to be. */
  decode(interval: FetchedInterval): Promise<DecodedInterval>;
}
