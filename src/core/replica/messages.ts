/**
 * What nodes tell each other about the rows of shared objects, as plain data.
 *
 * Every message says absolute things ("my count for this key is 7"), so applying it twice changes nothing, and every
 * batch is numbered within the sender's incarnation, so a lost one is noticed (replication 4.8, 4.9).
 */
import type { Incarnation } from '../identity.ts';
import type { CellChanges } from '../series/cell.ts';
import type { ReplicaType } from '../settings.ts';

/**
 * Keys with their new absolute values, in columns: a batch of 100,000 addresses is six arrays, not 100,000 objects.
 * Value 0 means the key is absent (replication 4.10).
 */
export interface Changes {
  /** IPv4 addresses as unsigned 32-bit numbers. */
  readonly v4Keys: Uint32Array;
  readonly v4Values: Float64Array;
  /** IPv6 addresses, four 32-bit words each. */
  readonly v6Keys: Uint32Array;
  readonly v6Values: Float64Array;
  /** Netblocks into which cold addresses were rolled up: /24 networks, and /64 networks as two words each. */
  readonly v4BlockKeys: Uint32Array;
  readonly v4BlockValues: Float64Array;
  readonly v6BlockKeys: Uint32Array;
  readonly v6BlockValues: Float64Array;
  /** Keys of gauge tables. */
  readonly textKeys: readonly string[];
  readonly textValues: Float64Array;
  /** Of event tables. */
  readonly cells: readonly CellChanges[];
}

interface Header {
  readonly object: string;
  /** A message for an object of another type here is dropped (replication 3.12). */
  readonly type: ReplicaType;
  readonly from: Incarnation;
}

/** The next changes of the sender's row. To all nodes. */
export interface Batch extends Header {
  readonly kind: 'batch';
  /** 1, 2, 3 ... within the incarnation and object. */
  readonly sequence: number;
  readonly changes: Changes;
}

/** "Send me your whole row." To one node. */
export interface SnapshotRequest extends Header {
  readonly kind: 'snapshot-request';
  /** Chosen by the asker; a later session replaces an earlier one. */
  readonly session: number;
}

/** A part of the sender's row, exact as of `sequence`. To one node. */
export interface SnapshotChunk extends Header {
  readonly kind: 'snapshot-chunk';
  readonly session: number;
  /** 0, 1, 2 ... within the session. */
  readonly index: number;
  readonly sequence: number;
  readonly last: boolean;
  readonly changes: Changes;
}

/** "I have applied all chunks up to `index`, go on." To one node; bounds what is under way. */
export interface SnapshotCredit extends Header {
  readonly kind: 'snapshot-credit';
  readonly session: number;
  readonly index: number;
}

/** What a node counted before it left: nobody can ask that node any more, so members ask each other. */
export interface RetiredRequest extends Header {
  readonly kind: 'retired-request';
  /** Chosen by the asker; a later session replaces an earlier one. */
  readonly session: number;
  /** The chunk that is wanted; 0 begins a session. */
  readonly index: number;
  /** When it begins: lives that the asker knows, each with the number of its last batch there. */
  readonly known: readonly KnownLife[];
}

export interface KnownLife {
  readonly life: Incarnation;
  readonly sequence: number;
}

/** A part of what one life counted that the asker does not know, or not as far. */
export interface RetiredChunk extends Header {
  readonly kind: 'retired-chunk';
  readonly session: number;
  readonly index: number;
  /** Whose it is; undefined: the asker has been told all. */
  readonly of: (KnownLife & { readonly isLast: boolean }) | undefined;
  readonly changes: Changes;
}

/** Of series only. */
export type RetiredMessage = RetiredRequest | RetiredChunk;
export type SharedMessage = Batch | SnapshotRequest | SnapshotChunk | SnapshotCredit | RetiredMessage;

export function isOfRetired(message: SharedMessage): message is RetiredMessage {
  return message.kind === 'retired-request' || message.kind === 'retired-chunk';
}
