/**
 * What a leader decides from its table: MATURE, BALANCE, MOVE and the end of a hold, as the content of its messages
 * (VIEW-3 to VIEW-8, OWN-12 to OWN-31). Nothing here changes the table: the leader, like everybody, applies its own
 * message when it comes in order. Members may compute the same to check it (OWN-17).
 */
import type { Incarnation } from '../identity.ts';
import { balance } from './balance.ts';
import { type Elected, elect } from './election.ts';
import type { Decision } from './messages.ts';
import { planFinal } from './plan.ts';
import type { Assignment, AssignmentReason, Ip } from './vip.ts';
import { nobody, type VipFacts } from './vip-facts.ts';
import type { VipRow } from './vip-row.ts';
import type { VipTable } from './vip-table.ts';

/** Addresses in one MATURE (VIEW-4). */
export const maturedPerMessage = 1_000;

export interface Maturable {
  /** To be assigned at once: without owner, or with one that may not keep them. In canonical order. */
  readonly orphans: readonly Ip[];
  /** Mature now; at most once a second (VIEW-4). In canonical order. */
  readonly mature: readonly Ip[];
  /** When to ask again, unless an announcement or a view comes first; undefined: time alone changes nothing. */
  readonly nextMs: number | undefined;
}

export type DecisionContent = Pick<Decision, 'matured' | 'assignments'>;

/**
 * What may be decided now. `isHeard`: is this process, which is not in the view, heard nevertheless? Then it lives, a
 * merge is near, and what it owned waits for maturity (VIEW-8).
 */
export function maturable(
  table: VipTable,
  nowMs: number,
  isHeard: (owner: Incarnation) => boolean,
): Maturable {
  const orphans: VipRow[] = [];
  const mature: VipRow[] = [];
  let nextMs = Number.POSITIVE_INFINITY;
  if (!table.gathering) {
    for (const row of table.pending) {
      // What was mature already is served first, then told.
      const isTold = row.mature && (row.tellAgainAtMs === undefined || row.orphan !== undefined);
      const matureAtMs = isTold ? Number.POSITIVE_INFINITY : matureAt(table, row);
      const assignAtMs = assignAt(table, row, isHeard);
      if (matureAtMs <= nowMs) mature.push(row);
      else if (assignAtMs <= nowMs) orphans.push(row);
      else nextMs = Math.min(nextMs, matureAtMs, assignAtMs);
    }
  }
  if (orphans.length + mature.length > maturedPerMessage) nextMs = nowMs;
  const sent = firstOf(table, orphans, maturedPerMessage);
  return {
    orphans: sent,
    mature: firstOf(table, mature, maturedPerMessage - sent.length),
    nextMs: nextMs === Number.POSITIVE_INFINITY ? undefined : nextMs,
  };
}

function firstOf(table: VipTable, rows: readonly VipRow[], limit: number): readonly Ip[] {
  const inOrder = [...rows].sort((a, b) => table.rows.placeOf(a) - table.rows.placeOf(b));
  return inOrder.slice(0, limit).map(({ ip }) => ip);
}

function matureAt(table: VipTable, { viewChangedAtMs, tellAgainAtMs = 0 }: VipRow): number {
  return Math.max(viewChangedAtMs + table.settings.matureMs, tellAgainAtMs);
}

/** When the row gets another owner, or none, without waiting for its view to mature. */
function assignAt(table: VipTable, row: VipRow, isHeard: (owner: Incarnation) => boolean): number {
  const { matureMs, orphanMatureMs, brokenPolicy } = table.settings;
  const never = Number.POSITIVE_INFINITY;
  if (row.broken) {
    if (brokenPolicy !== 'release' || row.owner === undefined) return never;
    return Math.max(row.brokenSinceMs + matureMs, table.rollsUntilMs(row));
  }
  if (!row.orphan) return never;
  const dueMs = row.orphan.sinceMs + orphanMatureMs;
  if (row.owner !== undefined) return dueMs;
  const last = row.lastOwner;
  if (last !== undefined && !table.seats.has(last) && isHeard(last)) return never;
  return Math.max(dueMs, firstEligibleMs(table, row));
}

/** When the first participant may take an orphan: who joined just now has to wait for maturity (VIEW-8). */
function firstEligibleMs(table: VipTable, row: VipRow): number {
  let firstMs = Number.POSITIVE_INFINITY;
  for (const seat of table.seats.inOrder) {
    if (table.maySeatOwn(row, seat))
      firstMs = Math.min(firstMs, row.sinceMs[seat]! + table.settings.matureMs);
  }
  return firstMs;
}

/** The content of MATURE (OWN-12 to OWN-16). Assignments say only what changes. */
export function decideMature(
  table: VipTable,
  due: Pick<Maturable, 'orphans' | 'mature'>,
  nowMs: number,
): DecisionContent {
  const facts = [...table.facts()];
  const selected: number[] = [];
  for (const ip of [...due.orphans, ...due.mature]) {
    const row = table.rows.get(ip);
    if (!row) continue;
    const place = table.rows.placeOf(row);
    selected.push(place);
    if (row.orphan && row.viewChangedAtMs + table.settings.matureMs > nowMs) {
      facts[place] = withoutJoiners(table, row, facts[place]!, nowMs);
    }
  }
  selected.sort((a, b) => a - b);
  const elected = elect(table.seats.members.length, facts, selected, table.settings.brokenPolicy);
  return { matured: due.mature, assignments: elected.flatMap((result) => assignmentOf(table, result) ?? []) };
}

