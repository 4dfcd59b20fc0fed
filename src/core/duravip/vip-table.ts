/**
 * The table of floating addresses that every member keeps (STA-4 to STA-7, VIEW-1 to VIEW-10): participants, owners,
 * holds, maturity. Driven from outside, with the time as an argument.
 *
 * Owners and holds change in two ways only: by the claims at the beginning of a view, and by the leader's ordered
 * decisions. Announcements, which arrive at different moments, never touch them. So members of a settled view that
 * applied the same decisions have the same owners and the same digest (INV-1), and an owner that may not keep an
 * address shows as an orphan, about which the leader decides.
 *
 * Between `applyView` and `merge` the table is frozen (OWN-2): announcements wait, decisions are refused.
 */
import { type Digest, hashText, RunningDigest } from '../digest.ts';
import type { Incarnation } from '../identity.ts';
import type { Process } from '../view.ts';
import { AnnouncedRows } from './announced-rows.ts';
import type { BrokenPolicy } from './election.ts';
import { isBroken } from './labels.ts';
import { type ClaimFacts, type Loss, type Merge, mergeClaims } from './merge.ts';
import type { Decision } from './messages.ts';
import type { EffectivePreference } from './preference.ts';
import type { Seats } from './seats.ts';
import type { Assignment, AssignmentReason, Claims, Ip, NodeAnnouncement } from './vip.ts';
import { nobody, type VipFacts } from './vip-facts.ts';
import type { VipRow } from './vip-row.ts';
import { WaitingAnnouncements } from './waiting-announcements.ts';

export interface VipTableSettings {
  /** `view_mature_time` */
  readonly matureMs: number;
  /** `orphan_mature_time` */
  readonly orphanMatureMs: number;
  /** `duravip_broken_policy` */
  readonly brokenPolicy: BrokenPolicy;
}

export interface OwnerChange {
  readonly ip: Ip;
  readonly from: Incarnation | undefined;
  readonly to: Incarnation | undefined;
  readonly reason: AssignmentReason;
}

export interface MergeOutcome {
  readonly changes: readonly OwnerChange[];
  /** Claims that do not stand, those of others included: winners announce their addresses anew (OWN-8). */
  readonly losses: readonly Loss[];
}

export interface Applied {
  readonly changes: readonly OwnerChange[];
  /** Addresses that nobody announced here so far; they are in the table now (VIEW-6). */
  readonly unknown: readonly Ip[];
  /** Left out: given to somebody outside the view, or decided while states are gathered. */
  readonly refused: readonly Assignment[];
}

/** What a node adds to its claims. */
export interface ClaimStanding {
  readonly announced: number;
  readonly stuck: readonly Ip[];
  readonly leaseMs: number;
}

export class VipTable {
  #settings: VipTableSettings;
  readonly rows = new AnnouncedRows();
  readonly #digest = new RunningDigest();
  readonly #ownerHashes = new Map<Incarnation, number>();
  readonly #waiting = new WaitingAnnouncements();
  /** Immature, orphaned or broken rows: the only ones that a leader may have to decide about. */
  readonly #pending = new Set<VipRow>();
  #suspects: ReadonlySet<Incarnation> = new Set();
  #stuck = new Map<Ip, Set<Incarnation>>();
  /** A view is agreed, its claims are not merged yet. */
  #next:
    | { readonly members: readonly Process[]; readonly atMs: number; readonly minority: boolean }
    | undefined;
  #lastFacts: readonly number[] = [];

  constructor(settings: VipTableSettings) {
    this.#settings = settings;
  }

  get settings(): VipTableSettings {
    return this.#settings;
  }

  configure(settings: VipTableSettings): void {
    this.#settings = settings;
  }

  get gathering(): boolean {
    return this.#next !== undefined;
  }

  /** Nodes in member order, as of the last merge. */
  get seats(): Seats {
    return this.rows.seats;
  }

  /** Of owners and holds (STA-6). */
  get digest(): Digest {
    return this.#digest;
  }

