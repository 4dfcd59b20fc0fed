/** One address as the console shows it (CMD-9, CMD-10): a picture of its row, with ages instead of times. */
import type { Process } from '../view.ts';
import { type Label, labelWords, serviceWords } from './labels.ts';
import type { AssignmentReason, Ip, VipService } from './vip.ts';
import type { VipRow } from './vip-row.ts';
import type { VipTable } from './vip-table.ts';

export interface ParticipantView {
  readonly member: Process;
  readonly owner: boolean;
  readonly names: readonly string[];
  readonly services: readonly VipService[];
  /** `multivip,esmtp` (STA-16) */
  readonly words: readonly string[];
  readonly preference: readonly string[];
  readonly followers: readonly Ip[];
  readonly capable: boolean;
  readonly draining: boolean;
  readonly stuck: boolean;
}

export interface VipView {
  readonly ip: Ip;
  /** All that participants announce, sorted. */
  readonly names: readonly string[];
  readonly labels: readonly Label[];
  readonly owner: Process | undefined;
  /** Why this owner. */
  readonly reason: AssignmentReason;
  /** The effective preference (OWN-11). */
  readonly preferred: string | undefined;
  /** `view stable for` (VIEW-1) */
  readonly viewAgeMs: number;
  /** `configuration stable for` (VIEW-2) */
  readonly ownerAgeMs: number;
  /** In member order. */
  readonly participants: readonly ParticipantView[];
}

/** In canonical order; one by one, because all of them at once would hold up a big cluster's event loop for a second. */
export function* vipViews(table: VipTable, nowMs: number): Iterable<VipView> {
  for (const row of table.rows.ordered) yield viewOf(table, row, nowMs);
}

export function vipView(table: VipTable, ip: Ip, nowMs: number): VipView | undefined {
  const row = table.rows.get(ip);
  return row && viewOf(table, row, nowMs);
}

function viewOf(table: VipTable, row: VipRow, nowMs: number): VipView {
  const { preferred } = table.preferenceOf(row);
  return {
    ip: row.ip,
    names: [...new Set(row.opinions.flatMap(({ names }) => names))].sort(),
    labels: labelsIn(table, row, nowMs),
    owner: table.seats.members.find(({ incarnation }) => incarnation === row.owner),
    reason: row.reason,
    preferred,
    viewAgeMs: nowMs - row.viewChangedAtMs,
    ownerAgeMs: nowMs - row.ownerChangedAtMs,
    participants: table.seats.members.flatMap((member) => participantIn(table, row, member) ?? []),
  };
}

export function labelsIn(table: VipTable, row: VipRow, nowMs: number): readonly Label[] {
  const isJudged = nowMs >= table.rollsUntilMs(row);
  return labelWords({
    owned: row.owner !== undefined,
    unsafe: isJudged && row.unsafe(),
    broken: isJudged && row.broken,
    conflict: table.preferenceOf(row).conflict,
    held: row.held,
    mature: row.mature,
    stuck: table.stuckAt(row.ip).size > 0,
  });
}

function participantIn(table: VipTable, row: VipRow, member: Process): ParticipantView | undefined {
  const said = row.announcementOf(table.seats.seatOf(member.incarnation));
  if (!said) return undefined;
  const { ip, ...announcement } = said;
  return {
    member,
    owner: row.owner === member.incarnation,
    ...announcement,
    words: serviceWords(said),
    stuck: table.stuckAt(ip).has(member.incarnation),
  };
}
