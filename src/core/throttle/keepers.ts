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

export function keepersOf(id: string, nodes: readonly Process[]): Keepers {
  const idHash = hashText(id, 0);
  const ranked = nodes
    .map(({ node, incarnation }) => ({ incarnation, rank: hashText(node, idHash) >>> 0 }))
    .sort((a, b) => b.rank - a.rank || (a.incarnation < b.incarnation ? -1 : 1));
  return { holder: ranked[0]!.incarnation, deputy: ranked[1]?.incarnation };
}
