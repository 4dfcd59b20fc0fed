/**
 * Which node an address prefers, when its participants agree on one (OWN-11).
 *
 * A preference counts only while the node it names could take the address; of an ordered list (EXT-6) the first such
 * name stands for the list. Two different names that both count cancel each other: that is a conflict, never a choice
 * between them, since each half of a divided cluster would choose its own.
 */

export interface EffectivePreference {
  /** Node name; undefined without preference and in a conflict. */
  readonly preferred: string | undefined;
  readonly conflict: boolean;
}

export const noPreference: EffectivePreference = { preferred: undefined, conflict: false };
const conflicting: EffectivePreference = { preferred: undefined, conflict: true };

/**
 * `lists`: the preferences that live participants announce, in any order. `counts`: is this node a live, capable
 * participant that is not draining?
 */
export function effectivePreference(
  lists: Iterable<readonly string[]>,
  counts: (node: string) => boolean,
): EffectivePreference {
  let preferred: string | undefined;
  for (const list of lists) {
    const first = list.find(counts);
    if (first === undefined || first === preferred) continue;
    if (preferred !== undefined) return conflicting;
    preferred = first;
  }
  return preferred === undefined ? noPreference : { preferred, conflict: false };
}
