/**
 * The sums of one stream, in windows of all sizes that are asked for here: of this node alone, and of all nodes.
 * Receivers may keep other windows than the sender (replication 8.10): a cell counts in the window that it begins in.
 */
import { maxCount } from '../replica/table.ts';
import type { Work } from '../replica/work.ts';
import type { KeyType, StreamDefinition } from './cell.ts';
import { plus, type StreamKey } from './stream-key.ts';
import { type Query, WindowTotals } from './window-totals.ts';

/** Windows of so many seconds, of which so many finished ones are kept. */
export interface Monitor {
  readonly sizeS: number;
  readonly count: number;
}

/** local: counted by this node. cluster: by all. */
export type Scope = 'local' | 'cluster';

export class StreamTotals {
  readonly keyType: KeyType;
  readonly #sizes = new Map<number, Record<Scope, WindowTotals>>();

  constructor(keyType: KeyType, monitors: Iterable<Monitor>) {
    this.keyType = keyType;
    for (const { sizeS, count } of monitors) {
      const most = Math.max(count, this.#sizes.get(sizeS)?.local.count ?? 0);
      const both = { local: new WindowTotals(sizeS, most), cluster: new WindowTotals(sizeS, most) };
      this.#sizes.set(sizeS, both);
    }
  }

  /** A node counts for so many keys in a window, and others go together. */
  hasRoom(second: number, key: StreamKey, maxKeys: number): boolean {
    for (const { local } of this.#sizes.values()) {
      const sums = local.keys(local.at(second));
      if (sums.size >= maxKeys && !sums.has(key)) return false;
    }
    return true;
  }

  addOwn(second: number, key: StreamKey, by: number): void {
    for (const { local, cluster } of this.#sizes.values()) {
      local.add(second, key, by);
      cluster.add(second, key, by);
    }
  }

  addOthers({ intervalS }: StreamDefinition, cell: number, key: StreamKey, by: number): void {
    for (const { cluster } of this.#sizes.values()) cluster.add(cell * intervalS, key, by);
  }

  /**
   * The sum over windows `start` to `end`, 0 being the current one. With window 0 goes the one after it: a node whose
   * clock is ahead is there already (4.14).
   */
  sum(scope: Scope, sizeS: number, nowS: number, start: number, end: number, query: Query): number {
    const windows = this.#windows(scope, sizeS);
    if (!windows) return 0;
    const current = windows.at(nowS);
    let total = start === 0 ? windows.sum(current + 1, query) : 0;
    for (let back = start; back <= end; back++) total = plus(total, windows.sum(current - back, query));
    return Math.max(-maxCount, Math.min(total, maxCount));
  }

  /** Keys and sums of one window, of this moment. */
  keys(scope: Scope, sizeS: number, nowS: number, back: number): Map<StreamKey, number> {
    const windows = this.#windows(scope, sizeS);
    const sums = new Map(windows?.keys(windows.at(nowS) - back));
    if (back > 0 || !windows) return sums;
    for (const [key, sum] of windows.keys(windows.at(nowS) + 1)) sums.set(key, plus(sums.get(key) ?? 0, sum));
    return sums;
  }

  *age(nowS: number): Work {
    for (const { local, cluster } of this.#sizes.values()) {
      yield* local.age(nowS);
      yield* cluster.age(nowS);
    }
  }

  #windows(scope: Scope, sizeS: number): WindowTotals | undefined {
    return this.#sizes.get(sizeS)?.[scope];
  }
}
