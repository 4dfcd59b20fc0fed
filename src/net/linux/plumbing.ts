/**
 * The addresses that this node put on the machine: in the state file before they are there, and kept alive until they
 * are taken off.
 *
 * Invariant: an address that somebody began to take off is not extended any more, or a renewal under way would put it
 * back behind the removal.
 */
import type { PlumbedAddress, PlumbOutcome } from '../../actors/kernel-port.ts';
import type { Ip } from '../../core/duravip/vip.ts';
import type { Addresses } from './addresses.ts';
import { keyOf, type StateFile } from './state-file.ts';

export type AddressTable = Pick<Addresses, 'list' | 'add' | 'remove'>;

/** Extended at once; removals get their turn in between. */
const renewedAtOnce = 128;

export class Plumbing {
  readonly #addresses: AddressTable;
  readonly #state: StateFile;
  /** By address, prefix and interface. */
  readonly #alive = new Map<string, PlumbedAddress>();

  constructor(addresses: AddressTable, state: StateFile) {
    this.#addresses = addresses;
    this.#state = state;
  }

  /** True: nothing of ours is left on the machine, as far as we know. */
  get isEmpty(): boolean {
    return this.#state.addresses.length === 0;
  }

  /** What cannot be added stays in the file: removing one that is not there is harmless, forgetting one is not. */
  plumb(addresses: readonly PlumbedAddress[], lifetimeS: number): Promise<PlumbOutcome[]> {
    this.#state.add(addresses);
    for (const address of addresses) this.#alive.set(keyOf(address), address);
    return this.#addresses.add(addresses, lifetimeS);
  }

  async unplumb(addresses: readonly PlumbedAddress[]): Promise<PlumbOutcome[]> {
    for (const address of addresses) this.#alive.delete(keyOf(address));
    const outcomes = await this.#addresses.remove(addresses);
    // One that was plumbed again meanwhile is ours again.
    this.#state.remove(addresses.filter((address, i) => outcomes[i]!.ok && !this.#alive.has(keyOf(address))));
    return outcomes;
  }

  /** Takes those of ours off the machine; all when `ips` is undefined. They stay in the file until unplumbed. */
  async withdraw(ips: ReadonlySet<Ip> | undefined): Promise<void> {
    const some = [...this.#alive.values()].filter(({ ip }) => !ips || ips.has(ip));
    for (const address of some) this.#alive.delete(keyOf(address));
    await this.#addresses.remove(some);
  }

  /** Gives those that are still there a new life time. One that somebody removed is not ours to put back (NET-15). */
  async renew(lifetimeS: number): Promise<void> {
    if (this.#alive.size === 0) return;
    const present = (await this.#addresses.list()).filter((address) => this.#alive.has(keyOf(address)));
    for (let from = 0; from < present.length; from += renewedAtOnce) {
      const some = present
        .slice(from, from + renewedAtOnce)
        .filter((address) => this.#alive.has(keyOf(address)));
      await this.#addresses.add(some, lifetimeS);
    }
  }

  /**
   * LIFE-1, LIFE-2: what an earlier life left, and all of these addresses, on all interfaces. Gives what was there.
   * @throws Error when one stays: this process would not manage it, and it would answer while another node serves it
   */
  async clear(configured: readonly Ip[]): Promise<PlumbedAddress[]> {
    const names = new Set(configured);
    const earlier = new Set(this.#state.addresses.map(keyOf));
    const present = await this.#addresses.list();
    const ours = present.filter((address) => names.has(address.ip) || earlier.has(keyOf(address)));
    const outcomes = await this.#addresses.remove(ours);
    const left = ours.filter((_, i) => !outcomes[i]!.ok);
    const leftKeys = new Set(left.map(keyOf));
    this.#state.remove(this.#state.addresses.filter((address) => !leftKeys.has(keyOf(address))));
    const [first] = left;
    if (first) {
      const reason = outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.reason]))[0];
      const more = left.length === 1 ? '' : ` and ${left.length - 1} others`;
      throw new Error(
        `an earlier life left ${first.ip} on ${first.interface}${more}: not removed, ${reason}`,
      );
    }
    return ours;
  }
}
