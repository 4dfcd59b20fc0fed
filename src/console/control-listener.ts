/**
 * The console's door on sockets: one server for each Control_Listener endpoint, Unix socket or TCP (CON-1, CON-2,
 * CON-4). It needs nothing of the bus (CON-5).
 *
 * Invariants: a session ends with its connection; those who have not logged in cannot take the places of those who have.
 */
import type net from 'node:net';
import type { Counters } from '../actors/ports.ts';
import {
  type Address,
  formatAddress,
  isIpv4,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../core/address.ts';
import type { Log } from '../core/log.ts';
import type { AddressCounts } from '../core/present-sessions.ts';
import type { ControlAccess, ControlEndpoint } from '../core/settings.ts';
import { Entrance, type EntranceParts } from './access/entrance.ts';
import { ControlSession, type Entered } from './control-session.ts';
import { certificateOf, checkTls, secured } from './control-tls.ts';
import type { Interpreter } from './interpreter.ts';
import { type LocalServer, openLocalServer } from './local-server.ts';

/** Beyond it new connections are closed at once: a looping script must not take all file descriptors. */
const maxSessionsPerEndpoint = 500;

/** Connections that have not come in; with one more the oldest of them goes. */
const maxWaitingPerEndpoint = 64;

/** How long a stop waits for commands that are under way, `shutdown` itself among them. */
const stopGraceMs = 1000;

export interface ControlListener {
  /** The ports actually bound, for endpoints with port 0. */
  readonly addresses: readonly (string | net.AddressInfo)[];
  /** What connections from now on have to do to come in; endpoints that are not open here do not matter. */
  configure(endpoints: readonly ControlEndpoint[]): void;
  /** No further connections; sessions end after the answer they are at. */
  stop(): Promise<void>;
}

/** Who comes in, and by which rules; the same for all endpoints of a process. */
export interface ControlAccessParts extends Omit<EntranceParts, 'log'> {
  /** The user of the system at the other end of a Unix socket; undefined where the system does not tell. */
  readonly peerUser: (socket: net.Socket) => Promise<string | undefined>;
  /** Where sessions over TCP count, by address. */
  readonly present?: AddressCounts;
}

export interface ControlListenerOptions {
  readonly endpoints: readonly ControlEndpoint[];
  readonly interpreter: Interpreter;
  readonly access: ControlAccessParts;
  readonly log: Log;
  readonly counters?: Counters;
}

/**
 * Opens all endpoints or none. Throws FLT-1501 when another process answers on one, FLT-1401 when one cannot be opened,
 * FLT-1507 when its certificate cannot be used.
 */
export async function startControlListener(options: ControlListenerOptions): Promise<ControlListener> {
  const doors: Door[] = [];
  const servers: LocalServer[] = [];
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (const endpoint of options.endpoints) {
      const door = new Door(endpoint, options);
      doors.push(door);
      servers.push(await door.open());
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    addresses: servers.map(({ address }) => address),
    configure: (endpoints) => {
      for (const door of doors) door.configure(endpoints);
    },
    stop,
  };
}

interface PeerAccess {
  readonly prefix: Prefix;
  readonly access: ControlAccess;
}

class Door {
  readonly #options: ControlListenerOptions;
  readonly #waiting = new Set<ControlSession>();
  readonly #name: string;
  #endpoint: ControlEndpoint;
  #peers: readonly PeerAccess[];

  constructor(endpoint: ControlEndpoint, options: ControlListenerOptions) {
    this.#options = options;
    this.#name = nameOf(endpoint);
    this.#endpoint = endpoint;
    this.#peers = peersOf(endpoint);
  }

  async open(): Promise<LocalServer> {
    const { tls } = this.#endpoint;
    if (tls) await checkTls(tls);
    return await openLocalServer(this.#endpoint, {
      what: 'console endpoint',
      inUse: 'FLT-1501',
      maxSessions: maxSessionsPerEndpoint,
      log: this.#options.log,
      counters: this.#options.counters,
      accept: (socket) => {
        const session = this.#accept(socket);
        return { ended: session.ended, finish: () => session.finish(stopGraceMs) };
      },
    });
  }

  configure(endpoints: readonly ControlEndpoint[]): void {
    const endpoint = endpoints.find((each) => nameOf(each) === this.#name);
    if (!endpoint) return;
    this.#endpoint = endpoint;
    this.#peers = peersOf(endpoint);
  }

  #accept(socket: net.Socket): ControlSession {
    const { interpreter, log } = this.#options;
    const peer = this.#isUnix ? '' : (socket.remoteAddress ?? '');
    const access = this.#accessFor(peer);
    const address = parseAddress(peer);
    const end = address === undefined ? undefined : this.#options.access.present?.begin(address);
    if (end) socket.once('close', end);
    const session: ControlSession = new ControlSession({
      socket,
      access,
      interpreter,
      log,
      enter: () => this.#enter(socket, peer, access),
      opened: () => void this.#waiting.delete(session),
    });
    this.#wait(session);
    return session;
  }

  #wait(session: ControlSession): void {
    const [oldest] = this.#waiting;
    if (this.#waiting.size >= maxWaitingPerEndpoint && oldest) {
      this.#waiting.delete(oldest);
      oldest.drop();
    }
    this.#waiting.add(session);
    session.ended.then(() => this.#waiting.delete(session));
  }

  async #enter(socket: net.Socket, peer: string, access: ControlAccess): Promise<Entered> {
    const { access: parts, log } = this.#options;
    const { tls } = this.#endpoint;
    const place = { listener: this.#name, peer: plainAddress(peer) };
    if (this.#isUnix) {
      const systemUser = (await parts.peerUser(socket)) ?? 'unix';
      const arrival = { place, access, systemUser, certificate: undefined, isPrivate: true };
      return { stream: socket, entrance: await Entrance.of(arrival, { ...parts, log }) };
    }
    // Who has gone already has no address, and would be taken for somebody else.
    if (peer === '') throw new Error('the client has gone');
    const stream = tls ? await secured(socket, tls, access.loginTimeoutMs) : undefined;
    const arrival = {
      place,
      access,
      systemUser: undefined,
      certificate: stream && certificateOf(stream),
      isPrivate: stream !== undefined || isLoopback(peer),
    };
    return { stream: stream ?? socket, entrance: await Entrance.of(arrival, { ...parts, log }) };
  }

  get #isUnix(): boolean {
    return 'path' in this.#endpoint.endpoint;
  }

  /** A Unix socket counts as loopback (CON-33). */
  #accessFor(peer: string): ControlAccess {
    const client = parsePrefix(peer === '' ? '127.0.0.1' : plainAddress(peer));
    const found = client && this.#peers.find(({ prefix }) => holds(prefix, client));
    return found?.access ?? this.#endpoint.access;
  }
}

/** Longest first. */
function peersOf({ peers }: ControlEndpoint): PeerAccess[] {
  return peers
    .flatMap(({ prefix: text, access }) => {
      const prefix = parsePrefix(text);
      return prefix ? [{ prefix, access }] : [];
    })
    .sort((a, b) => b.prefix.bits - a.prefix.bits);
}

function holds({ address, bits }: Prefix, client: Prefix): boolean {
  if (isIpv4(address) !== isIpv4(client.address) || bits > client.bits) return false;
  return formatAddress(maskedTo(client.address, bits)) === formatAddress(address);
}

function maskedTo(address: Address, bits: number): Address {
  return parsePrefix(`${formatAddress(address)}/${bits}`)?.address ?? address;
}

/** Without a zone; IPv4 as such, also where a socket for both families has taken it. */
function plainAddress(peer: string): string {
  const address = parseAddress(peer);
  return address === undefined ? peer : formatAddress(address);
}

function isLoopback(peer: string): boolean {
  const plain = plainAddress(peer);
  return plain.startsWith('127.') || plain === '::1';
}

function nameOf({ endpoint }: ControlEndpoint): string {
  if ('path' in endpoint) return endpoint.path;
  return endpoint.host.includes(':')
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`;
}
