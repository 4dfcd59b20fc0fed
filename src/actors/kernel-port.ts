/**
 * What DuraVIP asks of the machine: addresses on interfaces, the lease that decides whether they answer, and the
 * neighbours. Implemented for Linux in `net/linux`, and by a fake kernel for the simulator.
 *
 * Contract: only addresses named in a call are ever touched (NET-11). Expected failures are values; a rejected promise
 * means that the machinery itself is broken.
 */
import type { Ip } from '../core/duravip/vip.ts';

export interface NetInterface {
  readonly name: string;
  readonly index: number;
  /** Six bytes; undefined for interfaces without a link layer, such as loopback. */
  readonly mac: string | undefined;
  /** Administratively up, and with a carrier. */
  readonly up: boolean;
}

export interface PlumbedAddress {
  readonly ip: Ip;
  readonly prefixBits: number;
  readonly interface: string;
}

/** `reason` is what the kernel or the tool said, for the log. */
export type PlumbOutcome = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export type KernelChange =
  | { readonly kind: 'address-added' | 'address-removed'; readonly address: PlumbedAddress }
  | { readonly kind: 'interface'; readonly interface: NetInterface }
  | { readonly kind: 'interface-gone'; readonly name: string }
  /** Somebody else claims an address that is owned here (EXT-2). */
  | { readonly kind: 'foreign-claim'; readonly ip: Ip; readonly mac: string; readonly interface: string }
  /** Events were lost or the watcher was started anew: read everything again. */
  | { readonly kind: 'unsure' };

export interface Neighbour {
  readonly ip: Ip;
  readonly mac: string;
}

/**
 * The lease: managed addresses answer only while they are in the owned set and the node's one lease lives (LIFE-18).
 * The kernel keeps the time, so that a process which is stopped or dead cannot go on answering.
 */
export interface Lease {
  /** What holds it: `nftables`, or `valid_lft` of each address where there is no nftables. */
  readonly held: 'nftables' | 'valid_lft';
  /** Addresses under management: they answer nobody unless owned. Replaces the earlier set. */
  manage(ips: readonly Ip[]): Promise<void>;
  /** A new lease, whether or not an earlier one has run out. Only on entering RUN of a new view. */
  take(durationMs: number): Promise<void>;
  /** Extends it from now on. False: it has run out, and stays so until it is taken anew. */
  refresh(durationMs: number): Promise<boolean>;
  /** Ends it now. */
  drop(): Promise<void>;
  /** Puts addresses into the owned set, or takes them out, in one transaction. */
  own(ips: readonly Ip[]): Promise<void>;
  disown(ips: readonly Ip[]): Promise<void>;
}

/** One announcement: to everybody on the link, or to one host (ARP-4, ARP-17). */
export interface NeighbourFrame {
  readonly ip: Ip;
  readonly interface: string;
  /** ARP for IPv4: as a request, a reply; NDP for IPv6 has one form. */
  readonly form: 'request' | 'reply';
  /** Undefined: broadcast, or all nodes of the link. */
  readonly to: Neighbour | undefined;
}

export interface KernelPort {
  /** Why the machine cannot float addresses at all: missing privileges, tools or modules, each with its remedy. */
  problems(): readonly string[];
  interfaces(): Promise<readonly NetInterface[]>;
  addresses(): Promise<readonly PlumbedAddress[]>;
  /** All in one batch; outcomes in the order of the requests. Present already counts as done (NET-7). */
  plumb(addresses: readonly PlumbedAddress[]): Promise<readonly PlumbOutcome[]>;
  /** Not there counts as done (NET-9). */
  unplumb(addresses: readonly PlumbedAddress[]): Promise<readonly PlumbOutcome[]>;
  readonly lease: Lease;
  /** Sends frames now, in this order; pacing is the caller's. Frames for interfaces that are gone are skipped. */
  announce(frames: readonly NeighbourFrame[]): void;
  /** Who answers for an address on an interface; undefined when nobody does within the time. */
  probe(ip: Ip, interfaceName: string, timeoutMs: number): Promise<string | undefined>;
  /** The machine's own table of confirmed neighbours. */
  neighbours(): Promise<readonly Neighbour[]>;
  /** Tells of changes from now on, also of those made through this port. Returns how to stop. */
  watch(listener: (change: KernelChange) => void): () => void;
  /** Ends watchers and tools. Owned addresses are left to the guardian, which ends by itself. */
  close(): Promise<void>;
}
