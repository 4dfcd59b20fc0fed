/**
 * Truths about floating addresses, seen from the segment (INV-3, INV-5, INV-6, INV-7, INV-14, INV-24, INV-26 to INV-28,
 * ARP-7, R3): who answers is what the fake kernels say, not what the nodes believe. What the nodes believe is the
 * business of table-checker.ts.
 */
import type { NeighbourFrame } from '../../src/actors/kernel-port.ts';
import type { Clock } from '../../src/core/clock.ts';
import { type View, viewKey } from '../../src/core/view.ts';
import type { FakeLan, FakeMachine } from '../../src/net/fake-lan.ts';
import { Lasting } from './lasting.ts';
import type { SimNode } from './sim-node.ts';

export interface VipCheckerOptions {
  readonly lan: FakeLan;
  readonly clock: Clock;
  readonly ips: readonly string[];
  /** Addresses that go wherever another one goes, by that one. */
  readonly followers: ReadonlyMap<string, string>;
  /** On each machine, and none of Flotilla's business. */
  readonly foreign: string;
  /** With it two machines never answer; without it they may while the bus is, or was just, cut anywhere. */
  readonly quorum: boolean;
  readonly living: () => readonly SimNode[];
  /** Since when all nodes could exchange beats without interruption. */
  readonly connectedSinceMs: () => number;
  readonly violate: (text: string) => void;
  readonly record: (text: string) => void;
}

/** Connected for so long, all nodes are in one view and only one has kept an address: views, claims, release. */
const healMs = 7_000;
/** Two who found each other in a view, and of whom one has to let go (OWN-8). */
const yieldMs = 1_000;
/** R3 */
const tellMs = 100;
/** An address that was taken off by hand is missed for a second; followers are not (NET-16). */
const followMs = 1_200;
/** When nothing goes wrong any more: the word that it is off may have been lost before, then a hand-over is waited for. */
const handoverMs = 3_000 + 200;
/** Balancing is over, and the last announcement was repeated. */
const silenceMs = 5_000;

/** One machine is the only one that answers. */
interface Sole {
  readonly machine: FakeMachine;
  /** It began to answer; else somebody else ceased, which nobody may have told it. */
  readonly isNew: boolean;
}

export class VipChecker {
  readonly #options: VipCheckerOptions;
  readonly #lasting: Lasting;
  #longestGapMs = handoverMs;
  readonly #sole = new Map<string, Sole>();
  /** Addresses that several machines answer. */
  readonly #rivals = new Set<string>();
  readonly #unansweredMs = new Map<string, number>();
  /** On which addresses something serves. */
  readonly #serving = new Map<SimNode, Set<string>>();
  #calmFromMs = Number.POSITIVE_INFINITY;
  /** The last time that something was put on, taken off or announced, and what. */
  #lastAct = { atMs: 0, what: '' };

  constructor(options: VipCheckerOptions) {
    this.#options = options;
    this.#lasting = new Lasting(options.clock);
    const { lan } = options;
    lan.onAnswer = (ip, machines) => this.#answered(ip, machines);
    lan.onAnnounce = (from, frames) => this.#announced(from, frames);
    lan.onTouch = (machine, ip) => this.#act(`${ip} put on or taken off ${machine.name}`);
  }

  /** From now on nothing goes wrong: what takes long takes too long. */
  calm(longestGapMs = handoverMs): void {
    this.#calmFromMs = this.#options.clock.nowMs();
    this.#longestGapMs = longestGapMs;
  }

  /** INV-6: what serves on an address begins after it is on. */
  served(node: SimNode, ip: string, up: boolean): void {
    const serving = this.#serving.get(node) ?? new Set();
    this.#serving.set(node, serving);
    if (up) serving.add(ip);
    else serving.delete(ip);
    const { name, options } = node;
    if (up && !options.machine!.addresses.has(ip))
      this.#options.violate(`INV-6 ${ip} is served on ${name}, where it is not`);
  }

  /** Every few milliseconds. */
  look(): void {
    const { lan, ips, followers } = this.#options;
    for (const ip of ips) {
      const machines = lan.answering(ip);
      if (machines.length > 1) this.#lookAtRivals(ip, machines);
      const follower = followers.get(ip);
      if (follower !== undefined) this.#lookAtFollower(ip, follower);
    }
  }

  /** After everything is quiet and connected, and views have matured. */
  quiet(): void {
    const { lan, ips, foreign, clock, violate } = this.#options;
    for (const machine of lan.machines) {
      if (!machine.addresses.has(foreign)) violate(`INV-5 ${foreign} is gone from ${machine.name}`);
      const process = this.#processOn(machine);
      for (const ip of process ? ips : []) {
        const serves = this.#serving.get(process!)?.has(ip) ?? false;
        if (serves !== machine.answersFor(ip))
          violate(`INV-6 ${ip} on ${machine.name}: answers ${machine.answersFor(ip)}, serves ${serves}`);
      }
    }
    for (const ip of ips) {
      const machines = lan.answering(ip);
      const names = machines.map(({ name }) => name).join(' and ') || 'nobody';
      if (machines.length !== 1) violate(`INV-26 ${ip} is answered by ${names}`);
      else if (lan.neighbours.get(ip) !== machines[0]!.mac)
        violate(`R3 neighbours have another MAC for ${ip}, which is answered by ${names}`);
    }
    if (clock.nowMs() - this.#lastAct.atMs < silenceMs)
      violate(
        `INV-24 all is quiet, yet at ${(this.#lastAct.atMs / 1000).toFixed(3)} s: ${this.#lastAct.what}`,
      );
  }

  #answered(ip: string, machines: readonly FakeMachine[]): void {
    const { foreign, quorum, violate, record, clock, connectedSinceMs } = this.#options;
    if (ip === foreign) return;
    const names = machines.map(({ name }) => name);
    record(`answer ${ip} ${names.join(' ') || '-'}`);
    this.#lookAtGap(ip, machines);
    this.#lookAtNeighbours(ip, machines);
    if (machines.length < 2) return;
    if (quorum) violate(`INV-14 ${ip} is answered by ${names.join(' and ')}`);
    else if (clock.nowMs() - connectedSinceMs() > healMs)
      violate(`INV-28 ${ip} is answered by ${names.join(' and ')} long after the heal`);
  }

