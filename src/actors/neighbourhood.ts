/**
 * The hosts on the link: tells them where an address is now, and shares with the other nodes whom this one has seen
 * (ARP-1 .. ARP-14).
 *
 * Invariant: the first word about an address leaves in the turn in which it begins to answer; everything else is paced,
 * and nothing is said about an address that has left or does not answer.
 */
import type { Prefix } from '../core/address.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { AnnounceQueue, type AnnounceSettings } from '../core/duravip/announce-queue.ts';
import { type ArpEntry, ArpTable } from '../core/duravip/arp-table.ts';
import { Defences } from '../core/duravip/defences.ts';
import type { HostsMessage, SeenHost } from '../core/duravip/messages.ts';
import type { Ip } from '../core/duravip/vip.ts';
import type { Incarnation } from '../core/identity.ts';
import type { Log } from '../core/log.ts';
import type { KernelPort, PlumbedAddress } from './kernel-port.ts';
import type { Counters } from './ports.ts';

export interface NeighbourhoodSettings extends AnnounceSettings {
  /** `arp_share_interval` */
  readonly shareIntervalMs: number;
}

export interface NeighbourhoodPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  readonly kernel: KernelPort;
  readonly self: Incarnation;
  share(message: HostsMessage): void;
  isVip(ip: Ip): boolean;
  /** The lease lives: what is on here answers. */
  answers(): boolean;
  /** The Topology block of an address: hosts in it are told one by one (ARP-6). */
  blockOf(ip: Ip): Prefix | undefined;
}

/** Hosts of a large segment; a table entry takes about 200 bytes. */
const maxHosts = 16_384;
/** Until the lease is looked at again, when there is something to say and none to say it under. */
const leaselessMs = 20;

export class Neighbourhood {
  #settings: NeighbourhoodSettings;
  readonly #ports: NeighbourhoodPorts;
  readonly #queue: AnnounceQueue;
  readonly #hosts: ArpTable;
  readonly #defences = new Defences();
  readonly #defending = new Map<Ip, Timer>();
  /** Claims of this turn, with who made them. */
  readonly #claims = new Map<Ip, string>();
  #sending: Timer | undefined;
  #sharing: Timer | undefined;

  constructor(settings: NeighbourhoodSettings, ports: NeighbourhoodPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#queue = new AnnounceQueue(settings);
    this.#hosts = new ArpTable({ shareIntervalMs: settings.shareIntervalMs, maxHosts });
  }

  /** `arp_all_hosts`, `arp_rate`, `arp_share_interval` as they are from now on (DVC-14). */
  configure(settings: NeighbourhoodSettings): void {
    const { shareIntervalMs } = settings;
    const isOther = shareIntervalMs !== this.#settings.shareIntervalMs;
    this.#settings = settings;
    this.#queue.configure(settings);
    this.#hosts.configure({ shareIntervalMs, maxHosts });
    // The next round may be an old interval away.
    if (isOther && this.#sharing) this.share();
  }

  /** As `cluster arp show` prints it. */
  get hosts(): readonly ArpEntry[] {
    return this.#hosts.entries(this.#ports.clock.nowMs());
  }

  /** These answer from now on, or have to be told again (OWN-8). */
  announce(addresses: readonly PlumbedAddress[]): void {
    const nowMs = this.#ports.clock.nowMs();
    for (const { ip, interface: name } of addresses) {
      const block = this.#ports.blockOf(ip);
      const targets = block ? this.#hosts.targets(block, (host) => this.#ports.isVip(host)) : [];
      this.#queue.acquired(ip, name, targets, nowMs);
    }
    this.#send();
  }

  /**
   * Somebody else claims an address that answers here: a machine that does not belong to the cluster, or a node that
   * has not heard yet that it lost it. Neighbours that believed it are told the truth, but not for ever: two that
   * both insist would send the clients to and fro.
   */
  defend(address: PlumbedAddress, mac: string): void {
    const { clock, log, counters } = this.#ports;
    const { ip } = address;
    counters.add('foreign_claims_total');
    const delayMs = this.#defences.claimed(ip, clock.nowMs());
    if (delayMs === undefined) return;
    // In a divided cluster the other side claims hundreds: one line for all that are claimed in one moment.
    if (this.#claims.size === 0) clock.after(0, () => this.#reportClaims(log));
    this.#claims.set(ip, mac);
    this.#defending.set(
      ip,
      clock.after(delayMs, () => this.announce([address])),
    );
  }

  #reportClaims(log: Log): void {
    const macs = [...new Set(this.#claims.values())].join(' ');
    const [ip] = this.#claims.keys();
    const count = this.#claims.size;
    this.#claims.clear();
    const others = count === 1 ? '' : ` (and ${count - 1} more)`;
    log.critical(`${macs} claims ${ip}${others}, which is owned here: neighbours are told again`, { count });
  }

  released(ip: Ip): void {
    this.#queue.released(ip);
    this.#defending.get(ip)?.cancel();
    this.#defending.delete(ip);
  }

  heard(message: HostsMessage): void {
    this.#learn(message.hosts);
  }

  /** Looks at the machine's own neighbours and tells the others; again after each interval (ARP-9). */
  share(): void {
    const { clock, kernel, log } = this.#ports;
    this.#sharing?.cancel();
    this.#sharing = clock.after(this.#settings.shareIntervalMs, () => this.share());
    kernel.neighbours().then(
      (neighbours) => this.#tell(neighbours.map((neighbour) => ({ ...neighbour, ageMs: 0 }))),
      (error: unknown) => log.error(`the neighbours of this machine could not be read: ${String(error)}`),
    );
  }

  stop(): void {
    this.#sending?.cancel();
    this.#sharing?.cancel();
    for (const timer of this.#defending.values()) timer.cancel();
  }

  #tell(seen: readonly SeenHost[]): void {
    const { self, share, isVip } = this.#ports;
    const hosts = seen.filter(({ ip }) => !isVip(ip));
    this.#learn(hosts);
    if (hosts.length > 0) share({ kind: 'hosts', from: self, hosts });
  }

  #learn(hosts: readonly SeenHost[]): void {
    this.#hosts.merge(hosts, this.#ports.clock.nowMs(), (ip) => this.#ports.isVip(ip));
  }

  #send(): void {
    const { clock, kernel, counters } = this.#ports;
    this.#sending?.cancel();
    if (this.#queue.size === 0) return;
    // A process that was stopped has not noticed yet that others answer now; neighbours would believe it.
    if (!this.#ports.answers()) {
      this.#sending = clock.after(leaselessMs, () => this.#send());
      return;
    }
    const frames = this.#queue.due(clock.nowMs());
    if (frames.length > 0) {
      counters.add('neighbour_frames_sent_total', frames.length);
      kernel.announce(frames);
    }
    const nextMs = this.#queue.nextMs(clock.nowMs());
    if (nextMs === undefined) return;
    this.#sending = clock.after(Math.max(1, nextMs - clock.nowMs()), () => this.#send());
  }
}
