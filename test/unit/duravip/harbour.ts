/**
 * A few nodes that float addresses on one simulated segment: production actors, bytes of the real codecs, a fake kernel
 * each. Every change of who answers is checked on the spot: never two at a time, unless the test allows it.
 */
import type { LocalVip } from '../../../src/actors/local-vips.ts';
import type { DuravipSettings, Ownership } from '../../../src/actors/ownership.ts';
import { parsePrefix } from '../../../src/core/address.ts';
import type { VipAnnouncement } from '../../../src/core/duravip/vip.ts';
import type { MembershipSettings } from '../../../src/core/settings.ts';
import { FakeLan, type FakeMachine } from '../../../src/net/fake-lan.ts';
import { SimNetwork } from '../../sim/network.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { SimNode } from '../../sim/sim-node.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

const membership: MembershipSettings = {
  beatIntervalMs: 200,
  failureTimeoutMs: 1_000,
  heartbeatStartDelayMs: 15_000,
  heartbeatIntervalMs: 1_000,
  orderBacklog: 1_024,
  tellsHeard: false,
};

export const matureMs = 5_000;

export interface HarbourOptions {
  readonly ips?: readonly string[];
  /** Changes of what every node announces. */
  readonly vip?: Partial<VipAnnouncement>;
  /** What one node announces of one address. */
  readonly each?: (ip: string, node: string) => Partial<VipAnnouncement>;
  readonly settings?: Partial<DuravipSettings>;
  /** A server for each node, so that the bus can be partitioned; messages take longer between servers. */
  readonly apart?: boolean;
}

export class Harbour {
  readonly clock = new VirtualClock();
  readonly lan = new FakeLan(this.clock);
  readonly ips: readonly string[];
  /** Moments at which more than one machine answered. */
  readonly doubles: string[] = [];
  /** Who answered for an address one after another; `-` is nobody. */
  readonly log = new Map<string, string[]>();
  readonly critical: string[] = [];
  readonly warnings: string[] = [];
  readonly network: SimNetwork;
  readonly #random = new SeededRandom(1, 'harbour');
  readonly #nodes = new Map<string, SimNode>();
  readonly #options: HarbourOptions;

