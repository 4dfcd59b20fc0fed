/**
 * Shared throttles under faults (R4, replication 7.18-7.21): every node takes units all the time, with a clock that is a
 * little off. What was allowed is counted by window over all processes, also those that have ended.
 *
 * Never more than N of a window are allowed when around it no two nodes were in views without common members, and at most
 * one process ended. Where nodes are stably divided, the larger part has N and each member of the others its share of N,
 * with what is left over by rank, as long as nobody has begun or ended since all agreed. At the end, when all is whole,
 * exactly N.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ReplicaSettings } from '../../src/core/settings.ts';
import {
  parseRate,
  type Rate,
  unitsIn,
  windowAt,
  windowMs,
  windowStartMs,
} from '../../src/core/throttle/rate.ts';
import { type View, viewKey } from '../../src/core/view.ts';
import { type ObjectChecker, type ObjectWorld, runningNodes } from './object-checker.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SimNode } from './sim-node.ts';

/** From one event to the next. */
interface Stretch {
  readonly fromMs: number;
  readonly isAgreed: boolean;
  /** Some living nodes are in views that have no member in common. */
  readonly isDivided: boolean;
  /** Processes that have ended so far. */
  readonly ended: number;
  /** Names of all nodes when all agreed; undefined when somebody has begun or ended since: who was what to whom? */
  readonly full: readonly string[] | undefined;
  /** Names of the nodes in each view. */
  readonly parts: readonly (readonly string[])[];
  readonly clocksDiffer: boolean;
  readonly views: string;
}

const object = 'shared_named_throttles';
const settings: ReplicaSettings = {
  name: object,
  type: object,
  parameters: [],
  maxDelayMs: 300,
  maxPending: 20,
  maxKeys: 200,
  maxThrottles: 1000,
  maxSize: 60,
  bindingGroup: undefined,
};
const rates: Readonly<Record<string, string>> = {
  wanted: '5/1',
  long: '20/4',
  rare: '1/3',
  smooth: '6/3,burst=2',
};
/** Somebody wants more of it all the time, on every node. */
const wanted = 'wanted';
/** A window is judged by what happened until so long before and after it, and the one before. */
const calmMs = 1_500;

export class QuotaChecker implements ObjectChecker {
  readonly settings = settings;
  readonly mostSkewMs = 400;
  readonly quietMs = 6_000;
  readonly #world: ObjectWorld;
  readonly #random: SeededRandom;
  readonly #allowed = new Map<string, Map<number, number>>();
  readonly #stretches: Stretch[] = [];
  #full: readonly string[] | undefined;
  #alive: readonly SimNode[] = [];
  #ended = 0;

  constructor(world: ObjectWorld) {
    this.#world = world;
    this.#random = new SeededRandom(world.seed, 'quotas');
  }

  start(node: SimNode): void {
    this.#note();
    node.member.membership.listen({ viewInstalled: () => this.#note() });
    if (throttlesOf(node)) this.#wantMore(node);
  }

  act(): void {
    this.#note();
    const running = runningNodes(this.#world);
    if (running.length > 0) this.#takeSome(this.#random.pick(running));
  }

  check(): string[] {
    this.#note();
    const violations: string[] = [];
    for (const [id, windows] of this.#allowed) {
      const rate = parseRate(rates[id]!)!;
      for (const [window, units] of windows) {
        const most = this.#most(rate, window);
        if (units > most)
          violations.push(
            `R4 ${units} of '${id}' ${rates[id]} were allowed in window ${window}, ${most} may be`,
          );
      }
    }
    return [...violations, ...this.#requireAll(), ...this.#requireAnswers()];
  }

  #most(rate: Rate, window: number): number {
    const around = this.#stretchesAround(rate, window);
    const units = unitsIn(rate, window);
    const [first] = around;
    if (!first || around.some(({ clocksDiffer }) => clocksDiffer)) return Number.POSITIVE_INFINITY;
    if (around.every(({ isDivided }) => !isDivided))
      return around.at(-1)!.ended - first.ended <= 1 ? units : Number.POSITIVE_INFINITY;
    return around.length > 1 || !first.full
      ? Number.POSITIVE_INFINITY
      : mostDivided(units, first.full, first.parts);
  }

  #stretchesAround(rate: Rate, window: number): readonly Stretch[] {
    const epochMs = this.#world.clock.wallMs() - this.#world.clock.nowMs();
    const startMs = windowStartMs(rate, window) - epochMs - calmMs - windowMs(rate);
    const endMs = windowStartMs(rate, window + 1) - epochMs + calmMs;
    const first = this.#stretches.findLastIndex(({ fromMs }) => fromMs <= startMs);
    if (first < 0) return [];
    const after = this.#stretches.findIndex(({ fromMs }) => fromMs > endMs);
    return this.#stretches.slice(first, after < 0 ? undefined : after);
  }

  /** The last whole windows, in which nothing happens any more. */
  #requireAll(): string[] {
    const rate = parseRate(rates[wanted]!)!;
    const now = windowAt(rate, this.#world.clock.wallMs() - this.mostSkewMs);
    return [now - 1, now - 2].flatMap((window) => {
      const [stretch, ...more] = this.#stretchesAround(rate, window);
      const units = this.#allowed.get(wanted)?.get(window) ?? 0;
      if (!stretch?.isAgreed || more.length > 0 || stretch.clocksDiffer || units === rate.units) return [];
      return [
        `REP-7.18 ${units} of '${wanted}' were allowed in window ${window}, though all ${rate.units} were wanted`,
      ];
    });
  }

  #requireAnswers(): string[] {
    if (!this.#stretches.at(-1)!.isAgreed) return [];
    return this.#world.living().flatMap((node) => {
      const replica = node.member.throttles.get(object);
      if (replica?.standing !== 'partial') return [];
      return [`REP-7.20 ${node.name} still waits for reports: ${replica.state}`];
    });
  }

