/**
 * What serves on the floating addresses of this node: listeners of the configuration, services and bindings of the host
 * program (NET-7, NET-9, NET-12, API-3 to API-5).
 *
 * Invariants: a service is up only while its address is on (INV-6); coming and going of one address never overlap; an
 * address on which one service could not be started has none.
 */
import { isDeepStrictEqual } from 'node:util';
import type { VipHost } from '../actors/duravip.ts';
import type { PlumbOutcome } from '../actors/kernel-port.ts';
import type { Clock } from '../core/clock.ts';
import type { Ip, VipService } from '../core/duravip/vip.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { VipAddressSettings, VipSettings } from '../core/settings.ts';
import { within } from './patience.ts';
import { Turnstile } from './turnstile.ts';
import { programLimitMs, type VipContext, VipHooks } from './vip-hooks.ts';
import { ipOf, type VipListener } from './vip-listeners.ts';

/** A service of the host program. Endpoints are `address:port`, IPv6 in brackets. Each call may take 5 s. */
export interface ServiceHandler {
  /** The address is on. An error counts as a failure to put it on. */
  start(endpoint: string): void | Promise<void>;
  /** The address goes: no new connections; those there are may go on for `graceMs`. */
  stop(endpoint: string, graceMs: number): void | Promise<void>;
  /** Endpoints that the service wants beside those of the configuration; read once, when it is registered. */
  list?(): readonly string[];
}

/** Outbound source addresses of the host program. Each call may take 5 s. */
export interface BindingHandler {
  /** These bindings can be used from now on. An error counts as a failure to put the address on. */
  online(names: readonly string[], ip: Ip): void | Promise<void>;
  offline(names: readonly string[], ip: Ip): void | Promise<void>;
}

export type VipServicesSettings = Pick<VipSettings, 'vips' | 'services'>;

export interface VipServicesOptions {
  readonly settings: VipServicesSettings;
  readonly clock: Clock;
  readonly log: Log;
}

/** What was started on an address that is on, and under which names the program uses it. */
interface Running {
  readonly listeners: VipListener[];
  names: readonly string[];
}

interface RegisteredService {
  readonly handler: ServiceHandler;
  readonly endpoints: ReadonlyMap<Ip, readonly string[]>;
}

export class VipServices implements VipHost {
  readonly acquiring: VipHooks;
  readonly releasing: VipHooks;
  readonly #options: VipServicesOptions;
  readonly #turnstile: Turnstile;
  #settings: VipServicesSettings;
  #configured: readonly VipListener[] = [];
  #vips: ReadonlyMap<Ip, VipAddressSettings['announcement']> = new Map();
  /** Of the configuration, by the address they are on. */
  readonly #listeners = new Map<Ip, VipListener[]>();
  readonly #handlers = new Map<string, RegisteredService>();
  /** Of the program, by kind and endpoint: the same one each time, so that a change of something else leaves it alone. */
  readonly #programListeners = new Map<string, VipListener>();
  #bindings: BindingHandler | undefined;
  /** What was started, by the address that is on. */
  readonly #running = new Map<Ip, Running>();
  readonly #turns = new Map<Ip, Promise<unknown>>();

  constructor(options: VipServicesOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#turnstile = new Turnstile(this.#settings.services.parallel);
    this.#configure(this.#settings, []);
    this.acquiring = new VipHooks('onAcquire', options);
    this.releasing = new VipHooks('onRelease', options);
  }

  /** Of the configuration, in its order. */
  get configured(): readonly VipListener[] {
    return this.#configured;
  }

