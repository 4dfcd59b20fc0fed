/**
 * One address as election and balancing see it: numbers only. A member is its place in member order, so that "first in
 * member order" is "smallest number"; addresses come in canonical order, so that "first address" is "smallest index".
 */
import type { Ip } from './vip.ts';

/** In place of a member: none. */
export const nobody = -1;

export interface VipFacts {
  readonly ip: Ip;
  /** Undefined in the table is `nobody` here. */
  readonly owner: number;
  /** The effective preference (OWN-11). */
  readonly preferred: number;
  /** Participants that may get it (OWN-15), ascending. */
  readonly eligible: readonly number[];
  readonly broken: boolean;
  /** A manual hold that blocks preference and balancing (OWN-31). */
  readonly held: boolean;
  readonly mature: boolean;
}

/** Number of addresses each member owns, followers not counted (OWN-14). */
export function loadsOf(memberCount: number, owners: Iterable<number>): Int32Array {
  const loads = new Int32Array(memberCount);
  for (const owner of owners) if (owner !== nobody) loads[owner]!++;
  return loads;
}
