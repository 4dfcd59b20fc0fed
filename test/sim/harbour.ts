/** Floating addresses of one simulated cluster: the segment with its machines, what goes wrong on them, and the checks. */
import type { View } from '../../src/core/view.ts';
import { FakeLan, type FakeMachine } from '../../src/net/fake-lan.ts';
import { duravipSettings, type SimVip } from './duravip-settings.ts';
import type { VipFault, VipScenario } from './faults.ts';
import { Reloads } from './reloads.ts';
import type { SimNode } from './sim-node.ts';
import { TableChecker } from './table-checker.ts';
import { VipChecker } from './vip-checker.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface HarbourOptions {
  readonly clock: VirtualClock;
  readonly scenario: VipScenario;
  readonly seed: number;
  readonly nodes: number;
  /** `quorum` of every node. */
  readonly quorum: number | undefined;
  readonly nodeAt: (place: number) => SimNode | undefined;
  readonly living: () => readonly SimNode[];
  /** All living nodes can exchange beats now. */
  readonly isConnected: () => boolean;
  readonly violate: (text: string) => void;
  readonly record: (text: string) => void;
}

const watchPeriodMs = 50;
/** Each of so many addresses has a follower, or prefers a node where the scenario wants preferences. */
const followedEach = 4;
const preferredEach = 3;
/** On each machine, and none of Flotilla's business. */
const foreign = '10.8.0.1';

export class Harbour {
  readonly vips: readonly SimVip[];
  readonly #options: HarbourOptions;
  readonly #lan: FakeLan;
  readonly #segment: VipChecker;
  readonly #tables: TableChecker;
  readonly #reloads: Reloads;
  /** When two living nodes could last not exchange beats. */
  #cutMs = 0;
  #requests = 0;

  constructor(options: HarbourOptions) {
    const { clock, scenario, nodes, living, violate, record } = options;
    this.#options = options;
    this.#lan = new FakeLan(clock);
    this.vips = Array.from({ length: scenario.addresses }, (_, i) => ({
      ip: `10.9.0.${i + 1}`,
      follower: i % followedEach === 1 ? `10.9.1.${i + 1}` : undefined,
      preferred: scenario.preferences && i % preferredEach === 1 ? `relay-${i % nodes}` : undefined,
    }));
    const ips = this.vips.map(({ ip }) => ip);
    const connectedSinceMs = () => this.#cutMs;
    const followers = new Map(
      this.vips.flatMap(({ ip, follower }) => (follower ? [[ip, follower] as const] : [])),
    );
    const quorum = scenario.quorum === 'majority';
    this.#tables = new TableChecker({ clock, ips, living, connectedSinceMs, violate });
    this.#segment = new VipChecker({
      ...{
        lan: this.#lan,
        clock,
        ips,
        followers,
        foreign,
        quorum,
        living,
        connectedSinceMs,
        violate,
        record,
      },
    });
    this.#reloads = new Reloads({
      ...options,
      base: this.vips,
      reloads: scenario.reloads ?? [],
      apply: (node, vips) => node.member.ownership?.configure(duravipSettings(vips, options.quorum)),
    });
    const { longestGap } = scenario;
    if (longestGap) clock.after(longestGap.fromMs, () => this.#segment.calm(longestGap.ms));
    this.#watch();
  }

  /** As the file of a node has them when its process starts. */
  vipsAt(place: number): readonly SimVip[] {
    return this.#reloads.vipsAt(place);
  }

  endChaos(): void {
    this.#reloads.end();
  }

  /** A clone runs on a machine of its own; a restart comes back to the old one. */
  machineFor(name: string): FakeMachine {
    const busy = this.#options.living().map(({ options }) => options.machine);
    const idle = this.#lan.machines.find((machine) => machine.name === name && !busy.includes(machine));
    if (idle) this.#reloads.clearSlate(idle, foreign);
    return idle ?? this.#newMachine(name);
  }

  /** Before the node itself does anything about it. */
  viewInstalled(node: SimNode, view: View): void {
    if (node.member.ownership) this.#tables.viewInstalled(node, view);
  }

  delivered(node: SimNode, payload: Uint8Array, view: View): void {
    this.#tables.delivered(node, payload, view);
  }

  served(node: SimNode, ip: string, up: boolean): void {
    this.#segment.served(node, ip, up);
  }

  /** Faults are over, and so is what they left behind. */
  calm(): void {
    if (!this.#options.scenario.longestGap) this.#segment.calm();
  }

  strike(fault: Exclude<VipFault, { kind: 'unguarded-kill' }>, node: SimNode): void {
    const { clock } = this.#options;
    const { ownership } = node.member;
    const machine = node.options.machine!;
    switch (fault.kind) {
      case 'address-off':
        machine.takeOff(this.vips[fault.vip]!.ip);
        return;
      case 'plumb-fails':
        this.#refuse(machine.refusesOn, this.vips[fault.vip]!.ip, fault.forMs);
        return;
      case 'release-fails':
        this.#refuse(machine.refusesOff, this.vips[fault.vip]!.ip, fault.forMs);
        return;
      case 'drain':
        ownership?.local.drain(true);
        clock.after(fault.forMs, () => node.alive && ownership?.local.drain(false));
        return;
      case 'move':
        if (node.clock.paused) return;
        ownership?.request({
          id: String(++this.#requests),
          verb: 'move',
          ips: [this.vips[fault.vip]!.ip],
          to: node.incarnation,
        });
    }
  }

  quiet(): void {
    this.#tables.quiet();
    this.#segment.quiet();
    this.#reloads.quiet(this.#lan, this.#options.living(), foreign);
  }

  #newMachine(name: string): FakeMachine {
    const machine = this.#lan.machine(name);
    machine.addresses.set(foreign, [{ ip: foreign, prefixBits: 24, interface: 'eth0' }]);
    return machine;
  }

  #refuse(refusals: Map<string, string>, ip: string, forMs: number): void {
    refusals.set(ip, 'the simulator refuses it');
    this.#options.clock.after(forMs, () => refusals.delete(ip));
  }

  #watch(): void {
    const { clock, isConnected } = this.#options;
    if (!isConnected()) this.#cutMs = clock.nowMs();
    this.#tables.look();
    this.#segment.look();
    clock.after(watchPeriodMs, () => this.#watch());
  }
}