  get pending(): Iterable<VipRow> {
    return this.#pending;
  }

  /**
   * Until when names and services that differ may be those of a configuration that is being changed on one node after
   * the other (EXT-9); they are judged only then.
   */
  rollsUntilMs(row: VipRow): number {
    return (this.rows.revisedMs(row) ?? Number.NEGATIVE_INFINITY) + this.#settings.matureMs;
  }

  ownerOf(ip: Ip): Incarnation | undefined {
    return this.rows.get(ip)?.owner;
  }

  /** In canonical order. */
  ownedBy(member: Incarnation): readonly Ip[] {
    return this.rows.ordered.filter(({ owner }) => owner === member).map(({ ip }) => ip);
  }

  stuckAt(ip: Ip): ReadonlySet<Incarnation> {
    return this.#stuck.get(ip) ?? new Set();
  }

  /** What a member says of addresses it could not take off, apart from its claims (NET-9). */
  reportStuck(member: Incarnation, ips: readonly Ip[]): void {
    for (const members of this.#stuck.values()) members.delete(member);
    for (const ip of ips) this.#stuck.set(ip, (this.#stuck.get(ip) ?? new Set()).add(member));
    for (const [ip, members] of this.#stuck) if (members.size === 0) this.#stuck.delete(ip);
  }

  // ---- a new view -------------------------------------------------------------------------------------------------

  /**
   * A view is agreed: the table stays as it is until the claims are merged. `ended`: members of the view before that
   * are known to run no more; they do not count when less than half of the nodes are left (VIEW-8).
   */
  applyView(members: readonly Process[], nowMs: number, ended: ReadonlySet<Incarnation> = new Set()): void {
    const nodes = members.filter(({ type }) => type === 'Momentum');
    const present = new Set(nodes.map(({ incarnation }) => incarnation));
    const before = this.seats.members.filter(({ incarnation }) => !ended.has(incarnation));
    const survivors = before.filter(({ incarnation }) => present.has(incarnation));
    this.#next = { members: nodes, atMs: nowMs, minority: survivors.length * 2 < before.length };
    this.#waiting.keepOnly(present);
  }

  /** Own say for the view that `applyView` told of. A node that gave up everything meanwhile sends no `claims`. */
  claimsOf(self: Incarnation, standing: ClaimStanding): Claims {
    const members = this.#next?.members ?? this.seats.members;
    const present = new Set(members.map(({ incarnation }) => incarnation));
    const stays = (row: VipRow) => row.owner !== undefined && present.has(row.owner);
    const everybodyStays = (row: VipRow) =>
      this.seats.inOrder.every((seat) => !row.bySeat[seat] || present.has(this.seats.memberInSeat(seat)!));
    const holds = this.rows.ordered.filter(
      (row) => row.held && !row.participantsChanged && stays(row) && everybodyStays(row),
    );
    return {
      from: self,
      ...standing,
      claims: this.ownedBy(self),
      holds: holds.map(({ ip, owner }) => ({ ip, owner: owner! })),
    };
  }

  /** Members of the view whose claims, or the announcements under which they made them, are still missing (OWN-4). */
  lacking(claims: readonly Claims[]): readonly Incarnation[] {
    const has = ({ from, announced }: Claims) =>
      this.rows.sequenceOf(from) === announced || this.#waiting.find(from, announced) !== undefined;
    const complete = new Set(claims.filter(has).map(({ from }) => from));
    const members = this.#next?.members ?? [];
    return members.map(({ incarnation }) => incarnation).filter((member) => !complete.has(member));
  }

  /**
   * The claims of all members are here: owners follow from them alone (OWN-35), under the announcements they name.
   * Newer announcements that came meanwhile count from now on.
   */
  merge(claims: readonly Claims[], nowMs: number): MergeOutcome {
    const next = this.#next;
    if (!next) return { changes: [], losses: [] };
    this.#next = undefined;
    // Where nothing changes a newcomer would take them for immature for ever (STA-4), and so would whoever was still
    // gathering claims when the leader of the view before said it.
    if (next.members.length > 1) for (const row of this.rows.ordered) row.tellAgainAtMs = nowMs;
    const counted = claims.filter(({ from }) => next.members.some((member) => member.incarnation === from));
    this.#install(next.members, counted, next.atMs);
    const members = this.seats.members.map(({ incarnation }) => incarnation);
    const merge = mergeClaims(
      members,
      counted,
      (ip) => this.#claimFacts(ip),
      (claimed) => this.rows.inOrder(claimed),
    );
    const changes = this.#takeOwners(merge, next.minority, next.atMs);
    this.#judge(nowMs);
    for (const { from, stuck } of counted) this.reportStuck(from, stuck);
    for (const owner of this.#ownerHashes.keys()) if (!this.seats.has(owner)) this.#ownerHashes.delete(owner);
    for (const announcement of this.#waiting.takeAll()) this.announced(announcement, nowMs);
    return { changes, losses: merge.losses };
  }

  #install(members: readonly Process[], claims: readonly Claims[], atMs: number): void {
    for (const seat of this.seats.leaving(members)) {
      const member = this.seats.memberInSeat(seat)!;
      this.rows.forget(seat, atMs);
      this.reportStuck(member, []);
    }
    this.seats.install(members);
    for (const { from, announced } of claims) {
      const announcement = this.#waiting.find(from, announced);
      if (!announcement || this.rows.sequenceOf(from) === announced) continue;
      // What came before this node saw the view, but after the claims were made, counts again after the merge.
      const newer = this.rows.announcementOf(from);
      if (newer && newer.sequence > announced) this.#waiting.add(newer);
      this.rows.replace(announcement, atMs);
    }
    this.#judgeBroken(this.rows.unjudged, atMs);
    for (const row of this.rows.ordered) row.facts = undefined;
  }

  #claimFacts(ip: Ip): ClaimFacts | undefined {
    const row = this.rows.get(ip);
    if (!row) return undefined;
    const { seats } = this;
    const { preferred } = row.preference(seats, seats.inOrder, new Set());
    return {
      get participants() {
        return seats.inOrder.filter((seat) => row.bySeat[seat]).map((seat) => seats.memberInSeat(seat)!);
      },
      claimable: (member) => row.participates(seats.seatOf(member)) && !row.isDraining(seats.seatOf(member)),
      preferred: preferred === undefined ? undefined : seats.memberInSeat(seats.seatOfNode(preferred)),
      void: row.broken && this.#settings.brokenPolicy === 'release',
    };
  }

  #takeOwners(merge: Merge, minority: boolean, atMs: number): readonly OwnerChange[] {
    const changes: OwnerChange[] = [];
    for (const row of this.rows.ordered) {
      const owner = merge.owners.get(row.ip);
      const reason = owner === undefined ? 'orphan' : 'merge';
      const held = merge.held.has(row.ip);
      // A minority waits for maturity as if these addresses had never been served here (VIEW-8).
      row.experienced = owner !== undefined || (row.experienced && !minority && !row.broken);
      if (row.owner !== owner) changes.push({ ip: row.ip, from: row.owner, to: owner, reason });
      this.#setOwner(row, owner, held, row.owner === owner ? row.reason : reason, atMs);
      row.participantsChanged = !held;
      this.#judgeOwner(row, atMs);
    }
    return changes;
  }

  // ---- announcements ----------------------------------------------------------------------------------------------

  /** False: nothing new, or not from a member. The same content under a new number changes nothing else (STA-3). */
  announced(announcement: NodeAnnouncement, nowMs: number): boolean {
    if (this.#next) {
      const member = this.#next.members.some(({ incarnation }) => incarnation === announcement.from);
      if (member) this.#waiting.add(announcement);
      return member;
    }
    if (!this.seats.has(announcement.from)) return false;
    const known = this.rows.sequenceOf(announcement.from);
    if (known !== undefined && known >= announcement.sequence) return false;
    this.rows.replace(announcement, nowMs);
    this.#judge(nowMs);
    // What changed and changed back has not come here; for those who heard it the wait for maturity began anew (STA-4).
    if (known !== undefined && announcement.sequence > known + 1) this.#tellAgain(announcement, nowMs);
    return true;
  }

  #tellAgain({ vips }: NodeAnnouncement, nowMs: number): void {
    for (const { ip } of vips) {
      const row = this.rows.get(ip);
      if (!row) continue;
      row.tellAgainAtMs = nowMs + this.#settings.matureMs;
      this.#judgeOwner(row, nowMs);
    }
  }

