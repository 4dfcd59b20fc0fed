/**
 * Keeps the kernel's lease alive for as long as this node is known to be heard, and notices when it has run out
 * (LIFE-18, MEM-19).
 *
 * Invariant: a lease that ran out is never revived. It is taken anew only after `begin`, when the node has a place in a
 * new view; a process that was stopped meets the refusal of the kernel and gives everything up.
 */
import type { Clock, Timer } from '../core/clock.ts';
import { LeaseTerm, type LeaseTermSettings } from '../core/duravip/lease-term.ts';
import type { Incarnation } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import type { Lease } from './kernel-port.ts';

export interface LeaseKeeperPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly lease: Lease;
  /** All addresses answer nobody any more: release them, then come back as a newcomer. */
  expired(): void;
  /** Nobody at all is heard, and the operator wants addresses to be kept then (`on_bus_outage = keep`, LIFE-20). */
  keepsOnOutage(): boolean;
}

/** none: not in a view that gives leases. pending: waits for the first sign of being heard. held, lost. */
export type LeaseState = 'none' | 'pending' | 'held' | 'lost';

/** In parts of the lease: with `on_bus_outage = keep` it is prolonged so long before its end. */
const keepsBefore = 1 / 4;

export class LeaseKeeper {
  readonly #ports: LeaseKeeperPorts;
  readonly #term: LeaseTerm;
  readonly #holdMs: number;
  #state: LeaseState = 'none';
  #refreshing = false;
  #endsMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #keeping: Timer | undefined;

  constructor(settings: LeaseTermSettings, ports: LeaseKeeperPorts) {
    this.#term = new LeaseTerm(settings);
    this.#holdMs = settings.holdMs;
    this.#ports = ports;
  }

  get state(): LeaseState {
    return this.#state;
  }

  /** False also for a process that was stopped, before it learns that its lease is over. */
  get isAlive(): boolean {
    return this.#state === 'held' && this.#endsMs > this.#ports.clock.nowMs();
  }

  beatSent(count: number): void {
    this.#term.beatSent(count, this.#ports.clock.nowMs());
  }

  echoed(count: number): void {
    this.#term.echoed(count);
    this.#extend();
  }

  heardBy(node: string, from: Incarnation, countBits: number): void {
    this.#term.heardBy(node, from, countBits);
    this.#extend();
  }

  /** The node has its place in a new view: it may have a lease again. */
  begin(nodes: ReadonlySet<string>): void {
    this.#term.keepOnly(nodes);
    if (this.#state === 'held') return;
    this.#state = 'pending';
    this.#extend();
  }

  /** Ends the lease now: everything was given up in good order. */
  async end(): Promise<void> {
    this.#state = 'none';
    this.#cancelTimers();
    await this.#ports.lease.drop();
  }

  #extend(): void {
    const remainingMs = this.#remainingMs();
    if (this.#refreshing || remainingMs <= 0) return;
    if (this.#state === 'pending') this.#ask(() => this.#take(remainingMs));
    else if (this.#state === 'held' && this.#endsMs < this.#term.endsMs)
      this.#ask(() => this.#refresh(remainingMs));
  }

  #ask(run: () => Promise<void>): void {
    this.#refreshing = true;
    run().then(
      () => {
        this.#refreshing = false;
      },
      (error: unknown) => {
        this.#refreshing = false;
        this.#ports.log.error(`the lease could not be extended: ${String(error)}`);
      },
    );
  }

  async #take(remainingMs: number): Promise<void> {
    this.#expectUntil(this.#term.endsMs);
    await this.#ports.lease.take(remainingMs);
    if (this.#state === 'pending') this.#state = 'held';
  }

  async #refresh(remainingMs: number): Promise<void> {
    const endsMs = this.#term.endsMs;
    if (await this.#ports.lease.refresh(remainingMs)) this.#expectUntil(endsMs);
    else this.#lose();
  }

  /** The kernel does what the lease is for; this timer is for the process to know. */
  #expectUntil(endsMs: number): void {
    const { clock } = this.#ports;
    const remainingMs = Math.max(0, endsMs - clock.nowMs());
    this.#endsMs = endsMs;
    this.#cancelTimers();
    this.#timer = clock.after(remainingMs, () => this.#endIsDue());
    this.#keeping = clock.after(Math.max(0, remainingMs - this.#holdMs * keepsBefore), () => {
      if (this.#state === 'held' && !this.#refreshing && this.#ports.keepsOnOutage())
        this.#ask(() => this.#prolong());
    });
  }

  /** Real timers come up to a millisecond early. Not to look again would mean never to notice the end. */
  #endIsDue(): void {
    const remainingMs = this.#remainingMs();
    if (remainingMs <= 0) {
      this.#lose();
      return;
    }
    this.#timer = this.#ports.clock.after(Math.max(1, remainingMs), () => this.#endIsDue());
    this.#extend();
  }

  /**
   * LIFE-20: unsafe by the operator's own wish. But while the lease still lives, so that a process that was stopped,
   * and takes its own silence for an outage, has it refused.
   */
  async #prolong(): Promise<void> {
    const endsMs = this.#ports.clock.nowMs() + this.#holdMs;
    if (await this.#ports.lease.refresh(this.#holdMs)) this.#expectUntil(endsMs);
    else this.#lose();
  }

  #cancelTimers(): void {
    this.#timer?.cancel();
    this.#keeping?.cancel();
  }

  #lose(): void {
    if (this.#state !== 'held' && this.#state !== 'pending') return;
    this.#state = 'lost';
    this.#cancelTimers();
    this.#ports.expired();
  }

  #remainingMs(): number {
    return this.#term.endsMs - this.#ports.clock.nowMs();
  }
}
