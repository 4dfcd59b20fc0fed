/**
 * The floating addresses of this node's configuration: one actor for each, a plumber for all of them, and what the node
 * announces about them.
 *
 * Invariants: an address is on only while the shared table assigns it here (INV-4); what leaves this node is out of the
 * owned set before anything else is done about it (OWN-34).
 */
import type { Prefix } from '../core/address.ts';
import type { Timer } from '../core/clock.ts';
import type { Ip, VipAnnouncement, VipService } from '../core/duravip/vip.ts';
import { hashText } from '../core/hash.ts';
import { DecisionNotices } from './decision-notices.ts';
import { Duravip, type DuravipPorts, type Handover, type VipHost, type VipPatience } from './duravip.ts';
import type { KernelChange, KernelPort, PlumbedAddress } from './kernel-port.ts';
import { Plumber } from './plumber.ts';
import { RetiredVips } from './retired-vips.ts';
import type { ActorSystem, SystemWorld } from './system.ts';

/** One address as this node is configured to serve it. */
export interface LocalVip {
  readonly announcement: Omit<VipAnnouncement, 'capable' | 'draining'>;
  /** Where it goes, followers behind it; undefined: no Topology covers it (NET-4). */
  readonly places: readonly PlumbedAddress[] | undefined;
  /** The Topology block: hosts in it are told when the address moves (ARP-6). */
  readonly block: Prefix | undefined;
}

export interface LocalVipsSettings {
  readonly vips: readonly LocalVip[];
  readonly patience: VipPatience;
  readonly probeMs: number;
  readonly probeLimitMs: number;
}

export interface LocalVipsPorts extends SystemWorld {
  readonly kernel: KernelPort;
  readonly host: VipHost;
  /**
   * Not while the claims of a view are missing, nor without quorum: others may have been given, or still hold, what the
   * table of this node says is its own.
   */
  mayBegin(): boolean;
  /** Capability or draining of some address changed. */
  announcementChanged(): void;
  /** Off here: the next owner need not wait. */
  released(ip: Ip): void;
  /** They answer no more from now on: nothing is said about them any longer (ARP-7). */
  leaving(ips: readonly Ip[]): void;
  /** Put on, and answering: tell the neighbours. */
  acquired(addresses: readonly PlumbedAddress[]): void;
  /** Somebody else says that he has an address which is on here (EXT-2). */
  claimed(address: PlumbedAddress, mac: string): void;
}

export class LocalVips {
  readonly #system: ActorSystem;
  #settings: LocalVipsSettings;
  readonly #ports: LocalVipsPorts;
  readonly #vipPorts: DuravipPorts;
  #configured: readonly LocalVip[];
  readonly #vips = new Map<Ip, Duravip>();
  readonly #retired: RetiredVips;
  readonly #incapable = new Map<Ip, string>();
  /** What host program and machine have against an address, each reason from outside (API-14, NET-5). */
  readonly #unfit = new Map<Ip, string>();
  /** Services that the host program added to those of the configuration (API-3). */
  readonly #added = new Map<Ip, readonly VipService[]>();
  readonly #stuck = new Set<Ip>();
  /** Of each address that may be put on here, followers too. */
  readonly #blocks = new Map<Ip, Prefix>();
  /** Followers and what they follow: the kernel tells of each address by itself, of thousands in a moment. */
  readonly #leads = new Map<Ip, Ip>();
  readonly #notices: DecisionNotices;
  readonly #stopWatching: () => void;
  /** Which addresses this node gives away; undefined: none. */
  #drains: ((vip: LocalVip) => boolean) | undefined;
  #looking: Timer | undefined;
  /** Set while a change of the announcement waits for the end of the turn. */
  #announcing = false;

