/**
 * One NATS connection as a Wire. It owns its own loop of attempts: the client library connects once and is never
 * allowed to reconnect by itself, because it would buffer what is published meanwhile and send the tail of it into a
 * view that no longer exists (BUS-25), give up for good after two refusals of the credentials, forget subscriptions
 * that a server once refused, and wait for ever for a socket that nobody reads.
 *
 * Invariants: `up` means that a server answered and all subscriptions were sent to it, in this order; nothing a
 * handler throws reaches the library, whose reader it would end silently; every wait is bounded and has jitter.
 */
import { connect, type Msg, type NatsConnection, NatsError, headers as newHeaders, type Status } from 'nats';
import type { Counters } from '../actors/ports.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { FlotillaError, isFlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { intBelow, type Random } from '../core/random.ts';
import type { BusSettings } from '../core/settings.ts';
import { Backlog } from './backlog.ts';
import { readCredentials, tlsOptions } from './credentials.ts';
import { readGreeting } from './greeting.ts';
import { parseServerUrl, type ServerUrl } from './server-url.ts';
import type { PublishOptions, Subscription, Wire, WireMessage, WireState } from './wire.ts';

export type WireSettings = Omit<BusSettings, 'servers' | 'systemCredentials' | 'embedded'>;

export interface WireOptions {
  /** `m`, `s`, or the name of another use, for the log. */
  readonly link: string;
  /** Name of the connection on the server (`connectionName`). */
  readonly name: string;
  /** At least one; tried in turn. Servers that these announce are not added: they may not be reachable from here. */
  readonly urls: readonly string[];
  readonly settings: WireSettings;
  readonly log: Log;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly random: Random;
}

/** A wire with what `cluster info` prints about it. All undefined while the link is not up. */
export interface NatsWire extends Wire {
  /** URL of the server, without credentials. */
  server(): string | undefined;
  serverVersion(): string | undefined;
  /** Round trip to the server, measured when the link came up. */
  rttMs(): number | undefined;
  /** Messages that the server is not known to have read. */
  waiting(): number;
  /** The server has what was published until now, or does not say so for long. */
  flushed(): Promise<void>;
}

/** Starts at once and tries for ever. Throws FLT-1201 only for a URL that is none. */
export function connectWire(options: WireOptions): NatsWire {
  return new Connection(options);
}

const firstRetryMs = 50;
const closeTimeoutMs = 1_000;
const stuckAfterMs = 1_000;
const maxBacklogBytes = 64 * 1024 * 1024;
const assumedMaxPayloadBytes = 1024 * 1024;
const maxProblemsRemembered = 100;

interface SubscriptionEntry {
  readonly pattern: string;
  readonly queue: string | undefined;
  readonly handler: (message: WireMessage) => void;
  unsubscribe: () => void;
}

interface Session {
  readonly nc: NatsConnection;
  readonly url: ServerUrl;
  readonly backlog: Backlog;
  readonly startedMs: number;
  rttMs: number | undefined;
  /** Why the server is about to close this connection, when it said so. */
  refusal: string | undefined;
}

class Connection implements NatsWire {
  readonly #options: WireOptions;
  readonly #urls: readonly ServerUrl[];
  readonly #subscriptions = new Set<SubscriptionEntry>();
  readonly #listeners = new Set<(state: WireState) => void>();
  /** Problems already logged since the link was last up, so that each is told once. */
  readonly #told = new Set<string>();
  #state: WireState = 'connecting';
  #session: Session | undefined;
  #nextUrl: number;
  #failures = 0;
  #timer: Timer | undefined;
  #maxPayloadBytes = assumedMaxPayloadBytes;

  constructor(options: WireOptions) {
    this.#options = options;
    this.#urls = options.urls.map(parseServerUrl);
    this.#nextUrl = intBelow(options.random, this.#urls.length);
    this.#attempt();
  }

  get state(): WireState {
    return this.#state;
  }

  get maxPayloadBytes(): number {
    return this.#maxPayloadBytes;
  }

  server(): string | undefined {
    return this.#session?.url.label;
  }

  serverVersion(): string | undefined {
    return this.#session?.nc.info?.version;
  }

  rttMs(): number | undefined {
    return this.#session?.rttMs;
  }

  waiting(): number {
    return this.#session?.backlog.messages ?? 0;
  }

