/**
 * A fixed set of netblocks, and how many sessions each of them holds at the moment. Made for the few netblocks a
 * configuration names; the address of a client costs one probe for each distinct prefix length among them.
 *
 * Invariant: the count of a netblock is the number of open sessions whose client lies in it, those in more specific
 * netblocks included.
 */
import { type Address, addressBits, isIpv4, maskWord, type Prefix } from './address.ts';

/** What `Netblocks.find` answers for an address that lies in none of them. */
export const noNetblock = -1;

interface PrefixLength {
  readonly bits: number;
  /** Hash of the network -> the netblocks of this length that have it. */
  readonly networks: Map<number, number[]>;
}

export class Netblocks {
  readonly prefixes: readonly Prefix[];
  /** Longest first, so that the first match is the most specific. */
  readonly #ipv4: readonly PrefixLength[];
  readonly #ipv6: readonly PrefixLength[];
  readonly #parents: readonly number[];

  /** Repeated prefixes are kept once. */
  constructor(prefixes: readonly Prefix[]) {
    this.prefixes = distinct(prefixes);
    this.#ipv4 = lengthsOf(this.prefixes, 32);
    this.#ipv6 = lengthsOf(this.prefixes, 128);
    this.#parents = this.prefixes.map(({ address, bits }) => this.find(address, bits - 1));
  }

  /** Index in `prefixes` of the most specific netblock, of at most `maxBits`, that contains the address. */
  find(address: Address, maxBits = 128): number {
    for (const { bits, networks } of isIpv4(address) ? this.#ipv4 : this.#ipv6) {
      if (bits > maxBits) continue;
      for (const index of networks.get(networkHash(address, bits)) ?? none) {
        if (sameNetwork(address, this.prefixes[index]!.address, bits)) return index;
      }
    }
    return noNetblock;
  }

  /** The next less specific netblock around one. */
  parentOf(index: number): number {
    return this.#parents[index] ?? noNetblock;
  }

  indexOf({ address, bits }: Prefix): number {
    const index = this.find(address, bits);
    return this.prefixes[index]?.bits === bits ? index : noNetblock;
  }
}

const none: readonly number[] = [];

/** Open sessions, in all and by netblock. */
export class NetblockCounts {
  readonly netblocks: Netblocks;
  readonly #counts: Int32Array;
  #total = 0;

  constructor(netblocks: Netblocks) {
    this.netblocks = netblocks;
    this.#counts = new Int32Array(netblocks.prefixes.length);
  }

  /** Of one netblock by its index, of all clients with `noNetblock`. */
  count(netblock: number): number {
    return netblock === noNetblock ? this.#total : (this.#counts[netblock] ?? 0);
  }

  /** `netblock` is what `netblocks.find` says of the client; `by` is 1 when a session begins and -1 when it ends. */
  add(netblock: number, by: 1 | -1): void {
    this.#total += by;
    for (let around = netblock; around !== noNetblock; around = this.netblocks.parentOf(around)) {
      this.#counts[around]! += by;
    }
  }
}

function lengthsOf(prefixes: readonly Prefix[], familyBits: number): PrefixLength[] {
  const lengths = new Map<number, PrefixLength>();
  for (const [index, { address, bits }] of prefixes.entries()) {
    if (addressBits(address) !== familyBits) continue;
    const length = lengths.get(bits) ?? { bits, networks: new Map<number, number[]>() };
    lengths.set(bits, length);
    const hash = networkHash(address, bits);
    length.networks.set(hash, [...(length.networks.get(hash) ?? []), index]);
  }
  return [...lengths.values()].sort((a, b) => b.bits - a.bits);
}

function distinct(prefixes: readonly Prefix[]): Prefix[] {
  return prefixes.filter(
    ({ address, bits }, at) =>
      at === prefixes.findIndex((other) => other.bits === bits && sameNetwork(other.address, address, bits)),
  );
}

/** Exact for IPv4: the masked word. */
function networkHash(address: Address, bits: number): number {
  if (isIpv4(address)) return maskWord(address, bits);
  let hash = 0;
  for (let i = 0; i < 4; i++) hash = (Math.imul(hash, 0x9e3779b1) ^ maskWord(address[i]!, bits - 32 * i)) | 0;
  return hash;
}

function sameNetwork(a: Address, b: Address, bits: number): boolean {
  if (isIpv4(a) || isIpv4(b)) return isIpv4(a) && isIpv4(b) && maskWord(a ^ b, bits) === 0;
  return a.every((word, i) => maskWord(word ^ b[i]!, bits - 32 * i) === 0);
}
