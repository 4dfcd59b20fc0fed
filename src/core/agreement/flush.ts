/**
 * What members of an old view deliver before they move on together (BUS-11): everything any of them has delivered.
 *
 * Invariant: of each old view, the survivor that got furthest holds all entries that another survivor may lack, because
 * entries are dropped only when every member of that view is known to have them.
 */
import type { Incarnation } from '../identity.ts';
import { type ViewId, viewKey } from '../view.ts';
import type { Flush, OrderedEntry } from './messages.ts';
import type { OrderedStream } from './ordered-stream.ts';

/** How far one process got in the view it is about to leave. */
export interface OkSummary {
  readonly view: ViewId;
  readonly applied: number;
  readonly unstable: readonly OrderedEntry[];
}

export function summaryOf(view: ViewId, stream: OrderedStream): OkSummary {
  return { view, applied: stream.applied, unstable: [...stream.kept] };
}

/** One flush for each old view among the members of a proposal. */
export function flushFor(oks: ReadonlyMap<Incarnation, OkSummary>): Flush[] {
  const byView = new Map<
    string,
    {
      view: ViewId;
      upTo: number;
      lowest: number;
      survivors: Incarnation[];
      entries: Map<number, OrderedEntry>;
    }
  >();
  for (const [incarnation, { view, applied, unstable }] of oks) {
    const key = viewKey(view);
    let old = byView.get(key);
    if (!old) {
      old = { view, upTo: applied, lowest: applied, survivors: [], entries: new Map() };
      byView.set(key, old);
    }
    old.upTo = Math.max(old.upTo, applied);
    old.lowest = Math.min(old.lowest, applied);
    old.survivors.push(incarnation);
    for (const entry of unstable) old.entries.set(entry.number, entry);
  }
  return [...byView.values()].map(({ view, upTo, lowest, survivors, entries }) => ({
    view,
    upTo,
    survivors,
    entries: [...entries.values()]
      .filter(({ number }) => number > lowest && number <= upTo)
      .sort((a, b) => a.number - b.number),
  }));
}