  #takeSome(node: SimNode): void {
    const throttles = throttlesOf(node)!;
    const id = this.#random.pick(Object.keys(rates));
    throttles.create(id, rates[id]!);
    for (let i = this.#random.below(6); i >= 0; i--)
      throttles.take(id, (waitMs, window) => {
        if (waitMs === 0) this.#allow(id, window);
      });
  }

  #wantMore(node: SimNode): void {
    const throttles = throttlesOf(node)!;
    throttles.create(wanted, rates[wanted]!);
    throttles.tarpit(wanted, (window) => {
      this.#allow(wanted, window);
      node.clock.after(0, () => this.#wantMore(node));
    });
  }

  #allow(id: string, window: number): void {
    const windows = this.#allowed.get(id) ?? new Map<number, number>();
    this.#allowed.set(id, windows.set(window, (windows.get(window) ?? 0) + 1));
  }

  #note(): void {
    const living = this.#world.living();
    const views = living.map((node) => node.member.membership.view);
    const isAgreed = new Set(views.map(({ id }) => viewKey(id))).size === 1;
    const ended = this.#alive.filter((node) => !living.includes(node)).length;
    if (isAgreed) this.#full = namesOf(views[0]!);
    else if (ended > 0 || living.some((node) => !this.#alive.includes(node))) this.#full = undefined;
    this.#ended += ended;
    this.#alive = living;
    const last = this.#stretches.at(-1);
    const stretch = {
      isAgreed,
      isDivided: views.some((a) => views.some((b) => !haveCommon(a, b))),
      ended: this.#ended,
      full: this.#full,
      parts: [...new Map(views.map((view) => [viewKey(view.id), namesOf(view)])).values()],
      clocksDiffer: living.some(({ clock }) => Math.abs(clock.wallStepMs) > this.mostSkewMs),
      views: views.map(({ id }) => viewKey(id)).join(),
    };
    if (!last || !isDeepStrictEqual({ ...last, fromMs: 0 }, { ...stretch, fromMs: 0 }))
      this.#stretches.push({ fromMs: this.#world.clock.nowMs(), ...stretch });
  }
}

/** All of N in the part with more than half, of two halves the one with the first name; in others as written above. */
function mostDivided(units: number, full: readonly string[], parts: Stretch['parts']): number {
  const shareOf = (name: string) =>
    Math.floor(units / full.length) + (full.indexOf(name) < units % full.length ? 1 : 0);
  return sum(
    parts.map((part) => {
      const isHalf = part.length * 2 === full.length && part.includes(full[0]!);
      return part.length * 2 > full.length || isHalf ? units : sum(part.map(shareOf));
    }),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function throttlesOf(node: SimNode) {
  return node.member.throttles.get(object)?.throttles;
}

/** In the order of ranks. */
function namesOf({ members }: View): string[] {
  return members.flatMap(({ type, node }) => (type === 'Momentum' ? [node] : [])).sort();
}

function haveCommon(a: View, b: View): boolean {
  return a.members.some(({ incarnation }) => b.members.some((other) => other.incarnation === incarnation));
}