  /** Members that must not get addresses, although they are in the view (OWN-15). */
  suspect(suspects: ReadonlySet<Incarnation>, nowMs: number): void {
    this.#suspects = suspects;
    for (const row of this.rows.ordered) {
      row.facts = undefined;
      // Who is above suspicion again may be the only one for it.
      if (row.owner === undefined && row.participants > 0) row.mature = false;
      this.#judgeOwner(row, nowMs);
    }
  }

  #judge(nowMs: number): void {
    const rows = this.rows.takeUnjudged();
    this.#judgeBroken(rows, nowMs);
    for (const row of rows) this.#judgeOwner(row, nowMs);
  }

  /** Becoming broken or whole again is a change of view: the same wait follows (STA-13). */
  #judgeBroken(rows: Iterable<VipRow>, nowMs: number): void {
    for (const row of rows) {
      const broken = isBroken(row.opinions, (name) => this.rows.isElsewhere(name, row));
      if (broken === row.broken) continue;
      row.broken = broken;
      row.brokenSinceMs = nowMs;
      row.viewChanged(nowMs);
    }
  }

  /** Is the row an orphan, and has the leader to look at it? */
  #judgeOwner(row: VipRow, nowMs: number): void {
    row.facts = undefined;
    if (row.participants === 0 && row.owner === undefined) {
      this.#pending.delete(row);
      this.rows.drop(row);
      return;
    }
    const seat = this.seats.seatOf(row.owner);
    if (row.mayOwn(seat) || !row.experienced) row.orphan = undefined;
    else row.orphan ??= { sinceMs: nowMs, reason: orphanReason(row, seat) };
    const toRelease = row.broken && row.owner !== undefined && this.#settings.brokenPolicy === 'release';
    if (!row.mature || row.tellAgainAtMs !== undefined || row.orphan || toRelease) this.#pending.add(row);
    else this.#pending.delete(row);
  }

  // ---- decisions --------------------------------------------------------------------------------------------------

  /** The leader's decision, in its place in the order (VIEW-5, OWN-17). While states are gathered: nothing (OWN-5). */
  apply({ matured, assignments }: Pick<Decision, 'matured' | 'assignments'>, nowMs: number): Applied {
    if (this.#next) return { changes: [], unknown: [], refused: assignments };
    const changes: OwnerChange[] = [];
    const unknown: Ip[] = [];
    const rowOf = (ip: Ip) => {
      if (!this.rows.get(ip)) unknown.push(ip);
      return this.rows.getOrCreate(ip, nowMs);
    };
    const refused = assignments.filter(({ owner }) => owner !== undefined && !this.seats.has(owner));
    for (const assignment of assignments) {
      if (refused.includes(assignment)) continue;
      const { ip, owner: to, reason } = assignment;
      const row = rowOf(ip);
      if (row.owner !== to) changes.push({ ip, from: row.owner, to, reason });
      this.#assign(row, assignment, nowMs);
    }
    for (const ip of matured) this.#mature(rowOf(ip), nowMs);
    return { changes, unknown, refused };
  }

  #assign(row: VipRow, { owner, reason }: Assignment, nowMs: number): void {
    // A hold that ends lets a preference take effect: the next MATURE does it.
    if (row.held && row.owner === owner && reason !== 'moved') row.mature = false;
    this.#setOwner(row, owner, owner !== undefined && reason === 'moved', reason, nowMs);
    if (reason === 'moved') row.participantsChanged = false;
    if (owner !== undefined) row.experienced = true;
    else if (reason === 'broken') row.experienced = false;
    this.#judgeOwner(row, nowMs);
  }

  #mature(row: VipRow, nowMs: number): void {
    row.mature = true;
    row.tellAgainAtMs = undefined;
    row.participantsChanged = false;
    this.#judgeOwner(row, nowMs);
  }

  #setOwner(
    row: VipRow,
    owner: Incarnation | undefined,
    held: boolean,
    reason: AssignmentReason,
    nowMs: number,
  ): void {
    if (row.owner !== owner || row.held !== held) {
      this.#digest.changeText(row.ip, this.#ownership(row.owner, row.held), this.#ownership(owner, held));
    }
    if (row.owner !== owner) {
      row.lastOwner = row.owner ?? row.lastOwner;
      row.ownerChangedAtMs = nowMs;
    }
    row.owner = owner;
    row.held = held;
    row.reason = reason;
    row.facts = undefined;
  }

  /** A number for the digest; 0 for an address without owner, which counts for nothing. */
  #ownership(owner: Incarnation | undefined, held: boolean): number {
    if (owner === undefined) return 0;
    let hash = this.#ownerHashes.get(owner);
    if (hash === undefined) {
      hash = 1 + (hashText(owner, 0) >>> 0);
      this.#ownerHashes.set(owner, hash);
    }
    return held ? hash + 2 ** 40 : hash;
  }

  // ---- numbers for election and balancing -------------------------------------------------------------------------

  /** OWN-11 */
  preferenceOf(row: VipRow, among = this.seats.inOrder): EffectivePreference {
    return row.preference(this.seats, among, this.#suspects);
  }

  /** OWN-15 */
  maySeatOwn(row: VipRow, seat: number): boolean {
    if (!row.mayOwn(seat)) return false;
    return this.#suspects.size === 0 || !this.#suspects.has(this.seats.memberInSeat(seat)!);
  }

  /** The table as numbers, in canonical order; rows that did not change since the last call cost nothing. */
  facts(): readonly VipFacts[] {
    return this.rows.ordered.map((row) => {
      row.facts ??= this.factsOf(row, this.seats.inOrder, (seat) => this.seats.rankOfSeat(seat));
      return row.facts;
    });
  }

  /** `rankOf`: the number of a seat in the result; `among` are the seats that count, in that order. */
  factsOf(row: VipRow, among: readonly number[], rankOf: (seat: number) => number): VipFacts {
    const { preferred } = this.preferenceOf(row, among);
    const owner = this.seats.seatOf(row.owner);
    const all = among.length === this.seats.inOrder.length;
    return {
      ip: row.ip,
      owner: owner === nobody ? nobody : rankOf(owner),
      preferred: preferred === undefined ? nobody : rankOf(this.seats.seatOfNode(preferred)),
      eligible: this.#eligible(row, among),
      broken: row.broken && (all || this.rows.isBrokenAmong(row, among)),
      held: row.held && !row.participantsChanged,
      mature: row.mature,
    };
  }

  /** Mostly the same as for the row before: then it is the same array, and no memory is taken. */
  #eligible(row: VipRow, among: readonly number[]): readonly number[] {
    const eligible: number[] = [];
    for (let rank = 0; rank < among.length; rank++) {
      if (this.maySeatOwn(row, among[rank]!)) eligible.push(rank);
    }
    const last = this.#lastFacts;
    const same = eligible.length === last.length && eligible.every((rank, i) => rank === last[i]);
    if (!same) this.#lastFacts = eligible;
    return same ? last : eligible;
  }
}

function orphanReason(row: VipRow, seat: number): AssignmentReason {
  if (seat === nobody) return 'orphan';
  if (!row.participates(seat)) return 'config';
  return row.isDraining(seat) ? 'drained' : 'failed';
}
