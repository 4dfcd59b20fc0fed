/**
 * What can go wrong, as plain data: a schedule of faults is generated from a seed, printed when it finds something,
 * shrunk, and kept as a regression file.
 */
import type { ObjectKind } from './object-checker.ts';
import { makeReloads, type TimedReload } from './reloads.ts';
import { SeededRandom } from './seeded-random.ts';

export type Fault =
  /** Servers in different groups do not reach each other. */
  | { readonly kind: 'partition'; readonly sides: readonly number[] }
  | { readonly kind: 'one-way'; readonly from: number; readonly to: number; readonly reaches: boolean }
  /** Each direction between two servers works with this probability. */
  | { readonly kind: 'graph'; readonly reaches: readonly (readonly boolean[])[] }
  | { readonly kind: 'heal' }
  | { readonly kind: 'loss'; readonly probability: number }
  | { readonly kind: 'duplicate'; readonly probability: number }
  | { readonly kind: 'kill'; readonly node: number; readonly downMs: number }
  | { readonly kind: 'stop'; readonly node: number; readonly downMs: number }
  | { readonly kind: 'pause'; readonly node: number; readonly forMs: number }
  | { readonly kind: 'clone'; readonly node: number; readonly forMs: number }
  | { readonly kind: 'server-down'; readonly server: number; readonly forMs: number }
  | { readonly kind: 'link-break'; readonly node: number; readonly link: 'm' | 's'; readonly forMs: number }
  | { readonly kind: 'clock-step'; readonly node: number; readonly byMs: number }
  | VipFault;

/** What else can happen to floating addresses. `vip` is the place of an address in the list. */
export type VipFault =
  /** The process ends and its guardian with it: addresses linger until the lease is over. */
  | { readonly kind: 'unguarded-kill'; readonly node: number; readonly downMs: number }
  | { readonly kind: 'address-off'; readonly node: number; readonly vip: number }
  | { readonly kind: 'plumb-fails'; readonly node: number; readonly vip: number; readonly forMs: number }
  | { readonly kind: 'release-fails'; readonly node: number; readonly vip: number; readonly forMs: number }
  | { readonly kind: 'drain'; readonly node: number; readonly forMs: number }
  | { readonly kind: 'move'; readonly node: number; readonly vip: number };

export interface VipScenario {
  readonly addresses: number;
  readonly quorum: 'none' | 'majority';
  /** Some addresses prefer a node. */
  readonly preferences?: boolean;
  readonly reloads?: readonly TimedReload[];
  /** Kept scenarios only: how long nobody may answer, once from this time on somebody did. */
  readonly longestGap?: { readonly fromMs: number; readonly ms: number };
}

export interface TimedFault {
  readonly atMs: number;
  readonly fault: Fault;
}

/** The shape of one run; everything else follows from the seed. */
export interface Scenario {
  readonly seed: number;
  readonly nodes: number;
  /** One of the nodes is a manager. */
  readonly manager: boolean;
  /** One server a node (embedded), or a few shared ones. */
  readonly servers: number;
  readonly advisories: boolean;
  readonly chaosMs: number;
  readonly faults: readonly TimedFault[];
  /** Reachability between servers after the last fault; undefined = everybody reaches everybody. */
  readonly finalReach: readonly (readonly boolean[])[] | undefined;
  readonly vips?: VipScenario;
  /** What is shared besides counters; wall clocks are a little ahead or behind then. */
  readonly objects?: readonly ObjectKind[];
  /** Kept scenarios only: how many installs of views are enough from this time on. */
  readonly mostInstalls?: { readonly fromMs: number; readonly count: number };
}

export interface ScenarioLimits {
  readonly nodes?: number | undefined;
  readonly chaosMs?: number | undefined;
  /** With floating addresses. */
  readonly vips?: boolean | undefined;
  /** What is shared besides counters. */
  readonly objects?: readonly ObjectKind[];
}

/** What follows from a seed. */
export function scenarioOf(seed: number, limits: ScenarioLimits = {}): Scenario {
  const make = limits.vips ? makeVipScenario : makeScenario;
  const scenario = make(seed, new SeededRandom(seed, 'scenario'), limits);
  const { objects = [] } = limits;
  if (objects.length === 0) return scenario;
  // A node whose clock is far ahead has its writes to caches refused (FLT-2003), and those of others are old to it.
  const isAllowed = ({ fault }: TimedFault) => fault.kind !== 'clock-step' || !objects.includes('caches');
  const allowed = { ...scenario, faults: scenario.faults.filter(isAllowed), objects };
  return objects.includes('logs') ? withLogs(allowed) : allowed;
}

/**
 * Somebody collects them, is killed more often than others, and can reach everybody in the end. Two processes of one name
 * would share a disk.
 */
function withLogs(scenario: Scenario): Scenario {
  const { seed, nodes, chaosMs } = scenario;
  const random = new SeededRandom(seed, 'logs');
  const faults = scenario.faults.filter(({ fault }) => fault.kind !== 'clone');
  for (let atMs = 3_000; atMs < chaosMs; atMs += 1_000 + random.below(5_000)) {
    const node = random.chance(0.6) ? nodes - 1 : random.below(nodes);
    faults.push({ atMs, fault: { kind: 'kill', node, downMs: random.below(1_500) } });
  }
  faults.sort((a, b) => a.atMs - b.atMs);
  return { ...scenario, faults, manager: true, finalReach: undefined };
}