function withoutJoiners(table: VipTable, row: VipRow, facts: VipFacts, nowMs: number): VipFacts {
  const { inOrder } = table.seats;
  const isOld = (rank: number) => row.sinceMs[inOrder[rank]!]! + table.settings.matureMs <= nowMs;
  return { ...facts, eligible: facts.eligible.filter(isOld) };
}

function assignmentOf(table: VipTable, { vip, owner: rank, cause }: Elected): Assignment | undefined {
  const row = table.rows.ordered[vip]!;
  const owner = rank === nobody ? undefined : table.seats.memberAt(rank);
  const holdEnds = row.held && row.participantsChanged;
  if (owner === row.owner && !holdEnds) return undefined;
  if (owner === row.owner) return { ip: row.ip, owner, reason: 'elected' };
  const reasons: Record<Elected['cause'], AssignmentReason> = {
    kept: row.reason,
    preferred: 'preferred',
    chosen: row.orphan?.reason ?? 'elected',
    nobody: row.orphan?.reason ?? 'elected',
    broken: 'broken',
  };
  return { ip: row.ip, owner, reason: reasons[cause] };
}

/** The content of BALANCE: one round of at most `limit` moves; without any, nothing is sent (OWN-20). */
export function decideBalance(table: VipTable, limit: number): DecisionContent {
  const owners = new Map<number, number>();
  for (const { vip, to } of balance(table.seats.members.length, table.facts(), limit)) owners.set(vip, to);
  const assignments = [...owners].map(([vip, to]) => ({
    ip: table.rows.ordered[vip]!.ip,
    owner: table.seats.memberAt(to),
    reason: 'balanced' as const,
  }));
  return { matured: [], assignments };
}

export type MoveProblem =
  | 'unknown'
  | 'broken'
  | 'not a participant'
  | 'not eligible'
  | 'already there'
  | 'not given yet';

/**
 * Why an address cannot be moved to a member; undefined: it can (OWN-30, CMD-14). One that nobody owns waits until its
 * view is mature, as elections do: a node that has just started may not have met its owner yet, and both would answer.
 */
export function moveProblem(table: VipTable, ip: Ip, target: Incarnation): MoveProblem | undefined {
  const row = table.rows.get(ip);
  if (!row) return 'unknown';
  const seat = table.seats.seatOf(target);
  if (!row.participates(seat)) return 'not a participant';
  if (row.broken) return 'broken';
  if (row.owner === target) return 'already there';
  if (row.owner === undefined && !row.mature) return 'not given yet';
  return table.maySeatOwn(row, seat) ? undefined : 'not eligible';
}

/** The content of MOVE, for those addresses that can be moved. Each gets a hold (OWN-31). */
export function decideMove(table: VipTable, ips: readonly Ip[], target: Incarnation): DecisionContent {
  const possible = [...new Set(ips)].filter((ip) => moveProblem(table, ip, target) === undefined);
  return { matured: [], assignments: possible.map((ip) => ({ ip, owner: target, reason: 'moved' })) };
}

/** Ends holds: owners stay until preference or balancing moves them. */
export function decideUnhold(table: VipTable, ips: readonly Ip[]): DecisionContent {
  const held = ips.flatMap((ip) => table.rows.get(ip) ?? []).filter((row) => row.held);
  return { matured: [], assignments: held.map(({ ip, owner }) => ({ ip, owner, reason: 'elected' })) };
}

export interface PlannedLoss {
  readonly ip: Ip;
  readonly from: Incarnation | undefined;
  readonly to: Incarnation | undefined;
}

/** Where addresses would be in the end if these members were gone (EXT-7). */
export function planWithout(table: VipTable, gone: ReadonlySet<Incarnation>): readonly PlannedLoss[] {
  const { seats } = table;
  const staying = seats.members.filter(({ incarnation }) => !gone.has(incarnation));
  const among = staying.map(({ incarnation }) => seats.seatOf(incarnation));
  const ranks = new Map(among.map((seat, rank) => [seat, rank]));
  const facts = table.rows.ordered.map((row) =>
    table.factsOf(row, among, (seat) => ranks.get(seat) ?? nobody),
  );
  const rows = table.rows.ordered;
  const isOrphan = (vip: number) => rows[vip]!.orphan !== undefined || gone.has(rows[vip]!.owner!);
  const plan = planFinal(staying.length, facts, isOrphan, table.settings.brokenPolicy);
  return rows.flatMap(({ ip, owner: from }, vip) => {
    const rank = plan.owners[vip]!;
    const to = rank === nobody ? undefined : staying[rank]!.incarnation;
    return from === to ? [] : [{ ip, from, to }];
  });
}
