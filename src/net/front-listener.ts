/**
 * The front listener: accepts TCP in front of a service, counts every client from accept to close, turns away what is
 * above a cap, and carries the rest to the service (design: front listeners).
 *
 * It owns the sockets it accepts. Invariant: each accepted connection is counted once, and counted down once, when its
 * socket is closed, whatever happened in between.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Counters } from '../actors/ports.ts';
import { type Address, formatAddress, parseAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { LogGate } from '../core/log-gate.ts';
import type { SessionPort, SessionRefusal } from '../core/session-caps.ts';
import type { ListenerSettings } from '../core/settings.ts';
import { FrontSession, refusalLingerMs } from './front-session.ts';
import { openFileLimit } from './open-file-limit.ts';
import { type Endpoint, encodeProxyHeader } from './proxy-header.ts';
import { turnAway } from './turn-away.ts';

export interface FrontClient {
  /** In its usual spelling; an IPv4 client of an IPv6 socket is an IPv4 address. */
  readonly address: string;
  readonly port: number;
}

/** What happens to one client: `refused`, or `opened`, perhaps `upstreamFailed`, and in any case `closed`. */
export type FrontEvent =
  | { readonly type: 'opened'; readonly client: FrontClient }
  | { readonly type: 'refused'; readonly client: FrontClient; readonly refusal: FrontRefusal }
  | { readonly type: 'upstreamFailed'; readonly client: FrontClient; readonly cause: Error }
  | {
      readonly type: 'closed';
      readonly client: FrontClient;
      readonly bytesIn: number;
      readonly bytesOut: number;
    };

/** A cap that has been reached, or the bound of the listener itself. */
export type FrontRefusal = SessionRefusal | (Omit<SessionRefusal, 'limit'> & { readonly limit: 'max_open' });

/**
 * A service of this process, where there is no upstream. The socket is its own from here on, and stays counted until it
 * is closed. A client's end does not end it (`allowHalfOpen`).
 */
export type LocalService = (socket: Socket, client: FrontClient) => void;

export interface FrontListenerOptions {
  readonly sessions: SessionPort;
  readonly log: Log;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly service?: LocalService;
  readonly onEvent?: (event: FrontEvent) => void;
  /**
   * Sessions that may be open at once. Default: 10,000, or what half of the file descriptors are enough for; a process
   * without descriptors would drop connections without a word, even to itself.
   */
  readonly maxOpen?: number;
  /** How long an SMTP service may take for its greeting until the client is told that it is not there. */
  readonly greetingTimeoutMs?: number;
}

export interface FrontListener {
  /** What it listens on; the port is the real one where 0 was asked for. */
  address(): AddressInfo;
  /** Clients let in and not yet closed. */
  readonly sessions: number;
  /** Stops accepting, gives sessions `graceMs` to end by themselves, then closes them. */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

const defaultMaxOpen = 10_000;
const descriptorsPerSession = 2;
const defaultGreetingTimeoutMs = 60_000;
/** Clients being turned away, beside the sessions; beyond them connections are dropped without an answer. */
const maxLingering = 1000;
/** A peer that vanished without a word is noticed, and no longer counted, within minutes. */
const keepAlive = { keepAlive: true, keepAliveInitialDelay: 60_000 } as const;
const logIntervalMs = 10_000;

const concurrencyReached = '421 4.4.5 Service unavailable, concurrency limit reached\r\n';
const serviceUnavailable = '421 4.4.2 Service unavailable, connection to the mail service failed\r\n';

/**
 * Begins to listen.
 * @throws FlotillaError FLT-1401 with address and cause when that is not possible
 */
export async function openFrontListener(
  settings: ListenerSettings,
  options: FrontListenerOptions,
): Promise<FrontListener> {
  const listener = new TcpFront(settings, options);
  await listener.open();
  return listener;
}

class TcpFront implements FrontListener {
  readonly #settings: ListenerSettings;
  readonly #options: FrontListenerOptions;
  readonly #name: string;
  readonly #maxOpen: number;
  readonly #server: Server;
  readonly #refusalGate: LogGate;
  readonly #upstreamGate: LogGate;
  readonly #acceptGate: LogGate;
  /** Ends what is under way, by what is under way: sessions, and clients being turned away. */
  readonly #endings = new Set<() => void>();
  #sessions = 0;
  #stopping: Promise<void> | undefined;
  #onQuiet: () => void = () => {};