  constructor(system: ActorSystem, settings: LocalVipsSettings, ports: LocalVipsPorts) {
    this.#system = system;
    this.#settings = settings;
    this.#ports = ports;
    this.#configured = settings.vips;
    this.#notices = new DecisionNotices(ports.clock);
    this.#retired = new RetiredVips({
      ...ports,
      forgotten: () => this.#manage(),
      failed: (error) => this.#broken(error),
    });
    const plumber = new Plumber({ ...ports, acquired: (addresses) => ports.acquired(addresses) });
    this.#vipPorts = this.#portsWith(plumber);
    for (const vip of settings.vips) this.#add(vip);
    this.#learnPlaces();
    this.#stopWatching = ports.kernel.watch((change) => this.#kernelChanged(change));
    // A lease that an earlier process here took is not this one's: what it put on would answer, and nobody be told.
    ports.kernel.lease.drop().catch((error) => this.#broken(error));
    this.#clear(settings.vips).catch((error) => this.#broken(error));
    this.#lookRegularly();
  }

  /** As the node announces them now, in the order of the configuration. */
  get announcements(): readonly VipAnnouncement[] {
    const { incapable } = this;
    return this.#configured.map((vip) => ({
      ...this.#withAdded(vip.announcement),
      capable: !incapable.has(vip.announcement.ip),
      draining: this.#drains?.(vip) ?? false,
    }));
  }

  /** The same on nodes that are configured alike: what a program adds is not counted (EXT-9). */
  get revision(): number {
    const configured = this.#configured.map(({ announcement }) => announcement);
    return hashText(JSON.stringify(configured));
  }

  /** As this node is configured, in the order of the configuration. */
  get configured(): readonly LocalVip[] {
    return this.#configured;
  }

  /** Addresses that this node cannot serve now, and why. */
  get incapable(): ReadonlyMap<Ip, string> {
    const uncovered = this.#configured.filter(({ places }) => places === undefined);
    const reasons = uncovered.map(({ announcement }) => [announcement.ip, 'no Topology covers it'] as const);
    return new Map([...this.#incapable, ...this.#unfit, ...reasons]);
  }

  /**
   * The configuration was read again (DVC-14): what is gone is released, what goes elsewhere moves, what is new waits
   * for the table. Returns what is new.
   */
  reconfigure(vips: readonly LocalVip[]): readonly Ip[] {
    this.#configured = vips;
    const wanted = new Set(vips.map(({ announcement }) => announcement.ip));
    const gone = [...this.#vips.keys()].filter((ip) => !wanted.has(ip));
    const added = vips.filter(({ announcement }) => !this.#vips.has(announcement.ip));
    this.#retire(gone);
    for (const vip of vips) this.#add(vip);
    this.#learnPlaces();
    this.#clear(added).catch((error) => this.#broken(error));
    // Wherever else on this machine somebody has put one of them (LIFE-2).
    if (added.length > 0) this.#look();
    this.#changed();
    return added.map(({ announcement }) => announcement.ip);
  }

  /** `if_check_interval`, `if_down_limit` and `probe_limit` as they are from now on; addresses come by `reconfigure`. */
  configure(settings: LocalVipsSettings): void {
    this.#settings = settings;
    for (const vip of this.all) vip.setPatience(settings.patience);
    this.#looking?.cancel();
    this.#lookRegularly();
  }

  /** What serves on these could not be brought in line with the configuration: off, and on again, or elsewhere. */
  restart(ips: readonly Ip[]): void {
    for (const ip of ips) this.#vips.get(ip)?.restart();
  }

  /** `reason`: why this node should not own the address now; undefined: nothing against it any more (API-14). */
  setFit(ip: Ip, reason: string | undefined): void {
    if (this.#unfit.get(ip) === reason) return;
    if (reason === undefined) this.#unfit.delete(ip);
    else this.#unfit.set(ip, reason);
    this.#changed();
  }

  /** Replaces what was added before. */
  addServices(ip: Ip, services: readonly VipService[]): void {
    this.#added.set(ip, services);
    this.#changed();
  }

  get stuck(): readonly Ip[] {
    return [...this.#stuck];
  }

  get all(): Iterable<Duravip> {
    return [...this.#vips.values(), ...this.#retired.all];
  }

  get(ip: Ip): Duravip | undefined {
    return this.#vips.get(ip);
  }

  /** On here, or being put on or taken off, besides these. */
  presentBesides(claimed: readonly Ip[]): readonly Ip[] {
    const others = new Set(claimed);
    return [...this.all].filter(({ ip, isOff }) => !isOff && !others.has(ip)).map(({ ip }) => ip);
  }

  blockOf(ip: Ip): Prefix | undefined {
    return this.#blocks.get(ip);
  }

  get wantsAny(): boolean {
    return [...this.#vips.values()].some((vip) => vip.wanted);
  }

  /** Addresses that are on here to stay, followers with them; of those about to go nothing is said (ARP-7). */
  get plumbed(): readonly PlumbedAddress[] {
    return [...this.#vips.values()].flatMap((vip) => vip.answering);
  }

  /** The table gives these to this node. */
  assign(handovers: ReadonlyMap<Ip, Handover>): void {
    this.#decide(handovers.keys(), (vip) => vip.assign(handovers.get(vip.ip)!));
  }

  /** Who may still hold what is not on here yet is known again: of all, or of these. */
  waitAnew(handoverOf: (ip: Ip) => Handover, ips: Iterable<Ip> = this.#vips.keys()): void {
    // Only those: others would say again that they are off, to nodes that would answer the same.
    const due = [...ips].filter((ip) => this.#vips.get(ip)?.isDue);
    this.#decide(due, (vip) => vip.waitAnew(handoverOf(vip.ip)));
  }

  /** The table gives these to others, or to nobody. */
  unassign(ips: readonly Ip[]): void {
    const leaving = ips.flatMap((ip) => this.#vips.get(ip) ?? []).filter((vip) => vip.wanted);
    if (leaving.length === 0) return;
    // Also of those that are only being put on: what is under way would put them into the owned set.
    this.#letGo(leaving.flatMap((vip) => vip.places));
    this.#decide(
      leaving.map(({ ip }) => ip),
      (vip) => vip.unassign(),
    );
  }

  unassignAll(): void {
    this.unassign([...this.#vips.keys()]);
  }

  /** LIFE-11: give everything away, or `only` some of it, and want none of that until told otherwise. */
  drain(draining: boolean, only: (vip: LocalVip) => boolean = () => true): void {
    if (!draining && !this.#drains) return;
    this.#drains = draining ? only : undefined;
    this.#changed();
  }

  stop(): void {
    this.#stopWatching();
    this.#looking?.cancel();
    this.#notices.stop();
    for (const vip of this.all) vip.stop();
    this.#retired.clear();
  }

  #decide(ips: Iterable<Ip>, decide: (vip: Duravip) => void): void {
    const vips = [...ips].flatMap((ip) => this.#vips.get(ip) ?? []);
    for (const vip of vips) decide(vip);
    this.#notices.tell(vips);
  }

  #add({ announcement, places }: LocalVip): void {
    const full = { ...announcement, capable: places !== undefined, draining: false };
    const { ip } = announcement;
    const known = this.#vips.get(ip) ?? this.#retired.take(ip);
    if (known) known.configure(full, places);
    const { patience } = this.#settings;
    this.#vips.set(ip, known ?? new Duravip(this.#system, this.#vipPorts, full, places, patience));
  }

  #retire(ips: readonly Ip[]): void {
    this.unassign(ips);
    for (const ip of ips) {
      this.#retired.add(this.#vips.get(ip)!);
      this.#vips.delete(ip);
      for (const known of [this.#incapable, this.#unfit, this.#added]) known.delete(ip);
    }
  }

  #learnPlaces(): void {
    this.#blocks.clear();
    for (const { places, block } of this.#configured)
      if (block) for (const { ip } of places ?? []) this.#blocks.set(ip, block);
    this.#leads.clear();
    // Also where they still are: a follower that is configured no more is not off yet.
    for (const [ip, { places }] of this.#vips) for (const place of places) this.#leads.set(place.ip, ip);
  }

  /** They answer nobody from now on, and nothing is said about them any more. */
  #letGo(places: readonly PlumbedAddress[]): void {
    const addresses = places.map(({ ip }) => ip);
    this.#ports.leaving(addresses);
    if (addresses.length > 0)
      this.#ports.kernel.lease.disown(addresses).catch((error) => this.#broken(error));
  }

  #portsWith(plumber: Plumber): DuravipPorts {
    const { clock, log, host } = this.#ports;
    return {
      clock,
      log,
      plumber,
      host,
      mayBegin: () => this.#ports.mayBegin(),
      probe: (place, untilMs, wanted) => this.#probe(place, untilMs, wanted),
      letGo: (addresses) => this.#letGo(addresses),
      off: (ip) => this.#retired.cameOff(ip),
      released: (ip) => {
        this.#ports.released(ip);
        this.#retired.cameOff(ip);
      },
      capable: (ip, capable) => this.#setCapable(ip, capable),
      stuck: (ip, stuck) => {
        if (stuck) this.#stuck.add(ip);
        else this.#stuck.delete(ip);
        this.#changed();
      },
    };
  }

  /** EXT-2: an answer means that somebody still holds it; then wait for the rest of the lease, and go on. */
  async #probe(
    { ip, interface: name }: PlumbedAddress,
    leaseEndMs: number,
    wanted: () => boolean,
  ): Promise<void> {
    const { kernel, clock, log } = this.#ports;
    const { probeMs, probeLimitMs } = this.#settings;
    const endMs = Math.min(leaseEndMs, clock.nowMs() + probeLimitMs);
    for (let probes = 1; ; probes++) {
      const mac = await kernel.probe(ip, name, probeMs);
      if (mac === undefined || clock.nowMs() >= endMs || !wanted()) return;
      if (probes === 1) log.warning(`${ip} is still answered by ${mac}; waiting for the rest of its lease`);
      // An answer comes at once: without a pause this would ask thousands of times.
      await new Promise<void>((resume) => clock.after(probeMs, resume));
    }
  }

  /**
   * Clean slate (LIFE-1): nothing of what is configured is on until the table says so. The kernel does things in the
   * order asked for, so no address can be put on before this is over.
   */
  async #clear(vips: readonly LocalVip[]): Promise<void> {
    const { kernel } = this.#ports;
    const places = vips.flatMap((vip) => vip.places ?? []);
    await Promise.all([
      this.#manage(),
      kernel.lease.disown(places.map(({ ip }) => ip)),
      kernel.unplumb(places),
    ]);
  }

  /**
   * What is on from earlier, or is being put on, stays under management until it is off: without, it would answer whoever
   * asks.
   */
  #manage(): Promise<void> {
    const configured = this.#configured.flatMap(({ places }) => places ?? []);
    const lingering = [...this.all].flatMap(({ places }) => places);
    return this.#ports.kernel.lease.manage([...new Set([...configured, ...lingering].map(({ ip }) => ip))]);
  }

  #withAdded(announcement: LocalVip['announcement']): LocalVip['announcement'] {
    const added = this.#added.get(announcement.ip);
    if (added === undefined) return announcement;
    return { ...announcement, services: [...announcement.services, ...added].sort(compareServices) };
  }

  #setCapable(ip: Ip, capable: boolean): void {
    if (!this.#vips.has(ip)) return;
    if (capable) this.#incapable.delete(ip);
    else this.#incapable.set(ip, 'the last attempt failed');
    this.#changed();
  }

  #kernelChanged(change: KernelChange): void {
    if (change.kind === 'address-removed') this.#missing([change.address]);
    else if (change.kind === 'address-added') this.#takeOffForeign([change.address]);
    else if (change.kind === 'foreign-claim') this.#claimed(change.ip, change.mac);
    else if (change.kind === 'unsure') this.#look();
  }

  /** Whose address it is, its own or that of a follower. */
  #vipAt(ip: Ip): Duravip | undefined {
    return this.#vips.get(this.#leads.get(ip) ?? ip);
  }

  #claimed(ip: Ip, mac: string): void {
    const address = this.#vipAt(ip)?.answering.find((each) => each.ip === ip);
    if (address) this.#ports.claimed(address, mac);
  }

  #lookRegularly(): void {
    this.#looking = this.#ports.clock.after(this.#settings.patience.coolDownMs, () => {
      this.#look();
      this.#lookRegularly();
    });
  }

  /** NET-14: compares the machine with what should be there, because events may be lost. */
  #look(): void {
    this.#ports.kernel.addresses().then(
      (addresses) => {
        const nameOf = ({ ip, interface: name }: PlumbedAddress) => `${ip} ${name}`;
        const present = new Set(addresses.map(nameOf));
        const plumbed = [...this.#vips.values()].flatMap((vip) => vip.plumbed);
        this.#missing(plumbed.filter((place) => !present.has(nameOf(place))));
        this.#takeOffForeign(addresses);
      },
      (error: unknown) =>
        this.#ports.log.error(`the addresses of this machine could not be read: ${String(error)}`),
    );
  }

  #missing(places: readonly PlumbedAddress[]): void {
    for (const place of places) {
      const vip = this.#vipAt(place.ip);
      if (!vip?.plumbed.some((each) => isSamePlace(each, place))) continue;
      if (vip.answering.length > 0) this.#ports.leaving([place.ip]);
      vip.missing();
    }
  }

  /** NET-17: managed here, but put on by somebody else, or left on another interface by an earlier process (DVC-17). */
  #takeOffForeign(addresses: readonly PlumbedAddress[]): void {
    const { kernel, log } = this.#ports;
    const foreign = addresses.filter((address) => {
      const vip = this.#vipAt(address.ip);
      if (!vip) return false;
      const { plumbed, wanted, isOff } = vip;
      const isElsewhere = plumbed.length > 0 && !plumbed.some((place) => isSamePlace(place, address));
      return isElsewhere || (!wanted && isOff);
    });
    if (foreign.length === 0) return;
    const { ip, interface: name } = foreign[0]!;
    log.error(`${ip} is on ${name}, but not owned there; it is taken off`, { count: foreign.length });
    kernel.unplumb(foreign).catch((error) => this.#broken(error));
  }

  /** Many changes of one turn are one announcement. */
  #changed(): void {
    if (this.#announcing) return;
    this.#announcing = true;
    this.#ports.clock.after(0, () => {
      this.#announcing = false;
      this.#ports.announcementChanged();
    });
  }

  #broken(error: unknown): void {
    this.#ports.log.critical(`addresses could not be taken out of the lease: ${String(error)}`);
  }
}

/** An address may be on several interfaces. */
function isSamePlace(a: PlumbedAddress, b: PlumbedAddress): boolean {
  return a.ip === b.ip && a.interface === b.interface;
}

/** All lists of an announcement are sorted (STA-1). */
function compareServices(a: VipService, b: VipService): number {
  const [x, y] = [`${a.kind} ${a.endpoint}`, `${b.kind} ${b.endpoint}`];
  return x < y ? -1 : x > y ? 1 : 0;
}
