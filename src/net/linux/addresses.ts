/**
 * Addresses on interfaces: added, removed and listed by netlink.
 *
 * Why not `ip -batch`: starting a program holds the event loop for 6 ms in a process of 150 MB (the fork), more than a
 * whole hand-over may take, and adding one address by netlink takes 0.05 ms. The calls run on a thread of the pool,
 * since anybody who changes interfaces on this machine holds the same lock of the kernel.
 *
 * Invariant (NET-11): nothing is sent to the kernel but the exact addresses of a call.
 */
import type { Neighbour, NetInterface, PlumbedAddress, PlumbOutcome } from '../../actors/kernel-port.ts';
import { describeError, errorNumber, libcCalls } from './libc.ts';
import { NetlinkWriter } from './netlink-message.ts';
import { NetlinkSocket, netlinkProtocol } from './netlink-socket.ts';
import {
  type AddressFact,
  decodeRouteMessage,
  type LinkFact,
  listAddresses,
  listLinks,
  listNeighbours,
  writeAddress,
  writeRemoval,
} from './route-messages.ts';

/** So many wait for the kernel's lock at once; others on the machine get it in between. */
const requestsAtOnce = 128;

const done: PlumbOutcome = { ok: true };

export class Addresses {
  readonly #changes = new NetlinkSocket(netlinkProtocol.route);
  readonly #lists = new NetlinkSocket(netlinkProtocol.route);

  async links(): Promise<LinkFact[]> {
    return this.#lists.list(listLinks(), (message) => {
      const fact = decodeRouteMessage(message);
      return fact?.kind === 'link' ? fact : undefined;
    });
  }

  /** Addresses with the numbers of their interfaces. */
  facts(): Promise<AddressFact[]> {
    return this.#lists.list(listAddresses(), (message) => {
      const fact = decodeRouteMessage(message);
      return fact?.kind === 'address' ? fact : undefined;
    });
  }

  async list(): Promise<PlumbedAddress[]> {
    const names = new Map((await this.links()).map(({ index, name }) => [index, name]));
    return (await this.facts()).flatMap(({ ip, prefixBits, index }) => {
      const name = names.get(index);
      return name === undefined ? [] : [{ ip, prefixBits, interface: name }];
    });
  }

  async neighbours(): Promise<Neighbour[]> {
    return this.#lists.list(listNeighbours(), (message) => {
      const fact = decodeRouteMessage(message);
      return fact?.kind === 'neighbour' ? { ip: fact.ip, mac: fact.mac } : undefined;
    });
  }

  /** Adds them, or extends those that are there. The kernel removes them itself after `lifetimeS`. */
  add(addresses: readonly PlumbedAddress[], lifetimeS: number): Promise<PlumbOutcome[]> {
    return this.#change(addresses, (writer, address, index) =>
      writeAddress(writer, { ip: address.ip, prefixBits: address.prefixBits, index }, lifetimeS),
    );
  }

  /** Not there, or no such interface: done. */
  async remove(addresses: readonly PlumbedAddress[]): Promise<PlumbOutcome[]> {
    return this.#change(
      addresses,
      (writer, address, index) =>
        writeRemoval(writer, { ip: address.ip, prefixBits: address.prefixBits, index }),
      [errorNumber.noAddress, errorNumber.noDevice],
    );
  }

  close(): void {
    this.#changes.close();
    this.#lists.close();
  }

  async #change(
    addresses: readonly PlumbedAddress[],
    write: (writer: NetlinkWriter, address: PlumbedAddress, index: number) => void,
    alsoDone: readonly number[] = [],
  ): Promise<PlumbOutcome[]> {
    const indices = new Map<string, number>();
    for (const { interface: name } of addresses) {
      if (!indices.has(name)) indices.set(name, libcCalls.interfaceIndex(name));
    }
    const outcomes: PlumbOutcome[] = [];
    for (let from = 0; from < addresses.length; from += requestsAtOnce) {
      const some = addresses.slice(from, from + requestsAtOnce);
      const writer = new NetlinkWriter();
      const present = some.filter((address) => indices.get(address.interface) !== 0);
      for (const address of present) write(writer, address, indices.get(address.interface)!);
      const errors = present.length === 0 ? [] : await this.#changes.exchangeInBackground(writer.askLast());
      const byAddress = new Map(present.map((address, i) => [address, errors[i]!]));
      outcomes.push(...some.map((address) => outcomeOf(byAddress.get(address), alsoDone)));
    }
    return outcomes;
  }
}

function outcomeOf(error: number | undefined, alsoDone: readonly number[]): PlumbOutcome {
  const known = error ?? errorNumber.noDevice;
  return known === 0 || alsoDone.includes(known) ? done : { ok: false, reason: describeError(known) };
}

export function netInterface({ name, index, mac, up }: LinkFact): NetInterface {
  return { name, index, mac, up };
}
