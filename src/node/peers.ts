/**
 * Streams from node to node, past the bus (API-8): opens them to members by name, and serves those that members open.
 *
 * Owns the listeners and every stream as long as it is open. Invariant: each stream is a job from its first byte to its
 * last, and ends by itself when nothing moves on it.
 */
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Membership } from '../actors/membership.ts';
import { formatAddress, parseAddress } from '../core/address.ts';
import { FlotillaError } from '../core/errors.ts';
import { LogGate } from '../core/log-gate.ts';
import type { AddressCounts } from '../core/present-sessions.ts';
import type { NodeSettings, PeerEndpoint, PeerSettings } from '../core/settings.ts';
import { type Hello, isServiceName, nonceBytes, peerKey } from '../net/peers/handshake.ts';
import { type DialOptions, dialPeer } from '../net/peers/peer-dialer.ts';
import { PeerListener } from '../net/peers/peer-listener.ts';
import { type PeerTls, readPeerTls } from '../net/peers/tls.ts';
import { Jobs } from './jobs.ts';
import { until } from './patience.ts';
import type { Surroundings } from './surroundings.ts';

/** A stream to or from another node. Whoever has it ends it; an end from the other side does not (`allowHalfOpen`). */
export interface PeerStream {
  /** As in `cluster jobs` and in the logs of both nodes. */
  readonly job: string;
  /** The other end. */
  readonly node: string;
  readonly service: string;
  readonly socket: Socket;
}

/** An error, also one that comes later, ends the stream. */
export type PeerHandler = (stream: PeerStream) => void | Promise<void>;

export interface PeerLimits {
  /** Default: `connect_timeout` of ECCluster_Listener. */
  readonly connectTimeoutMs?: number;
  /** Default: `idle_timeout` of ECCluster_Listener. */
  readonly idleTimeoutMs?: number;
}

export interface PeersOptions {
  readonly settings: Pick<NodeSettings, 'nodename' | 'peers' | 'bus'>;
  readonly around: Surroundings;
  /** Undefined between two lives. */
  readonly membership: () => Pick<Membership, 'members'> | undefined;
  /** Where those who come in count, by address. */
  readonly present?: AddressCounts;
}

/** Served by nodes themselves, not by programs on them. */
const ownServices = new Set(['log']);
const logIntervalMs = 10_000;
/** Connections that have not been accepted yet, beside those that were; more of them are dropped. */
const mostHandshakes = 100;
/** Nodes choose ids without asking each other: one in 100,000 is taken by a transfer with a third node. */
const idTaken = 'another transfer has this id';
const mostIds = 5;

