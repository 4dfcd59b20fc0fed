/**
 * A network segment for the simulator: machines with addresses, leases and a guardian each, and neighbours with ARP
 * caches. It outlives the processes on the machines, as a kernel does.
 *
 * Who answers for an address is recomputed at every change, also at the moment a lease runs out, and every change is
 * told to one observer: that is where double owners would show.
 */
import type { NeighbourFrame, NetInterface, PlumbedAddress } from '../actors/kernel-port.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Ip } from '../core/duravip/vip.ts';

/** What happened to an address or interface of one machine, for the watcher of the process on it. */
export type MachineEvent =
  | { readonly kind: 'address-added' | 'address-removed'; readonly address: PlumbedAddress }
  | { readonly kind: 'interface'; readonly interface: NetInterface }
  | { readonly kind: 'foreign-claim'; readonly ip: Ip; readonly mac: string; readonly interface: string };

export class FakeMachine {
  readonly name: string;
  readonly mac: string;
  /** Where each is on: on several interfaces, if somebody puts it there. */
  readonly addresses = new Map<Ip, readonly PlumbedAddress[]>();
  readonly owned = new Set<Ip>();
  readonly managed = new Set<Ip>();
  /** Addresses that cannot be put on, or taken off, and why. */
  readonly refusesOn = new Map<Ip, string>();
  readonly refusesOff = new Map<Ip, string>();
  /** How often each was taken off, also by a hand. */
  readonly takenOff = new Map<Ip, number>();
  /** Taken off, and the process has not been told: it may be stopped. */
  readonly unheard = new Set<Ip>();
  linkUp = true;
  powered = true;
  /** Dies together with the process, as in a container that is killed as a whole. */
  guarded = true;
  onEvent: (event: MachineEvent) => void = () => {};
  readonly lan: FakeLan;
  #leaseEndsMs = Number.NEGATIVE_INFINITY;
  #leaseTimer: Timer | undefined;

  constructor(lan: FakeLan, name: string, mac: string) {
    this.lan = lan;
    this.name = name;
    this.mac = mac;
  }

  get interfaces(): readonly NetInterface[] {
    return [{ name: 'eth0', index: 2, mac: this.mac, up: this.linkUp }];
  }

  get leaseAlive(): boolean {
    return this.lan.clock.nowMs() < this.#leaseEndsMs;
  }

  /** As the kernel decides it: on, owned, leased, and with a cable. */
  answersFor(ip: Ip): boolean {
    const isOn = this.addresses.has(ip) && this.powered && this.linkUp;
    return isOn && (!this.managed.has(ip) || (this.owned.has(ip) && this.leaseAlive));
  }

  putOn(address: PlumbedAddress): string | undefined {
    const reason = this.refusesOn.get(address.ip);
    const places = this.addresses.get(address.ip) ?? [];
    if (reason || places.some((place) => place.interface === address.interface)) return reason;
    this.addresses.set(address.ip, [...places, address]);
    this.unheard.delete(address.ip);
    this.onEvent({ kind: 'address-added', address });
    this.lan.onTouch(this, address.ip);
    this.lan.changed([address.ip]);
    return undefined;
  }

  /** `from`: one interface; undefined: all. */
  takeOff(ip: Ip, from?: string): string | undefined {
    const reason = this.refusesOff.get(ip);
    const places = this.addresses.get(ip) ?? [];
    const leaving = places.filter((place) => from === undefined || place.interface === from);
    if (reason || leaving.length === 0) return reason;
    const staying = places.filter((place) => !leaving.includes(place));
    if (staying.length > 0) this.addresses.set(ip, staying);
    else this.addresses.delete(ip);
    this.takenOff.set(ip, (this.takenOff.get(ip) ?? 0) + 1);
    this.unheard.add(ip);
    for (const address of leaving) this.onEvent({ kind: 'address-removed', address });
    this.lan.onTouch(this, ip);
    this.lan.changed([ip]);
    return undefined;
  }

