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

  constructor(keyType: KeyType, monitors: Iterable<Monitor>, run: (work: Work) => void) {
    this.keyType = keyType;
    for (const { sizeS, count } of monitors) {
      const most = Math.max(count, this.#sizes.get(sizeS)?.local.count ?? 0);
      const windows = () => new WindowTotals(sizeS, most, run);
      this.#sizes.set(sizeS, { local: windows(), cluster: windows() });
    }
  }

  /** Windows of these monitors are kept. */
  serves(monitors: Iterable<Monitor>): boolean {
    for (const { sizeS, count } of monitors)
      if ((this.#sizes.get(sizeS)?.local.count ?? -1) < count) return false;
    return true;
  }

  /** A node counts for so many keys in a window, and others go together. */
  hasRoom(second: number, key: StreamKey, maxKeys: number): boolean {
    for (const { local } of this.#sizes.values()) {
      const number = local.at(second);
      if (local.size(number) >= maxKeys && local.get(number, key) === 0) return false;
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

  /** Takes out of all windows what this node counted for a key. */
  removeOwn(key: StreamKey): void {
    for (const { local, cluster } of this.#sizes.values()) {
      for (const number of local.numbers()) {
        const sum = local.get(number, key);
        if (sum === 0) continue;
        local.add(number * local.sizeS, key, -sum);
        cluster.add(number * local.sizeS, key, -sum);
      }
    }
  }

  /** What was counted then is in no window any more. */
  isPast(second: number, nowS: number): boolean {
    for (const { local } of this.#sizes.values())
      if (local.at(second) >= local.at(nowS) - local.count) return false;
    return true;
  }

  /** Some window has a sum for the key. */
  has(key: StreamKey): boolean {
    for (const { cluster } of this.#sizes.values())
      for (const number of cluster.numbers()) if (cluster.get(number, key) !== 0) return true;
    return false;
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

  /** Keys and sums of one window; walk it in slices when it may be large. */
  *entries(
    scope: Scope,
    sizeS: number,
    nowS: number,
    back: number,
  ): Generator<readonly [StreamKey, number], void, void> {
    const windows = this.#windows(scope, sizeS);
    if (!windows) return;
    const number = windows.at(nowS) - back;
    const ahead = back === 0 ? number + 1 : Number.NaN;
    for (const [key, sum] of windows.entries(number)) yield [key, plus(sum, windows.get(ahead, key))];
    for (const entry of windows.entries(ahead)) if (windows.get(number, entry[0]) === 0) yield entry;
  }

  /** Of all nodes, in the current one of the smallest windows. */
  current(nowS: number): Iterable<readonly [StreamKey, number]> {
    return this.entries('cluster', Math.min(...this.#sizes.keys()), nowS, 0);
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
