/**
 * The lease where there is no nftables: each address is on the machine for as long as the lease lasts (`valid_lft`).
 *
 * Coarser in two ways. The kernel counts whole seconds and looks now and then, so an address goes up to
 * `lifetimeOverrunMs` late: a node with this lease states a longer one (LIFE-18). And an address answers from the
 * moment it is plumbed, owned or not; hence disowning takes it off the machine.
 */
import type { Lease } from '../../actors/kernel-port.ts';
import type { Clock } from '../../core/clock.ts';
import type { Ip } from '../../core/duravip/vip.ts';

/** How much later than asked for the last answer may come. */
export const lifetimeOverrunMs = 1_250;

/** Each renewal tells the kernel of every address, so not at every beat. */
const renewEveryMs = 400;

/** The addresses of this node on the machine; see `Plumbing`. */
export interface PlumbedAddresses {
  renew(lifetimeS: number): Promise<void>;
  /** All of them when `ips` is undefined. */
  withdraw(ips: ReadonlySet<Ip> | undefined): Promise<void>;
}

export class LifetimeLease implements Lease {
  readonly held = 'valid_lft';
  readonly #plumbed: PlumbedAddresses;
  readonly #clock: Clock;
  readonly #owned = new Set<Ip>();
  #untilMs = Number.NEGATIVE_INFINITY;
  #renewedMs = Number.NEGATIVE_INFINITY;

  constructor(plumbed: PlumbedAddresses, clock: Clock) {
    this.#plumbed = plumbed;
    this.#clock = clock;
  }

  /** For an address that is plumbed now. Without a lease a second, the least there is. */
  get lifetimeS(): number {
    return Math.max(1, Math.ceil((this.#untilMs - this.#clock.nowMs()) / 1_000));
  }

  answers(ip: Ip): boolean {
    return this.#owned.has(ip) && this.#clock.nowMs() < this.#untilMs;
  }

  owns(ip: Ip): boolean {
    return this.#owned.has(ip);
  }

  /** What is not owned is not on the machine. */
  async manage(_ips: readonly Ip[]): Promise<void> {}

  async take(durationMs: number): Promise<void> {
    await this.#extend(durationMs, Number.NEGATIVE_INFINITY);
  }

  async refresh(durationMs: number): Promise<boolean> {
    if (this.#clock.nowMs() >= this.#untilMs) {
      await this.#plumbed.withdraw(undefined);
      return false;
    }
    await this.#extend(durationMs, this.#renewedMs + renewEveryMs);
    return true;
  }

  async drop(): Promise<void> {
    this.#untilMs = Number.NEGATIVE_INFINITY;
    await this.#plumbed.withdraw(undefined);
  }

  async own(ips: readonly Ip[]): Promise<void> {
    for (const ip of ips) this.#owned.add(ip);
  }

  async disown(ips: readonly Ip[]): Promise<void> {
    for (const ip of ips) this.#owned.delete(ip);
    await this.#plumbed.withdraw(new Set(ips));
  }

  async #extend(durationMs: number, notBeforeMs: number): Promise<void> {
    const nowMs = this.#clock.nowMs();
    this.#untilMs = nowMs + durationMs;
    if (nowMs < notBeforeMs) return;
    this.#renewedMs = nowMs;
    await this.#plumbed.renew(this.lifetimeS);
  }
}
