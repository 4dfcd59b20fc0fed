/**
 * One floating address of this node: follows the shared table, and reports what became of it.
 *
 * Order on acquiring (NET-7): wait for the owner before, probe where somebody may still answer, put the address on,
 * announce it, then start what serves on it. On releasing (NET-9) the other way round; the lease is off before all else.
 */

import type { Clock } from '../core/clock.ts';
import type { Ip, VipAnnouncement } from '../core/duravip/vip.ts';
import type { Log } from '../core/log.ts';
import { type DuravipDuties, duravipMachine } from './duravip-machine.ts';
import type { PlumbedAddress, PlumbOutcome } from './kernel-port.ts';
import type { Plumber } from './plumber.ts';
import type { ActorSystem, SupervisedActor } from './system.ts';

/** What serves on an address: listeners of this process, and what the host program registered (API-3 .. API-5). */
export interface VipHost {
  /** Before the address is put on; may refuse, as `online` may. */
  prepare?(ip: Ip): Promise<PlumbOutcome>;
  /** May refuse with a reason: counts as a failure to put the address on. */
  online(ip: Ip): Promise<PlumbOutcome>;
  offline(ip: Ip): Promise<void>;
  /** After the address is off the interface. */
  removed?(ip: Ip): void;
}

/** Where the wait for the owner before stands when this node is to take over (OWN-34, LIFE-18). */
export interface Handover {
  /** Not to be put on before, unless all who may have it say that it is off. */
  readonly notBeforeMs: number;
  /** Ask the network for another holder first (EXT-2), until then at the latest; undefined: do not ask. */
  readonly probeUntilMs: number | undefined;
}

/** Nobody to wait for. */
export const noWait: Handover = { notBeforeMs: 0, probeUntilMs: undefined };

export interface DuravipPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly plumber: Plumber;
  readonly host: VipHost;
  /** What the table gives to this node is known to be true for the whole component. */
  mayBegin(): boolean;
  /** Resolves when nobody else answers, the time is over, or it is not wanted any more. */
  probe(place: PlumbedAddress, untilMs: number, wanted: () => boolean): Promise<void>;
  /** They answer nobody from this moment on, whatever becomes of them. */
  letGo(addresses: readonly PlumbedAddress[]): void;
  /** It is off the interface. */
  off(ip: Ip): void;
  /** The address is off here: the next owner need not wait. */
  released(ip: Ip): void;
  capable(ip: Ip, capable: boolean): void;
  stuck(ip: Ip, stuck: boolean): void;
}

export interface VipPatience {
  /** Before another attempt, after one has failed: `if_check_interval` (OWN-15). */
  readonly coolDownMs: number;
  /** Before an address that something took off is put on again: `if_down_limit` checks of a second (NET-16). */
  readonly patienceMs: number;
}

/** Between two attempts to take off what could not be taken off. */
export const stuckRetryMs = 1_000;

export class Duravip {
  readonly ip: Ip;
  readonly #ports: DuravipPorts;
  readonly #actor: SupervisedActor<typeof duravipMachine>;
  #patience: VipPatience;
  #announcement: VipAnnouncement;
  /** Where it goes, followers behind it; undefined: no topology, so it cannot be put on. */
  #places: readonly PlumbedAddress[] | undefined;
  /** Where it was put last. */
  #placed: readonly PlumbedAddress[] = [];
  #wanted = false;
  #handover: Handover = noWait;
  /** Counts decisions; what was begun under an earlier one must not begin to answer. */
  #decision = 0;
  #attempted = 0;
  #isOn = false;
  /** It does not answer yet, or was let go, or something took it off. */
  #isSilent = false;
  /** Something took it off since it was put on. */
  #hasVanished = false;
  #isStuck = false;
  /** The actor died while the address was on or being put on. */
  #isLeftOver = false;
  /** The one under way, and those that follow it. */
  readonly #steps: (() => Promise<void>)[] = [];

  constructor(
    system: ActorSystem,
    ports: DuravipPorts,
    announcement: VipAnnouncement,
    places: readonly PlumbedAddress[] | undefined,
    patience: VipPatience,
  ) {
    this.ip = announcement.ip;
    this.#ports = ports;
    this.#announcement = announcement;
    this.#places = places;
    this.#patience = patience;
    this.#actor = system.start(
      `duravip ${this.ip}`,
      duravipMachine,
      { duties: this.#duties() },
      {
        onFailure: (givenUp) => this.#onFailure(givenUp),
        onRestart: () => this.#actor.send({ type: 'DECIDED' }),
      },
    );
  }

  /** State name of the actor. */
  get state(): string {
    return this.#actor.state;
  }

