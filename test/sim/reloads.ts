/**
 * Configurations that change while a simulated cluster runs: somebody rolls one out, node after node, forgets a node, and
 * begins the next before the last is everywhere. In the end all have the first one again (DVC-14 to DVC-17).
 *
 * Owns what is in the file of each node; a process that starts reads it, and one that is stopped reads it when it goes on.
 */
import type { FakeLan, FakeMachine } from '../../src/net/fake-lan.ts';
import type { SimVip } from './duravip-settings.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SimNode } from './sim-node.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** What differs from the first configuration; numbers are places of addresses in it. */
export interface SimRevision {
  readonly without: readonly number[];
  /** Addresses that are in no other configuration. */
  readonly added: number;
  /** On another interface. */
  readonly moved: readonly number[];
  readonly preferring: readonly { readonly vip: number; readonly node: number }[];
}

export interface TimedReload {
  readonly atMs: number;
  readonly node: number;
  readonly revision: SimRevision;
}

export interface ReloadsOptions {
  readonly clock: VirtualClock;
  readonly seed: number;
  readonly base: readonly SimVip[];
  readonly reloads: readonly TimedReload[];
  /** The process in a place; a clone has none. */
  readonly nodeAt: (place: number) => SimNode | undefined;
  readonly apply: (node: SimNode, vips: readonly SimVip[]) => void;
  readonly violate: (text: string) => void;
  readonly record: (text: string) => void;
}

/** In the end everybody reads the first configuration again within this. */
const lastRoundMs = 1_000;
const firstMs = 4_000;
const chanceOfReloads = 0.4;
const chanceOfNode = 0.85;

export class Reloads {
  readonly #options: ReloadsOptions;
  readonly #files = new Map<number, readonly SimVip[]>();

  constructor(options: ReloadsOptions) {
    this.#options = options;
    for (const { atMs, node, revision } of options.reloads)
      options.clock.after(atMs, () => this.#read(node, revised(options.base, revision)));
  }

  vipsAt(place: number): readonly SimVip[] {
    return this.#files.get(place) ?? this.#options.base;
  }

  /** As a node does before it joins: what an earlier life has left, and is not configured any more, is off (LIFE-1). */
  clearSlate(machine: FakeMachine, foreign: string): void {
    const place = Number(machine.name.replace(/\D+/, ''));
    const configured = new Set(this.vipsAt(place).flatMap(addressesOf));
    for (const ip of [...machine.addresses.keys()]) {
      if (ip === foreign || configured.has(ip)) continue;
      machine.refusesOff.delete(ip);
      machine.takeOff(ip);
    }
  }

  /** Faults are over: the files are what they were. */
  end(): void {
    const { clock, seed, base, reloads } = this.#options;
    const random = new SeededRandom(seed, 'last reloads');
    for (const place of new Set(reloads.map(({ node }) => node)))
      clock.after(random.below(lastRoundMs), () => this.#read(place, base));
  }

  /** INV-31: what is on the machines is what the tables assign, and nothing is left over or forgotten. */
  quiet(lan: FakeLan, living: readonly SimNode[], foreign: string): void {
    const configured = new Set(this.#options.base.flatMap(addressesOf));
    for (const machine of lan.machines) {
      const on = [...machine.addresses.keys()].filter((ip) => ip !== foreign);
      const node = living.find(({ options }) => options.machine === machine);
      const assigned = node ? this.#assignedTo(node) : [];
      this.#compare(machine, 'on', on, assigned);
      if (node?.member.ownership)
        this.#compare(machine, 'under management', [...machine.managed], [...configured]);
      for (const { ip, interface: name } of [...machine.addresses.values()].flat())
        if (name !== 'eth0') this.#options.violate(`INV-31 ${ip} is on ${name} of ${machine.name}`);
    }
  }

  #read(place: number, vips: readonly SimVip[]): void {
    const { nodeAt, record, apply } = this.#options;
    this.#files.set(place, vips);
    const node = nodeAt(place);
    if (!node?.alive) return;
    node.clock.whenRunning(() => {
      record(`reload ${node.name} ${vips.map(({ ip }) => ip).join(' ')}`);
      apply(node, vips);
    });
  }

  #assignedTo(node: SimNode): string[] {
    const { ownership } = node.member;
    const owned = new Set(ownership?.table.ownedBy(node.incarnation));
    return this.#options.base.filter(({ ip }) => owned.has(ip)).flatMap(addressesOf);
  }

  #compare({ name }: FakeMachine, what: string, is: readonly string[], should: readonly string[]): void {
    const [seen, wanted] = [[...is].sort().join(' '), [...should].sort().join(' ')];
    if (seen !== wanted)
      this.#options.violate(`INV-31 ${what} at ${name}: ${seen || '-'}, not ${wanted || '-'}`);
  }
}

/** Of its own stream, so that everything else of a seed stays what it was. */
export function makeReloads(seed: number, nodes: number, addresses: number, chaosMs: number): TimedReload[] {
  const random = new SeededRandom(seed, 'reloads');
  if (!random.chance(chanceOfReloads)) return [];
  const reloads: TimedReload[] = [];
  for (let atMs = firstMs + random.below(8_000); atMs < chaosMs; atMs += 1_000 + random.below(10_000)) {
    const revision = randomRevision(random, nodes, addresses);
    const spreadMs = 1 + random.below(4_000);
    for (let node = 0; node < nodes; node++)
      if (random.chance(chanceOfNode)) reloads.push({ atMs: atMs + random.below(spreadMs), node, revision });
  }
  return reloads.filter(({ atMs }) => atMs < chaosMs).sort((a, b) => a.atMs - b.atMs);
}

function randomRevision(random: SeededRandom, nodes: number, addresses: number): SimRevision {
  const some = (chance: number) =>
    Array.from({ length: addresses }, (_, vip) => vip).filter(() => random.chance(chance));
  return {
    without: some(0.25),
    added: random.below(4),
    moved: some(0.15),
    preferring: some(0.2).map((vip) => ({ vip, node: random.below(nodes) })),
  };
}

function revised(
  base: readonly SimVip[],
  { without, added, moved, preferring }: SimRevision,
): readonly SimVip[] {
  const kept = base.flatMap((vip, place) => {
    if (without.includes(place)) return [];
    const preferred = preferring.find((each) => each.vip === place);
    return {
      ...vip,
      ...(moved.includes(place) ? { interface: 'eth1' } : {}),
      ...(preferred ? { preferred: `relay-${preferred.node}` } : {}),
    };
  });
  const others = Array.from({ length: added }, (_, i) => ({
    ip: `10.9.2.${i + 1}`,
    follower: undefined,
    preferred: undefined,
  }));
  return [...kept, ...others];
}

function addressesOf({ ip, follower }: SimVip): string[] {
  return follower === undefined ? [ip] : [ip, follower];
}
