/** What the console shows of floating addresses and does about them, on the living actors of one life. */
import type { KernelPort, NetInterface, PlumbedAddress } from '../actors/kernel-port.ts';
import type { LocalVip } from '../actors/local-vips.ts';
import type { Member } from '../actors/member.ts';
import type { Ownership } from '../actors/ownership.ts';
import type { DuravipAbsence, DuravipFacts, DuravipProblem } from '../console/facts.ts';
import { addressBits, type Prefix, parseAddress, parsePrefix } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { moveProblem, planWithout } from '../core/duravip/decisions.ts';
import type { Ip } from '../core/duravip/vip.ts';
import { vipView, vipViews } from '../core/duravip/vip-view.ts';
import { hashText } from '../core/hash.ts';
import type { Incarnation } from '../core/identity.ts';
import { Netblocks, noNetblock } from '../core/netblocks.ts';
import { viewKey } from '../core/view.ts';
import type { DuravipRecord } from './duravip-record.ts';

export interface DuravipSources {
  /** Undefined before the first join and between two lives. */
  readonly member: () => Member | undefined;
  /** Undefined until the machine has been looked at. */
  readonly kernel: KernelPort | undefined;
  readonly clock: Clock;
  readonly record: DuravipRecord;
}

const unconfigured: DuravipAbsence = { absence: 'No DuraVIP is configured.' };
const notJoined: DuravipAbsence = { absence: 'Not connected to the cluster.' };

export function duravipFacts(sources: DuravipSources): DuravipFacts | DuravipAbsence {
  const { kernel, clock, record } = sources;
  const member = sources.member();
  if (!member || !kernel) return notJoined;
  const { ownership } = member;
  // A node that floats nothing itself still shows what others float.
  if (!ownership || isEmpty(ownership)) return unconfigured;
  return new LivingDuravip(member, ownership, kernel, clock, record);
}

function isEmpty({ local, table }: Ownership): boolean {
  return local.configured.length === 0 && table.rows.ordered.length === 0;
}

class LivingDuravip implements DuravipFacts {
  readonly #member: Member;
  readonly #ownership: Ownership;
  readonly #kernel: KernelPort;
  readonly #clock: Clock;
  readonly #record: DuravipRecord;

  constructor(member: Member, ownership: Ownership, kernel: KernelPort, clock: Clock, record: DuravipRecord) {
    this.#member = member;
    this.#ownership = ownership;
    this.#kernel = kernel;
    this.#clock = clock;
    this.#record = record;
  }

