/**
 * The kernel port of one simulated process, on a machine of the fake segment. Every answer takes a little virtual time,
 * and none arrives while the process is stopped.
 */
import type {
  KernelChange,
  KernelPort,
  Lease,
  Neighbour,
  NeighbourFrame,
  NetInterface,
  PlumbedAddress,
  PlumbOutcome,
} from '../actors/kernel-port.ts';
import type { Ip } from '../core/duravip/vip.ts';
import type { FakeLan, FakeMachine } from './fake-lan.ts';

export interface FakeKernelOptions {
  readonly lan: FakeLan;
  readonly machine: FakeMachine;
  /** Runs something of the machine after a delay, whatever the process does. */
  readonly later: (delayMs: number, run: () => void) => void;
  /** Runs something of the process: held back while it is stopped, never once it is gone. */
  readonly gate: (run: () => void) => void;
  /** Milliseconds one call takes. */
  readonly costMs: () => number;
}

export class FakeKernel implements KernelPort {
  readonly lease: Lease;
  readonly #options: FakeKernelOptions;
  #busyUntilMs = 0;

  constructor(options: FakeKernelOptions) {
    this.#options = options;
    this.lease = this.#lease();
  }

  problems(): readonly string[] {
    return [];
  }

  interfaces(): Promise<readonly NetInterface[]> {
    return this.#call(() => this.#options.machine.interfaces);
  }

  addresses(): Promise<readonly PlumbedAddress[]> {
    return this.#call(() => [...this.#options.machine.addresses.values()].flat());
  }

  plumb(addresses: readonly PlumbedAddress[]): Promise<readonly PlumbOutcome[]> {
    return this.#call(() => addresses.map((address) => outcome(this.#options.machine.putOn(address))));
  }

  unplumb(addresses: readonly PlumbedAddress[]): Promise<readonly PlumbOutcome[]> {
    const { machine } = this.#options;
    return this.#call(() => addresses.map((place) => outcome(machine.takeOff(place.ip, place.interface))));
  }

  announce(frames: readonly NeighbourFrame[]): void {
    this.#options.lan.announce(this.#options.machine, frames);
  }

  probe(ip: Ip, _interface: string, timeoutMs: number): Promise<string | undefined> {
    const { lan, machine } = this.#options;
    return this.#call(() => lan.probe(machine, ip), timeoutMs);
  }

  neighbours(): Promise<readonly Neighbour[]> {
    const { lan } = this.#options;
    return this.#call(() => [...lan.neighbours].map(([ip, mac]) => ({ ip, mac })));
  }

  watch(listener: (change: KernelChange) => void): () => void {
    const { machine, gate } = this.#options;
    machine.onEvent = (event) =>
      gate(() => {
        if (event.kind === 'address-removed') machine.unheard.delete(event.address.ip);
        listener(event);
      });
    return () => {
      machine.onEvent = () => {};
    };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #lease(): Lease {
    const { machine, lan } = this.#options;
    const endsMs = (durationMs: number) => lan.clock.nowMs() + durationMs;
    return {
      held: 'nftables',
      manage: (ips) => this.#call(() => machine.manage(ips)),
      take: (durationMs) => this.#call(() => machine.leaseUntil(endsMs(durationMs))),
      refresh: (durationMs) =>
        this.#call(() => {
          if (!machine.leaseAlive) return false;
          machine.leaseUntil(endsMs(durationMs));
          return true;
        }),
      drop: () => this.#call(() => machine.leaseUntil(lan.clock.nowMs())),
      own: (ips) => this.#call(() => machine.own(ips, true)),
      disown: (ips) => this.#call(() => machine.own(ips, false)),
    };
  }

  /** In the order of the calls, as through one pipe to one tool. */
  #call<T>(run: () => T, costMs = this.#options.costMs()): Promise<T> {
    const { later, gate, lan } = this.#options;
    const nowMs = lan.clock.nowMs();
    this.#busyUntilMs = Math.max(this.#busyUntilMs, nowMs + costMs);
    return new Promise((resolve) =>
      later(this.#busyUntilMs - nowMs, () => {
        const result = run();
        gate(() => resolve(result));
      }),
    );
  }
}

function outcome(reason: string | undefined): PlumbOutcome {
  return reason === undefined ? { ok: true } : { ok: false, reason };
}