  publish(subject: string, data: Uint8Array, options: PublishOptions = {}): boolean {
    const session = this.#session;
    if (!session || this.#state !== 'up') return this.#refuse('bus_publish_refused_down');
    const admission = session.backlog.admit(data.length);
    if (admission === 'stuck') this.#abandon(session, 'the server no longer reads');
    if (admission !== 'admitted') return this.#refuse('bus_publish_refused_backlog');
    try {
      session.nc.publish(subject, data, natsOptions(options));
      return true;
    } catch (error) {
      this.#tell(
        new FlotillaError('FLT-1204', `${data.length} bytes to ${subject}: ${reasonOf(error)}`, error),
      );
      return this.#refuse('bus_publish_failed');
    }
  }

  subscribe(pattern: string, handler: (message: WireMessage) => void, queue?: string): Subscription {
    const entry: SubscriptionEntry = { pattern, handler, queue, unsubscribe: () => {} };
    this.#subscriptions.add(entry);
    if (this.#session) this.#send(this.#session, entry);
    return {
      unsubscribe: () => {
        this.#subscriptions.delete(entry);
        entry.unsubscribe();
      },
    };
  }

  onState(listener: (state: WireState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async flushed(): Promise<void> {
    if (this.#session) await this.#within(closeTimeoutMs, this.#session.nc.flush()).catch(() => {});
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    const session = this.#session;
    this.#session = undefined;
    this.#timer?.cancel();
    this.#enter('closed');
    if (!session) return;
    await this.#within(closeTimeoutMs, session.nc.flush()).catch(() => {});
    await session.nc.close();
  }

  /** One attempt with the next server. Ends in a session or in a timer for the next attempt, never in an exception. */
  async #attempt(): Promise<void> {
    const url = this.#urls[this.#nextUrl++ % this.#urls.length]!;
    try {
      const nc = await this.#connect(url);
      if (this.#state === 'closed') await nc.close();
      else this.#serve(nc, url);
    } catch (error) {
      this.#tell(problemOf(error, url));
      this.#retry();
    }
  }

  async #connect(url: ServerUrl): Promise<NatsConnection> {
    const { settings, name, clock } = this.#options;
    const authenticator = await readCredentials(settings.credentials, url);
    await readGreeting(url, settings.connectTimeoutMs, clock);
    const tls = tlsOptions(settings.tls, url);
    return connect({
      servers: `${url.host.includes(':') ? `[${url.host}]` : url.host}:${url.port}`,
      name,
      authenticator,
      ...(tls && { tls }),
      timeout: settings.connectTimeoutMs,
      pingInterval: settings.pingIntervalMs,
      maxPingOut: settings.maxPingOut,
      reconnect: false,
      ignoreClusterUpdates: true,
      // The library would ask DNS servers only; the operating system also knows /etc/hosts.
      resolve: false,
    });
  }

  #retry(): void {
    if (this.#state === 'closed') return;
    const { clock, random, settings } = this.#options;
    const longestMs = Math.min(settings.reconnectWaitMs, firstRetryMs * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    this.#timer = clock.after(longestMs * (0.5 + random.next() / 2), () => this.#attempt());
  }

  #serve(nc: NatsConnection, url: ServerUrl): void {
    const { clock, settings } = this.#options;
    const limits = { maxMessages: settings.maxBacklog, maxBytes: maxBacklogBytes, stuckAfterMs };
    const session: Session = {
      nc,
      url,
      backlog: new Backlog(limits, clock, () => nc.flush()),
      startedMs: clock.nowMs(),
      rttMs: undefined,
      refusal: undefined,
    };
    this.#session = session;
    this.#maxPayloadBytes = nc.info?.max_payload ?? assumedMaxPayloadBytes;
    for (const entry of this.#subscriptions) this.#send(session, entry);
    this.#watch(session);
    nc.closed().then((error) => {
      this.#lost(session, error instanceof Error ? reasonOf(error) : 'the connection was closed');
    });
    nc.rtt().then(
      (rttMs) => {
        session.rttMs = rttMs;
      },
      () => {},
    );
    this.#told.clear();
    this.#options.log.notice(`bus link ${this.#options.link} is up`, {
      server: url.label,
      version: nc.info?.version,
    });
    this.#enter('up');
  }

  #send(session: Session, entry: SubscriptionEntry): void {
    try {
      const subscription = session.nc.subscribe(entry.pattern, {
        ...(entry.queue !== undefined && { queue: entry.queue }),
        callback: (error, message) => {
          if (error) this.#refused(session, entry);
          else this.#deliver(entry, message);
        },
      });
      entry.unsubscribe = () => subscription.unsubscribe();
    } catch (error) {
      // The connection ended in this very moment; the next one gets the subscription.
      this.#options.log.debug(`subscription ${entry.pattern} not sent: ${reasonOf(error)}`);
    }
  }

  /** The library forgets a subscription that the server refuses; permissions may be repaired, so it is tried again. */
  #refused(session: Session, entry: SubscriptionEntry): void {
    entry.unsubscribe = () => {};
    this.#options.clock.after(this.#options.settings.reconnectWaitMs, () => {
      if (this.#session === session && this.#subscriptions.has(entry)) this.#send(session, entry);
    });
  }

  #deliver(entry: SubscriptionEntry, message: Msg): void {
    if (this.#state === 'closed') return;
    try {
      entry.handler(new ReceivedMessage(message));
    } catch (error) {
      this.#options.counters.add('bus_handler_errors');
      this.#options.log.error(`a handler of ${entry.pattern} failed on ${message.subject}`, { error });
    }
  }

  async #watch(session: Session): Promise<void> {
    for await (const status of session.nc.status()) {
      if (status.type === 'error') this.#serverError(session, status);
      // The library closes such a socket only after a last write to it, which a server that stopped never takes.
      if (status.type === 'staleConnection')
        this.#abandon(session, session.refusal ?? 'the server no longer answers');
    }
  }

  #serverError(session: Session, { permissionContext: refused, data }: Status): void {
    if (refused) {
      this.#options.counters.add('bus_permission_violations');
      this.#tell(
        new FlotillaError('FLT-1202', `no permission for ${refused.operation} "${refused.subject}"`),
      );
    } else if (refusals.has(String(data))) {
      session.refusal = String(data);
      this.#tell(new FlotillaError('FLT-1202', `${session.url.label}: ${session.refusal}`));
    }
  }

  #abandon(session: Session, reason: string): void {
    if (!session.refusal) this.#options.counters.add('bus_stuck_connections');
    this.#lost(session, reason);
    session.nc.close().catch(() => {});
  }

  #lost(session: Session, reason: string): void {
    if (this.#session !== session) return;
    const { clock, settings, counters, log, link } = this.#options;
    this.#session = undefined;
    // A connection that is made and lost again and again is tried less and less often.
    if (clock.nowMs() - session.startedMs > settings.reconnectWaitMs) this.#failures = 0;
    counters.add('bus_disconnects');
    log.warning(`bus link ${link} is down: ${reason}`, {
      server: session.url.label,
    });
    this.#enter('down');
    this.#retry();
  }

  #enter(state: WireState): void {
    this.#state = state;
    for (const listener of this.#listeners) {
      try {
        listener(state);
      } catch (error) {
        this.#options.log.error(`a listener of bus link ${this.#options.link} failed`, { state, error });
      }
    }
  }

  #refuse(counter: string): false {
    this.#options.counters.add(counter);
    return false;
  }

  /** Warns once for each problem since the link was last up: retries for hours must not fill the log. */
  #tell(problem: FlotillaError): void {
    const level =
      this.#told.has(problem.message) || this.#told.size >= maxProblemsRemembered ? 'debug' : 'warning';
    this.#told.add(problem.message);
    const { code, advice } = problem;
    this.#options.log[level](`bus link ${this.#options.link}: ${problem.message}`, { code, advice });
  }

  #within(timeoutMs: number, work: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.after(timeoutMs, resolve);
      work.then(resolve, reject).finally(() => timer.cancel());
    });
  }
}

