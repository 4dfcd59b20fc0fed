/**
 * What nodes tell each other about replicated caches, as plain data. Entries carry their versions, so every message can be
 * lost, repeated or reordered: the newest version wins wherever it comes from.
 */
import type { Incarnation } from '../identity.ts';
import type { ReplicaType } from '../settings.ts';
import { type CacheEntry, utf8Bytes } from './entry.ts';

interface Header {
  readonly object: string;
  /** A message for an object of another type here is dropped (replication 3.12). */
  readonly type: ReplicaType;
  readonly from: Incarnation;
}

/** Own writes. To all nodes. */
export interface CacheBatch extends Header {
  readonly kind: 'cache-batch';
  /** 1, 2, 3 ... within the incarnation and object. */
  readonly sequence: number;
  readonly entries: readonly CacheEntry[];
}

/** "These are the digests of my buckets: send me what you have in those that differ." To one node. */
export interface CacheCompare extends Header {
  readonly kind: 'cache-compare';
  /** Chosen by the asker; a later session replaces an earlier one. */
  readonly session: number;
  /** High and low of each bucket. */
  readonly digests: Uint32Array;
}

/** Entries of buckets that differ. To one node. */
export interface CacheChunk extends Header {
  readonly kind: 'cache-chunk';
  readonly session: number;
  /** 0, 1, 2 ... within the session. */
  readonly index: number;
  readonly last: boolean;
  readonly entries: readonly CacheEntry[];
}

/** "I have taken in chunk `index`, go on." To one node; bounds what is under way. */
export interface CacheCredit extends Header {
  readonly kind: 'cache-credit';
  readonly session: number;
  readonly index: number;
}

export type CacheMessage = CacheBatch | CacheCompare | CacheChunk | CacheCredit;

/** A message ends where the next entry would make it larger; one entry always fits. */
const messageBytes = 256 * 1024;
/** Few enough to take in within one turn. */
const messageEntries = 512;

/** Fills one message. */
export class Filling {
  readonly entries: CacheEntry[] = [];
  #bytes = 0;

  /** False when the entry has to wait for the next message. */
  add(entry: CacheEntry): boolean {
    const bytes = utf8Bytes(entry.key) + utf8Bytes(entry.value ?? '');
    const { length } = this.entries;
    if (length > 0 && (length === messageEntries || this.#bytes + bytes > messageBytes)) return false;
    this.entries.push(entry);
    this.#bytes += bytes;
    return true;
  }
}