  /**
   * Another configuration. On addresses that are on, what is new starts, what is gone stops, and the rest goes on;
   * addresses that are gone, or that others follow now, come and go by themselves.
   * @throws what kept a service from starting; then everything is as it was, but for the addresses in `unsettled`
   */
  async reconfigure(settings: VipServicesSettings, listeners: readonly VipListener[]): Promise<void> {
    const before = { settings: this.#settings, listeners: this.#configured, vips: this.#vips };
    this.#configure(settings, listeners);
    const wanted = new Set(settings.vips.map(({ announcement }) => announcement.ip));
    const isStaying = (ip: Ip) => wanted.has(ip) && sameFollowers(before.vips.get(ip), this.#vips.get(ip));
    const staying = [...this.#running.keys()].filter(isStaying);
    const { releaseGraceMs } = settings.services;
    const [failure] = await this.#adaptAll(staying, releaseGraceMs);
    if (!failure) return;
    this.#configure(before.settings, before.listeners);
    for (const { ip, error } of await this.#adaptAll(staying, releaseGraceMs)) {
      this.#options.log.critical(
        `${ip}: what served on it before could not be started again: ${String(error)}`,
      );
      this.unsettled.add(ip);
    }
    throw failure.error;
  }

  /** Addresses that are on without everything that should serve on them. */
  readonly unsettled = new Set<Ip>();

  get kinds(): ReadonlySet<string> {
    const configured = [...this.#vips.values()].flatMap(({ services }) => services.map(({ kind }) => kind));
    return new Set([...configured, ...this.#handlers.keys()]);
  }

  isOn(ip: Ip): boolean {
    return this.#running.has(ip);
  }

  get hasAdded(): boolean {
    return [...this.#handlers.values()].some(({ endpoints }) => endpoints.size > 0);
  }

  /** What the host program added to the services of this address, as the node announces it. */
  addedTo(ip: Ip): readonly VipService[] {
    return [...this.#handlers].flatMap(([kind, { endpoints }]) =>
      (endpoints.get(ip) ?? [])
        .filter((endpoint) => !this.#isConfigured(kind, endpoint))
        .map((endpoint) => ({ kind, endpoint })),
    );
  }

  /**
   * Resolves when it serves on those of its addresses that are on here already.
   * @throws FlotillaError FLT-1602 when it lists something that is not `address:port`
   */
  async registerService(kind: string, handler: ServiceHandler): Promise<void> {
    this.#handlers.set(kind, { handler, endpoints: byIp(handler.list?.() ?? []) });
    for (const key of this.#programListeners.keys())
      if (key.startsWith(`${kind} `)) this.#programListeners.delete(key);
    // It takes over what is open to it.
    const [failure] = await this.#adaptAll([...this.#running.keys()], 0);
    if (failure) throw failure.error;
  }

  async registerBindings(handler: BindingHandler): Promise<void> {
    this.#bindings = handler;
    await Promise.all(
      [...this.#running].map(([ip, { names }]) => this.#inTurn(ip, () => this.#bindingsOnline(ip, names))),
    );
  }

  // --- VipHost -------------------------------------------------------------------------------------------------------

  async prepare(ip: Ip): Promise<PlumbOutcome> {
    return this.acquiring.before(this.#context(ip)).then(() => ({ ok: true }), refusal);
  }

  /** On again without having gone: something took the address off, and its sockets may be dead (NET-15). */
  online(ip: Ip): Promise<PlumbOutcome> {
    return this.#inTurn(ip, async () => {
      const again = this.#running.has(ip);
      if (again) await this.#stopAll(ip);
      const outcome = await this.#startAll(ip).then((): PlumbOutcome => ({ ok: true }), refusal);
      if (outcome.ok && again) this.#reportRestart(ip);
      if (outcome.ok) await this.acquiring.after(this.#context(ip));
      return outcome;
    });
  }

  offline(ip: Ip): Promise<void> {
    return this.#inTurn(ip, async () => {
      const { log } = this.#options;
      if (!this.#running.has(ip)) return;
      await this.releasing
        .before(this.#context(ip))
        .catch((error: unknown) => log.error(`${ip}: ${String(error)}`));
      await this.#stopAll(ip);
    });
  }

  removed(ip: Ip): void {
    this.unsettled.delete(ip);
    void this.releasing.after(this.#context(ip));
  }

  /** For the end of a life that could not release everything in time. */
  async endAll(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((ip) => this.offline(ip)));
  }

  // --- one address ---------------------------------------------------------------------------------------------------

  #inTurn<Result>(ip: Ip, run: () => Promise<Result>): Promise<Result> {
    const turn = (this.#turns.get(ip) ?? Promise.resolve())
      .catch(() => {})
      .then(() => this.#turnstile.pass(run));
    this.#turns.set(ip, turn);
    const forget = () => {
      if (this.#turns.get(ip) === turn) this.#turns.delete(ip);
    };
    turn.then(forget, forget);
    return turn;
  }

  async #startAll(ip: Ip): Promise<void> {
    this.#running.set(ip, { listeners: [], names: [] });
    try {
      await this.#adapt(ip, 0);
    } catch (error) {
      await this.#stopAll(ip);
      throw error;
    }
  }

  async #adaptAll(
    ips: readonly Ip[],
    graceMs: number,
  ): Promise<{ readonly ip: Ip; readonly error: unknown }[]> {
    const failures: { ip: Ip; error: unknown }[] = [];
    const adapt = (ip: Ip) =>
      this.#inTurn(ip, () => this.#adapt(ip, graceMs)).catch(
        (error: unknown) => void failures.push({ ip, error }),
      );
    await Promise.all(ips.map(adapt));
    return failures;
  }

  /** Starts and stops what it takes until that serves which should; what stays is not touched. */
  async #adapt(ip: Ip, graceMs: number): Promise<void> {
    const running = this.#running.get(ip);
    if (!running) return;
    const { listeners } = running;
    const wanted = this.#listenersFor(ip);
    const names = this.#vips.get(ip)?.names ?? [];
    await this.#bindingsOffline(
      ip,
      running.names.filter((name) => !names.includes(name)),
    );
    running.names = running.names.filter((name) => names.includes(name));
    const gone = listeners.filter((listener) => !wanted.includes(listener));
    await this.#stopSome(listeners, gone, graceMs);
    for (const listener of wanted.filter((each) => !listeners.includes(each))) {
      await listener.start();
      listeners.push(listener);
    }
    const added = names.filter((name) => !running.names.includes(name));
    running.names = names;
    await this.#bindingsOnline(ip, added);
  }

  /**
   * A listener of this process frees its endpoint at once, and sessions may go on for a while: nobody waits for them. A
   * program says when it is done.
   */
  async #stopSome(running: VipListener[], gone: readonly VipListener[], graceMs: number): Promise<void> {
    const ends = gone.map((listener) => {
      running.splice(running.indexOf(listener), 1);
      const end = this.#stop(listener, graceMs);
      return listener.isOpenToProgram ? end : undefined;
    });
    await Promise.all(ends);
  }

  /** Bindings first, so that nothing new goes out from an address that is about to go (NET-9). */
  async #stopAll(ip: Ip): Promise<void> {
    const { listeners, names } = this.#running.get(ip) ?? { listeners: [], names: [] };
    this.#running.delete(ip);
    await this.#bindingsOffline(ip, names);
    const { releaseGraceMs } = this.#settings.services;
    await Promise.all(listeners.map((listener) => this.#stop(listener, releaseGraceMs)));
  }

  async #stop(listener: VipListener, graceMs: number): Promise<void> {
    const { kind, endpoint } = listener;
    await listener
      .stop(graceMs)
      .catch((error: unknown) =>
        this.#options.log.error(`${kind} ${endpoint} did not stop cleanly: ${String(error)}`),
      );
  }

  /** On the address and on those that follow it. */
  #listenersFor(ip: Ip): VipListener[] {
    const ips = [ip, ...(this.#vips.get(ip)?.followers ?? [])];
    const configured = ips
      .flatMap((each) => this.#listeners.get(each) ?? [])
      .map((listener) => this.#handled(listener));
    const added = ips.flatMap((each) => this.addedTo(each)).map((service) => this.#programListener(service));
    return [...configured, ...added];
  }

  #handled(listener: VipListener): VipListener {
    const { kind, isOpenToProgram } = listener;
    return isOpenToProgram && this.#handlers.has(kind) ? this.#programListener(listener) : listener;
  }

  #programListener({ kind, endpoint }: VipService): VipListener {
    const key = `${kind} ${endpoint}`;
    const listener = this.#programListeners.get(key) ?? this.#newProgramListener({ kind, endpoint });
    this.#programListeners.set(key, listener);
    return listener;
  }

  #newProgramListener({ kind, endpoint }: VipService): VipListener {
    const { handler } = this.#handlers.get(kind)!;
    const { clock } = this.#options;
    const limitMs = programLimitMs;
    return {
      kind,
      endpoint,
      isOpenToProgram: true,
      start: () => within(clock, limitMs, `start of ${kind} ${endpoint}`, () => handler.start(endpoint)),
      stop: (graceMs) =>
        within(clock, limitMs + graceMs, `stop of ${kind} ${endpoint}`, () =>
          handler.stop(endpoint, graceMs),
        ),
    };
  }

  #isConfigured(kind: string, endpoint: string): boolean {
    const listeners = this.#listeners.get(ipOf(hostOf(endpoint)) ?? '') ?? [];
    return listeners.some((listener) => listener.kind === kind && listener.endpoint === endpoint);
  }

  async #bindingsOnline(ip: Ip, names: readonly string[]): Promise<void> {
    const handler = this.#bindings;
    if (!handler || names.length === 0 || !this.#running.has(ip)) return;
    await within(this.#options.clock, programLimitMs, `bindings on ${ip}`, () => handler.online(names, ip));
  }

  async #bindingsOffline(ip: Ip, names: readonly string[]): Promise<void> {
    const { clock, log } = this.#options;
    const handler = this.#bindings;
    if (!handler || names.length === 0) return;
    await within(clock, programLimitMs, `bindings off ${ip}`, () => handler.offline(names, ip)).catch(
      (error: unknown) => log.error(`${ip}: ${String(error)}`),
    );
  }

  #reportRestart(ip: Ip): void {
    const { log } = this.#options;
    log.error(`${ip} was taken off by somebody else: restarted`);
    for (const { kind, endpoint } of this.#running.get(ip)?.listeners ?? [])
      log.error(`restarted ${kind} ${endpoint}`);
  }

  /** What is known of an address that is gone stays known until it is off. */
  #configure(settings: VipServicesSettings, listeners: readonly VipListener[]): void {
    this.#settings = settings;
    this.#configured = listeners;
    this.#turnstile.resize(settings.services.parallel);
    const going = [...this.#vips].filter(([ip]) => this.#running.has(ip));
    const vips = settings.vips.map(({ announcement }) => [announcement.ip, announcement] as const);
    this.#vips = new Map([...going, ...vips]);
    this.#listeners.clear();
    for (const listener of listeners) {
      const ip = ipOf(hostOf(listener.endpoint));
      if (ip !== undefined) this.#listeners.set(ip, [...(this.#listeners.get(ip) ?? []), listener]);
    }
  }

  #context(ip: Ip): VipContext {
    const { names = [], followers = [], services = [] } = this.#vips.get(ip) ?? {};
    return { ip, bindings: names, followers, services: [...services, ...this.addedTo(ip)] };
  }
}

function sameFollowers(
  one: VipAddressSettings['announcement'] | undefined,
  other: VipAddressSettings['announcement'] | undefined,
): boolean {
  return one !== undefined && other !== undefined && isDeepStrictEqual(one.followers, other.followers);
}

function byIp(endpoints: readonly string[]): ReadonlyMap<Ip, readonly string[]> {
  const sorted = new Map<Ip, string[]>();
  for (const endpoint of endpoints) {
    const ip = ipOf(hostOf(endpoint));
    if (ip === undefined) throw new FlotillaError('FLT-1602', endpoint);
    sorted.set(ip, [...(sorted.get(ip) ?? []), endpoint]);
  }
  return sorted;
}

function hostOf(endpoint: string): string | undefined {
  return /^\[?(.*?)\]?:\d+$/.exec(endpoint)?.[1];
}

function refusal(error: unknown): PlumbOutcome {
  return { ok: false, reason: error instanceof Error ? error.message : String(error) };
}
