/**
 * Who gets an address when its view has matured or its owner is gone (OWN-12 to OWN-16, OWN-19). A pure function of
 * the leader's table: the leader's message carries the result, and every member can check it.
 *
 * Keeps: a live owner that may stay, stays, unless the address prefers another node; a broken address gets no new
 * owner (INV-13).
 */
import { loadsOf, nobody, type VipFacts } from './vip-facts.ts';

/** What becomes of broken addresses that somebody owns (STA-13). */
export type BrokenPolicy = 'release' | 'freeze';

export type ElectionCause = 'kept' | 'preferred' | 'chosen' | 'broken' | 'nobody';

export interface Elected {
  /** Place of the address in the list that was given. */
  readonly vip: number;
  /** `nobody`: no participant may have it (OWN-16), or it is broken. */
  readonly owner: number;
  readonly cause: ElectionCause;
}

/**
 * `vips` is the whole table in canonical order, because loads count everywhere; `selected` are the places in it that
 * the election is about, ascending.
 */
export function elect(
  memberCount: number,
  vips: readonly VipFacts[],
  selected: readonly number[],
  brokenPolicy: BrokenPolicy,
): readonly Elected[] {
  const results = selected.map((vip) => standing(vip, vips[vip]!, brokenPolicy));
  const owners = vips.map(({ owner }) => owner);
  for (const { vip, owner } of results) owners[vip] = owner;
  const loads = loadsOf(memberCount, owners);
  return results.map((result) => {
    if (result.cause !== 'nobody') return result;
    const owner = leastLoaded(vips[result.vip]!.eligible, loads);
    if (owner === nobody) return result;
    loads[owner]!++;
    return { vip: result.vip, owner, cause: 'chosen' };
  });
}

/** What is decided before loads are counted: broken, preferred, kept; `nobody` is still to be elected. */
function standing(vip: number, facts: VipFacts, brokenPolicy: BrokenPolicy): Elected {
  const { owner, preferred, eligible } = facts;
  if (facts.broken) return { vip, owner: brokenPolicy === 'freeze' ? owner : nobody, cause: 'broken' };
  const stays = owner !== nobody && eligible.includes(owner);
  if (preferred !== nobody && preferred !== owner && !(facts.held && stays) && eligible.includes(preferred)) {
    return { vip, owner: preferred, cause: 'preferred' };
  }
  return stays ? { vip, owner, cause: 'kept' } : { vip, owner: nobody, cause: 'nobody' };
}

/** First in member order among those with the smallest load; `nobody` when there is none to choose. */
function leastLoaded(eligible: readonly number[], loads: Int32Array): number {
  let best = nobody;
  for (const member of eligible) {
    if (best === nobody || loads[member]! < loads[best]!) best = member;
  }
  return best;
}