  constructor(options: HarbourOptions = {}) {
    this.#options = options;
    this.ips = options.ips ?? ['10.9.0.1', '10.9.0.2', '10.9.0.3', '10.9.0.4', '10.9.0.5', '10.9.0.6'];
    this.network = new SimNetwork(this.clock, this.#random, 8);
    this.lan.onAnswer = (ip, machines) => this.#answered(ip, machines);
  }

  static async settled(names: string, options: HarbourOptions = {}): Promise<Harbour> {
    const harbour = new Harbour(options);
    await harbour.open(names);
    await harbour.pass(matureMs + 1_000);
    harbour.log.clear();
    return harbour;
  }

  /** One after another, so that member order is the order of the names. */
  async open(names: string): Promise<void> {
    for (const name of names.split(' ')) {
      this.start(name);
      await this.pass(1_500);
    }
  }

  /** `called`: its node name, if it is not that of the machine. */
  start(name: string, vip: Partial<VipAnnouncement> = {}, called = name): SimNode {
    const machine = this.lan.machines.find((known) => known.name === name) ?? this.lan.machine(name);
    const place = this.lan.machines.indexOf(machine);
    const node = new SimNode(this.clock, this.network, this.#random, {
      name: called,
      type: 'Momentum',
      homes: this.#options.apart ? [place] : [0],
      settings: {
        membership: { ...membership, tellsHeard: this.#options.settings?.quorum !== undefined },
        replicate: [],
        duravip: this.#duravip(name, { ...this.#options.vip, ...vip }),
      },
      machine,
      onLog: (_node, level, text) => {
        if (level === 'critical') this.critical.push(`${name}: ${text}`);
        if (level === 'error' || level === 'warning') this.warnings.push(`${name}: ${text}`);
      },
    });
    this.#nodes.set(name, node);
    return node;
  }

  at(name: string): SimNode {
    return this.#nodes.get(name)!;
  }

  machine(name: string): FakeMachine {
    return this.at(name).options.machine!;
  }

  pass(durationMs: number): Promise<void> {
    return this.clock.advance(this.clock.nowMs() + durationMs);
  }

  /** `{ a: '1 4', b: '2 5' }`: last number of each address by the machine that answers for it. */
  answering(): Record<string, string> {
    const shown: Record<string, string> = {};
    for (const { name } of this.lan.machines) {
      const owned = this.ips.filter((ip) => this.lan.answering(ip).some((machine) => machine.name === name));
      shown[name] = owned.map((ip) => ip.slice(ip.lastIndexOf('.') + 1)).join(' ');
    }
    return shown;
  }

  /** Owners as the tables of these nodes have them; one text when all agree. */
  tables(...names: string[]): string {
    const texts = names.map((name) => {
      const { ownership, membership } = this.at(name).member;
      return this.ips
        .map((ip) => {
          const owner = ownership!.table.ownerOf(ip);
          return membership.view.members.find(({ incarnation }) => incarnation === owner)?.node ?? '-';
        })
        .join(' ');
    });
    return new Set(texts).size === 1 ? texts[0]! : texts.join(' | ');
  }

  /** Everybody else's evidence that a process has ended. */
  reportClosed(name: string): void {
    const { incarnation } = this.at(name);
    for (const node of this.#nodes.values()) node.seeClosed(incarnation);
  }

  ownership(name: string): Ownership {
    return this.at(name).member.ownership!;
  }

  /** Goes on until it is so; fails when that takes too long. */
  async until(condition: () => boolean, limitMs = 10_000): Promise<void> {
    const endMs = this.clock.nowMs() + limitMs;
    while (!condition()) {
      if (this.clock.nowMs() >= endMs) throw new Error(`not within ${limitMs} ms`);
      await this.pass(5);
    }
  }

  /** The address that ends so. */
  number(last: number): string {
    return this.ips.find((ip) => ip.endsWith(`.${last}`))!;
  }

  /** What this node says about floating addresses with such a subject gets lost; returns how to end that. */
  lose(name: string, isLost: (subject: string) => boolean): () => void {
    const { wire } = this.at(name).links.m;
    const publish = wire.publish.bind(wire);
    wire.publish = (subject, data, options) => isLost(subject) || publish(subject, data, options);
    return () => {
      wire.publish = publish;
    };
  }

  partition(...sides: string[]): void {
    const sideOf = (index: number) => {
      const name = this.lan.machines[index]?.name ?? '';
      return sides.findIndex((side) => side.split(' ').includes(name));
    };
    this.network.setReach((a, b) => sideOf(a) === sideOf(b));
  }

  heal(): void {
    this.network.setReach(() => true);
  }

  #answered(ip: string, machines: readonly FakeMachine[]): void {
    const names = machines.map(({ name }) => name).join('+') || '-';
    this.log.set(ip, [...(this.log.get(ip) ?? []), names]);
    if (machines.length > 1) this.doubles.push(`${this.clock.nowMs().toFixed(1)} ms: ${ip} at ${names}`);
  }

  #duravip(name: string, vip: Partial<VipAnnouncement>): DuravipSettings {
    return {
      vips: this.ips.map((ip) => localVip(ip, { ...vip, ...this.#options.each?.(ip, name) })),
      table: { matureMs, orphanMatureMs: 0, brokenPolicy: 'release' },
      balanceSetSize: 1,
      balanceIntervalMs: 10_000,
      handover: { concurrent: false, timeoutMs: 3_000, failureTimeoutMs: membership.failureTimeoutMs },
      holdMs: 800,
      quorum: undefined,
      keepOnOutage: false,
      beatIntervalMs: membership.beatIntervalMs,
      patience: { coolDownMs: 30_000, patienceMs: 4_000 },
      probeMs: 10,
      neighbours: { allHosts: true, framesPerSecond: 2_000, shareIntervalMs: 60_000 },
      probeLimitMs: 3_000,
      ...this.#options.settings,
    };
  }
}

export function localVip(ip: string, vip: Partial<VipAnnouncement> = {}, name = 'eth0'): LocalVip {
  const announcement = { ip, names: [`b${ip}`], services: [], preference: [], followers: [], ...vip };
  return {
    announcement,
    places: [{ ip, prefixBits: 32, interface: name }],
    block: parsePrefix('0.0.0.0/0'),
  };
}
