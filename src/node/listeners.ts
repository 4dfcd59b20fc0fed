/**
 * The listeners of a node beside its console: those on addresses that stay are opened with it and closed with it, those
 * on floating addresses are handed out to be opened when the address comes.
 *
 * Invariant: nothing listens for good on an address that floats.
 */
import type { ControlAccessParts } from '../console/control-listener.ts';
import type { Interpreter } from '../console/interpreter.ts';
import type { Ip } from '../core/duravip/vip.ts';
import type { NodeSettings } from '../core/settings.ts';
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

export interface ListenersOptions extends Pick<FrontListenersOptions, 'inbound' | 'optionsOf'> {
  readonly around: Surroundings;
  readonly interpreter: Interpreter;
  readonly access: ControlAccessParts;
  readonly peers: Peers;
  readonly redis: Omit<RedisParts, 'around'>;
}

interface Fixed {
  readonly ip: Ip | undefined;
  readonly listener: FrontListener;
}

export class Listeners {
  readonly #options: ListenersOptions;
  readonly #front: FrontListeners;
  #fixed: readonly Fixed[] = [];
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
    this.#fixed = opened.map((listener, at) => ({ ip: ipOf(hostOfListener(fixed[at]!)), listener }));
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
      { ...this.#options, front: this.#front, log: this.#options.around.log },
      before,
    );
  }

  /** Closes what listens on addresses that float from now on. */
  async giveWay({ duravip }: NodeSettings, graceMs: number): Promise<void> {
    const ips = floatingIpsOf(duravip.vips);
    const isInTheWay = ({ ip }: Fixed) => ip !== undefined && ips.has(ip);
    const leaving = this.#fixed.filter(isInTheWay);
    this.#fixed = this.#fixed.filter((fixed) => !isInTheWay(fixed));
    await Promise.all(leaving.map(({ listener }) => listener.stop({ graceMs })));
  }

  async stop(graceMs: number): Promise<void> {
    await Promise.all([
      ...this.#fixed.map(({ listener }) => listener.stop({ graceMs })),
      this.#options.peers.stop(graceMs),
      this.#redis?.stop(),
    ]);
  }
}
