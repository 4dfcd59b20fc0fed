/**
 * Shared throttles and slots under faults (R4, replication 7.18-7.21, 21.1): every node takes units all the time, with a
 * clock that is a little off. Counted are all processes, for units also those that have ended.
 * (Slots are in `slot-holders.ts`.)
 *
 * Never more than N of a window are allowed, besides what newcomers use before they join, when around it at most one process
 * ended or was left behind. Where nodes are stably divided, the larger part has N and each member of the others its share of
 * N, with what is left over by rank. At the end, when all is whole, exactly N.
 */
import type { ReplicaSettings } from '../../src/core/settings.ts';
import {
  parseRate,
  type Rate,
  unitsIn,
  windowAt,
  windowMs,
  windowStartMs,
} from '../../src/core/throttle/rate.ts';
import { type ObjectChecker, type ObjectWorld, runningNodes } from './object-checker.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SimNode } from './sim-node.ts';
import { SlotHolders, type SlotUse } from './slot-holders.ts';
import { type Stretch, Stretches } from './stretches.ts';

const object = 'shared_named_throttles';
const settings: ReplicaSettings = {
  name: object,
  type: object,
  parameters: [],
  maxDelayMs: 300,
  maxPending: 20,
  maxKeys: 200,
  maxThrottles: 1000,
  maxWaitMs: 200,
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
/** Everybody asks for it as soon as there is a new view, when a new holder knows least of what was granted before. */
const atOnce = 'long';
const atOnceUnits = 3;
const slots = { id: 'slots', count: 2, wanted: 1, longestMs: 1_500, restMs: 0 };
/** A limit is forgotten after a second without use: the next use begins with what the members remember of it. */
const restingSlots = { id: 'resting slots', count: 3, wanted: 3, longestMs: 500, restMs: 6_000 };
/** A window is judged by what happened until so long before and after it, and the one before. */
const calmMs = 1_500;

/** Units of one window. */
interface Allowed {
  readonly id: string;
  readonly window: number;
  readonly all: number;
  /** Of these by nodes that were alone. */
  readonly alone: number;
}

export class QuotaChecker implements ObjectChecker {
  readonly settings = settings;
  readonly mostSkewMs = 400;
  readonly quietMs = 6_000;
  readonly #world: ObjectWorld;
  readonly #random: SeededRandom;
  readonly #allowed = new Map<string, Allowed>();
  readonly #stretches: Stretches;
  readonly #slots: SlotHolders;
  readonly #restingSlots: SlotHolders;

  constructor(world: ObjectWorld) {
    this.#world = world;
    this.#random = new SeededRandom(world.seed, 'quotas');
    this.#stretches = new Stretches(world, {
      mostSkewMs: this.mostSkewMs,
      calmMs,
      isInformed: (node) => replicaOf(node)?.standing !== 'partial',
    });
    const holders = (use: SlotUse) =>
      new SlotHolders(
        {
          clock: world.clock,
          random: new SeededRandom(world.seed, use.id),
          stretches: this.#stretches,
          calmMs,
          living: () => world.living(),
          replicaOf,
        },
        use,
      );
    this.#slots = holders(slots);
    this.#restingSlots = holders(restingSlots);
  }

  start(node: SimNode): void {
    this.#stretches.note();
    node.member.membership.listen({
      viewInstalled: (view) => {
        this.#stretches.note();
        if (view.members.length > 1) this.#ask(node, atOnce, atOnceUnits);
      },
    });
    if (!replicaOf(node)) return;
    this.#wantMore(node);
    this.#slots.start(node);
    this.#restingSlots.start(node);
  }

  act(): void {
    this.#stretches.note();
    const running = runningNodes(this.#world);
    if (running.length > 0) this.#takeSome(this.#random.pick(running));
  }

  check(nodes: readonly SimNode[]): string[] {
    this.#stretches.note();
    const violations = [...this.#slots.tooMany, ...this.#restingSlots.tooMany];
    for (const allowed of this.#allowed.values()) {
      const { id, window, all } = allowed;
      const most = this.#most(allowed);
      if (all > most)
        violations.push(`R4 ${all} of '${id}' ${rates[id]} were allowed in window ${window}, ${most} may be`);
    }
    // Where routes stay cut, members of one view may be unable to exchange grants: who hears no holder is granted nothing.
    if (!this.#world.living().every((node) => nodes.includes(node))) return violations;
    return [...violations, ...this.#requireAll(), ...this.#slots.requireAll(), ...this.#requireAnswers()];
  }

  #most({ id, window, alone }: Allowed): number {
    const rate = parseRate(rates[id]!)!;
    const units = unitsIn(rate, window);
    const around = this.#around(rate, window);
    const [first] = around;
    const last = around.at(-1);
    if (!first || !last || around.some(({ clocksDiffer }) => clocksDiffer)) return Number.POSITIVE_INFINITY;
    if (around.length === 1 && first.isDivided)
      return first.full ? mostDivided(units, first.full, first.parts) : Number.POSITIVE_INFINITY;
    // What newcomers used before they joined comes on top.
    const isOneAccount = last.splits === first.splits && around.every(({ accounts }) => accounts <= 1);
    return isOneAccount && last.gone - first.gone <= 1 ? units + alone : Number.POSITIVE_INFINITY;
  }

  #around(rate: Rate, window: number): readonly Stretch[] {
    const epochMs = this.#world.clock.wallMs() - this.#world.clock.nowMs();
    return this.#stretches.during(
      windowStartMs(rate, window) - epochMs - calmMs - windowMs(rate),
      windowStartMs(rate, window + 1) - epochMs + calmMs,
    );
  }

  /** The last whole windows, in which nothing happens any more. */
  #requireAll(): string[] {
    const rate = parseRate(rates[wanted]!)!;
    const now = windowAt(rate, this.#world.clock.wallMs() - this.mostSkewMs);
    return [now - 1, now - 2].flatMap((window) => {
      const [stretch, ...more] = this.#around(rate, window);
      const units = this.#allowed.get(`${wanted} ${window}`)?.all ?? 0;
      if (!stretch?.isAgreed || more.length > 0 || stretch.clocksDiffer || units === rate.units) return [];
      return [
        `REP-7.18 ${units} of '${wanted}' were allowed in window ${window}, though all ${rate.units} were wanted`,
      ];
    });
  }

  #requireAnswers(): string[] {
    if (!this.#stretches.last.isAgreed) return [];
    return this.#world.living().flatMap((node) => {
      const replica = replicaOf(node);
      if (replica?.standing !== 'partial') return [];
      return [`REP-7.20 ${node.name} still waits for reports: ${replica.state}`];
    });
  }

  #takeSome(node: SimNode): void {
    const id = this.#random.pick(Object.keys(rates));
    this.#ask(node, id, this.#random.below(6) + 1);
  }

  #ask(node: SimNode, id: string, units: number): void {
    const throttles = replicaOf(node)?.throttles;
    throttles?.create(id, rates[id]!);
    for (let i = 0; i < units; i++)
      throttles?.take(id, (waitMs, window) => {
        if (waitMs === 0) this.#allow(node, id, window);
      });
  }

  #wantMore(node: SimNode): void {
    const { throttles } = replicaOf(node)!;
    throttles.create(wanted, rates[wanted]!);
    throttles.tarpit(wanted, (window) => {
      this.#allow(node, wanted, window);
      node.clock.after(0, () => this.#wantMore(node));
    });
  }

  #allow(node: SimNode, id: string, window: number): void {
    const key = `${id} ${window}`;
    const { all, alone } = this.#allowed.get(key) ?? { all: 0, alone: 0 };
    const isAlone = replicaOf(node)!.others.length === 0;
    this.#allowed.set(key, { id, window, all: all + 1, alone: alone + (isAlone ? 1 : 0) });
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

function replicaOf(node: SimNode) {
  return node.member.throttles.get(object);
}