  constructor(settings: ListenerSettings, options: FrontListenerOptions) {
    this.#settings = settings;
    this.#options = options;
    this.#name = nameOf(settings);
    // The other half is for everything else this process does.
    const spareDescriptors = Math.floor(openFileLimit() / 2);
    this.#maxOpen =
      options.maxOpen ?? Math.min(defaultMaxOpen, Math.floor(spareDescriptors / descriptorsPerSession));
    this.#refusalGate = new LogGate(options.clock, logIntervalMs);
    this.#upstreamGate = new LogGate(options.clock, logIntervalMs);
    this.#acceptGate = new LogGate(options.clock, logIntervalMs);
    this.#server = createServer({ allowHalfOpen: true, noDelay: settings.noDelay, ...keepAlive });
    this.#server.maxConnections = this.#maxOpen + Math.min(maxLingering, Math.floor(spareDescriptors / 4));
    this.#server.on('connection', (client) => this.#accept(client));
    this.#server.on('drop', () => options.counters.add('listener_dropped_total'));
  }

  get sessions(): number {
    return this.#sessions;
  }

  address(): AddressInfo {
    return this.#server.address() as AddressInfo;
  }

  open(): Promise<void> {
    const { listen, backlog } = this.#settings;
    const host = listen.host === '*' ? '0.0.0.0' : listen.host;
    return new Promise((resolve, reject) => {
      const refuse = (cause: NodeJS.ErrnoException) =>
        reject(new FlotillaError('FLT-1401', `${this.#name}: ${listenProblem(cause)}`, cause));
      this.#server.once('error', refuse);
      this.#server.listen({ host, port: listen.port, ipv6Only: host === '::', backlog }, () => {
        this.#server.off('error', refuse);
        this.#server.on('error', (cause) => this.#acceptFailed(cause));
        resolve();
      });
    });
  }

  stop({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#stopping ??= this.#stop(graceMs);
    return this.#stopping;
  }

  async #stop(graceMs: number): Promise<void> {
    const grace = this.#options.clock.after(graceMs, () => {
      for (const end of this.#endings) end();
    });
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const quiet = new Promise<void>((resolve) => {
      this.#onQuiet = resolve;
      if (this.#endings.size === 0) resolve();
    });
    await Promise.all([closed, quiet]);
    grace.cancel();
  }

  #accept(socket: Socket): void {
    // Whatever the error, 'close' follows and is what counts; an error nobody listens to would end the process.
    socket.on('error', () => {});
    const address = parseAddress(socket.remoteAddress ?? '');
    if (address === undefined) {
      // Gone before it could be asked who it was.
      socket.destroy();
      return;
    }
    const client = { address: formatAddress(address), port: socket.remotePort ?? 0 };
    const counted = this.#options.sessions.accept(address);
    this.#options.counters.add('listener_accepted_total');
    socket.once('close', () => {
      counted.close();
      this.#emit({ type: 'closed', client, bytesIn: socket.bytesRead, bytesOut: socket.bytesWritten });
    });
    const refusal = counted.refusal ?? this.#fullRefusal();
    if (refusal === undefined) this.#serve(socket, client, address);
    else this.#refuse(socket, client, refusal);
  }

  #fullRefusal(): FrontRefusal | undefined {
    if (this.#sessions < this.#maxOpen) return undefined;
    return { limit: 'max_open', value: this.#maxOpen, count: this.#sessions, scope: 'listener' };
  }

  #refuse(socket: Socket, client: FrontClient, refusal: FrontRefusal): void {
    const { counters, clock, log } = this.#options;
    counters.add('listener_refused_total');
    this.#refusalGate.pass((heldBack) =>
      log.notice(`${this.#name}: a client was turned away, ${refusal.limit} is reached`, {
        client: client.address,
        ...refusal,
        heldBack,
      }),
    );
    this.#emit({ type: 'refused', client, refusal });
    this.#holdUntilClosed(socket);
    turnAway(socket, this.#answer(concurrencyReached), clock, refusalLingerMs);
  }

  #serve(socket: Socket, client: FrontClient, address: Address): void {
    this.#sessions += 1;
    socket.once('close', () => {
      this.#sessions -= 1;
    });
    this.#emit({ type: 'opened', client });
    const { upstream } = this.#settings;
    if (upstream === undefined) this.#serveHere(socket, client);
    else this.#relay(socket, client, address, upstream);
  }

  #relay(socket: Socket, client: FrontClient, address: Address, upstream: Upstream): void {
    const { counters, clock, greetingTimeoutMs = defaultGreetingTimeoutMs } = this.#options;
    const { kind, sendProxy, upstreamTimeoutMs, idleTimeoutMs } = this.#settings;
    const end = () => session.destroy();
    const session = new FrontSession({
      client: socket,
      dial: () => connect({ ...upstream, ...keepAlive, noDelay: true, allowHalfOpen: true }),
      header:
        sendProxy === 'off' ? undefined : proxyHeader(sendProxy, socket, { address, port: client.port }),
      unavailable: this.#answer(serviceUnavailable),
      connectTimeoutMs: upstreamTimeoutMs,
      greetingTimeoutMs: kind === 'esmtp' ? greetingTimeoutMs : 0,
      idleTimeoutMs,
      clock,
      onUpstreamFailure: (cause) => this.#upstreamFailed(client, cause),
      onIdle: () => counters.add('listener_idle_closed_total'),
      onOver: () => this.#ended(end),
    });
    this.#endings.add(end);
  }

  #serveHere(socket: Socket, client: FrontClient): void {
    const { service, clock } = this.#options;
    this.#holdUntilClosed(socket);
    try {
      if (service === undefined) throw new Error('no service is registered');
      service(socket, client);
    } catch (cause) {
      this.#upstreamFailed(client, cause instanceof Error ? cause : new Error(String(cause)));
      turnAway(socket, this.#answer(serviceUnavailable), clock, refusalLingerMs);
    }
  }

  #upstreamFailed(client: FrontClient, cause: Error): void {
    const { counters, log } = this.#options;
    counters.add('listener_upstream_failures_total');
    this.#upstreamGate.pass((heldBack) => {
      const failure = new FlotillaError(
        'FLT-1402',
        `${this.#name}: ${cause.message || String(cause)}`,
        cause,
      );
      log.error(failure.message, { code: failure.code, advice: failure.advice, heldBack });
    });
    this.#emit({ type: 'upstreamFailed', client, cause });
  }

  /** The kernel had a connection for us that we could not take. An 'error' without a listener would end the process. */
  #acceptFailed(cause: NodeJS.ErrnoException): void {
    this.#options.counters.add('listener_accept_failures_total');
    this.#acceptGate.pass((heldBack) =>
      this.#options.log.error(`${this.#name}: a connection could not be accepted`, {
        cause: cause.message,
        heldBack,
      }),
    );
  }

  /** Only mail clients understand an answer in words. */
  #answer(text: string): string | undefined {
    return this.#settings.kind === 'esmtp' ? text : undefined;
  }

  #holdUntilClosed(socket: Socket): void {
    const end = () => socket.destroy();
    this.#endings.add(end);
    socket.once('close', () => this.#ended(end));
  }

  #ended(end: () => void): void {
    this.#endings.delete(end);
    if (this.#endings.size === 0) this.#onQuiet();
  }

  #emit(event: FrontEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch (cause) {
      this.#options.log.error(`${this.#name}: an observer failed`, { event: event.type, cause });
    }
  }
}

type Upstream = NonNullable<ListenerSettings['upstream']>;

function proxyHeader(version: 'v1' | 'v2', socket: Socket, client: Endpoint): Buffer {
  const address = parseAddress(socket.localAddress ?? '');
  const listener = address === undefined ? undefined : { address, port: socket.localPort ?? 0 };
  return encodeProxyHeader({ version, endpoints: listener && { client, listener } });
}

function nameOf({ kind, listen: { host, port } }: ListenerSettings): string {
  return `${kind === 'esmtp' ? 'ESMTP' : 'TCP'} listener ${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const listenProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'this host does not have the address',
  EACCES: 'no permission to listen on this port',
};

function listenProblem(cause: NodeJS.ErrnoException): string {
  return listenProblems[cause.code ?? ''] ?? cause.message;
}
