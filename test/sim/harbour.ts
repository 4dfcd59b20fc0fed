/** Floating addresses of one simulated cluster: the segment with its machines, what goes wrong on them, and the checks. */
import { FakeLan, type FakeMachine } from '../../src/net/fake-lan.ts';
import type { VipFault, VipScenario } from './faults.ts';
import type { SimNode } from './sim-node.ts';
import { VipChecker } from './vip-checker.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface HarbourOptions {
  readonly clock: VirtualClock;
  readonly scenario: VipScenario;
  readonly living: () => readonly SimNode[];
  /** All living nodes can exchange beats now. */
  readonly isConnected: () => boolean;
  readonly violate: (text: string) => void;
  readonly record: (text: string) => void;
}

const watchPeriodMs = 50;

export class Harbour {
  readonly ips: readonly string[];
  readonly #options: HarbourOptions;
  readonly #lan: FakeLan;
  readonly #checker: VipChecker;
  /** When two living nodes could last not exchange beats. */
  #cutMs = 0;
  #requests = 0;

  constructor(options: HarbourOptions) {
    const { clock, scenario, violate, record } = options;
    this.#options = options;
    this.#lan = new FakeLan(clock);
    this.ips = Array.from({ length: scenario.addresses }, (_, i) => `10.9.0.${i + 1}`);
    this.#checker = new VipChecker({
      lan: this.#lan,
      clock,
      ips: this.ips,
      quorum: scenario.quorum === 'majority',
      connectedSinceMs: () => this.#cutMs,
      violate,
      record,
    });
    this.#watch();
  }

  /** A clone runs on a machine of its own; a restart comes back to the old one. */
  machineFor(name: string): FakeMachine {
    const busy = this.#options.living().map(({ options }) => options.machine);
    const idle = this.#lan.machines.find((machine) => machine.name === name && !busy.includes(machine));
    return idle ?? this.#lan.machine(name);
  }

  strike(fault: Exclude<VipFault, { kind: 'unguarded-kill' }>, node: SimNode): void {
    const { clock } = this.#options;
    const { ownership } = node.member;
    const machine = node.options.machine!;
    switch (fault.kind) {
      case 'address-off':
        machine.takeOff(this.ips[fault.vip]!);
        return;
      case 'plumb-fails':
        this.#refuse(machine.refusesOn, this.ips[fault.vip]!, fault.forMs);
        return;
      case 'release-fails':
        this.#refuse(machine.refusesOff, this.ips[fault.vip]!, fault.forMs);
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
          ips: [this.ips[fault.vip]!],
          to: node.incarnation,
        });
    }
  }

  quiet(): void {
    this.#checker.quiet(this.#options.living());
  }

  #refuse(refusals: Map<string, string>, ip: string, forMs: number): void {
    refusals.set(ip, 'the simulator refuses it');
    this.#options.clock.after(forMs, () => refusals.delete(ip));
  }

  #watch(): void {
    const { clock, isConnected } = this.#options;
    if (!isConnected()) this.#cutMs = clock.nowMs();
    clock.after(watchPeriodMs, () => this.#watch());
  }
}
