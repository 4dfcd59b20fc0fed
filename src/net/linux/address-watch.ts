/**
 * Changes of addresses and interfaces, as the kernel reports them, and the table of interfaces that follows from them.
 *
 * Netlink instead of `ip monitor`: the `ip` of Debian 12 prints no JSON there, and its text names an interface as it
 * was called when the program started. When more changes come than the kernel holds for us, everything is read again.
 */
import type { KernelChange, NetInterface } from '../../actors/kernel-port.ts';
import type { Log } from '../../core/log.ts';
import { type Addresses, netInterface } from './addresses.ts';
import type { NetlinkMessage } from './netlink-message.ts';
import { NetlinkSocket, netlinkProtocol } from './netlink-socket.ts';
import { type AddressFact, decodeRouteMessage, type LinkFact, routeGroups } from './route-messages.ts';

export class AddressWatch {
  readonly #addresses: Addresses;
  readonly #log: Log;
  readonly #socket = new NetlinkSocket(netlinkProtocol.route, routeGroups);
  readonly #byIndex = new Map<number, NetInterface>();
  /** By address, prefix and interface number: the kernel also reports a new life time as an addition. */
  readonly #present = new Set<string>();
  readonly #listeners = new Set<(change: KernelChange) => void>();
  #rereading = false;

  private constructor(addresses: Addresses, log: Log) {
    this.#addresses = addresses;
    this.#log = log;
  }

  static async open(addresses: Addresses, log: Log): Promise<AddressWatch> {
    const watch = new AddressWatch(addresses, log);
    // Subscribed before the first list, so that nothing falls between the two.
    watch.#socket.listen(
      (message) => watch.#receive(message),
      () => watch.#lost(),
    );
    await watch.#read();
    return watch;
  }

  get interfaces(): readonly NetInterface[] {
    return [...this.#byIndex.values()];
  }

  interfaceOf(index: number): NetInterface | undefined {
    return this.#byIndex.get(index);
  }

  /** Linear: a machine has a handful. */
  named(name: string): NetInterface | undefined {
    for (const each of this.#byIndex.values()) if (each.name === name) return each;
    return undefined;
  }

  /** True for frames that this machine sent itself and got back from a bridge. */
  isOwnMac(mac: string): boolean {
    for (const each of this.#byIndex.values()) if (each.mac === mac) return true;
    return false;
  }

  listen(listener: (change: KernelChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(change: KernelChange): void {
    for (const listener of this.#listeners) {
      try {
        listener(change);
      } catch (error) {
        // One listener's fault must not take the others' news.
        this.#log.error('a listener for network changes failed', { change, error: String(error) });
      }
    }
  }

  close(): void {
    this.#listeners.clear();
    this.#socket.close();
  }

  #receive(message: NetlinkMessage): void {
    const fact = decodeRouteMessage(message);
    if (fact?.kind === 'link') this.#link(fact);
    if (fact?.kind === 'address') this.#address(fact);
  }

  #link(fact: LinkFact): void {
    const before = this.#byIndex.get(fact.index);
    if (!fact.present) {
      this.#byIndex.delete(fact.index);
      if (before) this.tell({ kind: 'interface-gone', name: before.name });
      return;
    }
    const now = netInterface(fact);
    if (before && before.name === now.name && before.mac === now.mac && before.up === now.up) return;
    this.#byIndex.set(fact.index, now);
    if (before && before.name !== now.name) this.tell({ kind: 'interface-gone', name: before.name });
    this.tell({ kind: 'interface', interface: now });
  }

  #address({ present, index, ip, prefixBits }: AddressFact): void {
    const key = `${ip}/${prefixBits} ${index}`;
    if (present === this.#present.has(key)) return;
    if (present) this.#present.add(key);
    else this.#present.delete(key);
    const name = this.#byIndex.get(index)?.name;
    // An interface that went, and its addresses with it, in the other order.
    if (name === undefined) return;
    const address = { ip, prefixBits, interface: name };
    this.tell({ kind: present ? 'address-added' : 'address-removed', address });
  }

  #lost(): void {
    if (this.#rereading) return;
    this.#rereading = true;
    this.#read()
      .catch((error: unknown) =>
        this.#log.error('interfaces and addresses cannot be read', { error: String(error) }),
      )
      .finally(() => {
        this.#rereading = false;
        this.tell({ kind: 'unsure' });
      });
  }

  async #read(): Promise<void> {
    const facts = await this.#addresses.links();
    const present = new Set(facts.map(({ index }) => index));
    for (const index of this.#byIndex.keys()) if (!present.has(index)) this.#byIndex.delete(index);
    for (const fact of facts) this.#byIndex.set(fact.index, netInterface(fact));
    const addresses = await this.#addresses.facts();
    this.#present.clear();
    for (const { ip, prefixBits, index } of addresses) this.#present.add(`${ip}/${prefixBits} ${index}`);
  }
}
