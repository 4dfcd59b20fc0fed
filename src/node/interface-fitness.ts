/**
 * Keeps an eye on the interfaces that floating addresses go on: an address whose interface is not there, or has had no
 * link for a while, is for another node (NET-5, NET-19).
 */
import type { KernelPort, NetInterface } from '../actors/kernel-port.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';

export interface InterfaceFitnessOptions {
  readonly kernel: KernelPort;
  readonly clock: Clock;
  readonly log: Log;
  /** Those that matter. */
  readonly names: ReadonlySet<string>;
  /** `if_down_limit`: how long a link may be down. */
  readonly patienceMs: number;
  /** `reason`: why nothing can be put on it now; undefined: it is fine. */
  readonly judged: (name: string, reason: string | undefined) => void;
}

export class InterfaceFitness {
  readonly #options: InterfaceFitnessOptions;
  readonly #downTimers = new Map<string, Timer>();
  readonly #stopWatching: () => void;
  #stopped = false;

  constructor(options: InterfaceFitnessOptions) {
    this.#options = options;
    this.#stopWatching = options.kernel.watch((change) => {
      if (change.kind === 'interface') this.#judge(change.interface.name, change.interface);
      else if (change.kind === 'interface-gone') this.#judge(change.name, undefined);
      else if (change.kind === 'unsure') this.#look();
    });
    this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#stopWatching();
    for (const timer of this.#downTimers.values()) timer.cancel();
  }

  #look(): void {
    const { kernel, names, log } = this.#options;
    kernel.interfaces().then(
      (interfaces) => {
        for (const name of names)
          this.#judge(
            name,
            interfaces.find((each) => each.name === name),
          );
      },
      (error: unknown) => log.error(`the interfaces of this machine could not be read: ${String(error)}`),
    );
  }

  #judge(name: string, present: NetInterface | undefined): void {
    const { names, clock, patienceMs, judged } = this.#options;
    if (this.#stopped || !names.has(name)) return;
    if (present?.up) {
      this.#forgetTimer(name);
      judged(name, undefined);
    } else if (!present) {
      this.#forgetTimer(name);
      judged(name, `there is no interface ${name}`);
    } else if (!this.#downTimers.has(name)) {
      this.#downTimers.set(
        name,
        clock.after(patienceMs, () => judged(name, `the interface ${name} has no link`)),
      );
    }
  }

  #forgetTimer(name: string): void {
    this.#downTimers.get(name)?.cancel();
    this.#downTimers.delete(name);
  }
}
