/**
 * Slots of a throttle in use on every node (R4, replication 21.1): each is held for a while and given back, then wanted
 * again, at once or after a rest in which the node forgets the limit.
 *
 * Never more are held than there are while all have all in their views, and at the end all of those that are wanted all the
 * time are had. One in the hands of a node that others think is gone may be had by somebody else meanwhile.
 */
import type { ThrottleReplica } from '../../src/actors/throttle-replica.ts';
import type { ObjectWorld } from './object-checker.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { SimNode } from './sim-node.ts';
import type { Stretches } from './stretches.ts';

export interface SlotUse {
  readonly id: string;
  readonly count: number;
  /** How many of them a node wants at a time. */
  readonly wanted: number;
  readonly longestMs: number;
  /** Longest time in which a node that has given back all wants none. */
  readonly restMs: number;
}

export interface SlotWorld extends Omit<ObjectWorld, 'seed'> {
  readonly stretches: Stretches;
  readonly random: SeededRandom;
  /** A change of a view is that long under way, at most. */
  readonly calmMs: number;
  replicaOf(node: SimNode): ThrottleReplica | undefined;
}

export class SlotHolders {
  readonly #world: SlotWorld;
  readonly #use: SlotUse;
  readonly #held = new Map<SimNode, number>();
  /** How many a node waits for or holds. */
  readonly #open = new Map<SimNode, number>();
  /** How many were held in all, whenever one was had. */
  readonly #holds: { readonly atMs: number; readonly held: number }[] = [];
  readonly #tooMany: string[] = [];

  constructor(world: SlotWorld, use: SlotUse) {
    this.#world = world;
    this.#use = use;
  }

  get tooMany(): readonly string[] {
    return this.#tooMany;
  }

  start(node: SimNode): void {
    this.#open.set(node, this.#use.wanted);
    for (let i = 0; i < this.#use.wanted; i++) this.#want(node);
  }

  /** Of what is wanted all the time. */
  requireAll(): string[] {
    const { id, count, longestMs } = this.#use;
    const nowMs = this.#world.clock.nowMs();
    const lately = this.#holds.filter(({ atMs }) => atMs > nowMs - 2 * longestMs);
    const most = Math.max(0, ...lately.map(({ held }) => held));
    const [stretch, ...more] = this.#world.stretches.during(nowMs - 4 * longestMs, nowMs);
    const possible = Math.min(count, this.#world.living().filter(this.#world.replicaOf).length);
    if (!stretch?.isAgreed || more.length > 0 || most >= possible) return [];
    return [`REP-21.1 ${most} of ${count} '${id}' are held, though all are wanted`];
  }

  #want(node: SimNode): void {
    const { id, count, longestMs, restMs } = this.#use;
    const { throttles } = this.#world.replicaOf(node)!;
    throttles.createSlots(id, count);
    throttles.tarpit(id, (window) => {
      this.#hold(node, 1);
      node.clock.after(this.#world.random.below(longestMs), () => {
        this.#hold(node, -1);
        throttles.giveBack(id, window);
        if (restMs === 0) this.#want(node);
        else this.#rest(node);
      });
    });
  }

  #rest(node: SimNode): void {
    const open = this.#open.get(node)! - 1;
    this.#open.set(node, open);
    if (open === 0) node.clock.after(this.#world.random.below(this.#use.restMs), () => this.start(node));
  }

  #hold(node: SimNode, by: number): void {
    this.#held.set(node, (this.#held.get(node) ?? 0) + by);
    if (by < 0) return;
    const { clock, stretches, calmMs } = this.#world;
    const { id, count, longestMs } = this.#use;
    const nowMs = clock.nowMs();
    const held = this.#world.living().reduce((sum, living) => sum + (this.#held.get(living) ?? 0), 0);
    this.#holds.push({ atMs: nowMs, held });
    if (held <= count) return;
    stretches.note();
    const lately = stretches.during(nowMs - longestMs - calmMs, nowMs);
    const [first] = lately;
    if (first && lately.every(({ isMutual }) => isMutual) && lately.at(-1)!.gone - first.gone <= 1)
      this.#tooMany.push(`R4 ${held} of ${count} '${id}' were held at ${(nowMs / 1000).toFixed(3)} s`);
  }
}
