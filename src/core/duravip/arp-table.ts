/**
 * The shared ARP table: the hosts that any node has seen on the link (ARP-9 to ARP-14). They are told one by one when
 * an address moves.
 *
 * Everything may be merged twice and in any order: of two MACs for one address the one confirmed last counts, at the
 * same moment the greater one, so that all nodes agree. Ages travel instead of times, since clocks differ.
 */
import {
  type Address,
  addressBits,
  formatAddress,
  isIpv4,
  maskWord,
  type Prefix,
  parseAddress,
} from '../address.ts';
import type { SeenHost } from './messages.ts';
import { compareAddresses, type Ip } from './vip.ts';

export interface ArpEntry {
  readonly ip: Ip;
  readonly mac: string;
  readonly ageMs: number;
}

interface Host {
  readonly address: Address;
  readonly mac: string;
  readonly confirmedAtMs: number;
}

/** Intervals of `arp_share_interval` without a word of a host after which it goes (ARP-12). */
const keptIntervals = 5;

export interface ArpTableLimits {
  /** `arp_share_interval` */
  readonly shareIntervalMs: number;
  /** Beyond this many hosts the ones unconfirmed for longest go. */
  readonly maxHosts: number;
}

export class ArpTable {
  #limits: ArpTableLimits;
  readonly #hosts = new Map<Ip, Host>();

  constructor(limits: ArpTableLimits) {
    this.#limits = limits;
  }

  configure(limits: ArpTableLimits): void {
    this.#limits = limits;
  }

  get size(): number {
    return this.#hosts.size;
  }

  /** `isVip`: floating addresses move, so what is heard about them says nothing (ARP-13). Says how many counted. */
  merge(samples: readonly SeenHost[], nowMs: number, isVip: (ip: Ip) => boolean): number {
    let counted = 0;
    for (const sample of samples) if (this.#add(sample, nowMs, isVip)) counted++;
    this.expire(nowMs);
    return counted;
  }

  /** A floating address that somebody took for a host before it was configured here. */
  forget(ips: Iterable<Ip>): void {
    for (const ip of ips) this.#hosts.delete(ip);
  }

  /** Drops what is too old (ARP-12), and the oldest of too many. */
  expire(nowMs: number): void {
    const oldestMs = nowMs - keptIntervals * this.#limits.shareIntervalMs;
    for (const [ip, { confirmedAtMs }] of this.#hosts) {
      if (confirmedAtMs < oldestMs) this.#hosts.delete(ip);
    }
    const excess = this.#hosts.size - this.#limits.maxHosts;
    if (excess <= 0) return;
    const byAge = [...this.#hosts].sort(([, a], [, b]) => a.confirmedAtMs - b.confirmedAtMs);
    for (const [ip] of byAge.slice(0, excess)) this.#hosts.delete(ip);
  }

  /** In order of addresses (ARP-14). */
  entries(nowMs: number): readonly ArpEntry[] {
    return [...this.#hosts]
      .sort(([, a], [, b]) => compareAddresses(a.address, b.address))
      .map(([ip, { mac, confirmedAtMs }]) => ({ ip, mac, ageMs: nowMs - confirmedAtMs }));
  }

  /** Hosts inside a block of the topology, without the node's own addresses (ARP-6). */
  targets(block: Prefix, isOwn: (ip: Ip) => boolean): readonly { readonly ip: Ip; readonly mac: string }[] {
    const targets: { readonly ip: Ip; readonly mac: string }[] = [];
    for (const [ip, { address, mac }] of this.#hosts) {
      if (contains(block, address) && !isOwn(ip)) targets.push({ ip, mac });
    }
    return targets;
  }

  #add({ ip: text, mac: macText, ageMs }: SeenHost, nowMs: number, isVip: (ip: Ip) => boolean): boolean {
    const address = parseAddress(text);
    const mac = usableMac(macText);
    if (address === undefined || mac === undefined || !(ageMs >= 0)) return false;
    if (ageMs > keptIntervals * this.#limits.shareIntervalMs) return false;
    const ip = formatAddress(address);
    if (isVip(ip)) return false;
    const known = this.#hosts.get(ip);
    const confirmedAtMs = nowMs - ageMs;
    if (known && known.confirmedAtMs > confirmedAtMs) return false;
    if (known && known.confirmedAtMs === confirmedAtMs && known.mac >= mac) return false;
    this.#hosts.set(ip, { address, mac, confirmedAtMs });
    return true;
  }
}

/** Six bytes in lower case; undefined for what no single host can have (ARP-10): zeros, multicast, broadcast. */
export function usableMac(text: string): string | undefined {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) return undefined;
  const mac = text.toLowerCase();
  const isGroup = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
  return isGroup || mac === '00:00:00:00:00:00' ? undefined : mac;
}

function contains({ address: network, bits }: Prefix, address: Address): boolean {
  if (addressBits(network) !== addressBits(address)) return false;
  if (isIpv4(network) || isIpv4(address))
    return maskWord((network as number) ^ (address as number), bits) === 0;
  return network.every((word, i) => maskWord(word ^ address[i]!, bits - 32 * i) === 0);
}
