/**
 * What a node may have of a limit when others were lost without a goodbye, which may mean that they died, or that the
 * network was cut and they go on over there (replication 7.21).
 *
 * The side with more than half of the last full view goes on with all N. Each member of the smaller side may have its part
 * of N, until the others have been away for so long that it counts as a cluster of its own. So together they stay near
 * 1.5 N for that time, at most 2 N where N is less than the nodes: what is left over goes by rank, to whichever side.
 *
 * Hazard: who begins does not know the nodes that were lost before. After a crash, a restart and a cut, both sides may take
 * themselves for the larger one, and each goes on with all N.
 */
import { isSlots, type Rate, unitsIn, windowStartMs } from './rate.ts';

/** share: as above. open: everybody goes on with N. closed: the smaller side stops (replication 21.7). */
export const partitionPolicies = ['share', 'open', 'closed'] as const;
export type PartitionPolicy = (typeof partitionPolicies)[number];

/** Those lost for longer are no longer waited for. */
export const partitionMs = 300_000;

export class Shares {
  /** Nodes of the last full view, and those that have joined since, by name. */
  #full: string[] = [];
  #present: ReadonlySet<string> = new Set();
  readonly #lostMs = new Map<string, number>();
  /** When this side became the smaller one. */
  #smallerSinceWallMs: number | undefined;

  get isSmaller(): boolean {
    return this.#smallerSinceWallMs !== undefined;
  }

  viewInstalled(present: readonly string[], left: readonly string[], nowMs: number, wallMs: number): void {
    this.#present = new Set(present);
    const all = new Set([...this.#full, ...present]);
    for (const name of left) if (!this.#present.has(name)) all.delete(name);
    for (const name of all) {
      if (this.#present.has(name)) this.#lostMs.delete(name);
      else if (!this.#lostMs.has(name)) this.#lostMs.set(name, nowMs);
    }
    this.#setFull([...all], wallMs);
  }

  /** True when there is more to be had now. */
  expire(nowMs: number, wallMs: number): boolean {
    const stays = (name: string) => nowMs - (this.#lostMs.get(name) ?? nowMs) < partitionMs;
    if (this.#full.every(stays)) return false;
    const wasSmaller = this.isSmaller;
    this.#setFull(this.#full.filter(stays), wallMs);
    return wasSmaller;
  }

  /** Units that a node of this side may have in a window, as long as the account has them. */
  most(policy: PartitionPolicy, node: string, rate: Rate, window: number): number {
    const sinceMs = this.#smallerSinceWallMs;
    if (sinceMs === undefined || policy === 'open') return Number.POSITIVE_INFINITY;
    // Of the window in which the others were lost, all may have been granted over there.
    if (policy === 'closed' || (!isSlots(rate) && windowStartMs(rate, window) <= sinceMs)) return 0;
    const size = this.#full.length;
    const rank = this.#full.indexOf(node);
    const units = unitsIn(rate, window);
    return Math.floor(units / size) + (rank < units % size ? 1 : 0);
  }

  #setFull(names: string[], wallMs: number): void {
    this.#full = names.sort();
    for (const name of this.#lostMs.keys()) if (!names.includes(name)) this.#lostMs.delete(name);
    const missing = this.#lostMs.size;
    const present = names.length - missing;
    const isLarger = present > missing || (present === missing && this.#present.has(names[0] ?? ''));
    if (isLarger) this.#smallerSinceWallMs = undefined;
    else this.#smallerSinceWallMs ??= wallMs;
  }
}