  setLink(up: boolean): void {
    this.linkUp = up;
    this.onEvent({ kind: 'interface', interface: this.interfaces[0]! });
    this.lan.changed([...this.addresses.keys()]);
  }

  manage(ips: readonly Ip[]): void {
    this.managed.clear();
    for (const ip of ips) this.managed.add(ip);
    this.lan.changed([...this.addresses.keys()]);
  }

  own(ips: readonly Ip[], owned: boolean): void {
    for (const ip of ips) owned ? this.owned.add(ip) : this.owned.delete(ip);
    this.lan.changed(ips);
  }

  leaseUntil(endsMs: number): void {
    this.#leaseEndsMs = endsMs;
    this.#leaseTimer?.cancel();
    const tell = () => this.lan.changed([...this.owned]);
    this.#leaseTimer = this.lan.clock.after(Math.max(0, endsMs - this.lan.clock.nowMs()), tell);
    tell();
  }

  /** The process is gone: its guardian empties the owned set and takes the addresses off, unless it died with it. */
  abandon(): void {
    if (!this.guarded) return;
    this.lan.clock.after(guardianMs, () => {
      this.own([...this.owned], false);
      for (const ip of [...this.managed]) this.takeOff(ip);
    });
  }
}

const guardianMs = 4;
const wireMs = 0.1;

export class FakeLan {
  readonly clock: Clock;
  readonly machines: FakeMachine[] = [];
  /** What each neighbour believes: one cache stands for all that listen to broadcasts. */
  readonly neighbours = new Map<Ip, string>();
  /** Which machines hear each other's frames; a cut of the service network is not a cut of the bus. */
  reaches: (from: FakeMachine, to: FakeMachine) => boolean = () => true;
  /** Somebody began or ceased to answer. */
  onAnswer: (ip: Ip, machines: readonly FakeMachine[]) => void = () => {};
  /** An address was put on a machine, or taken off. */
  onTouch: (machine: FakeMachine, ip: Ip) => void = () => {};
  /** Frames left a machine, whose answers may be over by now. */
  onAnnounce: (from: FakeMachine, frames: readonly NeighbourFrame[]) => void = () => {};
  readonly #answering = new Map<Ip, readonly FakeMachine[]>();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  machine(name: string): FakeMachine {
    const index = this.machines.length + 1;
    const machine = new FakeMachine(this, name, `02:00:00:00:00:${index.toString(16).padStart(2, '0')}`);
    this.machines.push(machine);
    return machine;
  }

  answering(ip: Ip): readonly FakeMachine[] {
    return this.machines.filter((machine) => machine.answersFor(ip));
  }

  /** @internal */
  changed(ips: readonly Ip[]): void {
    for (const ip of ips) {
      const now = this.answering(ip);
      const before = this.#answering.get(ip) ?? [];
      if (now.length === before.length && now.every((machine, i) => machine === before[i])) continue;
      this.#answering.set(ip, now);
      this.onAnswer(ip, now);
    }
  }

  announce(from: FakeMachine, frames: readonly NeighbourFrame[]): void {
    if (!from.linkUp || !from.powered) return;
    this.onAnnounce(from, frames);
    this.clock.after(wireMs, () => {
      for (const { ip } of frames) this.neighbours.set(ip, from.mac);
      for (const { ip, interface: name, to } of frames) if (!to) this.#claim(from, ip, name);
    });
  }

  probe(from: FakeMachine, ip: Ip): string | undefined {
    if (!from.linkUp) return undefined;
    return this.answering(ip).find((other) => other !== from && this.reaches(other, from))?.mac;
  }

  /** Whoever owns the address hears that somebody else claims it. */
  #claim(from: FakeMachine, ip: Ip, name: string): void {
    for (const machine of this.machines) {
      if (machine === from || !machine.owned.has(ip) || !this.reaches(from, machine)) continue;
      machine.onEvent({ kind: 'foreign-claim', ip, mac: from.mac, interface: name });
    }
  }
}
