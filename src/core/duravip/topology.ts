/**
 * Which interface an address belongs on (NET-1 to NET-4): the most specific of the configured blocks that contain it.
 * An address that no block contains cannot be served by this node.
 */
import { addressBits, formatPrefix, type Prefix, parseAddress, parsePrefix } from '../address.ts';
import { Netblocks, noNetblock } from '../netblocks.ts';
import type { Ip } from './vip.ts';

/** `Topology "10.1.0.0/16" { interface = "eth0"  cidrmask = 32 }` */
export interface TopologyBlock {
  /** A prefix; empty: every address of both families. */
  readonly network: string;
  /** Undefined: none was configured, so the node cannot take addresses of this block (NET-5). */
  readonly interface: string | undefined;
  /** Undefined: 32, or 128 for IPv6. */
  readonly prefixBits: number | undefined;
}

export interface TopologyMatch {
  readonly block: Prefix;
  readonly interface: string | undefined;
  readonly prefixBits: number;
}

const everything: readonly Prefix[] = [parsePrefix('0.0.0.0/0')!, parsePrefix('::/0')!];

export class Topology {
  readonly #netblocks: Netblocks;
  /** In the order of the netblocks. */
  readonly #blocks: readonly TopologyBlock[];
  /** Networks that are no prefix, or there twice: the first one counts (NET-3). */
  readonly problems: readonly string[];

  constructor(blocks: readonly TopologyBlock[]) {
    const byPrefix = new Map<string, { readonly prefix: Prefix; readonly block: TopologyBlock }>();
    const problems: string[] = [];
    for (const block of blocks) {
      const prefixes = prefixesOf(block.network);
      if (prefixes.length === 0) problems.push(`'${block.network}' is not a prefix`);
      for (const prefix of prefixes) {
        const key = formatPrefix(prefix.address, prefix.bits);
        if (byPrefix.has(key)) problems.push(`${key} is there twice`);
        else byPrefix.set(key, { prefix, block });
      }
    }
    this.problems = problems;
    this.#netblocks = new Netblocks([...byPrefix.values()].map(({ prefix }) => prefix));
    this.#blocks = [...byPrefix.values()].map(({ block }) => block);
  }

  find(ip: Ip): TopologyMatch | undefined {
    const address = parseAddress(ip);
    const index = address === undefined ? noNetblock : this.#netblocks.find(address);
    if (address === undefined || index === noNetblock) return undefined;
    const { interface: name, prefixBits } = this.#blocks[index]!;
    return {
      block: this.#netblocks.prefixes[index]!,
      interface: name,
      prefixBits: prefixBits ?? addressBits(address),
    };
  }
}

function prefixesOf(network: string): readonly Prefix[] {
  if (network === '') return everything;
  const prefix = parsePrefix(network);
  return prefix ? [prefix] : [];
}
