/**
 * Schedules for faults planted in the part that floats addresses: each provokes what random scenarios rarely do. They are
 * drawn once from fixed streams; the seed of a run then decides delays and losses only.
 */
import type { Fault, Scenario, TimedFault, VipScenario } from './faults.ts';
import type { Schedule } from './planted-faults.ts';
import { SeededRandom } from './seeded-random.ts';

interface Plan {
  readonly nodes: number;
  readonly faults: readonly TimedFault[];
  readonly vips: VipScenario;
  readonly manager?: boolean;
  readonly advisories?: boolean;
}

/** After the start, when all nodes are in one view and addresses are on. */
const firstMs = 5_000;
const chaosMs = 20_000;
/** Before the end of chaos; what a fault leaves behind is not hidden by the next. */
const lastMs = chaosMs - 1_500;

const moving = (addresses: number): VipScenario => ({
  addresses,
  quorum: 'majority',
});
const anywhere = (addresses: number): VipScenario => ({
  addresses,
  quorum: 'none',
});

export const vipSchedules = {
  /** Addresses go to and fro while every message comes twice, the second time late. */
  pingPong: schedule({
    nodes: 3,
    vips: moving(2),
    faults: [duplicates(0.9), ...moves(3, 2, 50)],
  }),
  /** Some hear a node for longer than others do. */
  deafness: schedule({ nodes: 5, vips: moving(6), faults: deafness(5) }),
  /** Addresses of dead machines, which still answer, go to one after another. */
  inheritances: schedule({
    nodes: 3,
    vips: moving(2),
    advisories: true,
    faults: [...moves(3, 2, 50), ...every(2_500, 'deaths', (random) => death(random.below(3)))],
  }),
  /** The side without quorum has the manager. */
  managedMinority: schedule({
    nodes: 6,
    manager: true,
    vips: moving(6),
    faults: partings(6, [5]),
  }),
  /** Naps that outlast a lease. */
  naps: schedule({
    nodes: 3,
    vips: moving(4),
    faults: every(2_500, 'naps', (random) => pause(random.below(3), 900 + random.below(1_500))),
  }),
  /** Addresses that cannot be put on, on their way from node to node. */
  refusals: schedule({
    nodes: 3,
    vips: anywhere(3),
    faults: [...moves(3, 3, 100), ...every(400, 'refusals', refusal(3, 3))],
  }),
  /** An operator gives an address to a node that cannot put it on: it must not stay there (OWN-15). */
  misplaced: schedule({
    nodes: 3,
    vips: { ...anywhere(2), longestGap: { fromMs: 7_000, ms: 1_500 } },
    faults: [0, 1].flatMap((vip) => [
      {
        atMs: 9_000,
        fault: { kind: 'plumb-fails', node: vip, vip: 1 - vip, forMs: 9_000 },
      },
      {
        atMs: 10_000 + 1_000 * vip,
        fault: { kind: 'move', node: vip, vip: 1 - vip },
      },
    ]),
  }),
  /** Announcements, and nothing else, while messages are lost. */
  whispers: schedule({
    nodes: 3,
    vips: anywhere(3),
    faults: [
      losses(0.3),
      ...every(900, 'drains', (random) => drain(random.below(3), 50 + random.below(300))),
    ],
  }),
  /** Long enough for everything to be somewhere else. */
  drains: schedule({
    nodes: 3,
    vips: anywhere(4),
    faults: [
      { atMs: 7_000, fault: drain(0, 6_000) },
      { atMs: 14_000, fault: drain(1, 6_000) },
    ],
  }),
} as const;

function schedule({ nodes, faults, vips, manager = false, advisories = false }: Plan): Schedule {
  const inOrder = [...faults].sort((a, b) => a.atMs - b.atMs);
  const scenario: Omit<Scenario, 'seed'> = {
    ...{ nodes, manager, servers: nodes, advisories, chaosMs, vips },
    faults: inOrder,
    finalReach: undefined,
  };
  return { scenario, busy: false };
}

function every(meanGapMs: number, stream: string, fault: (random: SeededRandom) => Fault): TimedFault[] {
  const random = new SeededRandom(4, stream);
  const faults: TimedFault[] = [];
  for (let atMs = firstMs; atMs < lastMs; atMs += meanGapMs / 2 + random.below(meanGapMs))
    faults.push({ atMs, fault: fault(random) });
  return faults;
}

/** Nodes ask for addresses, in any order. */
function moves(nodes: number, addresses: number, meanGapMs: number): TimedFault[] {
  return every(meanGapMs, 'moves', (random) => ({
    kind: 'move',
    node: random.below(nodes),
    vip: random.below(addresses),
  }));
}

/** Two sides, each time others; who is named always goes with the smaller one. */
function partings(nodes: number, smaller: readonly number[]): TimedFault[] {
  const random = new SeededRandom(4, 'partings');
  const faults: TimedFault[] = [];
  for (let atMs = firstMs; atMs < lastMs - 2_500; atMs += 2_500 + random.below(2_000)) {
    const others = Array.from({ length: nodes }, (_, node) => node).filter((node) => !smaller.includes(node));
    const some = new Set(smaller);
    while (some.size - smaller.length < Math.floor(others.length / 2)) some.add(random.pick(others));
    const sides = Array.from({ length: nodes }, (_, node) => (some.has(node) ? 1 : 0));
    faults.push({ atMs, fault: { kind: 'partition', sides } });
    faults.push({
      atMs: atMs + 800 + random.below(1_800),
      fault: { kind: 'heal' },
    });
  }
  return faults;
}

/** One is no longer heard by another, and after a while by a third; at last by nobody. */
function deafness(nodes: number): TimedFault[] {
  const random = new SeededRandom(4, 'deafness');
  const faults: TimedFault[] = [];
  for (let atMs = firstMs; atMs < lastMs - 4_000; atMs += 4_500) {
    const from = random.below(nodes);
    const others = Array.from({ length: nodes - 1 }, (_, i) => (from + 1 + i) % nodes);
    let cutMs = atMs;
    for (const to of others) {
      faults.push({
        atMs: cutMs,
        fault: { kind: 'one-way', from, to, reaches: false },
      });
      cutMs += random.below(700);
    }
    faults.push({ atMs: atMs + 3_500, fault: { kind: 'heal' } });
  }
  return faults;
}

function refusal(nodes: number, addresses: number) {
  return (random: SeededRandom): Fault => ({
    kind: 'plumb-fails',
    node: random.below(nodes),
    vip: random.below(addresses),
    forMs: 200 + random.below(1_500),
  });
}

function death(node: number): Fault {
  return { kind: 'unguarded-kill', node, downMs: 700 };
}

function pause(node: number, forMs: number): Fault {
  return { kind: 'pause', node, forMs };
}

function drain(node: number, forMs: number): Fault {
  return { kind: 'drain', node, forMs };
}

function losses(probability: number): TimedFault {
  return { atMs: firstMs, fault: { kind: 'loss', probability } };
}

function duplicates(probability: number): TimedFault {
  return { atMs: firstMs, fault: { kind: 'duplicate', probability } };
}
