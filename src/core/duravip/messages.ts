/**
 * Messages about floating addresses, as plain data. What is decided travels as ordered messages of the leader, so that
 * all members of a view have the same table (OWN-17); everything else is said to all and may be lost and repeated.
 */
import type { Incarnation } from '../identity.ts';
import type { ViewId } from '../view.ts';
import type { Assignment, Claims, Ip, NodeAnnouncement } from './vip.ts';

/** At the beginning of a view, and when asked (OWN-2, OWN-4). */
export interface ClaimsMessage extends Claims {
  readonly kind: 'claims';
  readonly view: ViewId;
  readonly lost: readonly LostHolder[];
  /**
   * Not claimed, and perhaps not off yet. Neither claimed nor here: the sender does not have it, whatever others remember.
   * Undefined: the sender is of a release that does not say it.
   */
  readonly leaving?: readonly Ip[] | undefined;
}

/**
 * A process that is out of the view and may still answer for addresses. Members tell each other, because one that comes
 * from another view knows nothing of it, and where a cut is one-way others heard it for longer than this node did: its
 * lease lasts as long as it was heard (LIFE-18).
 */
export interface LostHolder {
  readonly member: Incarnation;
  readonly evidence: 'silent' | 'closed' | 'goodbye';
  readonly silentMs: number;
  readonly leaseMs: number;
  readonly holds: readonly Ip[];
}

/** After each change, and when asked (STA-2, DVC-15). */
export interface AnnouncementMessage extends NodeAnnouncement {
  readonly kind: 'announcement';
}

/** "I lack your claims, or your announcement." */
export interface SolicitMessage {
  readonly kind: 'solicit';
  readonly from: Incarnation;
  readonly want: 'claims' | 'announcement';
}

/** DISOWN: these addresses are off the sender's interfaces. */
export interface ReleasedMessage {
  readonly kind: 'released';
  readonly from: Incarnation;
  /** The decisions that the sender had followed: what gave it an address later is not meant. */
  readonly upTo: Stamp;
  readonly ips: readonly Ip[];
}

/** A place in the history of decisions: how many of a view. */
export interface Stamp {
  readonly view: ViewId;
  readonly applied: number;
}

/** A host that a node has seen on the link (ARP-9). */
export interface SeenHost {
  readonly ip: Ip;
  readonly mac: string;
  readonly ageMs: number;
}

export interface HostsMessage {
  readonly kind: 'hosts';
  readonly from: Incarnation;
  readonly hosts: readonly SeenHost[];
}

/** What an operator asks of the leader: `id` makes many copies of one broadcast command one request (OWN-29). */
export interface RequestMessage {
  readonly kind: 'request';
  readonly from: Incarnation;
  readonly id: string;
  /** `move`: to the process named, with a hold; `unhold`: the hold is over (OWN-31). */
  readonly verb: 'move' | 'unhold';
  readonly ips: readonly Ip[];
  readonly to: Incarnation | undefined;
}

export type VipMessage =
  | ClaimsMessage
  | AnnouncementMessage
  | SolicitMessage
  | ReleasedMessage
  | HostsMessage
  | RequestMessage;

/** MATURE, BALANCE, MOVE: applied by all members of a view in the same order. */
export interface Decision {
  readonly verb: 'mature' | 'balance' | 'move' | 'unhold';
  /** Of the leader, from 1 in each view (STA-6). */
  readonly sequence: number;
  /** Addresses that are mature from now on, whether or not their owner changes. */
  readonly matured: readonly Ip[];
  readonly assignments: readonly Assignment[];
}
