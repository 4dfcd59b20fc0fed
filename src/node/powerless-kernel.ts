/**
 * The machine as a node sees it that may not change addresses, or has none to float: it refuses to put anything on, and
 * says why. So such a node still takes part in the agreement about who owns what (OWN-3).
 */
import type {
  KernelPort,
  Lease,
  Neighbour,
  NetInterface,
  PlumbedAddress,
  PlumbOutcome,
} from '../actors/kernel-port.ts';

/** Nothing is on, so nothing has to fall silent. */
const noLease: Lease = {
  held: 'nftables',
  manage: async () => {},
  take: async () => {},
  refresh: async () => true,
  drop: async () => {},
  own: async () => {},
  disown: async () => {},
};

export class PowerlessKernel implements KernelPort {
  readonly lease = noLease;
  readonly #problems: readonly string[];

  /** None: there is nothing to float. */
  constructor(problems: readonly string[]) {
    this.#problems = problems;
  }

  problems(): readonly string[] {
    return this.#problems;
  }

  async interfaces(): Promise<readonly NetInterface[]> {
    return [];
  }

  async addresses(): Promise<readonly PlumbedAddress[]> {
    return [];
  }

  async plumb(addresses: readonly PlumbedAddress[]): Promise<readonly PlumbOutcome[]> {
    const reason = this.#problems.join('; ');
    return addresses.map(() => ({ ok: false, reason }));
  }

  async unplumb(addresses: readonly PlumbedAddress[]): Promise<readonly PlumbOutcome[]> {
    return addresses.map(() => ({ ok: true }));
  }

  announce(): void {}

  async probe(): Promise<string | undefined> {
    return undefined;
  }

  async neighbours(): Promise<readonly Neighbour[]> {
    return [];
  }

  watch(): () => void {
    return () => {};
  }

  async close(): Promise<void> {}
}
