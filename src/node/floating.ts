/**
 * The floating addresses of a node, as its host program sees them (API-3 to API-7, API-14): the same object over all
 * lives of the node in the cluster.
 *
 * Invariant: what somebody outside has against an address counts as long as it is not taken back, also over a reset.
 */
import type { Member } from '../actors/member.ts';
import type { Ownership } from '../actors/ownership.ts';
import type { Ip } from '../core/duravip/vip.ts';
import { FlotillaError } from '../core/errors.ts';
import type { VipSettings } from '../core/settings.ts';
import { InterfaceFitness } from './interface-fitness.ts';
import type { Machine } from './machine.ts';
import { OwnershipNews } from './ownership-news.ts';
import { until } from './patience.ts';
import type { Surroundings } from './surroundings.ts';
import { ipOf } from './vip-listeners.ts';
import { type BindingHandler, type ServiceHandler, VipServices } from './vip-services.ts';

/** Where an address is now. */
export interface VipLocation {
  readonly ip: Ip;
  /** Node name of its owner; undefined: nobody owns it. */
  readonly owner: string | undefined;
  /** Of the owner on the cluster network, with the port of its point-to-point listener. */
  readonly address: string | undefined;
  /** This node owns it. */
  readonly local: boolean;
  /** By the wall clock. */
  readonly since: Date;
  /** Its participants have been the same for `view_mature_time`. */
  readonly mature: boolean;
}

/** LIFE-9: as long as others may take to take over. */
const drainLimitMs = 1_000;
const releaseLimitMs = 1_000;

export class Floating {
  readonly services: VipServices;
  readonly news: OwnershipNews;
  readonly #around: Surroundings;
  #settings: VipSettings;
  #ipOfBinding: ReadonlyMap<string, Ip>;
  /** By address, kind of service, or interface. */
  readonly #objections = new Map<string, string>();
  #machine: Machine | undefined;
  #member: Member | undefined;
  #fitness: InterfaceFitness | undefined;

  constructor(settings: VipSettings, around: Surroundings) {
    this.#settings = settings;
    this.#around = around;
    this.#ipOfBinding = ipsByBinding(settings);
    this.services = new VipServices({ settings, ...around });
    this.news = new OwnershipNews({ unconditionalRebind: settings.services.unconditionalRebind, ...around });
  }

  /** A new life of the node begins on this machine. */
  follow(member: Member, machine: Machine): void {
    this.#member = member;
    this.#machine = machine;
    this.news.follow(member);
    this.#learnAddresses(machine);
  }

  /**
   * Another configuration, to which the machine and the services have been changed already: the addresses follow, and
   * the others hear of it (DVC-14, DVC-15).
   */
  configure(settings: VipSettings): void {
    this.#settings = settings;
    this.#ipOfBinding = ipsByBinding(settings);
    this.news.configure(settings.services);
    const machine = this.#machine;
    if (!machine) return;
    this.#ownership?.configure(machine.settings);
    this.#learnAddresses(machine);
  }

  /** What serves on these addresses is not what should (DVC-14): they begin anew, here or elsewhere. */
  restart(ips: Iterable<Ip>): void {
    this.#ownership?.local.restart([...ips]);
  }

  /** Gives everything away, then releases what nobody took (LIFE-9). Never takes much longer than two seconds. */
  async giveUp(): Promise<void> {
    this.#fitness?.stop();
    const ownership = this.#ownership;
    if (ownership) await this.#release(ownership);
    await this.services.endAll();
    await this.news.end();
    this.#member = undefined;
  }

  async registerService(kind: string, handler: ServiceHandler): Promise<void> {
    const starting = this.services.registerService(kind, handler);
    this.#announceAdded();
    await starting;
  }

  registerBindings(handler: BindingHandler): Promise<void> {
    return this.services.registerBindings(handler);
  }

  /** Undefined: no live node has it in its configuration. */
  locate(bindingOrIp: string): VipLocation | undefined {
    const member = this.#member;
    const table = this.#ownership?.table;
    if (!member || !table) return undefined;
    const wanted = ipOf(bindingOrIp) ?? this.#ipOfBinding.get(bindingOrIp);
    const row =
      wanted === undefined
        ? table.rows.ordered.find(({ opinions }) => opinions.some(({ names }) => names.includes(bindingOrIp)))
        : table.rows.get(wanted);
    if (!row) return undefined;
    const { clock } = this.#around;
    const { membership } = member;
    const owner = row.owner === undefined ? undefined : membership.infoOf(row.owner);
    const process = membership.view.members.find(({ incarnation }) => incarnation === row.owner);
    return {
      ip: row.ip,
      owner: process?.node,
      address: owner && `${owner.address}:${owner.port}`,
      local: row.owner === membership.self.incarnation,
      since: new Date(clock.wallMs() - (clock.nowMs() - row.ownerChangedAtMs)),
      mature: row.mature,
    };
  }

