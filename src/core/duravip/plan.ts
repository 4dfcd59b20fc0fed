/**
 * Where addresses end up when views have matured and balancing is done: `cluster duravip plan` (EXT-7) asks it for the
 * members without the node that would die. Pure: a plan changes nothing.
 */
import { balance } from './balance.ts';
import { type BrokenPolicy, elect } from './election.ts';
import type { Ip } from './vip.ts';
import type { VipFacts } from './vip-facts.ts';

export interface PlannedChange {
  readonly ip: Ip;
  /** Places in member order, or `nobody`. */
  readonly from: number;
  readonly to: number;
}

export interface Plan {
  /** In canonical order: final owners, by place in the given list. */
  readonly owners: readonly number[];
  /** Addresses that end elsewhere than they are now. */
  readonly changes: readonly PlannedChange[];
  /** Moves of balancing; one address may move twice where participants differ. */
  readonly moves: number;
}

/**
 * Orphans first, at once; then all addresses mature, so that preferences are met and those find an owner that had none;
 * then balancing to its end.
 */
export function planFinal(
  memberCount: number,
  vips: readonly VipFacts[],
  isOrphan: (vip: number) => boolean,
  brokenPolicy: BrokenPolicy,
): Plan {
  const taken = assign(memberCount, vips, places(vips).filter(isOrphan), brokenPolicy);
  const mature = assign(memberCount, taken, places(taken), brokenPolicy).map((facts) => ({
    ...facts,
    mature: true,
  }));
  const owners = mature.map(({ owner }) => owner);
  const moves = balance(memberCount, mature, Number.POSITIVE_INFINITY);
  for (const { vip, to } of moves) owners[vip] = to;
  const changes = vips.flatMap(({ ip, owner: from }, vip) => {
    const to = owners[vip]!;
    return from === to ? [] : [{ ip, from, to }];
  });
  return { owners, changes, moves: moves.length };
}

function assign(
  memberCount: number,
  vips: readonly VipFacts[],
  selected: readonly number[],
  brokenPolicy: BrokenPolicy,
): readonly VipFacts[] {
  const assigned = [...vips];
  for (const { vip, owner } of elect(memberCount, vips, selected, brokenPolicy)) {
    if (owner !== vips[vip]!.owner) assigned[vip] = { ...vips[vip]!, owner };
  }
  return assigned;
}

function places(vips: readonly VipFacts[]): readonly number[] {
  return vips.map((_, vip) => vip);
}