  get announcement(): VipAnnouncement {
    return this.#announcement;
  }

  /** The address and its followers as they are on interfaces here; empty while they are not. */
  get plumbed(): readonly PlumbedAddress[] {
    return this.#isOn ? this.#placed : [];
  }

  /**
   * Of those the ones that answer, and are to stay. What is missing does not, nor what this node was told to give up,
   * although it may be its own again before it is off.
   */
  get answering(): readonly PlumbedAddress[] {
    return this.#wanted && !this.#isSilent ? this.plumbed : [];
  }

  /** Where it is or will be put, followers with it; each address once, as tools want it. */
  get places(): readonly PlumbedAddress[] {
    const placed = new Set(this.#placed.map(({ ip }) => ip));
    return [...this.#placed, ...(this.#places ?? []).filter(({ ip }) => !placed.has(ip))];
  }

  /** Neither on nor about to be put on or taken off. */
  get isOff(): boolean {
    return !this.#isOn && this.#steps.length === 0;
  }

  get wanted(): boolean {
    return this.#wanted;
  }

  /**
   * The table gives it to this node. Again: there is somebody else to wait for, unless it is on already. As below, its
   * actor acts on it when it is told (`decided`).
   */
  assign(handover: Handover): void {
    this.#handover = handover;
    this.#wanted = true;
    this.#decision++;
  }

  /** The table gives it to another node, or to none. */
  unassign(): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    this.#isSilent = true;
    this.#decision++;
  }

  /** The wait is another one now, because somebody has let go, or who may still have it is known again. */
  waitAnew(handover: Handover): void {
    this.#handover = handover;
  }

  /** Given to this node, and not on. */
  get isDue(): boolean {
    return this.#wanted && !this.#isOn;
  }

  /** One or several of the three above. */
  decided(): void {
    this.#actor.send({ type: 'DECIDED' });
  }

  /** Something else took the address off the interface (NET-15). */
  missing(): void {
    if (this.state === 'owned') this.#ports.log.error(`${this.ip} is owned here, but not on the interface`);
    this.#isSilent = true;
    this.#hasVanished = true;
    this.#actor.send({ type: 'MISSING' });
  }

  /** The configuration was read again: where it goes elsewhere now it moves, without an election (DVC-17). */
  configure(announcement: VipAnnouncement, places: readonly PlumbedAddress[] | undefined): void {
    this.#announcement = announcement;
    if (samePlaces(places, this.#places)) return;
    this.#places = places;
    this.restart();
  }

  /** For waits that begin from now on. */
  setPatience(patience: VipPatience): void {
    this.#patience = patience;
  }

  /** What serves on it is not what should: it goes off, and is put on anew. */
  restart(): void {
    // Nothing is said about it while it is off, nor while it cannot be taken off (ARP-7).
    if (this.#isOn) this.#ports.letGo(this.#placed);
    this.#isSilent = true;
    this.#decision++;
    this.#actor.send({ type: 'CHANGED' });
  }

  stop(): void {
    this.#actor.stop();
  }

  #duties(): DuravipDuties {
    const self = this;
    return {
      get wanted() {
        return self.#wanted;
      },
      get current() {
        return self.#isCurrent;
      },
      get hasVanished() {
        return self.#hasVanished;
      },
      get mustRelease() {
        return self.#isOn || self.#isLeftOver;
      },
      get mayBegin() {
        return self.#ports.mayBegin();
      },
      get waitMs() {
        return Math.max(0, self.#handover.notBeforeMs - self.#ports.clock.nowMs());
      },
      retryMs: stuckRetryMs,
      get coolDownMs() {
        return self.#patience.coolDownMs;
      },
      get patienceMs() {
        return self.#patience.patienceMs;
      },
      acquire: () => void this.#step(() => this.#acquire()),
      release: () => void this.#step(() => this.#release()),
      reportFree: () => {
        if (!this.#wanted && !this.#isOn && this.#decision > 0) this.#ports.released(this.ip);
      },
      reportFailed: () => this.#ports.capable(this.ip, false),
      reportCapable: () => this.#ports.capable(this.ip, true),
      reportStuck: () => this.#reportStuck(true),
    };
  }

  get #isCurrent(): boolean {
    return this.#wanted && this.#attempted === this.#decision;
  }

  /** What somebody took off again at once is neither announced nor served (ARP-7, INV-6). */
  get #mayAnswer(): boolean {
    return this.#isCurrent && !this.#hasVanished;
  }

  /** One after another, also when the actor died in the middle of one and its successor begins the next (NET-10). */
  async #step(run: () => Promise<void>): Promise<void> {
    this.#steps.push(run);
    if (this.#steps.length > 1) return;
    for (let next = this.#steps[0]; next; next = this.#steps[0]) {
      await next().catch((error: unknown) => this.#ports.log.critical(`${this.ip}: ${String(error)}`));
      this.#steps.shift();
    }
  }

  /** Nobody looks after the address any more: it is released first, and begun anew only then. */
  #onFailure(givenUp: boolean): void {
    this.#decision++;
    this.#isLeftOver = this.#isOn || this.#steps.length > 0;
    this.#isSilent = true;
    this.#ports.letGo(this.places);
    if (!givenUp) return;
    this.#ports.capable(this.ip, false);
    void this.#step(async () => {
      await this.#release();
      if (!this.#isOn) this.#ports.released(this.ip);
    });
  }

  async #acquire(): Promise<void> {
    this.#attempted = this.#decision;
    const outcome = await this.#putOn().catch(refusal);
    if (outcome.ok) {
      this.#actor.send({ type: 'ACQUIRED' });
      return;
    }
    this.#ports.log.critical(
      `can't online ${this.ip}, ${this.#places?.[0]?.interface ?? '-'}, ${outcome.reason}`,
    );
    // What serves on it may be refused, or have been there from before (NET-15): nothing of it stays.
    if (this.#isOn) {
      this.#ports.letGo(this.#placed);
      await this.#takeDown();
    }
    this.#actor.send({ type: 'REFUSED' });
  }

