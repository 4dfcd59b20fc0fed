/**
 * What strikes when, from a seed and nothing else: gusts of one to three faults that overlap, and a calm behind each.
 * Pure.
 *
 * Invariants: each fault is over before its gust is. No machine is struck twice in a gust. Besides faults that come
 * alone, at most one node, one server and the manager are struck at any moment: the others are a majority, of the nodes
 * and of the servers. Every fault has come before one comes again.
 */
import { SeededRandom } from '../../sim/seeded-random.ts';

/** Whom a fault strikes: one machine of a kind, the route between two servers, or something that concerns all. */
export type Strikes = 'node' | 'server' | 'route' | 'manager' | 'fleet';

/** What the schedule has to know of a fault. */
export interface FaultTraits {
  readonly name: string;
  readonly strikes: Strikes;
  /** Machines that can be struck so; all of a kind unless told. */
  readonly only?: readonly string[];
  /** Between these it lasts; one that ends by itself has lasted when it has ended. */
  readonly lastsMs: readonly [least: number, most: number];
}

export interface Machines {
  readonly nodes: readonly string[];
  readonly servers: readonly string[];
  readonly manager: string;
}

export interface Stroke {
  readonly fault: string;
  readonly victims: readonly string[];
  /** From the beginning of the gust. */
  readonly fromMs: number;
  readonly untilMs: number;
}

export interface Gust {
  readonly number: number;
  /** In the order in which they strike. */
  readonly strokes: readonly Stroke[];
  /** So long nothing happens when everything is whole again. */
  readonly calmMs: number;
}

const mostStrokes = 3;
const moreOf100 = 50;
/** A blip is over before or shortly after others notice. */
const blipsOf100 = 20;
const blipMs = [50, 1_600] as const;
const latestStartMs = 2_000;
/** A few windows of the throttle, and time to look at everything. */
const calmMs = [3_500, 6_000] as const;

/** Without end. */
export function* gusts(
  seed: number,
  faults: readonly FaultTraits[],
  machines: Machines,
): Generator<Gust, never> {
  const random = new SeededRandom(seed, 'storm');
  let bag: FaultTraits[] = [];
  for (let number = 1; ; number++) {
    if (bag.length === 0) bag = shuffled(random, faults);
    const together = [bag.shift()!];
    while (together.length < mostStrokes && random.below(100) < moreOf100) {
      const at = bag.findIndex((fault) => goTogether(fault, together));
      if (at < 0) break;
      together.push(...bag.splice(at, 1));
    }
    const strokes = together.map((fault) => strokeOf(random, fault, machines));
    strokes.sort((one, other) => one.fromMs - other.fromMs);
    yield { number, strokes, calmMs: between(random, calmMs) };
  }
}

/** Who needs the same half of the fleet does not come with another one. */
function goTogether({ strikes }: FaultTraits, others: readonly FaultTraits[]): boolean {
  const taken = others.map((other) => sideOf(other.strikes));
  return !taken.includes('fleet') && sideOf(strikes) !== 'fleet' && !taken.includes(sideOf(strikes));
}

function sideOf(strikes: Strikes): Strikes {
  return strikes === 'route' ? 'server' : strikes;
}

function strokeOf(random: SeededRandom, fault: FaultTraits, machines: Machines): Stroke {
  const { name, strikes, lastsMs, only } = fault;
  const victims = only ? [random.pick(only)] : victimsOf(random, strikes, machines);
  const isBlip = strikes !== 'fleet' && random.below(100) < blipsOf100;
  const fromMs = Math.round(random.between(0, latestStartMs));
  return { fault: name, victims, fromMs, untilMs: fromMs + between(random, isBlip ? blipMs : lastsMs) };
}

function victimsOf(
  random: SeededRandom,
  strikes: Strikes,
  { nodes, servers, manager }: Machines,
): readonly string[] {
  switch (strikes) {
    case 'node':
      return [random.pick(nodes)];
    case 'server':
      return [random.pick(servers)];
    case 'route':
      return shuffled(random, servers).slice(0, 2);
    case 'manager':
      return [manager];
    case 'fleet':
      // In the order in which a fault takes them: those of a split, of a rolling restart.
      return shuffled(random, nodes);
  }
}

function shuffled<T>(random: SeededRandom, items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: random.next() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item);
}

function between(random: SeededRandom, [least, most]: readonly [number, number]): number {
  return Math.round(random.between(least, most));
}
