/**
 * What a node and whoever pulls its logs say to each other (logging 9.2). Expected refusals are values: a puller goes on
 * by their names.
 */
import type { LogId } from './log-id.ts';

export const refusalNames = [
  'unknown-log',
  'no-subscriber',
  'no-journal',
  /** Somebody else has it, until `retryMs` from now unless he renews it. */
  'leased',
  /** An operator ended the transfer; for `retryMs` nobody gets it. */
  'aborted',
  'lost-lease',
  'damaged',
  'bad-id',
  /** More is under way than the node does at once. */
  'busy',
  /** The journal cannot be read now. */
  'unavailable',
  'malformed',
  /** The request is of a version of the service that the node does not speak. */
  'version',
] as const;
export type RefusalName = (typeof refusalNames)[number];

export interface Refusal {
  readonly refused: RefusalName;
  readonly text: string;
  /** Who has it. */
  readonly by?: string;
  readonly retryMs?: number;
}

export function isRefusal(answer: object): answer is Refusal {
  return 'refused' in answer;
}

export interface OpenRequest {
  readonly log: string;
  /** In order of preference: the first that there is. */
  readonly subscribers: readonly string[];
  /** Who pulls, the same over restarts: he takes over what he had, at once. */
  readonly consumer: string;
  /** This life of him. */
  readonly instance: string;
  /** How the transfer is called in `cluster jobs`, if the name is free on the node. */
  readonly job?: string;
}

export interface OpenedLog {
  readonly lease: string;
  readonly subscriber: string;
  readonly ttlMs: number;
  readonly checkpoint: LogId;
  /** Random id of the journal (design 13); a journal that was made anew has another one. */
  readonly journal: string;
  readonly job: string;
  /** Subscribers of the list that exist, too, and are not served: they hold disk space. */
  readonly others: readonly string[];
}

export interface FetchRequest {
  readonly lease: string;
  readonly maxBytes: number;
  /** Behind which record; undefined: the stored checkpoint. */
  readonly after: LogId | undefined;
}

/** How the bytes of records are to be read. */
export interface LogFormat {
  readonly order: 'little' | 'big';
  readonly magic: number;
}

/** What is said of records of one segment, beside their bytes. */
export interface SentInterval {
  readonly format: LogFormat;
  readonly first: LogId;
  readonly last: LogId;
  readonly count: number;
  /** There is more to be had now. */
  readonly more: boolean;
  /** Longest time until the next request. */
  readonly waitMs: number;
}

/** Records as they stand in their segment. */
export interface FetchedInterval extends SentInterval {
  readonly bytes: Uint8Array;
}

/** On the node: one run of bytes after the other as they were read. */
export interface ReadInterval extends SentInterval {
  readonly runs: readonly Uint8Array[];
  /** Of all runs. */
  readonly length: number;
  /** Whoever has sent the runs gives their memory back: it is used again, and they are read no more. */
  release(): void;
}

/** Nothing to be had behind `last`. */
export interface NothingNew {
  readonly count: 0;
  readonly last: LogId;
  readonly waitMs: number;
}

export interface SubscriberListing {
  readonly name: string;
  readonly checkpoint: LogId;
  readonly lagBytes: number;
  /** Undefined: nobody has counted them. */
  readonly lagRecords: number | undefined;
  /** Age of the oldest unread line; undefined: everything was read. */
  readonly oldestMs: number | undefined;
  /** In the words of its actor. */
  readonly state: string;
  readonly holder: string | undefined;
  /** Milliseconds since he asked for something. */
  readonly contactMs: number | undefined;
}

export interface LogListing {
  readonly name: string;
  readonly path: string;
  readonly onDisk: number;
  /** Undefined: there is no record. */
  readonly first: LogId | undefined;
  readonly last: LogId | undefined;
  readonly subscribers: readonly SubscriberListing[];
  /** Why the journal cannot be read. */
  readonly problem: string | undefined;
}

export interface NodeListing {
  readonly node: string;
  readonly subcluster: string;
  readonly logs: readonly LogListing[];
}