  async #putOn(): Promise<PlumbOutcome> {
    const places = this.#places;
    if (!places) return { ok: false, reason: `no Topology covers ${this.ip}` };
    await this.#probe(places);
    if (!this.#isCurrent) return { ok: true };
    const prepared = await this.#ports.host.prepare?.(this.ip);
    if (prepared?.ok === false) return prepared;
    this.#placed = places;
    const plumbed = await new Promise<PlumbOutcome>((done) =>
      this.#ports.plumber.plumb({
        ip: this.ip,
        addresses: places,
        plumbed: () => {
          this.#isOn = true;
          this.#isSilent = true;
          this.#hasVanished = false;
        },
        wanted: () => this.#mayAnswer,
        done,
      }),
    );
    if (!plumbed.ok || !this.#mayAnswer) return plumbed;
    this.#isSilent = false;
    return this.#ports.host.online(this.ip);
  }

  /** Followers too: where the first of them was taken off by hand, the others may still answer. */
  async #probe(places: readonly PlumbedAddress[]): Promise<void> {
    const { probeUntilMs } = this.#handover;
    if (probeUntilMs === undefined) return;
    await Promise.all(places.map((place) => this.#ports.probe(place, probeUntilMs, () => this.#isCurrent)));
  }

  async #release(): Promise<void> {
    if (!(await this.#takeDown())) {
      this.#actor.send({ type: 'STUCK' });
      return;
    }
    this.#isLeftOver = false;
    this.#reportStuck(false);
    this.#ports.off(this.ip);
    this.#actor.send({ type: 'RELEASED' });
  }

  /** False: it could not be taken off. */
  async #takeDown(): Promise<boolean> {
    // A host that cannot let go must not keep the address here.
    const left = await this.#ports.host.offline(this.ip).then(() => undefined, refusal);
    if (left) this.#ports.log.error(`${this.ip}: what served on it did not end cleanly: ${left.reason}`);
    const outcome = await this.#takeOff();
    if (outcome.ok) this.#ports.host.removed?.(this.ip);
    else this.#ports.log.critical(`can't offline ${this.ip}, ${outcome.reason}`);
    return outcome.ok;
  }

  async #takeOff(): Promise<PlumbOutcome> {
    const addresses = this.#placed;
    const outcome = await new Promise<PlumbOutcome>((done) =>
      this.#ports.plumber.unplumb({ ip: this.ip, addresses, wanted: () => false, done }),
    );
    if (outcome.ok) this.#isOn = false;
    return outcome;
  }

  #reportStuck(stuck: boolean): void {
    if (stuck === this.#isStuck) return;
    this.#isStuck = stuck;
    this.#ports.stuck(this.ip, stuck);
  }
}

function samePlaces(a: readonly PlumbedAddress[] = [], b: readonly PlumbedAddress[] = []): boolean {
  const same = (x: PlumbedAddress, y: PlumbedAddress | undefined) =>
    x.ip === y?.ip && x.prefixBits === y.prefixBits && x.interface === y.interface;
  return a.length === b.length && a.every((place, i) => same(place, b[i]));
}

function refusal(error: unknown): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason: error instanceof Error ? error.message : String(error) };
}
