/** Settings of floating addresses: what floats, where it goes, and the options of spec 5.1. */
import { Topology, type TopologyBlock } from '../core/duravip/topology.ts';
import type { Ip } from '../core/duravip/vip.ts';
import type { VipAddressSettings, VipPlace, VipSettings } from '../core/settings.ts';
import { peersOf } from './bus-layout.ts';
import { DuravipMarks, type FloatingAddress, preferenceOf } from './duravip-marks.ts';
import { membershipTimes } from './membership-times.ts';
import { asNumber, asText, ScopeReader } from './reader.ts';
import type { Scope } from './scope-tree.ts';

/** A host that has the address answers within a millisecond; a busy one gets some more. */
const probeMs = 10;
/** Of `bus_failure_timeout`, so that others take over only when the lease is over (LIFE-18). */
const usualHold = 0.8;
const checkMs = 1_000;

export function vipSettingsOf(root: Scope, nodename: string): VipSettings {
  const cluster = ScopeReader.ofTop(root, 'cluster');
  const ms = (option: string) => cluster.number(option) * 1_000;
  const { beatIntervalMs, failureTimeoutMs } = membershipTimes(root);
  return {
    vips: addressesOf(root),
    table: {
      matureMs: ms('view_mature_time'),
      orphanMatureMs: ms('orphan_mature_time'),
      brokenPolicy: cluster.text('duravip_broken_policy') === 'freeze' ? 'freeze' : 'release',
    },
    balanceSetSize: cluster.number('duravip_balance_set_size'),
    balanceIntervalMs: ms('view_balance_interval'),
    broadcastIntervalMs: ms('view_broadcast_interval'),
    handover: {
      concurrent: cluster.text('handover') === 'concurrent',
      timeoutMs: ms('handover_timeout'),
      failureTimeoutMs,
    },
    holdMs: holdMsOf(root),
    quorum: quorumOf(root, nodename),
    keepOnOutage: cluster.text('on_bus_outage') === 'keep',
    beatIntervalMs,
    patience: { coolDownMs: ms('if_check_interval'), patienceMs: cluster.number('if_down_limit') * checkMs },
    probeMs,
    probeLimitMs: ms('probe_limit'),
    neighbours: {
      allHosts: cluster.flag('arp_all_hosts'),
      framesPerSecond: cluster.number('arp_rate'),
      shareIntervalMs: ms('arp_share_interval'),
    },
    services: {
      releaseGraceMs: ms('release_grace'),
      parallel: cluster.number('plumb_parallel'),
      unconditionalRebind: cluster.flag('unconditional_rebind'),
    },
  };
}

/** `bus_loss_hold` */
export function holdMsOf(root: Scope): number {
  const stated = ScopeReader.ofTop(root, 'cluster').seconds('bus_loss_hold');
  return stated === undefined ? usualHold * membershipTimes(root).failureTimeoutMs : stated * 1_000;
}

export function topologyOf(root: Scope): TopologyBlock[] {
  const stanzas = root.child('cluster', '')?.children('topology') ?? [];
  return stanzas.map((stanza) => {
    const [name, mask] = [stanza.get('interface')?.value, stanza.get('cidrmask')?.value];
    return {
      network: stanza.key,
      interface: name === undefined ? undefined : asText(name),
      prefixBits: mask === undefined ? undefined : asNumber(mask),
    };
  });
}

/** The node counts itself, also where its own file leaves it out of `peers`: a majority of the others alone is none. */
function quorumOf(root: Scope, nodename: string): number | undefined {
  const stated = ScopeReader.ofTop(root, 'cluster').text('quorum') ?? 'none';
  if (stated === 'none') return undefined;
  if (stated !== 'majority') return Number(stated);
  const names = new Set([nodename, ...peersOf(root).map(({ name }) => name)]);
  return Math.floor(names.size / 2) + 1;
}

function addressesOf(root: Scope): VipAddressSettings[] {
  const marks = new DuravipMarks(root);
  const topology = new Topology(topologyOf(root));
  return [...marks.floating.values()].map((address) => {
    const followers = marks.followersOf(address.ip);
    return {
      announcement: announcementOf(address, followers),
      places: placesOf([address.ip, ...followers], topology),
      block: topology.find(address.ip)?.block,
    };
  });
}

function announcementOf(
  address: FloatingAddress,
  followers: readonly Ip[],
): VipAddressSettings['announcement'] {
  const { ip, bindings, listens } = address;
  const services = listens.map(({ kind, endpoint }) => ({ kind, endpoint }));
  return {
    ip,
    names: bindings.map(({ scope }) => scope.instance).sort(),
    services: services.sort((a, b) => compareTexts(a.kind, b.kind) || compareTexts(a.endpoint, b.endpoint)),
    preference: preferenceOf(address).agreed,
    followers,
  };
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** All or nothing: an address is never on without its followers (INV-7). */
function placesOf(ips: readonly Ip[], topology: Topology): VipPlace[] | undefined {
  const places = ips.flatMap((ip) => {
    const found = topology.find(ip);
    return found?.interface === undefined
      ? []
      : [{ ip, prefixBits: found.prefixBits, interface: found.interface }];
  });
  return places.length === ips.length ? places : undefined;
}
