/**
 * Who keeps the account of a limit: of the nodes of a view, the one with the highest hash of limit and node; its deputy is
 * the second. When the keeper leaves, the deputy is the next keeper by the same rule, and knows the account already.
 */
import { hashText } from '../digest.ts';
import type { Incarnation } from '../identity.ts';
import type { Process } from '../view.ts';

export interface Keepers {
  readonly holder: Incarnation;
  /** Undefined in a view of one node. */
  readonly deputy: Incarnation | undefined;
}

interface Candidate {
  readonly incarnation: Incarnation;
  readonly rank: number;
}

/** In one pass: at the beginning of a view, all accounts there are ask. */
export function keepersOf(id: string, nodes: readonly Process[]): Keepers {
  const idHash = hashText(id, 0);
  let first: Candidate | undefined;
  let second: Candidate | undefined;
  for (const { node, incarnation } of nodes) {
    const candidate = { incarnation, rank: hashText(node, idHash) >>> 0 };
    if (isBefore(candidate, first)) {
      second = first;
      first = candidate;
    } else if (isBefore(candidate, second)) second = candidate;
  }
  return { holder: first!.incarnation, deputy: second?.incarnation };
}

function isBefore(a: Candidate, b: Candidate | undefined): boolean {
  if (!b || a.rank !== b.rank) return !b || a.rank > b.rank;
  return a.incarnation < b.incarnation;
}
