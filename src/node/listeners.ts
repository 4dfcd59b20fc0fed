/**
 * The listeners of a node beside its console: those on addresses that stay are opened with it and closed with it, those
 * on floating addresses are handed out to be opened when the address comes.
 *
 * Invariant: nothing listens for good on an address that floats.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ControlAccessParts } from '../console/control-listener.ts';
import type { Interpreter } from '../console/interpreter.ts';
import type { Ip } from '../core/duravip/vip.ts';
import type { ListenerSettings, NodeSettings } from '../core/settings.ts';
import type { FrontListener } from '../net/front-listener.ts';
import { FrontListeners, type FrontListenersOptions } from '../net/front-listeners.ts';
import type { Peers } from './peers.ts';
import { RedisListener, type RedisParts } from './redis-listener.ts';
import type { Surroundings } from './surroundings.ts';
import {
  floatingIpsOf,
  floatingListeners,
  hostOfListener,
  hostOfPeers,
  ipOf,
  splitByAddress,
  type VipListener,
} from './vip-listeners.ts';

export interface ListenersOptions extends Pick<FrontListenersOptions, 'inbound' | 'present' | 'optionsOf'> {
  readonly around: Surroundings;
  readonly interpreter: Interpreter;
  readonly access: ControlAccessParts;
  readonly peers: Peers;
  readonly redis: Omit<RedisParts, 'around'>;
}

interface Fixed {
  readonly ip: Ip | undefined;
  readonly settings: ListenerSettings;
  readonly listener: FrontListener;
}

export class Listeners {
  readonly #options: ListenersOptions;
  readonly #front: FrontListeners;
  #fixed: readonly Fixed[] = [];
  /** Closed, with sessions that are still going on. */
  readonly #leaving = new Set<Promise<void>>();
  #redis: RedisListener | undefined;

  constructor(settings: NodeSettings, options: ListenersOptions) {
    this.#options = options;
    const { around, interpreter, access, peers, redis, ...own } = options;
    this.#front = new FrontListeners(settings.listeners, { ...around, ...own });
  }

  /** @throws FlotillaError FLT-1401 of the first that cannot be opened; then none is open */
  async openFixed(settings: NodeSettings): Promise<void> {
    const ips = floatingIpsOf(settings.duravip.vips);
    const { fixed } = splitByAddress(settings.listeners, hostOfListener, ips);
    const opened = await this.#front.openAll(fixed);
    this.#fixed = opened.map((listener, at) => fixedOf(fixed[at]!, listener));
    for (const place of splitByAddress(settings.peers.listen, hostOfPeers, ips).fixed)
      await this.#options.peers.listen(place);
    const { redis, around } = this.#options;
    this.#redis = await RedisListener.open(settings.redis, { ...redis, around });
  }

  /** Those on floating addresses; one of `before` that is the same stays the same. */
  floating(settings: NodeSettings, before: readonly VipListener[]): readonly VipListener[] {
    this.#front.configure(settings.listeners);
    return floatingListeners(
      settings,
      { ...this.#options, front: this.#front, ...this.#options.around },
      before,
    );
  }

  /**
   * Opens what is new or different of those on addresses that stay; `floating` has been told of them. Resolves with the way
   * back.
   * @throws FlotillaError FLT-1401 of one that cannot be opened; then all is as before
   */
  async prepare(settings: NodeSettings, graceMs: number): Promise<() => Promise<void>> {
    const ips = floatingIpsOf(settings.duravip.vips);
    const wanted = splitByAddress(settings.listeners, hostOfListener, ips).fixed;
    const before = this.#fixed;
    const added = wanted.filter((each) => !before.some((fixed) => isDeepStrictEqual(fixed.settings, each)));
    const replaced = before.filter(({ settings: { listen } }) =>
      added.some((each) => isDeepStrictEqual(each.listen, listen)),
    );
    const opened: Fixed[] = [];
    // A port has one listener: sessions of the one before go on, while the next one accepts.
    for (const { listener } of replaced) this.#leave(listener, graceMs);
    this.#fixed = before.filter((fixed) => !replaced.includes(fixed));
    const back = async () => {
      await Promise.all(opened.map(({ listener }) => listener.stop({ graceMs: 0 })));
      const kept = before.filter((fixed) => !replaced.includes(fixed));
      this.#fixed = kept;
      for (const former of replaced)
        this.#fixed = [...this.#fixed, fixedOf(former.settings, await this.#front.open(former.settings))];
    };
    try {
      for (const each of added) opened.push(fixedOf(each, await this.#front.open(each)));
    } catch (error) {
      await back();
      throw error;
    }
    this.#fixed = [...this.#fixed, ...opened];
    return back;
  }

  /** Its port is free when this returns. */
  #leave(listener: FrontListener, graceMs: number): void {
    const left: Promise<void> = listener.stop({ graceMs }).finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  /** Closes what is gone from the configuration, and what listens on addresses that float from now on. */
  async giveWay({ duravip, listeners }: NodeSettings, graceMs: number): Promise<void> {
    const ips = floatingIpsOf(duravip.vips);
    const isWanted = ({ settings }: Fixed) => listeners.some((each) => isDeepStrictEqual(each, settings));
    const isInTheWay = ({ ip }: Fixed) => ip !== undefined && ips.has(ip);
    const leaving = this.#fixed.filter(isInTheWay);
    this.#fixed = this.#fixed.filter((fixed) => !isInTheWay(fixed));
    for (const { listener } of this.#fixed.filter((fixed) => !isWanted(fixed)))
      this.#leave(listener, graceMs);
    this.#fixed = this.#fixed.filter(isWanted);
    await Promise.all(leaving.map(({ listener }) => listener.stop({ graceMs })));
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.all([
      ...this.#fixed.map(({ listener }) => listener.stop({ graceMs })),
      ...this.#leaving,
      this.#options.peers.stop(graceMs),
      this.#redis?.stop(),
    ]);
  }
}

function fixedOf(settings: ListenerSettings, listener: FrontListener): Fixed {
  return { ip: ipOf(hostOfListener(settings)), settings, listener };
}
