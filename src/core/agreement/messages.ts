/**
 * The messages of view agreement and of the ordered stream on top of it, as plain data. Their bytes are the codec's
 * business, their meaning is in agreement.ts.
 */
import type { Incarnation, MemberType } from '../identity.ts';
import type { Process, ViewId } from '../view.ts';

/** What one process tells all others each `bus_heartbeat_interval`. */
export interface Beat {
  readonly kind: 'beat';
  readonly from: Process;
  /** Counts up by one in the sender's life; tells a late beat from a newer one. */
  readonly count: number;
  readonly view: ViewId;
  readonly viewSize: number;
  /** Order-free hash of the view's incarnations: lets an outsider know that it has found all members. */
  readonly viewHash: number;
  /** Bit i: the i-th member of the sender's view is heard. Only for members that show the same view. */
  readonly hears: Uint8Array;
  /** Bit i: the sender and the i-th member of its view hear each other. */
  readonly mutual: Uint8Array;
  /** Everybody else who is heard: strangers, and members that show another view. */
  readonly others: readonly HeardOther[];
  /**
   * Byte i: the low eight bits of the count of the last beat heard of the i-th member of the sender's view. Empty unless
   * leases need a quorum of hearers (LIFE-18): in a large cluster it costs as much as all the rest.
   */
  readonly heard: Uint8Array;
  /** Highest epoch the sender has seen. */
  readonly epoch: number;
  /** Highest ordered message of `view` applied without a gap. */
  readonly applied: number;
  /** State of the sender's rows, so that silent loss is found within a beat (replication 21.4). */
  readonly digests: readonly RowDigest[];
}

export interface HeardOther {
  readonly incarnation: Incarnation;
  readonly mutual: boolean;
}

/** One row of one shared object at one sequence number. `object` is the hash of the object's name. */
export interface RowDigest {
  readonly object: number;
  readonly sequence: number;
  readonly high: number;
  readonly low: number;
}

export interface Propose {
  readonly kind: 'propose';
  readonly from: Incarnation;
  readonly ballot: ViewId;
  readonly members: readonly Process[];
}

export interface Ok {
  readonly kind: 'ok';
  readonly from: Incarnation;
  readonly ballot: ViewId;
  /** The view the sender leaves, and how far it applied its ordered messages. */
  readonly oldView: ViewId;
  readonly applied: number;
  /** Ordered messages of `oldView` that the sender holds and that may not be everywhere yet. */
  readonly unstable: readonly OrderedEntry[];
}

export interface Nack {
  readonly kind: 'nack';
  readonly from: Incarnation;
  readonly ballot: ViewId;
  readonly epoch: number;
}

export interface Commit {
  readonly kind: 'commit';
  readonly from: Incarnation;
  readonly ballot: ViewId;
  readonly members: readonly Process[];
  /** For each old view among the members: the ordered messages its survivors apply before they install. */
  readonly flush: readonly Flush[];
}

export interface Flush {
  readonly view: ViewId;
  readonly upTo: number;
  readonly entries: readonly OrderedEntry[];
  /** Who comes from that view (the transitional set of BUS-10). */
  readonly survivors: readonly Incarnation[];
}

/** "Repeat the commit of this view, I missed it." */
export interface Ask {
  readonly kind: 'ask';
  readonly from: Incarnation;
  readonly view: ViewId;
}

/** A message of the leader, numbered from 1 within its view (BUS-9). */
export interface Ordered {
  readonly kind: 'ordered';
  readonly from: Incarnation;
  readonly view: ViewId;
  readonly entry: OrderedEntry;
}

export interface OrderedEntry {
  readonly number: number;
  readonly payload: Uint8Array;
}

/** "I lack ordered messages of this view from `first` on." */
export interface Resend {
  readonly kind: 'resend';
  readonly from: Incarnation;
  readonly view: ViewId;
  readonly first: number;
}

/** A graceful stop: closed evidence for this incarnation, for ever. */
export interface Goodbye {
  readonly kind: 'goodbye';
  readonly from: Incarnation;
}

/** What `cluster membership` prints of a member (MEM-1). Travels once a view, and when solicited. */
export interface NodeInfo {
  readonly incarnation: Incarnation;
  readonly node: string;
  readonly subcluster: string;
  readonly type: MemberType;
  readonly version: string;
  readonly address: string;
  readonly port: number;
  readonly groups: readonly string[];
  /** Its values of options that must be the same on all nodes (CFG-2317); absent when it has none. */
  readonly mustAgree?: ReadonlyMap<string, string>;
  /** Types and names of its shared objects that are throttles; absent when it has none. Who has one keeps accounts of it. */
  readonly throttles?: readonly string[];
}

export interface State {
  readonly kind: 'state';
  readonly from: Incarnation;
  readonly view: ViewId;
  readonly info: NodeInfo;
}

export interface Solicit {
  readonly kind: 'solicit';
  readonly from: Incarnation;
}

/** Heartbeat of the cluster module (MEM-13): proves that the actors live, where a beat proves only the link. */
export interface Heartbeat {
  readonly kind: 'heartbeat';
  readonly from: Incarnation;
  readonly view: ViewId;
  readonly leader: Incarnation | undefined;
  readonly applied: number;
  /** Digest of everything that ordered messages have decided in this view. */
  readonly table: number;
}

export type ViewMessage =
  | Beat
  | Propose
  | Ok
  | Nack
  | Commit
  | Ask
  | Ordered
  | Resend
  | Goodbye
  | State
  | Solicit
  | Heartbeat;

/** The highest epoch a message names. */
export function epochOf(message: ViewMessage): number {
  const ballot = 'ballot' in message ? message.ballot.epoch : 0;
  const view = 'view' in message ? message.view.epoch : 0;
  const epoch = 'epoch' in message ? message.epoch : 0;
  return Math.max(ballot, view, epoch);
}
