/**
 * Truths about floating addresses, as the nodes' tables have them against what their machines do (INV-1, INV-2, INV-4,
 * INV-9 to INV-12, INV-23, INV-26, INV-27, INV-29, INV-30, INV-38, LIFE-11).
 */
import { decodeDecision } from '../../src/bus/vip-codec.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { VipRow } from '../../src/core/duravip/vip-row.ts';
import type { Incarnation } from '../../src/core/identity.ts';
import { compareViewIds, leaderOf, memberOf, sameViewId, type View, viewKey } from '../../src/core/view.ts';
import { Lasting } from './lasting.ts';
import type { SimNode } from './sim-node.ts';

export interface TableCheckerOptions {
  readonly clock: Clock;
  readonly ips: readonly string[];
  readonly living: () => readonly SimNode[];
  readonly connectedSinceMs: () => number;
  readonly violate: (text: string) => void;
}

/** Of the settings that the simulator runs with; see duravip-settings.ts. */
const bounds = {
  matureMs: 2_000,
  holdMs: 800,
  /** D + V + M + S + P, and the silence of one that woke up to find its lease over. */
  unownedMs: 1_000 + 400 + 2_000 + 1_000 + 100 + 2_000,
  /** Hand-over from a holder that does not let go, one attempt more to take it off here, and plumbing. */
  unservedMs: 3_000 + 1_000 + 200,
  /** `if_down_limit`, seen at once, and plumbing. */
  missingMs: 1_000 + 100,
  /** The leader's sweep and a hand-over. */
  drainMs: 1_000 + 3_000 + 200,
  /** One transaction with the kernel, behind others. */
  letGoMs: 100,
} as const;
/** Who was cut off and is heard again may still be left out of a view that was under way. */
const foundMs = 2_000;
/** An announcement may arrive between a decision and its delivery. */
const underWayMs = 100;

export class TableChecker {
  readonly #options: TableCheckerOptions;
  readonly #lasting: Lasting;
  /** View and decision -> digest of the tables of those who applied it. */
  readonly #digests = new Map<string, string>();
  readonly #history = new Map<Incarnation, { readonly view: View; readonly atMs: number }[]>();

  constructor(options: TableCheckerOptions) {
    this.#options = options;
    this.#lasting = new Lasting(options.clock);
  }

