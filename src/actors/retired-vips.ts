/**
 * Addresses that are no longer configured here, and not known to be off yet (DVC-16): they keep their actors until they
 * are.
 *
 * Invariant: nothing is forgotten before the machine was asked. Nobody looks after it any more then, and without management
 * it answers: so it is made sure that it is nowhere on this machine, even if this process never put it on.
 */
import type { Clock } from '../core/clock.ts';
import type { Ip } from '../core/duravip/vip.ts';
import { type Duravip, stuckRetryMs } from './duravip.ts';
import type { KernelPort, PlumbedAddress } from './kernel-port.ts';

export interface RetiredVipsPorts {
  readonly clock: Clock;
  readonly kernel: KernelPort;
  /** Some are forgotten. */
  forgotten(): Promise<void>;
  failed(error: unknown): void;
}

export class RetiredVips {
  readonly #ports: RetiredVipsPorts;
  readonly #vips = new Map<Ip, Duravip>();
  /** Said to be off; looked at together, because hundreds leave together. */
  readonly #off = new Set<Ip>();

  constructor(ports: RetiredVipsPorts) {
    this.#ports = ports;
  }

  get all(): Iterable<Duravip> {
    return this.#vips.values();
  }

  add(vip: Duravip): void {
    this.#vips.set(vip.ip, vip);
    this.cameOff(vip.ip);
  }

  /** It is configured again. */
  take(ip: Ip): Duravip | undefined {
    const vip = this.#vips.get(ip);
    this.#vips.delete(ip);
    return vip;
  }

  /** Its actor may be in the middle of saying so. */
  cameOff(ip: Ip): void {
    if (!this.#vips.has(ip)) return;
    if (this.#off.size === 0) this.#lookIn(0);
    this.#off.add(ip);
  }

  clear(): void {
    this.#vips.clear();
  }

  #lookIn(delayMs: number): void {
    const { clock, failed } = this.#ports;
    clock.after(delayMs, () => {
      this.#forget().catch(failed);
    });
  }

  async #forget(): Promise<void> {
    const vips = [...this.#off].flatMap((ip) => this.#vips.get(ip) ?? []).filter(({ isOff }) => isOff);
    this.#off.clear();
    if (vips.length === 0) return;
    const left = await this.#takeOff(vips.flatMap(({ places }) => places));
    const still = vips.filter((vip) => this.#vips.get(vip.ip) === vip && vip.isOff);
    for (const vip of still) {
      if (vip.places.some(({ ip }) => left.has(ip))) this.#off.add(vip.ip);
      else {
        vip.stop();
        this.#vips.delete(vip.ip);
      }
    }
    if (this.#off.size > 0) this.#lookIn(stuckRetryMs);
    await this.#ports.forgotten();
  }

  /** Wherever they are: an earlier process may have had another configuration. Returns what could not be taken off. */
  async #takeOff(places: readonly PlumbedAddress[]): Promise<Set<Ip>> {
    const { kernel, failed } = this.#ports;
    const ips = new Set(places.map(({ ip }) => ip));
    try {
      const present = (await kernel.addresses()).filter(({ ip }) => ips.has(ip));
      const outcomes = await kernel.unplumb(present);
      return new Set(present.filter((_, i) => !outcomes[i]!.ok).map(({ ip }) => ip));
    } catch (error) {
      // Asked again, as if they were still there: else they would stay retired for ever.
      failed(error);
      return ips;
    }
  }
}
