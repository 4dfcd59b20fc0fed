/**
 * What a node may have of a limit when others were lost without a goodbye, which may mean that they died, or that the
 * network was cut and they go on over there (replication 7.21).
 *
 * The side with more than half of the last full view goes on with all N. Each member of the smaller side may have its part
 * of N, until the others have been away for so long that it counts as a cluster of its own. So together they stay near
 * 1.5 N for that time, at most 2 N where N is less than the nodes: what is left over goes by rank, to whichever side.
 *
 * Who begins after a loss learns from the others of its view whom they lost. Hazards: where all nodes of a side begin anew,
 * nobody there knows the others, and nodes of new names count for the side they join, so both sides may take themselves for
 * the larger one and go on with all N. And a goodbye that only some heard counts as a loss for all.
 */
import { isSlots, type Rate, unitsIn, windowStartMs } from './rate.ts';

/** share: as above. open: everybody goes on with N. closed: the smaller side stops (replication 21.7). */
export const partitionPolicies = ['share', 'open', 'closed'] as const;
export type PartitionPolicy = (typeof partitionPolicies)[number];

/** Those lost for longer are no longer waited for. */
export const partitionMs = 300_000;
/** Names kept on the word of others. */
const maxNames = 1024;

/** A node that is gone without a goodbye, as its former companions tell it. */
export interface LostNode {
  readonly node: string;
  /** How long ago. */
  readonly forMs: number;
}

export class Shares {
  /** Nodes of the last full view, and those that have joined since, by name. */
  #full: string[] = [];
  #present: ReadonlySet<string> = new Set();
  /** When each of the others was lost. */
  readonly #lostMs = new Map<string, number>();
  /** When so many were lost that this side is the smaller one. */
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
    this.#setFull([...all], nowMs, wallMs);
  }

  lost(nowMs: number): LostNode[] {
    return [...this.#lostMs].map(([node, lostMs]) => ({ node, forMs: Math.floor(nowMs - lostMs) }));
  }

  /** Whom another member of this view has lost. Who was with a node last knows best for how long it is gone. */
  heard(lost: readonly LostNode[], nowMs: number, wallMs: number): void {
    const all = new Set(this.#full);
    for (const { node, forMs } of lost) {
      if (this.#present.has(node) || forMs >= partitionMs) continue;
      if (!all.has(node) && all.size >= maxNames) continue;
      all.add(node);
      this.#lostMs.set(node, Math.max(this.#lostMs.get(node) ?? Number.NEGATIVE_INFINITY, nowMs - forMs));
    }
    this.#setFull([...all], nowMs, wallMs);
  }

  /** True when there is more to be had now. */
  expire(nowMs: number, wallMs: number): boolean {
    const stays = (name: string) => nowMs - (this.#lostMs.get(name) ?? nowMs) < partitionMs;
    if (this.#full.every(stays)) return false;
    const wasSmaller = this.isSmaller;
    this.#setFull(this.#full.filter(stays), nowMs, wallMs);
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

  #setFull(names: string[], nowMs: number, wallMs: number): void {
    this.#full = names.sort();
    for (const name of this.#lostMs.keys()) if (!names.includes(name)) this.#lostMs.delete(name);
    const sinceMs = this.#smallerSinceMs();
    this.#smallerSinceWallMs = sinceMs === undefined ? undefined : wallMs - (nowMs - sinceMs);
  }

  /** The loss after which those still there were no longer the larger part. */
  #smallerSinceMs(): number | undefined {
    let present = this.#full.length;
    let isFirstPresent = true;
    for (const [name, lostMs] of [...this.#lostMs].sort(([, a], [, b]) => a - b)) {
      present--;
      if (name === this.#full[0]) isFirstPresent = false;
      const missing = this.#full.length - present;
      if (present < missing || (present === missing && !isFirstPresent)) return lostMs;
    }
    return undefined;
  }
}