  /** INV-11, before the node does anything about the view. */
  viewInstalled(node: SimNode, view: View): void {
    const nowMs = this.#options.clock.nowMs();
    const own = this.#history.get(node.incarnation) ?? [];
    this.#history.set(node.incarnation, own);
    const before = own.at(-1)?.view;
    own.push({ view, atMs: nowMs });
    if (before === undefined || !this.#wasLeftOut(node, before, view)) return;
    const kept = this.#options.ips.filter((ip) => node.options.machine!.answersFor(ip));
    if (kept.length > 0)
      this.#options.violate(`INV-11 ${node.name} comes back and answers for ${kept.join(' ')}`);
  }

  /**
   * Others who were in the view before had a newer one without this node, although everybody could hear it all the time.
   * When both sides have parted, neither is the one that was left out; who is alone in its view has left of its own
   * accord, as all do whose leases run out together; and a view that only some of its members came to was of no
   * component. Who was named in the view before, and never came to it, did not leave anybody behind.
   */
  #wasLeftOut({ incarnation }: SimNode, before: View, view: View): boolean {
    const connectedMs = this.#options.connectedSinceMs() + foundMs;
    const companions = view.members.filter((member) => this.#wasIn(member.incarnation, before));
    return companions.some((member) =>
      this.#history
        .get(member.incarnation)
        ?.some(
          (other) =>
            other.atMs > connectedMs &&
            compareViewIds(other.view.id, before.id) > 0 &&
            compareViewIds(other.view.id, view.id) < 0 &&
            other.view.members.length > 1 &&
            !memberOf(other.view, incarnation) &&
            other.view.members.every((one) => this.#wasIn(one.incarnation, other.view)),
        ),
    );
  }

  #wasIn(member: Incarnation, { id }: View): boolean {
    return this.#history.get(member)?.some(({ view }) => sameViewId(view.id, id)) ?? false;
  }

  /**
   * INV-9, at the leader and before it follows its own decision. What it decided counts by its own clock, so the leader
   * of the next view, which may be told of it only now, has no say.
   */
  delivered(node: SimNode, payload: Uint8Array, view: View): void {
    const { ownership } = node.member;
    const decision = decodeDecision(payload);
    if (!decision || !ownership || leaderOf(view)?.incarnation !== node.incarnation) return;
    for (const ip of decision.matured) {
      const ageMs = this.#options.clock.nowMs() - (ownership.table.rows.get(ip)?.viewChangedAtMs ?? 0);
      if (ageMs > underWayMs && ageMs < bounds.matureMs - 1)
        this.#options.violate(`INV-9 ${ip} matures after ${Math.round(ageMs)} ms`);
    }
  }

  /** Every few milliseconds. */
  look(): void {
    for (const node of this.#options.living()) {
      if (!node.member.ownership) continue;
      this.#lookAtTable(node);
      this.#lookAtBus(node);
      const { announcements } = node.member.ownership.local;
      const draining = new Set(announcements.flatMap(({ ip, draining }) => (draining ? ip : [])));
      for (const ip of this.#options.ips) this.#lookAtAddress(node, ip, draining);
    }
  }

  /** After everything is quiet and connected, and views have matured. */
  quiet(): void {
    const { ips, violate } = this.#options;
    const nodes = this.#options.living().filter(({ member }) => member.ownership);
    for (const node of nodes) if (!isRunning(node)) violate(`INV-26 ${node.name} is ${stateOf(node)}`);
    for (const ip of ips) {
      const owners = new Set(nodes.map((node) => nameOf(node, node.member.ownership!.table.ownerOf(ip))));
      const [owner] = owners;
      if (owners.size !== 1) violate(`INV-1 tables say that ${ip} is owned by ${[...owners].join(' and ')}`);
      const unaware = nodes.filter(({ member }) => member.ownership!.table.rows.get(ip)?.mature === false);
      if (unaware.length > 0)
        violate(`STA-4 ${ip} is immature for ever at ${unaware.map(({ name }) => name).join(' and ')}`);
      const answering = nodes
        .filter(({ options }) => options.machine!.answersFor(ip))
        .map(({ name }) => name);
      if (answering.join() !== (owner ?? ''))
        violate(`INV-26 ${ip} is owned by ${owner}, and answered by ${answering.join(' and ') || 'nobody'}`);
    }
    if (nodes[0]) this.#requireBalance(nodes[0], nodes);
  }

  /** INV-1 */
  #lookAtTable(node: SimNode): void {
    const { ownership, membership } = node.member;
    // Who is alone and has lost its lease begins again in the same view.
    if (!isRunning(node) || membership.view.members.length === 1) return;
    const { high, low } = ownership!.table.digest;
    const key = `${viewKey(membership.view.id)} ${ownership!.applied}`;
    const digest = this.#digests.get(key) ?? `${high} ${low}`;
    this.#digests.set(key, digest);
    if (digest !== `${high} ${low}`)
      this.#options.violate(`INV-1 ${node.name} has another table than others after decision ${key}`);
  }

  /** INV-10 */
  #lookAtBus(node: SimNode): void {
    const machine = node.options.machine!;
    const isCut = node.links.m.server === undefined;
    if (!this.#lasting.exceeds(`bus ${node.incarnation}`, isCut, bounds.holdMs + bounds.letGoMs)) return;
    const kept = this.#options.ips.filter((ip) => machine.answersFor(ip));
    if (kept.length > 0)
      this.#options.violate(`INV-10 ${node.name} has no bus and answers for ${kept.join(' ')}`);
  }

  #lookAtAddress(node: SimNode, ip: string, draining: ReadonlySet<string>): void {
    const { ownership, membership } = node.member;
    const { table, lease, local } = ownership!;
    const machine = node.options.machine!;
    const isAwake = !node.clock.paused;
    const row = table.rows.get(ip);
    const isOwner = row?.owner === node.incarnation;
    const runs = isAwake && isRunning(node);
    const lasts = (rule: string, isSo: boolean, boundMs: number, text: string, occasion?: number) => {
      if (!isSo && this.#lasting.isIdle) return;
      const view = `${viewKey(membership.view.id)} ${row?.viewChangedAtMs}`;
      if (this.#lasting.exceeds(`${rule} ${ip} ${node.incarnation} ${view}`, isSo, boundMs, occasion))
        this.#options.violate(`${rule} ${node.name}, ${ip}: ${text}`);
    };
    const foreign = row?.owner !== undefined && !table.seats.has(row.owner);
    lasts('INV-2', runs && foreign, 0, 'its owner is not in the view');
    const answers = machine.answersFor(ip);
    const isFresh = table.seats.members.length === 0;
    lasts(
      isFresh ? 'INV-12' : 'INV-4',
      isAwake && answers && !isOwner,
      bounds.letGoMs,
      'answers, but is not the owner',
    );
    const isConfigured = local.get(ip) !== undefined;
    const isUnserved = row?.owner === undefined || (isOwner && !isConfigured);
    const isIdle = row !== undefined && isUnserved && !row.broken && hasCandidate(node, row);
    // While a view is being formed nothing can be decided; how long that may take is R1. Nor without a bus (LIFE-20).
    const { standing } = membership;
    const canDecide = runs && ownership!.hasQuorum && standing !== 'settling' && standing !== 'offline';
    lasts('INV-27', canDecide && isIdle, bounds.unownedMs, 'has no owner that could serve it');
    // One that removed it from its configuration can only wait for a decision.
    const isRefused = machine.refusesOn.has(ip) || machine.refusesOff.has(ip);
    const isAble = runs && isOwner && isConfigured && lease.state === 'held' && !isRefused;
    lasts('INV-26', isAble && !answers, bounds.unservedMs, 'is owned, and not answered');
    const isMissing = isAble && machine.owned.has(ip) && !machine.addresses.has(ip);
    lasts('INV-30', isMissing, bounds.missingMs, 'was taken off, and is not back', machine.takenOff.get(ip));
    const drains = runs && isOwner && draining.has(ip);
    lasts(
      'LIFE-11',
      drains && hasCandidate(node, row!) && ownership!.hasQuorum,
      bounds.drainMs,
      'is kept by a draining node',
    );
  }

  /** INV-29 and INV-38, or INV-23 where nothing is preferred or held. */
  #requireBalance(node: SimNode, nodes: readonly SimNode[]): void {
    const { table } = node.member.ownership!;
    const rows = this.#options.ips.flatMap((ip) => table.rows.get(ip) ?? []);
    const loads = new Map(nodes.map(({ incarnation }) => [incarnation, 0]));
    for (const { owner } of rows) if (owner) loads.set(owner, (loads.get(owner) ?? 0) + 1);
    const least = Math.min(...loads.values());
    const shown = nodes.map(({ name, incarnation }) => `${name} ${loads.get(incarnation)}`).join(', ');
    for (const row of rows) {
      const { preferred, conflict } = table.preferenceOf(row);
      const owner = nameOf(node, row.owner);
      if (row.held) continue;
      if (preferred !== undefined && owner !== preferred)
        this.#options.violate(`INV-29 ${row.ip} prefers ${preferred} and is on ${owner}`);
      if (preferred === undefined && row.owner && loads.get(row.owner)! - least > 1)
        this.#options.violate(`INV-23 INV-38 loads are ${shown}, and ${row.ip} could go`);
      if (conflict) this.#options.violate(`STA-10 ${row.ip} has a conflict, and all nodes say the same`);
    }
  }
}

function isRunning({ member }: SimNode): boolean {
  const { state, table } = member.ownership!;
  return !table.gathering && (state === 'leading' || state === 'following');
}

function stateOf({ member }: SimNode): string {
  return member.ownership!.state;
}

function nameOf({ member }: SimNode, owner: Incarnation | undefined): string | undefined {
  return member.membership.view.members.find(({ incarnation }) => incarnation === owner)?.node;
}

/** Another node could have it, as far as this one knows. */
function hasCandidate({ member, incarnation }: SimNode, row: VipRow): boolean {
  const { table } = member.ownership!;
  return table.seats.inOrder.some(
    (seat) =>
      table.maySeatOwn(row, seat) &&
      (row.owner === undefined || table.seats.memberInSeat(seat) !== incarnation),
  );
}