  /** @throws FlotillaError FLT-1602 when nothing here has this address or kind */
  setCapable(ipOrKind: string, capable: boolean, reason: string): void {
    const ip = ipOf(ipOrKind);
    const known = ip === undefined ? this.services.kinds.has(ipOrKind) : this.#ips.includes(ip);
    if (!known) throw new FlotillaError('FLT-1602', ipOrKind);
    this.#object(`program ${ip ?? ipOrKind}`, capable ? undefined : reason);
  }

  get #ownership(): Ownership | undefined {
    return this.#member?.ownership;
  }

  /** What machine, program and interfaces have to say about the addresses of the configuration. */
  #learnAddresses({ kernel, settings }: Machine): void {
    const [problem] = kernel.problems();
    if (problem !== undefined) for (const ip of this.#ips) this.#objections.set(ip, problem);
    this.#judgeAll();
    if (this.services.hasAdded) this.#announceAdded();
    const places = settings.vips.flatMap((vip) => vip.places ?? []);
    this.#fitness?.stop();
    this.#fitness = new InterfaceFitness({
      kernel,
      ...this.#around,
      names: new Set(places.map((place) => place.interface)),
      patienceMs: settings.patience.patienceMs,
      judged: (name, reason) => this.#object(`interface ${name}`, reason),
    });
  }

  get #ips(): readonly Ip[] {
    return this.#settings.vips.map(({ announcement }) => announcement.ip);
  }

  async #release(ownership: Ownership): Promise<void> {
    const { clock, log } = this.#around;
    const { local } = ownership;
    const vips = [...local.all];
    if (vips.length === 0) return;
    const isOff = () => vips.every(({ state }) => state === 'elsewhere' || state === 'failed');
    if (!isOff()) log.notice('shutting down DuraVIPs');
    local.drain(true);
    const isFree = () => isOff() && vips.every(({ wanted }) => !wanted);
    if (this.#othersFollow(ownership)) await until(clock, drainLimitMs, isFree);
    local.unassignAll();
    if (!(await until(clock, releaseLimitMs, isOff)))
      log.error('not all floating addresses could be released in time; the guardian takes them off');
    await ownership.lease
      .end()
      .catch((error: unknown) => log.error(`the lease could not be ended: ${String(error)}`));
  }

  /** Somebody is there who could take over, and decisions are made. */
  #othersFollow({ state }: Ownership): boolean {
    const { members } = this.#member!.membership.view;
    const nodes = members.filter(({ type }) => type === 'Momentum');
    return nodes.length > 1 && (state === 'following' || state === 'leading' || state === 'gathering');
  }

  #announceAdded(): void {
    for (const ip of this.#ips) this.#ownership?.local.addServices(ip, this.services.addedTo(ip));
  }

  #object(key: string, reason: string | undefined): void {
    if (this.#objections.get(key) === reason) return;
    const { log } = this.#around;
    if (reason === undefined) this.#objections.delete(key);
    else this.#objections.set(key, reason);
    if (reason === undefined) log.notice(`floating addresses: ${key} is fine again`);
    else log.warning(`floating addresses: ${reason}`, { about: key });
    this.#judgeAll();
  }

  #judgeAll(): void {
    for (const { announcement, places = [] } of this.#machine?.settings.vips ?? []) {
      const { ip } = announcement;
      const services = [...announcement.services, ...this.services.addedTo(ip)];
      const keys = [
        ip,
        `program ${ip}`,
        ...services.map(({ kind }) => `program ${kind}`),
        ...places.map((place) => `interface ${place.interface}`),
      ];
      const reason = keys.map((key) => this.#objections.get(key)).find((each) => each !== undefined);
      this.#ownership?.local.setFit(ip, reason);
    }
  }
}

function ipsByBinding({ vips }: VipSettings): ReadonlyMap<string, Ip> {
  return new Map(vips.flatMap(({ announcement: { ip, names } }) => names.map((name) => [name, ip] as const)));
}
