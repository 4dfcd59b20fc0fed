/**
 * What the host program wants to do around the coming and going of an address (API-5).
 *
 * Invariant: no program holds up an address for longer than its time limit, and none can keep one from being released.
 */
import type { Clock } from '../core/clock.ts';
import type { Ip, VipService } from '../core/duravip/vip.ts';
import type { Log } from '../core/log.ts';
import { within } from './patience.ts';

/** The address that comes or goes. */
export interface VipContext {
  readonly ip: Ip;
  /** Names of the bindings on it. */
  readonly bindings: readonly string[];
  /** Addresses that come and go with it. */
  readonly followers: readonly Ip[];
  readonly services: readonly VipService[];
}

export interface VipHook {
  /**
   * Acquiring: before the address is put on; an error vetoes it and counts as a failure to put it on, so that another
   * node gets it. Releasing: before anything is stopped; an error is logged.
   */
  before?(context: VipContext): void | Promise<void>;
  /** Acquiring: when everything serves. Releasing: when the address is off. An error is logged. */
  after?(context: VipContext): void | Promise<void>;
  /** For each of them. Default: 5000. */
  readonly timeoutMs?: number;
}

export const programLimitMs = 5_000;

export class VipHooks {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #hooks = new Set<VipHook>();

  constructor(name: string, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#name = name;
    this.#clock = clock;
    this.#log = log;
  }

  /** Returns how to take it away. */
  add(hook: VipHook): () => void {
    this.#hooks.add(hook);
    return () => void this.#hooks.delete(hook);
  }

  /** One after another, in the order in which they were added. @throws the first error */
  async before(context: VipContext): Promise<void> {
    for (const hook of this.#hooks) await this.#call(hook, 'before', context);
  }

  async after(context: VipContext): Promise<void> {
    for (const hook of this.#hooks) {
      await this.#call(hook, 'after', context).catch((error: unknown) =>
        this.#log.error(`${context.ip}: ${this.#name} after: ${String(error)}`),
      );
    }
  }

  async #call(hook: VipHook, when: 'before' | 'after', context: VipContext): Promise<void> {
    const { timeoutMs = programLimitMs } = hook;
    if (hook[when]) await within(this.#clock, timeoutMs, `${this.#name} ${when}`, () => hook[when]!(context));
  }
}