  get state() {
    if (this.#member.membership.standing === 'offline') return 'down';
    const { table, state } = this.#ownership;
    return table.gathering || state === 'down' ? 'gathering' : 'running';
  }

  get self() {
    return this.#member.membership.self.incarnation;
  }

  get members() {
    return this.#ownership.table.seats.members;
  }

  lackOfQuorum(without?: Incarnation) {
    return this.#ownership.lackOfQuorum(without);
  }

  get held() {
    return this.#ownership.table.rows.ordered.filter(({ held }) => held).map(({ ip }) => ip);
  }

  get debugging() {
    return this.#record.debugging;
  }

  *vips(ips?: readonly Ip[]) {
    const { table } = this.#ownership;
    if (!ips) yield* vipViews(table, this.#clock.nowMs());
    for (const ip of ips ?? []) {
      const vip = this.vip(ip);
      if (vip) yield vip;
    }
  }

  vip(ip: Ip) {
    return vipView(this.#ownership.table, ip, this.#clock.nowMs());
  }

  named(name: string) {
    const rows = this.#ownership.table.rows.ordered;
    return rows
      .filter(({ opinions }) => opinions.some(({ names }) => names.includes(name)))
      .map(({ ip }) => ip);
  }

  ownedBy(member: Incarnation) {
    return this.#ownership.table.ownedBy(member);
  }

  ownerOf(ip: Ip) {
    const owner = this.#ownership.table.ownerOf(ip);
    return this.members.find(({ incarnation }) => incarnation === owner);
  }

  hosts() {
    return this.#ownership.neighbourhood.hosts;
  }

  history(ip?: Ip) {
    return this.#record.history.list(ip);
  }

  planWithout(gone: Incarnation) {
    return planWithout(this.#ownership.table, new Set([gone]));
  }

  async problems(): Promise<readonly DuravipProblem[]> {
    const privileges = this.#kernel
      .problems()
      .map((text) => ({ ip: undefined, kind: 'privilege', text }) as const);
    // Where nothing may be put on at all, no interface is asked for, and none would be found.
    const machine = privileges.length > 0 ? [] : await machineProblems(this.#ownership, this.#kernel);
    return [...privileges, ...this.#differingOptions(), ...machine];
  }

  moveProblem(ip: Ip, target: Incarnation) {
    return moveProblem(this.#ownership.table, ip, target);
  }

  move(ips: readonly Ip[], target: Incarnation) {
    this.#ownership.request({ id: this.#requestId('move', ips, target), verb: 'move', ips, to: target });
  }

  unhold(ips: readonly Ip[]) {
    this.#ownership.request({ id: this.#requestId('unhold', ips), verb: 'unhold', ips, to: undefined });
  }

  announce() {
    this.#ownership.announce();
    return this.#ownership.local.configured.length;
  }

  release(group: string | undefined) {
    if (!this.#record.release(group, this.#ownership)) return undefined;
    const { local, table } = this.#ownership;
    const own = local.configured.filter(({ announcement }) => table.ownerOf(announcement.ip) === this.self);
    return group === undefined ? own.length : own.filter((vip) => this.#record.isIn(group, vip)).length;
  }

  resume() {
    return this.#record.resume(this.#ownership);
  }

  debug(on: boolean) {
    this.#record.debugging = on;
  }

  /**
   * Names what is asked for and the agreed state in which it was asked. So a command that is broadcast has one id on all
   * nodes, and is carried out once (OWN-29); typed again after something has happened it is another.
   */
  #requestId(verb: string, ips: readonly Ip[], target = ''): string {
    const { membership } = this.#member;
    const what = hashText(ips.join(' '), 0).toString(16);
    return `${verb} ${what} ${ips.length} ${target} ${viewKey(membership.view.id)} ${this.#ownership.applied}`;
  }

  /** DVC-1 */
  #differingOptions(): readonly DuravipProblem[] {
    const { membership } = this.#member;
    const own = membership.infoOf(this.self)?.mustAgree ?? new Map<string, string>();
    return membership.members().flatMap(({ process, info }) =>
      [...own].flatMap(([option, here]) => {
        const there = info?.mustAgree?.get(option);
        if (there === undefined || there === here) return [];
        const text = `${option} is ${here} here and ${there} on ${process.node}; it must be the same on all nodes`;
        return [{ ip: undefined, kind: 'option', text } as const];
      }),
    );
  }
}

/** NET-4, NET-5, DVC-12 */
async function machineProblems({ local }: Ownership, kernel: KernelPort): Promise<readonly DuravipProblem[]> {
  const [interfaces, addresses] = await Promise.all([kernel.interfaces(), kernel.addresses()]);
  const byName = new Map(interfaces.map((each) => [each.name, each]));
  const floating = new Set(local.configured.flatMap(({ places }) => (places ?? []).map(({ ip }) => ip)));
  const networks = networksOf(addresses.filter(({ ip }) => !floating.has(ip)));
  const { incapable } = local;
  return local.configured.flatMap((vip) => {
    const found = [...placeProblems(vip, byName, networks)];
    const reason = incapable.get(vip.announcement.ip);
    // What the node announces is the consequence of what is found here, where that is the cause.
    if (reason !== undefined && found.length === 0) found.push({ kind: 'interface', text: reason });
    return found.map((problem) => ({ ip: vip.announcement.ip, ...problem }));
  });
}

type PlaceProblem = Omit<DuravipProblem, 'ip'>;

function* placeProblems(
  { places }: LocalVip,
  interfaces: ReadonlyMap<string, NetInterface>,
  networks: ReadonlyMap<string, Netblocks>,
): Generator<PlaceProblem> {
  if (!places) {
    yield { kind: 'topology', text: 'no Topology with an interface covers it' };
    return;
  }
  for (const { ip, interface: name } of places) {
    const found = interfaces.get(name);
    if (!found) yield { kind: 'interface', text: `there is no interface ${name}` };
    else if (!found.up) yield { kind: 'interface', text: `the interface ${name} is down` };
    else if (found.mac !== undefined && networks.get(name)?.find(parseAddress(ip)!) === noNetblock) {
      yield {
        kind: 'network',
        text: `${name} has no address in the network of ${ip}: neighbours may not find it`,
      };
    }
  }
}

/** What each interface is connected to, as its own addresses tell. One without any network is not judged. */
function networksOf(addresses: readonly PlumbedAddress[]): ReadonlyMap<string, Netblocks> {
  const prefixes = new Map<string, Prefix[]>();
  for (const { ip, prefixBits, interface: name } of addresses) {
    const prefix = parsePrefix(`${ip}/${prefixBits}`);
    if (!prefix || prefix.bits === addressBits(prefix.address)) continue;
    prefixes.set(name, [...(prefixes.get(name) ?? []), prefix]);
  }
  return new Map([...prefixes].map(([name, own]) => [name, new Netblocks(own)]));
}