  /** INV-27, seen from outside: a hand-over without trouble. */
  #lookAtGap(ip: string, machines: readonly FakeMachine[]): void {
    const { clock, violate } = this.#options;
    const nowMs = clock.nowMs();
    if (machines.length === 0) {
      this.#unansweredMs.set(ip, nowMs);
      return;
    }
    const sinceMs = this.#unansweredMs.get(ip) ?? nowMs;
    this.#unansweredMs.delete(ip);
    if (sinceMs >= this.#calmFromMs && nowMs - sinceMs > this.#longestGapMs)
      violate(`INV-27 nobody answered for ${ip} for ${Math.round(nowMs - sinceMs)} ms`);
  }

  /** R3: neighbours know the new owner soon after its first answer. */
  #lookAtNeighbours(ip: string, machines: readonly FakeMachine[]): void {
    const machine = machines.length === 1 ? machines[0] : undefined;
    const before = this.#sole.get(ip);
    if (machine === undefined) this.#sole.delete(ip);
    else {
      const sole = { machine, isNew: before === undefined && !this.#rivals.has(ip) };
      this.#sole.set(ip, sole);
      this.#options.clock.after(tellMs, () => this.#requireHeard(ip, sole));
    }
    if (machines.length > 1) this.#rivals.add(ip);
    else this.#rivals.delete(ip);
  }

  #requireHeard(ip: string, sole: Sole): void {
    const { lan, clock, connectedSinceMs, violate } = this.#options;
    const { machine, isNew } = sole;
    const process = this.#processOn(machine);
    if (this.#sole.get(ip) !== sole || !process || lan.neighbours.get(ip) === machine.mac) return;
    const isHealed = clock.nowMs() - connectedSinceMs() > healMs;
    if (!process.clock.paused && (isNew || isHealed))
      violate(`R3 ${machine.name} answers for ${ip}, and neighbours have another MAC`);
    else clock.after(tellMs, () => this.#requireHeard(ip, sole));
  }

  /**
   * ARP-7: nothing is said about an address by who does not have it. Its owner may, until it hears that somebody took it
   * off: one that was stopped meanwhile says what is due before it hears anything.
   */
  #announced(from: FakeMachine, frames: readonly NeighbourFrame[]): void {
    this.#act(`${frames.length} frames from ${from.name}`);
    for (const { ip } of frames) {
      const isUnheard = from.unheard.has(ip) && from.owned.has(ip) && from.leaseAlive;
      if (from.answersFor(ip) || isUnheard) continue;
      this.#options.violate(`ARP-7 ${from.name} announces ${ip}, for which it does not answer`);
    }
  }

  /** INV-3: whoever are in one view, and run, have settled between them who keeps an address. */
  #lookAtRivals(ip: string, machines: readonly FakeMachine[]): void {
    const views = new Map<string, FakeMachine>();
    for (const machine of machines) {
      const process = this.#processOn(machine);
      if (!process || process.clock.paused || process.member.ownership?.table.gathering) continue;
      const key = viewKey(viewOf(process).id);
      const other = views.get(key);
      views.set(key, machine);
      const what = `${ip} ${other?.name} ${machine.name} ${key}`;
      if (this.#lasting.exceeds(what, other !== undefined, yieldMs))
        this.#options.violate(`INV-3 ${ip} is answered by ${other!.name} and ${machine.name} in one view`);
    }
  }

  #lookAtFollower(ip: string, follower: string): void {
    const { lan, violate } = this.#options;
    for (const machine of lan.machines) {
      const differs = machine.answersFor(ip) !== machine.answersFor(follower) && this.#isAwake(machine);
      const occasion = machine.takenOff.get(ip);
      if (this.#lasting.exceeds(`${follower} ${machine.mac}`, differs, followMs, occasion))
        violate(`INV-7 ${follower} does not follow ${ip} on ${machine.name}`);
    }
  }

  #isAwake(machine: FakeMachine): boolean {
    const process = this.#processOn(machine);
    return process !== undefined && !process.clock.paused;
  }

  #processOn(machine: FakeMachine): SimNode | undefined {
    return this.#options.living().find((node) => node.options.machine === machine);
  }

  #act(what: string): void {
    this.#lastAct = { atMs: this.#options.clock.nowMs(), what };
  }
}

function viewOf({ member }: SimNode): View {
  return member.membership.view;
}
