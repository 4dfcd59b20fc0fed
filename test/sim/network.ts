/**
 * The simulated network: NATS servers with routes, and the links of nodes to them. Decides which message arrives when,
 * with the losses that the real client and servers have: what is under way when a link or server breaks is gone, and a
 * link comes back by itself after a wait.
 */
import { type Gate, MemoryBus, type MemoryWire } from '../../src/bus/memory.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface Server {
  readonly index: number;
  up: boolean;
}

export interface SimLink {
  readonly wire: MemoryWire;
  /** Servers this link may use, in order of preference. */
  readonly homes: readonly number[];
  server: number | undefined;
  /** Cut from all servers until then. */
  brokenUntilMs: number;
  closed: boolean;
}

const reconnectWaitMs = { low: 20, high: 400 };

export class SimNetwork {
  readonly bus: MemoryBus;
  readonly servers: Server[];
  lossProbability = 0;
  duplicateProbability = 0;
  readonly #clock: VirtualClock;
  readonly #random: SeededRandom;
  /** reach[a][b]: what server a publishes arrives at server b. */
  readonly #reach: boolean[][];
  readonly #links = new Map<MemoryWire, SimLink>();

  constructor(clock: VirtualClock, random: SeededRandom, serverCount: number) {
    this.#clock = clock;
    this.#random = random;
    this.servers = Array.from({ length: serverCount }, (_, index) => ({ index, up: true }));
    this.#reach = this.servers.map(() => this.servers.map(() => true));
    this.bus = new MemoryBus(clock, (from, to) => this.#transit(from, to));
  }

  link(name: string, homes: readonly number[], gate: Gate): SimLink {
    const link: SimLink = {
      wire: this.bus.connect(name, 4096, gate),
      homes,
      server: undefined,
      brokenUntilMs: 0,
      closed: false,
    };
    this.#links.set(link.wire, link);
    this.#connectLater(link);
    return link;
  }

  close(link: SimLink): void {
    link.closed = true;
    link.server = undefined;
    this.#links.delete(link.wire);
    void link.wire.close();
  }

  /** The link breaks and cannot come back before `forMs` are over. */
  breakLink(link: SimLink, forMs: number): void {
    link.brokenUntilMs = this.#clock.nowMs() + forMs;
    this.#drop(link);
  }

  stopServer(index: number): void {
    this.servers[index]!.up = false;
    for (const link of this.#links.values()) if (link.server === index) this.#drop(link);
  }

  startServer(index: number): void {
    this.servers[index]!.up = true;
  }

  setReach(reaches: (from: number, to: number) => boolean): void {
    for (const { index: from } of this.servers) {
      for (const { index: to } of this.servers) this.#reach[from]![to] = from === to || reaches(from, to);
    }
  }

  cutOneWay(from: number, to: number, reaches: boolean): void {
    if (from !== to) this.#reach[from]![to] = reaches;
  }

  reaches(from: number, to: number): boolean {
    return this.servers[from]!.up && this.servers[to]!.up && this.#reach[from]![to]!;
  }

  #transit(from: MemoryWire, to: MemoryWire): readonly number[] {
    const source = this.#links.get(from)?.server;
    const target = this.#links.get(to)?.server;
    if (source === undefined || target === undefined || !this.reaches(source, target)) return [];
    if (this.lossProbability > 0 && this.#random.chance(this.lossProbability)) return [];
    const delayMs = this.#random.between(0.2, source === target ? 2 : 15);
    if (this.duplicateProbability > 0 && this.#random.chance(this.duplicateProbability)) {
      return [delayMs, delayMs + this.#random.between(1, 80)];
    }
    return [delayMs];
  }

  #drop(link: SimLink): void {
    if (link.closed) return;
    link.server = undefined;
    link.wire.setState('down');
    this.#connectLater(link);
  }

  #connectLater(link: SimLink): void {
    const waitMs = this.#random.between(reconnectWaitMs.low, reconnectWaitMs.high);
    this.#clock.after(waitMs, () => this.#connect(link));
  }

  #connect(link: SimLink): void {
    if (link.closed || link.server !== undefined) return;
    const home = link.homes.find((index) => this.servers[index]!.up);
    if (home === undefined || this.#clock.nowMs() < link.brokenUntilMs) {
      this.#connectLater(link);
      return;
    }
    link.server = home;
    link.wire.setState('up');
  }
}