export class Peers {
  readonly jobs: Jobs;
  readonly #options: PeersOptions;
  readonly #handlers = new Map<string, PeerHandler>();
  readonly #listeners = new Set<PeerListener>();
  readonly #failureGate: LogGate;
  readonly #key: Buffer | undefined;
  #settings: PeerSettings;
  #address = '';
  #tls: PeerTls | undefined;
  #incoming = 0;
  #outgoing = 0;
  #stopping = false;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.jobs = new Jobs(options.around);
    this.#failureGate = new LogGate(options.around.clock, logIntervalMs);
    const { secret } = options.settings.peers;
    this.#settings = options.settings.peers;
    this.#key = secret === undefined ? undefined : peerKey(secret);
  }

  /** Before anything is opened or listens. Throws FLT-1202 for a TLS file that cannot be read. */
  async prepare(address: string): Promise<void> {
    this.#address = address;
    this.#tls = await readPeerTls(this.#options.settings.bus.tls);
  }

  /**
   * Nothing happens without a secret: whoever reaches the port could take mail out of every queue.
   * @throws FlotillaError FLT-1401
   */
  async listen(endpoint: PeerEndpoint): Promise<PeerListener | undefined> {
    const key = this.#key;
    if (key === undefined) return undefined;
    const listener = await PeerListener.open(
      { ...endpoint, host: endpoint.host ?? this.#address },
      {
        key,
        tls: this.#tls,
        nonce: () => this.#nonce(),
        mayConnect: (address) => !this.#settings.membersOnly || this.#isMembersAddress(address),
        refusal: (hello) => this.#refusal(hello),
        accepted: (socket, hello) => this.#accepted(socket, hello),
        connectTimeoutMs: this.#settings.connectTimeoutMs,
        maxSockets: this.#settings.maxJobs + mostHandshakes,
        ...this.#options.around,
      },
    );
    this.#listeners.add(listener);
    return listener;
  }

  /** Counts for connections that come from now on; those that are open go on as they began. */
  configure(settings: PeerSettings): void {
    this.#settings = settings;
    for (const listener of this.#listeners) listener.maxSockets = settings.maxJobs + mostHandshakes;
  }

  async close(listener: PeerListener): Promise<void> {
    this.#listeners.delete(listener);
    await listener.stop();
  }

  /** @throws FlotillaError FLT-1701 to FLT-1705 */
  async open(node: string, service: string, limits: PeerLimits = {}): Promise<PeerStream> {
    const { counters, log } = this.#options.around;
    try {
      const stream = await this.#openUnderFreeId(node.toLowerCase(), service, limits);
      counters.add('peer_opened_total');
      return stream;
    } catch (error) {
      counters.add('peer_open_failures_total');
      this.#failureGate.pass((heldBack) =>
        log.error(error instanceof Error ? error.message : String(error), { heldBack }),
      );
      throw error;
    }
  }

  /**
   * Returns how to end it. Streams that are open go on.
   * @throws FlotillaError FLT-1703, FLT-1705
   */
  serve(service: string, handler: PeerHandler): () => void {
    if (this.#key === undefined) throw new FlotillaError('FLT-1703', `${service}: no secret is set`);
    if (!isServiceName(service)) throw new FlotillaError('FLT-1705', JSON.stringify(service));
    if (ownServices.has(service) || this.#handlers.has(service))
      throw new FlotillaError('FLT-1705', `${service} is served already`);
    this.#handlers.set(service, handler);
    return () => void this.#handlers.delete(service);
  }

  /** What is under way may end by itself for `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    const { clock } = this.#options.around;
    this.#stopping = true;
    await until(clock, graceMs, () => this.jobs.size === 0);
    this.jobs.abortAll();
    await Promise.all([...this.#listeners].map((listener) => this.close(listener)));
  }

  // --- opening -------------------------------------------------------------------------------------------------------

  async #openUnderFreeId(node: string, service: string, limits: PeerLimits): Promise<PeerStream> {
    for (let left = mostIds - 1; ; left--) {
      try {
        return await this.#open(node, service, limits);
      } catch (error) {
        const isTaken = error instanceof FlotillaError && error.message.endsWith(idTaken);
        if (!isTaken || left === 0) throw error;
      }
    }
  }

  async #open(node: string, service: string, limits: PeerLimits): Promise<PeerStream> {
    const options = this.#dialOptions(node, service, limits);
    const { job } = options.hello;
    const { socket, accepted } = dialPeer(options);
    this.#outgoing += 1;
    socket.once('close', () => {
      this.#outgoing -= 1;
    });
    this.#begin(socket, { job, node, service, socket });
    await accepted;
    this.#limitSilence(socket, limits.idleTimeoutMs);
    return { job, node, service, socket };
  }

  #dialOptions(node: string, service: string, { connectTimeoutMs }: PeerLimits): DialOptions {
    const { settings, around } = this.#options;
    if (this.#key === undefined)
      throw new FlotillaError('FLT-1703', `${service} of ${node}: no secret is set`);
    if (!isServiceName(service)) throw new FlotillaError('FLT-1705', JSON.stringify(service));
    if (node === settings.nodename) throw new FlotillaError('FLT-1701', `${node} is this node itself`);
    const { maxJobs } = this.#settings;
    if (this.#outgoing >= maxJobs)
      throw new FlotillaError('FLT-1305', `max_jobs of ECCluster_Listener (${maxJobs})`);
    const { address, port } = this.#memberCalled(node);
    return {
      hello: { service, source: settings.nodename, target: node, job: this.jobs.newId(service) },
      host: address,
      port,
      localAddress: this.#ownAddressTowards(address),
      key: this.#key,
      tls: this.#tls,
      nonce: this.#nonce(),
      clock: around.clock,
      connectTimeoutMs: connectTimeoutMs ?? this.#settings.connectTimeoutMs,
    };
  }

  #memberCalled(node: string): { readonly address: string; readonly port: number } {
    const found = this.#nodes().find(({ process }) => process.node === node);
    if (!found) throw new FlotillaError('FLT-1701', `${node} is not a member`);
    if (!found.info) throw new FlotillaError('FLT-1701', `${node} has not said yet where it is`);
    return found.info;
  }

  /** The other node may know this one by its address only; where the machine does not have it, routes decide. */
  #ownAddressTowards(other: string): string | undefined {
    const here = Object.values(networkInterfaces()).flatMap((list = []) =>
      list.map(({ address }) => address),
    );
    const isLoopback = this.#address.startsWith('127.');
    const isSameFamily = other.includes(':') === this.#address.includes(':');
    return isSameFamily && (isLoopback || here.includes(this.#address)) ? this.#address : undefined;
  }

  // --- serving -------------------------------------------------------------------------------------------------------

  #isMembersAddress(text: string): boolean {
    const address = canonical(text);
    return this.#nodes().some(({ info }) => info !== undefined && canonical(info.address) === address);
  }

  #refusal({ service, source, target, job }: Hello): string | undefined {
    const { nodename } = this.#options.settings;
    const { maxJobs } = this.#settings;
    if (target !== nodename) return `this is ${nodename}, not ${target}`;
    if (source === nodename) return `${source} is this node itself`;
    if (!this.#nodes().some(({ process }) => process.node === source))
      return `${source} is not a member here`;
    if (this.#stopping) return `${nodename} stops`;
    if (!this.#handlers.has(service)) return `${nodename} has no service ${service}`;
    if (this.jobs.has(job)) return idTaken;
    return this.#incoming < maxJobs ? undefined : `${nodename} has ${maxJobs} transfers already`;
  }

  #accepted(socket: Socket, { service, source, job }: Hello): void {
    const stream = { job, node: source, service, socket };
    this.#incoming += 1;
    const address = parseAddress(socket.remoteAddress ?? '');
    const end = address === undefined ? undefined : this.#options.present?.begin(address);
    socket.once('close', () => {
      this.#incoming -= 1;
      end?.();
    });
    this.#begin(socket, stream);
    this.#limitSilence(socket, undefined);
    const { log } = this.#options.around;
    Promise.resolve()
      .then(() => this.#handlers.get(service)?.(stream))
      .catch((error: unknown) => {
        log.error(`${job}: the service ${service} failed: ${String(error)}`, { node: source });
        socket.destroy();
      });
  }

  // --- both ----------------------------------------------------------------------------------------------------------

  #begin(socket: Socket, { job, node, service }: PeerStream): void {
    const { log } = this.#options.around;
    const over = this.jobs.begin({
      id: job,
      service,
      peer: node,
      bytes: () => socket.bytesRead + socket.bytesWritten,
      abort: () => {
        log.notice(`${job}: aborted`, { node, service });
        socket.destroy(new FlotillaError('FLT-1704', `${job} was aborted`));
      },
    });
    socket.once('close', over);
  }

  #limitSilence(socket: Socket, limitMs = this.#settings.idleTimeoutMs): void {
    const { counters } = this.#options.around;
    socket.setTimeout(limitMs, () => {
      counters.add('peer_idle_closed_total');
      socket.destroy(new FlotillaError('FLT-1704', `nothing moved for ${limitMs / 1000} s`));
    });
  }

  #nodes() {
    const members = this.#options.membership()?.members() ?? [];
    return members.filter(({ process }) => process.type !== 'Other');
  }

  #nonce(): Buffer {
    return Buffer.from(this.#options.around.random.hex(nonceBytes), 'hex');
  }
}

/** As addresses are compared: an IPv4 client of an IPv6 socket is an IPv4 address. */
function canonical(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? text : formatAddress(address);
}
