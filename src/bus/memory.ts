/**
 * The bus in one process: the same `Wire` without a server, for the simulator and for programs that run a whole
 * cluster in memory. Who reaches whom, and how late, is decided by an injected transit.
 *
 * Invariant, as with a NATS server: messages of one publisher reach one subscriber in the order sent; what is under way
 * to a wire whose link breaks is lost.
 */
import type { Clock } from '../core/clock.ts';
import type { PublishOptions, Subscription, Wire, WireMessage, WireState } from './wire.ts';

/** Runs what arrives; the simulator holds it back while a process is stopped. */
export type Gate = (run: () => void) => void;

/** Decides the fate of one message: the delays of its copies in milliseconds. None: it is lost. */
export type Transit = (from: MemoryWire, to: MemoryWire) => readonly number[];

const maxRoutes = 4096;

interface Entry {
  readonly wire: MemoryWire;
  readonly pattern: string;
  readonly tokens: readonly string[];
  readonly handler: (message: WireMessage) => void;
}

export class MemoryBus {
  readonly #clock: Clock;
  readonly #transit: Transit;
  readonly #entries = new Set<Entry>();
  /** Who gets a subject. Patterns are few and subjects repeat, so the match is done once. */
  readonly #routes = new Map<string, Entry[]>();
  readonly #lastArrivalMs = new Map<number, number>();

  constructor(clock: Clock, transit: Transit) {
    this.#clock = clock;
    this.#transit = transit;
  }

  connect(name: string, maxPayloadBytes = 1_048_576, gate: Gate = (run) => run()): MemoryWire {
    return new MemoryWire(name, this, maxPayloadBytes, gate);
  }

  /** @internal */
  add(entry: Entry): void {
    this.#entries.add(entry);
    this.#forgetRoutes(entry);
  }

  /** @internal */
  remove(entry: Entry): void {
    this.#entries.delete(entry);
    this.#forgetRoutes(entry);
  }

  /** @internal */
  carry(from: MemoryWire, subject: string, data: Uint8Array, options: PublishOptions | undefined): void {
    const header = (name: string) => options?.headers?.[name];
    // A copy, as over a socket.
    const message = { subject, data: new Uint8Array(data), reply: options?.reply ?? '', header };
    for (const entry of this.#subscribers(subject)) {
      for (const delayMs of this.#transit(from, entry.wire)) this.#deliver(from, entry, delayMs, message);
    }
  }

  #deliver(from: MemoryWire, entry: Entry, delayMs: number, message: WireMessage): void {
    const nowMs = this.#clock.nowMs();
    const pair = from.id * 0x10_0000 + entry.wire.id;
    const atMs = Math.max(nowMs + delayMs, this.#lastArrivalMs.get(pair) ?? 0);
    this.#lastArrivalMs.set(pair, atMs);
    const life = entry.wire.life;
    this.#clock.after(atMs - nowMs, () => {
      if (entry.wire.life !== life || entry.wire.state !== 'up') return;
      entry.wire.gate(() => entry.handler(message));
    });
  }

  /** Who asks subscribes to a subject of its own for each answer: that changes one route, not all of them. */
  #forgetRoutes({ pattern }: Entry): void {
    if (/[*>]/.test(pattern)) this.#routes.clear();
    else this.#routes.delete(pattern);
  }

  #subscribers(subject: string): readonly Entry[] {
    let route = this.#routes.get(subject);
    if (!route) {
      if (this.#routes.size >= maxRoutes) this.#routes.clear();
      const subjectTokens = subject.split('.');
      route = [...this.#entries].filter(({ tokens }) => matches(tokens, subjectTokens));
      this.#routes.set(subject, route);
    }
    return route;
  }
}

let nextWireId = 1;

export class MemoryWire implements Wire {
  readonly id = nextWireId++;
  readonly name: string;
  readonly maxPayloadBytes: number;
  readonly gate: Gate;
  readonly #bus: MemoryBus;
  readonly #entries = new Set<Entry>();
  readonly #listeners = new Set<(state: WireState) => void>();
  #state: WireState = 'connecting';
  /** Counts broken links: what was under way during an earlier life never arrives. */
  life = 0;

  constructor(name: string, bus: MemoryBus, maxPayloadBytes: number, gate: Gate) {
    this.name = name;
    this.gate = gate;
    this.#bus = bus;
    this.maxPayloadBytes = maxPayloadBytes;
  }

  get state(): WireState {
    return this.#state;
  }

  /** The link comes up or breaks. */
  setState(state: WireState): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    if (state !== 'up') this.life++;
    for (const listener of [...this.#listeners]) listener(state);
  }

  publish(subject: string, data: Uint8Array, options?: PublishOptions): boolean {
    if (this.#state !== 'up') return false;
    this.#bus.carry(this, subject, data, options);
    return true;
  }

  subscribe(pattern: string, handler: (message: WireMessage) => void): Subscription {
    const entry = { wire: this, pattern, tokens: pattern.split('.'), handler };
    this.#entries.add(entry);
    this.#bus.add(entry);
    return {
      unsubscribe: () => {
        this.#entries.delete(entry);
        this.#bus.remove(entry);
      },
    };
  }

  onState(listener: (state: WireState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    this.setState('closed');
    for (const entry of this.#entries) this.#bus.remove(entry);
    this.#entries.clear();
  }
}

function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  for (let i = 0; i < pattern.length; i++) {
    const token = pattern[i];
    if (token === '>') return subject.length > i;
    if (subject[i] === undefined || (token !== '*' && token !== subject[i])) return false;
  }
  return pattern.length === subject.length;
}
