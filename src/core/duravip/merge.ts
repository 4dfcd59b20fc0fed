/**
 * From claims to owners, at the beginning of a view (OWN-6 to OWN-10, OWN-35). After a heal several members hold the
 * same address; all members must drop the same claims without asking each other.
 *
 * The result depends on the set of claims only: they are looked at in member order and canonical order of addresses,
 * whatever the order in which they came. A winner is always one of the claimants (INV-21), so nothing moves to a third
 * node before the view has matured.
 */
import type { Incarnation } from '../identity.ts';
import { type Claims, compareIps, type Ip } from './vip.ts';

/** What the announcements say about an address, under which the claims were made. */
export interface ClaimFacts {
  readonly participants: readonly Incarnation[];
  /** Participants that are not draining: only these may keep what they claim. */
  claimable(member: Incarnation): boolean;
  /** OWN-11 */
  readonly preferred: Incarnation | undefined;
  /** All claims are void: broken under policy `release` (OWN-9). */
  readonly void: boolean;
}

/** A claim that does not stand: the claimant releases at once (OWN-8, OWN-9). */
export interface Loss {
  readonly ip: Ip;
  readonly claimant: Incarnation;
  /** Who keeps it and announces it anew; undefined: the claim was void. */
  readonly winner: Incarnation | undefined;
}

export interface Merge {
  readonly owners: ReadonlyMap<Ip, Incarnation>;
  /** Holds that go on (OWN-31): addresses whose owner stays the one they were moved to. */
  readonly held: ReadonlySet<Ip>;
  readonly losses: readonly Loss[];
}

/**
 * `members`: the nodes of the view in member order. Claims of others count for nothing. `inOrder` gives the claimed
 * addresses in canonical order: a table has them sorted already.
 */
export function mergeClaims(
  members: readonly Incarnation[],
  claims: readonly Claims[],
  factsOf: (ip: Ip) => ClaimFacts | undefined,
  inOrder: (claimed: ReadonlyMap<Ip, unknown>) => Iterable<Ip> = sorted,
): Merge {
  const claimants = claimantsOf(members, claims);
  const owners = new Map<Ip, Incarnation>();
  const losses: Loss[] = [];
  const loads = new Map<Incarnation, number>();
  for (const ip of inOrder(claimants)) {
    const all = claimants.get(ip)!;
    const facts = factsOf(ip);
    const valid = facts && !facts.void ? all.filter((member) => facts.claimable(member)) : [];
    const winner = winnerOf(valid, facts?.preferred, loads);
    for (const claimant of all) if (claimant !== winner) losses.push({ ip, claimant, winner });
    if (winner === undefined) continue;
    owners.set(ip, winner);
    loads.set(winner, (loads.get(winner) ?? 0) + 1);
  }
  return { owners, held: mergeHolds(claims, owners, factsOf), losses };
}

function sorted(claimed: ReadonlyMap<Ip, unknown>): readonly Ip[] {
  return [...claimed.keys()].sort(compareIps);
}

/** For each claimed address its claimants in member order. */
function claimantsOf(members: readonly Incarnation[], claims: readonly Claims[]): Map<Ip, Incarnation[]> {
  const claimants = new Map<Ip, Incarnation[]>();
  const byMember = new Map(claims.map((each) => [each.from, each]));
  for (const member of members) {
    for (const ip of byMember.get(member)?.claims ?? []) {
      const sofar = claimants.get(ip);
      if (!sofar) claimants.set(ip, [member]);
      else if (sofar.at(-1) !== member) sofar.push(member);
    }
  }
  return claimants;
}

/** OWN-7: the preferred node, else the least loaded in this merge, else the first in member order. */
function winnerOf(
  valid: readonly Incarnation[],
  preferred: Incarnation | undefined,
  loads: ReadonlyMap<Incarnation, number>,
): Incarnation | undefined {
  if (preferred !== undefined && valid.includes(preferred)) return preferred;
  const load = (member: Incarnation) => loads.get(member) ?? 0;
  let best = valid[0];
  for (const member of valid) if (load(member) < load(best!)) best = member;
  return best;
}

/**
 * A hold ends when the participants change. Each side of a heal knows only its own, so a hold goes on only when every
 * participant of the address knows it.
 */
function mergeHolds(
  claims: readonly Claims[],
  owners: ReadonlyMap<Ip, Incarnation>,
  factsOf: (ip: Ip) => ClaimFacts | undefined,
): ReadonlySet<Ip> {
  const holders = new Map<Ip, Set<Incarnation>>();
  for (const { from, holds } of claims) {
    for (const { ip, owner } of holds) {
      if (owners.get(ip) !== owner) continue;
      const sofar = holders.get(ip) ?? new Set();
      holders.set(ip, sofar.add(from));
    }
  }
  const held = new Set<Ip>();
  for (const [ip, members] of holders) {
    if (factsOf(ip)!.participants.every((participant) => members.has(participant))) held.add(ip);
  }
  return held;
}
