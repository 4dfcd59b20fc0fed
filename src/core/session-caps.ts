/**
 * How many sessions a listener lets in (replication section 15, 21.2): counts each client from accept to close and
 * decides, before anything is done for it, whether a cap has been reached.
 *
 * A cap that stands in a Peer scope counts the sessions of that netblock only, one that stands outside counts all
 * (15.3). Where a cap stands is therefore resolved for each option by itself: the most specific Peer that sets it,
 * then the next less specific, then the listener (15.2).
 */
import { type Address, formatPrefix, type Prefix, parsePrefix } from './address.ts';
import { FlotillaError } from './errors.ts';
import { NetblockCounts, Netblocks, noNetblock } from './netblocks.ts';
import type { AddressCounts } from './present-sessions.ts';
import type { ListenerSettings, SessionCaps } from './settings.ts';

/** A cap that has been reached. `scope` is the Peer's prefix or `listener`. */
export interface SessionRefusal {
  readonly limit: 'listener_sessions' | 'service_sessions' | 'cluster_service_sessions';
  readonly value: number;
  readonly count: number;
  readonly scope: string;
}

/** One accepted connection. */
export interface CountedSession {
  /** Set when it has to be turned away. */
  readonly refusal: SessionRefusal | undefined;
  /** Its socket is closed. Later calls do nothing. */
  close(): void;
}

/** What a front listener counts with. */
export interface SessionPort {
  accept(client: Address): CountedSession;
}

/** The shared object `inbound_cidr`, as caps need it: own row, and the sums over all nodes. */
export interface InboundTable {
  increment(client: Address): unknown;
  decrement(client: Address): void;
  count(netblock: Prefix): number;
  /** Says that `count` of this prefix is asked for with every session, so that it is kept ready. */
  watchPrefix(netblock: Prefix): void;
}

/** All clients. */
const everywhere: readonly Prefix[] = [
  { address: 0, bits: 0 },
  { address: [0, 0, 0, 0], bits: 0 },
];

type CapName = keyof SessionCaps;
const optionNames: Readonly<Record<CapName, SessionRefusal['limit']>> = {
  listenerSessions: 'listener_sessions',
  serviceSessions: 'service_sessions',
  clusterServiceSessions: 'cluster_service_sessions',
};
/** Own counts before those of the cluster, as outbound. */
const capNames: readonly CapName[] = ['listenerSessions', 'serviceSessions', 'clusterServiceSessions'];

/** Sessions of all listeners of one service on this node. */
export class ServiceSessions {
  readonly counts: NetblockCounts;

  /** All listeners of the service: each Peer of one of them counts the sessions of all. */
  constructor(listeners: readonly ListenerSettings[]) {
    this.counts = new NetblockCounts(new Netblocks(listeners.flatMap(peerPrefixes)));
  }
}

/** One cap as it applies to the clients of one netblock. */
interface ResolvedCap {
  readonly name: CapName;
  readonly value: number;
  readonly scope: string;
  readonly count: () => number;
}

/** Sessions of one listener, with its caps. Without an `inbound_cidr` the cluster cap holds for this node alone. */
export class ListenerSessions implements SessionPort {
  readonly #service: ServiceSessions;
  readonly #inbound: InboundTable | undefined;
  readonly #counts: NetblockCounts;
  readonly #capsOfNetblock: readonly (readonly ResolvedCap[])[];
  readonly #capsElsewhere: readonly ResolvedCap[];
  readonly #present: readonly AddressCounts[];

  /** `present`: where sessions count by address, for whoever asks who is connected. */
  constructor(
    settings: ListenerSettings,
    service: ServiceSessions,
    inbound?: InboundTable,
    present: readonly AddressCounts[] = [],
  ) {
    this.#present = present;
    this.#service = service;
    this.#inbound = inbound;
    const netblocks = new Netblocks(peerPrefixes(settings));
    this.#counts = new NetblockCounts(netblocks);
    this.#capsOfNetblock = netblocks.prefixes.map((_, netblock) => this.#capsIn(settings, netblock));
    this.#capsElsewhere = this.#capsIn(settings, noNetblock);
  }

