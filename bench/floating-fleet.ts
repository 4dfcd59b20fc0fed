/**
 * Four machines that float addresses between them, a service on each, and a client on a fifth: what is the same for
 * Flotilla (flotilla-fleet.ts) and keepalived (keepalived-fleet.ts). Addresses are those of 10.84.0.0/16.
 *
 * Invariant: no process and no namespace outlives `end`.
 */
import type { ChildProcess } from 'node:child_process';
import { FloatingNetwork } from '../lab/floating-network.ts';
import { until } from '../test/integration/until.ts';
import { floatingIps } from './floating-ips.ts';
import { GapWatch, startProgram } from './gap-watch.ts';

export const machines = ['a', 'b', 'c', 'd'] as const;
export type MachineName = (typeof machines)[number];
const clientMachine = 'client';
/** Until all addresses are shared. Four cold nodes and their servers fill two cores for half a minute with 1,000. */
export const shareLimitMs = 60_000;

/** What moves addresses, on all machines. */
export interface Floater {
  /** Starts it on a machine, without waiting for anything that others have to do with. */
  start(machine: MachineName): Promise<void>;
  /** SIGKILL for all of its processes there. */
  kill(machine: MachineName): void;
  /** SIGTERM; resolves when it is gone. */
  stop(machine: MachineName): Promise<void>;
}

export class FloatingFleet {
  readonly network = new FloatingNetwork(...machines, clientMachine);
  readonly ips: readonly string[];
  readonly #services = new Map<MachineName, ChildProcess>();
  #watch: GapWatch | undefined;

  constructor(addresses: number) {
    this.ips = floatingIps(addresses);
  }

  get client(): GapWatch {
    return this.#watch!;
  }

  async start(floater: Floater): Promise<void> {
    this.#watch = await GapWatch.start(this.network.on(clientMachine));
    await Promise.all(machines.map((machine) => this.startService(machine)));
    await Promise.all(machines.map((machine) => floater.start(machine)));
    await this.shared();
  }

  async startService(machine: MachineName): Promise<void> {
    const words = [String(machines.indexOf(machine))];
    this.#services.set(machine, await startProgram(this.network.on(machine), 'echo-service', ...words));
  }

  killService(machine: MachineName): void {
    this.#services.get(machine)?.kill('SIGKILL');
  }

  /** Floating addresses on the interface of a machine, in their order. */
  ownedBy(machine: MachineName): string[] {
    const [link] = JSON.parse(this.network.run(machine, 'ip', '-json', 'address', 'show', 'dev', 'eth0')) as {
      addr_info: { local: string }[];
    }[];
    const here = new Set(link!.addr_info.map(({ local }) => local));
    return this.ips.filter((ip) => here.has(ip));
  }

  /** Waits until every address is on exactly one machine, a quarter of them on each. */
  async shared(): Promise<void> {
    await until(async () => {
      // The machines have enough to do meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 100));
      const shares = machines.map((machine) => this.ownedBy(machine));
      const isFair = shares.every(({ length }) => length === this.ips.length / machines.length);
      return isFair && new Set(shares.flat()).size === this.ips.length;
    }, shareLimitMs);
  }

  end(): void {
    this.network.remove();
  }
}