class ReceivedMessage implements WireMessage {
  readonly #message: Msg;

  constructor(message: Msg) {
    this.#message = message;
  }

  get subject(): string {
    return this.#message.subject;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  get reply(): string {
    return this.#message.reply ?? '';
  }

  header(name: string): string | undefined {
    const { headers } = this.#message;
    return headers?.has(name) ? headers.get(name) : undefined;
  }
}

function natsOptions({ reply, headers }: PublishOptions) {
  if (!headers) return reply ? { reply } : {};
  const natsHeaders = newHeaders();
  for (const [name, value] of Object.entries(headers)) natsHeaders.set(name, value);
  return reply ? { reply, headers: natsHeaders } : { headers: natsHeaders };
}

const refusals = new Set([
  'AUTHORIZATION_VIOLATION',
  'AUTHENTICATION_EXPIRED',
  'AUTHENTICATION_TIMEOUT',
  'ACCOUNT_EXPIRED',
  'BAD_CREDS',
  'BAD_AUTHENTICATION',
]);

function problemOf(error: unknown, url: ServerUrl): FlotillaError {
  if (isFlotillaError(error)) return error;
  const code = error instanceof NatsError && refusals.has(error.code) ? 'FLT-1202' : 'FLT-1201';
  return new FlotillaError(code, `${url.label}: ${reasonOf(error)}`, error);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error instanceof NatsError ? error.chainedError : undefined;
  return cause ? `${error.message} (${cause.message})` : error.message;
}