  /**
   * Every accepted connection counts in `inbound_cidr` until it is closed (replication 5.14); only those let in are
   * sessions of the listener and the service, or clients that are being turned away would keep others out.
   */
  accept(client: Address): CountedSession {
    const netblock = this.#counts.netblocks.find(client);
    const refusal = this.#reachedCap(netblock);
    this.#inbound?.increment(client);
    const endSession = refusal === undefined ? this.#begin(client, netblock) : undefined;
    let open = true;
    const close = () => {
      if (!open) return;
      open = false;
      this.#inbound?.decrement(client);
      endSession?.();
    };
    return { refusal, close };
  }

  #begin(client: Address, netblock: number): () => void {
    const service = this.#service.counts;
    const serviceNetblock = service.netblocks.find(client);
    this.#counts.add(netblock, 1);
    service.add(serviceNetblock, 1);
    const ends = this.#present.map((counts) => counts.begin(client));
    return () => {
      for (const end of ends) end();
      this.#counts.add(netblock, -1);
      service.add(serviceNetblock, -1);
    };
  }

  /** Reached means: as many before this session (15.4). */
  #reachedCap(netblock: number): SessionRefusal | undefined {
    for (const { name, value, scope, count } of this.#capsOfNetblock[netblock] ?? this.#capsElsewhere) {
      const open = count();
      if (open >= value) return { limit: optionNames[name], value, count: open, scope };
    }
    return undefined;
  }

  /** The caps for clients whose most specific netblock is this one, each with the netblock that states it. */
  #capsIn(settings: ListenerSettings, netblock: number): ResolvedCap[] {
    return capNames.flatMap((name) => {
      const { value, statedIn } = this.#stated(settings, name, netblock);
      if (value === 0) return [];
      const prefix = this.#counts.netblocks.prefixes[statedIn];
      const scope = prefix === undefined ? 'listener' : formatPrefix(prefix.address, prefix.bits);
      return [{ name, value, scope, count: this.#counterOf(name, statedIn) }];
    });
  }

  #stated(
    { peers, caps }: ListenerSettings,
    name: CapName,
    netblock: number,
  ): { value: number; statedIn: number } {
    const { netblocks } = this.#counts;
    for (let around = netblock; around !== noNetblock; around = netblocks.parentOf(around)) {
      const stating = peers.filter((peer) => netblocks.indexOf(netblockOf(peer.prefix)) === around);
      const value = stating.map((peer) => peer.caps[name]).findLast((stated) => stated !== undefined);
      if (value !== undefined) return { value, statedIn: around };
    }
    return { value: caps[name], statedIn: noNetblock };
  }

  #counterOf(name: CapName, netblock: number): () => number {
    const ofListener = this.#counts;
    if (name === 'listenerSessions') return () => ofListener.count(netblock);
    const prefix = ofListener.netblocks.prefixes[netblock];
    if (name === 'clusterServiceSessions' && this.#inbound !== undefined) {
      return clusterCounter(this.#inbound, prefix === undefined ? everywhere : [prefix]);
    }
    const ofService = this.#service.counts;
    const index = prefix === undefined ? noNetblock : ofService.netblocks.indexOf(prefix);
    return () => ofService.count(index);
  }
}

function clusterCounter(inbound: InboundTable, netblocks: readonly Prefix[]): () => number {
  for (const netblock of netblocks) inbound.watchPrefix(netblock);
  return () => netblocks.reduce((sum, netblock) => sum + inbound.count(netblock), 0);
}

function peerPrefixes({ peers }: ListenerSettings): Prefix[] {
  return peers.map(({ prefix }) => netblockOf(prefix));
}

function netblockOf(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new FlotillaError('FLT-1302', `Peer "${text}"`);
  return prefix;
}
