/** How a working copy differs from what it was made from: what `status` shows and `commit` sends. */
import { sameEntry, sortedPaths, type Tree } from '../../config/repository/tree.ts';
import { baseOf, type CheckoutRecord } from './checkout-record.ts';

export interface LocalChange {
  /** Modified, to be added, to be deleted, not under control, missing, in conflict. */
  readonly letter: 'M' | 'A' | 'D' | '?' | '!' | 'C';
  readonly path: string;
}

export function localChanges(record: CheckoutRecord, here: Tree): LocalChange[] {
  const base = baseOf(record);
  const conflicts = new Set(record.conflicts.map(({ path }) => path));
  const [added, deleted] = [new Set(record.added), new Set(record.deleted)];
  return sortedPaths(new Set([...base.keys(), ...here.keys(), ...conflicts])).flatMap((path) => {
    const [before, now] = [base.get(path), here.get(path)];
    if (conflicts.has(path)) return { letter: 'C' as const, path };
    if (sameEntry(before, now)) return [];
    if (before && now) return { letter: 'M' as const, path };
    if (now) return { letter: added.has(path) ? ('A' as const) : ('?' as const), path };
    return { letter: deleted.has(path) ? ('D' as const) : ('!' as const), path };
  });
}