function makeScenario(seed: number, random: SeededRandom, limits: ScenarioLimits = {}): Scenario {
  const nodes = limits.nodes ?? 3 + random.below(6);
  const embedded = random.chance(0.6);
  const servers = embedded ? nodes : 1 + random.below(3);
  const chaosMs = limits.chaosMs ?? 40_000;
  const faults: TimedFault[] = [];
  const meanGapMs = random.pick([700, 1500, 2600]);
  for (let atMs = 1000 + random.below(3000); atMs < chaosMs; atMs += 100 + random.below(2 * meanGapMs)) {
    faults.push({ atMs, fault: randomFault(random, nodes, servers) });
  }
  while (faults.length < 10)
    faults.push({ atMs: 1000 + random.below(chaosMs - 1000), fault: randomFault(random, nodes, servers) });
  faults.sort((a, b) => a.atMs - b.atMs);
  return {
    seed,
    nodes,
    manager: random.chance(0.25),
    servers,
    advisories: random.chance(0.5),
    chaosMs,
    faults,
    finalReach: random.chance(0.15) ? randomGraph(random, servers, 0.8) : undefined,
  };
}

/** A scenario with floating addresses in it: the same faults, and those that only addresses know. */
function makeVipScenario(seed: number, random: SeededRandom, limits: ScenarioLimits = {}): Scenario {
  const base = makeScenario(seed, random, limits);
  const addresses = 1 + random.below(12);
  const quorum = random.chance(0.5) ? 'majority' : 'none';
  // Two nodes of one name would be two voices: quorum promises nothing then, which docs/guides/duravip.md says.
  const faults = base.faults.filter(({ fault }) => quorum === 'none' || fault.kind !== 'clone');
  for (let atMs = 3_000 + random.below(4_000); atMs < base.chaosMs; atMs += 200 + random.below(4_000))
    faults.push({ atMs, fault: randomVipFault(random, base.nodes, addresses) });
  return {
    ...base,
    finalReach: undefined,
    faults: faults.sort((a, b) => a.atMs - b.atMs),
    vips: {
      addresses,
      quorum,
      preferences: random.chance(0.3),
      reloads: makeReloads(seed, base.nodes, addresses, base.chaosMs),
    },
  };
}

function randomVipFault(random: SeededRandom, nodes: number, addresses: number): VipFault {
  const node = random.below(nodes);
  const vip = random.below(addresses);
  const forMs = 100 + random.below(5_000);
  const x = random.next();
  if (x < 0.25) return { kind: 'unguarded-kill', node, downMs: random.below(4_000) };
  if (x < 0.4) return { kind: 'address-off', node, vip };
  if (x < 0.55) return { kind: 'plumb-fails', node, vip, forMs };
  if (x < 0.7) return { kind: 'release-fails', node, vip, forMs };
  if (x < 0.85) return { kind: 'drain', node, forMs };
  return { kind: 'move', node, vip };
}

function randomFault(random: SeededRandom, nodes: number, servers: number): Fault {
  const node = random.below(nodes);
  const server = random.below(servers);
  const x = random.next();
  if (x < 0.16)
    return {
      kind: 'partition',
      sides: Array.from({ length: servers }, () => random.below(2 + random.below(2))),
    };
  if (x < 0.26)
    return { kind: 'one-way', from: server, to: random.below(servers), reaches: random.chance(0.4) };
  if (x < 0.32) return { kind: 'graph', reaches: randomGraph(random, servers, 0.75) };
  if (x < 0.46) return { kind: 'heal' };
  if (x < 0.52) return { kind: 'loss', probability: random.chance(0.5) ? 0 : random.next() * 0.25 };
  if (x < 0.55) return { kind: 'duplicate', probability: random.next() * 0.2 };
  if (x < 0.68) return { kind: 'kill', node, downMs: random.below(4000) };
  if (x < 0.74) return { kind: 'stop', node, downMs: random.below(3000) };
  if (x < 0.82) return { kind: 'pause', node, forMs: 50 + random.below(random.chance(0.5) ? 900 : 5000) };
  if (x < 0.84) return { kind: 'clone', node, forMs: 1000 + random.below(6000) };
  if (x < 0.9) return { kind: 'server-down', server, forMs: 100 + random.below(4000) };
  if (x < 0.97)
    return { kind: 'link-break', node, link: random.chance(0.5) ? 'm' : 's', forMs: random.below(3000) };
  return { kind: 'clock-step', node, byMs: (random.chance(0.5) ? -1 : 1) * random.below(7_200_000) };
}

function randomGraph(random: SeededRandom, servers: number, probability: number): boolean[][] {
  return Array.from({ length: servers }, (_, a) =>
    Array.from({ length: servers }, (_, b) => a === b || random.chance(probability)),
  );
}
