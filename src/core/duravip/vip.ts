/**
 * What nodes say about floating addresses. A DuraVIP is one address; bindings and listeners on it are its names and
 * services. Everything here is plain data that travels between nodes.
 *
 * Addresses are canonical text (`formatAddress`), so equal addresses are equal strings; their order is numeric, IPv4
 * first (STA-7).
 */
import { type Address, isIpv4, parseAddress } from '../address.ts';
import type { Incarnation } from '../identity.ts';

/** Canonical text of an address: dotted decimal, or RFC 5952. */
export type Ip = string;

/** A listener on the address: `esmtp` on `10.0.0.1:25`. */
export interface VipService {
  readonly kind: string;
  readonly endpoint: string;
}

/** What one node's configuration and state say about one address (STA-1). All lists are sorted. */
export interface VipAnnouncement {
  readonly ip: Ip;
  /** Binding names, in their own case. */
  readonly names: readonly string[];
  readonly services: readonly VipService[];
  /** Node names in order of preference; none: no preference, or one that the node's own marks contradict (DVC-10). */
  readonly preference: readonly string[];
  /** Addresses that go wherever this one goes. */
  readonly followers: readonly Ip[];
  /** The node could serve it now: topology, interface, last attempt, health (OWN-15). */
  readonly capable: boolean;
  /** The node gives it away and wants it no more until it resumes (LIFE-11). */
  readonly draining: boolean;
}

/** All announcements of one node. A receiver replaces what it had of the node as a whole (STA-2). */
export interface NodeAnnouncement {
  readonly from: Incarnation;
  /** Grows with each change; the same number is the same content. */
  readonly sequence: number;
  /**
   * Which configuration of floating addresses the node runs: nodes with the same configuration say the same number
   * (EXT-9). Undefined: not known.
   */
  readonly revision?: number;
  /** In canonical order. */
  readonly vips: readonly VipAnnouncement[];
}

/** A member's say at the beginning of a view: what it holds, and where its announcements stand (OWN-2, OWN-35). */
export interface Claims {
  readonly from: Incarnation;
  /** Sequence of the announcement these claims were made under; who lacks it asks for it. */
  readonly announced: number;
  /** Assigned to this node in the table of the view before, in canonical order. */
  readonly claims: readonly Ip[];
  /** Addresses that could not be taken off: without lease, so they answer nobody (NET-9). */
  readonly stuck: readonly Ip[];
  /** Manual holds this node knows of (OWN-31): address and the owner it was moved to. */
  readonly holds: readonly { readonly ip: Ip; readonly owner: Incarnation }[];
  /** Longest that an address of this node may go on answering after its last sign of life (LIFE-18). */
  readonly leaseMs: number;
}

/** Why an owner was chosen (API-7). */
export type AssignmentReason =
  | 'elected'
  | 'preferred'
  | 'balanced'
  | 'moved'
  | 'orphan'
  | 'merge'
  | 'drained'
  | 'failed'
  | 'broken'
  | 'config'
  | 'reset';

export interface Assignment {
  readonly ip: Ip;
  /** Undefined: nobody owns it from now on. */
  readonly owner: Incarnation | undefined;
  readonly reason: AssignmentReason;
}

/** STA-7: IPv4 before IPv6, each by number. */
export function compareIps(a: Ip, b: Ip): number {
  return compareAddresses(parseAddress(a)!, parseAddress(b)!);
}

/** The same order for those who sort many and parse each once. */
export function compareAddresses(x: Address, y: Address): number {
  if (isIpv4(x)) return isIpv4(y) ? (x >>> 0) - (y >>> 0) : -1;
  if (isIpv4(y)) return 1;
  for (let i = 0; i < 4; i++) if (x[i] !== y[i]) return (x[i]! >>> 0) - (y[i]! >>> 0);
  return 0;
}
