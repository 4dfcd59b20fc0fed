/**
 * What serves on the floating addresses of this node: listeners of the configuration, services and bindings of the host
 * program (NET-7, NET-9, NET-12, API-3 to API-5).
 *
 * Invariants: a service is up only while its address is on (INV-6); coming and going of one address never overlap; an
 * address on which one service could not be started has none.
 */
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

export interface VipServicesOptions {
  readonly settings: Pick<VipSettings, 'vips' | 'services'>;
  readonly clock: Clock;
  readonly log: Log;
}

interface RegisteredService {
  readonly handler: ServiceHandler;
  readonly endpoints: ReadonlyMap<Ip, readonly string[]>;
}

export class VipServices implements VipHost {
  readonly acquiring: VipHooks;
  readonly releasing: VipHooks;
  readonly #options: VipServicesOptions;
  readonly #vips: ReadonlyMap<Ip, VipAddressSettings['announcement']>;
  readonly #turnstile: Turnstile;
  /** Of the configuration, by the address they are on. */
  readonly #listeners = new Map<Ip, VipListener[]>();
  readonly #handlers = new Map<string, RegisteredService>();
  #bindings: BindingHandler | undefined;
  /** What was started, by the address that is on. */
  readonly #running = new Map<Ip, VipListener[]>();
  readonly #turns = new Map<Ip, Promise<unknown>>();

  constructor(options: VipServicesOptions) {
    this.#options = options;
    const { vips, services } = options.settings;
    this.#vips = new Map(vips.map(({ announcement }) => [announcement.ip, announcement]));
    this.#turnstile = new Turnstile(services.parallel);
    this.acquiring = new VipHooks('onAcquire', options);
    this.releasing = new VipHooks('onRelease', options);
  }

  /** Of the configuration; before the first address comes. */
  add(listener: VipListener): void {
    const ip = ipOf(hostOf(listener.endpoint));
    if (ip !== undefined) this.#listeners.set(ip, [...(this.#listeners.get(ip) ?? []), listener]);
  }

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
    await Promise.all([...this.#running.keys()].map((ip) => this.#inTurn(ip, () => this.#adopt(ip, kind))));
  }

  async registerBindings(handler: BindingHandler): Promise<void> {
    this.#bindings = handler;
    await Promise.all(
      [...this.#running.keys()].map((ip) => this.#inTurn(ip, () => this.#bindingsOnline(ip))),
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
    const started: VipListener[] = [];
    this.#running.set(ip, started);
    try {
      for (const listener of this.#listenersFor(ip)) {
        await listener.start();
        started.push(listener);
      }
      await this.#bindingsOnline(ip);
    } catch (error) {
      await this.#stopAll(ip);
      throw error;
    }
  }

  /** Bindings first, so that nothing new goes out from an address that is about to go (NET-9). */
  async #stopAll(ip: Ip): Promise<void> {
    const { settings, log } = this.#options;
    const listeners = this.#running.get(ip) ?? [];
    this.#running.delete(ip);
    await this.#bindingsOffline(ip);
    const report =
      ({ kind, endpoint }: VipListener) =>
      (error: unknown) =>
        log.error(`${kind} ${endpoint} did not stop cleanly: ${String(error)}`);
    await Promise.all(
      listeners.map((listener) => listener.stop(settings.services.releaseGraceMs).catch(report(listener))),
    );
  }

  /** A handler that comes while the address is on takes over what is open to it, and starts what it adds. */
  async #adopt(ip: Ip, kind: string): Promise<void> {
    const running = this.#running.get(ip);
    if (!running) return;
    const wanted = this.#listenersFor(ip).filter((listener) => listener.kind === kind);
    const endpoints = new Set(wanted.map(({ endpoint }) => endpoint));
    for (const listener of running.filter((old) => old.kind === kind && endpoints.has(old.endpoint))) {
      if (!listener.isOpenToProgram) continue;
      await listener.stop(0);
      running.splice(running.indexOf(listener), 1);
    }
    const kept = new Set(running.map((old) => `${old.kind} ${old.endpoint}`));
    for (const listener of wanted.filter((each) => !kept.has(`${kind} ${each.endpoint}`))) {
      await listener.start();
      running.push(listener);
    }
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

  async #bindingsOnline(ip: Ip): Promise<void> {
    const names = this.#vips.get(ip)?.names ?? [];
    const handler = this.#bindings;
    if (!handler || names.length === 0 || !this.#running.has(ip)) return;
    await within(this.#options.clock, programLimitMs, `bindings on ${ip}`, () => handler.online(names, ip));
  }

  async #bindingsOffline(ip: Ip): Promise<void> {
    const { clock, log } = this.#options;
    const names = this.#vips.get(ip)?.names ?? [];
    const handler = this.#bindings;
    if (!handler || names.length === 0) return;
    await within(clock, programLimitMs, `bindings off ${ip}`, () => handler.offline(names, ip)).catch(
      (error: unknown) => log.error(`${ip}: ${String(error)}`),
    );
  }

  #reportRestart(ip: Ip): void {
    const { log } = this.#options;
    log.error(`${ip} was taken off by somebody else: restarted`);
    for (const { kind, endpoint } of this.#running.get(ip) ?? []) log.error(`restarted ${kind} ${endpoint}`);
  }

  #context(ip: Ip): VipContext {
    const { names = [], followers = [], services = [] } = this.#vips.get(ip) ?? {};
    return { ip, bindings: names, followers, services: [...services, ...this.addedTo(ip)] };
  }
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
