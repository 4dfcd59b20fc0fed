/**
 * The tables of nftables that make the kernel the judge: a managed address answers only while it is in the owned set
 * and the lease, one element with a time-out, is alive. Text in nft's language; pure.
 *
 * - `arriving` stops all traffic to the address, connections that are open included; `redirected` does the same before
 *   a rule of somebody else sends it on to a container, and leaves alone what this machine only routes.
 * - `leaving` stops what the address sends: answers of open connections, and IPv6 neighbour advertisements, whose
 *   source is the address. Solicitations need no rule of their own: unanswered they teach nobody anything.
 * - The ARP table stops replies and requests in the name of the address on their way out, not what comes in: an
 *   announcement of the true owner must reach this machine's own neighbour table.
 * - The table of the interfaces stops announcements, raw frames which no other rule sees. A process that was stopped
 *   between its last look at the lease and the call would send one when it goes on, and neighbours believe it.
 *
 * Invariant: no rule sees a packet of an address that is not in a managed set (NET-11).
 */
import type { Ip } from '../../core/duravip/vip.ts';
import { isIpv6 } from './ip-bytes.ts';
import type { TableFamily } from './set-batch.ts';

export interface LeaseContents {
  readonly managed: readonly Ip[];
  readonly owned: readonly Ip[];
}

/** On these the kernel looks at raw frames too (Linux 5.16); none: it does not. They have to exist. */
export type GuardedInterfaces = readonly string[];

export function leaseFamilies(guarded: GuardedInterfaces): readonly TableFamily[] {
  return guarded.length === 0 ? ['inet', 'arp'] : ['inet', 'arp', 'netdev'];
}

/** Replaces tables of that name, whatever an earlier process left in them, in one transaction. */
export function leaseTables(name: string, contents: LeaseContents, guarded: GuardedInterfaces): string {
  const managed = byFamily(contents.managed);
  const owned = byFamily(contents.owned);
  return `${removeLeaseTables(name, leaseFamilies(guarded))}
table inet ${name} {
  ${addressSet('managed4', 'ipv4_addr', managed.ipv4)}
  ${addressSet('managed6', 'ipv6_addr', managed.ipv6)}
  ${addressSet('owned4', 'ipv4_addr', owned.ipv4)}
  ${addressSet('owned6', 'ipv6_addr', owned.ipv6)}
  ${leaseSet}
  chain redirected {
    type filter hook prerouting priority raw; policy accept;
    ip daddr @managed4 fib daddr type local goto to4
    ip6 daddr @managed6 fib daddr type local goto to6
  }
  chain arriving {
    type filter hook input priority raw; policy accept;
    ip daddr @managed4 goto to4
    ip6 daddr @managed6 goto to6
  }
  chain leaving {
    type filter hook output priority raw; policy accept;
    ip saddr @managed4 goto from4
    ip6 saddr @managed6 goto from6
  }
  chain to4 { ${leaseAlive} ip daddr @owned4 accept; counter drop; }
  chain to6 { ${leaseAlive} ip6 daddr @owned6 accept; counter drop; }
  chain from4 { ${leaseAlive} ip saddr @owned4 accept; counter drop; }
  chain from6 { ${leaseAlive} ip6 saddr @owned6 accept; counter drop; }
}
table arp ${name} {
  ${addressSet('managed4', 'ipv4_addr', managed.ipv4)}
  ${addressSet('owned4', 'ipv4_addr', owned.ipv4)}
  ${leaseSet}
  chain leaving {
    type filter hook output priority 0; policy accept;
    arp saddr ip @managed4 goto from4
  }
  chain from4 { ${leaseAlive} arp saddr ip @owned4 accept; counter drop; }
}
${guarded.length === 0 ? '' : interfaceTable(name, contents, guarded)}`;
}

function interfaceTable(name: string, contents: LeaseContents, guarded: GuardedInterfaces): string {
  const managed = byFamily(contents.managed);
  const owned = byFamily(contents.owned);
  const devices = guarded.map((device) => `"${device}"`).join(', ');
  return `table netdev ${name} {
  ${addressSet('managed4', 'ipv4_addr', managed.ipv4)}
  ${addressSet('managed6', 'ipv6_addr', managed.ipv6)}
  ${addressSet('owned4', 'ipv4_addr', owned.ipv4)}
  ${addressSet('owned6', 'ipv6_addr', owned.ipv6)}
  ${leaseSet}
  chain announcing {
    type filter hook egress devices = { ${devices} } priority 0; policy accept;
    arp saddr ip @managed4 goto from4
    icmpv6 type nd-neighbor-advert ip6 saddr @managed6 goto from6
  }
  chain from4 { ${leaseAlive} arp saddr ip @owned4 accept; counter drop; }
  chain from6 { ${leaseAlive} ip6 saddr @owned6 accept; counter drop; }
}
`;
}

/** A table that is not there cannot be deleted: hence made first. */
export function removeLeaseTables(name: string, families: readonly TableFamily[]): string {
  return families.map((family) => `table ${family} ${name}\ndelete table ${family} ${name}`).join('\n');
}

/** What the guardian runs first: from then on no address of ours answers anybody. */
export function disownEverything(name: string, families: readonly TableFamily[]): string {
  return families
    .flatMap((family) => ownedSets(family).map((set) => `flush set ${family} ${name} ${set}`))
    .join('; ');
}

function ownedSets(family: TableFamily): readonly string[] {
  return family === 'arp' ? ['owned4'] : ['owned4', 'owned6'];
}

/** The lease is the element 0. There are no constants to look up in a set, but any mark without its bits is one. */
const leaseSet = 'set lease { type mark; flags timeout; }';
const leaseAlive = 'meta mark & 0x00000000 @lease';

function addressSet(name: string, type: string, ips: readonly Ip[]): string {
  const elements = ips.length === 0 ? '' : `elements = { ${ips.join(', ')} };`;
  return `set ${name} { type ${type}; ${elements} }`;
}

function byFamily(ips: readonly Ip[]): { ipv4: Ip[]; ipv6: Ip[] } {
  return { ipv4: ips.filter((ip) => !isIpv6(ip)), ipv6: ips.filter(isIpv6) };
}
