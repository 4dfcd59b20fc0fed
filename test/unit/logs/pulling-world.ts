/**
 * A node with a real journal on a simulated disk, and managers that pull it, over a bus that loses, repeats and delays what
 * it is told to. Time is virtual. The stores only remember.
 */
import { expect } from 'vitest';
import type { AggregateStore, LogSource, PulledRecord } from '../../../src/actors/log-ports.ts';
import type { PullerWorld } from '../../../src/actors/log-puller.ts';
import { LogService } from '../../../src/actors/log-service.ts';
import { PulledNode } from '../../../src/actors/pulled-node.ts';
import { ActorSystem } from '../../../src/actors/system.ts';
import { LogClient } from '../../../src/bus/log-client.ts';
import { LogServer } from '../../../src/bus/log-server.ts';
import { MemoryBus, type MemoryWire } from '../../../src/bus/memory.ts';
import type { PublishOptions, Wire } from '../../../src/bus/wire.ts';
import { FlotillaError } from '../../../src/core/errors.ts';
import { compareIds, type LogId } from '../../../src/core/logs/log-id.ts';
import { PullBudget } from '../../../src/core/logs/pull-budget.ts';
import { type Journal, openJournal } from '../../../src/journal/journal.ts';
import { IntervalDecoder } from '../../../src/manager/record-decoder.ts';
import { Jobs } from '../../../src/node/jobs.ts';
import { logJobs } from '../../../src/node/log-jobs.ts';
import { SeededRandom } from '../../sim/seeded-random.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { SimulatedDisk } from '../journal/simulated-disk.ts';
import { Recorder } from '../recorder.ts';

export const logPath = '/logs/mainlog';
export const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };

/** What happens to each message. */
export interface Weather {
  loss: number;
  repetition: number;
  latestMs: number;
}

/** A wire whose messages do not even keep their order. */
function stormy(wire: MemoryWire, weather: Weather, clock: VirtualClock, random: SeededRandom): Wire {
  const publish = (subject: string, data: Uint8Array, options?: PublishOptions): boolean => {
    if (wire.state !== 'up') return false;
    // Its memory may hold other records by the time that they are carried.
    const body = Uint8Array.from(data);
    const copies = random.chance(weather.loss) ? 0 : random.chance(weather.repetition) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const send = () => void wire.publish(subject, body, options);
      if (weather.latestMs === 0) send();
      else clock.after(random.between(0, weather.latestMs), send);
    }
    return true;
  };
  return {
    get state() {
      return wire.state;
    },
    maxPayloadBytes: wire.maxPayloadBytes,
    publish,
    subscribe: (pattern, handler) => wire.subscribe(pattern, handler),
    onState: (listener) => wire.onState(listener),
    close: () => wire.close(),
  };
}

export class PullingWorld {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly weather: Weather = { loss: 0, repetition: 0, latestMs: 0 };
  readonly recorder = new Recorder();
  readonly bus: MemoryBus;
  readonly node: NodeSide;
  /** Places of the records that were acknowledged to whoever appended them, by number. */
  readonly appended = new Map<number, LogId>();
  #appends = 0;

  constructor(seed = 1, unitLimit = 700) {
    this.random = new SeededRandom(seed);
    this.bus = new MemoryBus(this.clock, () => [1]);
    this.node = new NodeSide(this, unitLimit);
  }

  get around() {
    const { clock, random, recorder } = this;
    return { clock, random, log: recorder.log, counters: recorder.counters };
  }

  connect(name: string): { readonly memory: MemoryWire; readonly wire: Wire } {
    // So small that an interval takes several parts.
    const memory = this.bus.connect(name, 1_224);
    memory.setState('up');
    return { memory, wire: stormy(memory, this.weather, this.clock, this.random) };
  }

  /** Appends numbered records; whoever appends does not wait. */
  append(count: number, size = 10): void {
    for (let n = 0; n < count; n++) {
      const number = this.#appends++;
      const payload = Buffer.from(`${number}:${'x'.repeat(size)}\n`);
      this.node.journal?.append(payload).then(
        (id) => this.appended.set(number, id),
        () => {},
      );
    }
  }

  async advance(ms: number): Promise<void> {
    // What the test has just asked for comes first: it may be what sets the next timer.
    await new Promise((resolve) => setImmediate(resolve));
    await this.clock.advance(this.clock.nowMs() + ms);
  }

  /** Advances until something is so. */
  async until(condition: () => boolean, mostMs = 300_000): Promise<void> {
    const endMs = this.clock.nowMs() + mostMs;
    while (!condition() && this.clock.nowMs() < endMs) await this.advance(50);
    expect(condition()).toBe(true);
  }

  /** Every record up to the checkpoint was confirmed by one of the stores. */
  async checkpointIsCovered(stores: readonly RecordingStore[], subscriber = 'master'): Promise<void> {
    const checkpoint = (await this.node.journal?.subscribers())?.get(subscriber);
    if (!checkpoint) return;
    const passed = [...this.appended].filter(([, id]) => compareIds(id, checkpoint) <= 0);
    const missing = passed.filter(([number]) => !stores.some(({ confirmed }) => confirmed.has(number)));
    expect(missing).toEqual([]);
  }
}

export class NodeSide {
  readonly disk = new SimulatedDisk();
  readonly #world: PullingWorld;
  readonly #unitLimit: number;
  readonly intervals = { activeMs: 1000, idleMs: 10_000, leaseMs: 30_000 };
  subscribers: string[] = ['master'];
  compress = false;
  jobs: Jobs;
  journal: Journal | undefined;
  /** To be called when `journal` was put in its place. */
  onOpened: () => void = () => {};
  service: LogService | undefined;
  wire: MemoryWire | undefined;
  #system: ActorSystem | undefined;
  #server: LogServer | undefined;

  constructor(world: PullingWorld, unitLimit: number) {
    this.#world = world;
    this.#unitLimit = unitLimit;
    this.jobs = new Jobs(world);
  }

  async start(): Promise<void> {
    const { around } = this.#world;
    this.journal = await openJournal({
      path: logPath,
      files: this.disk.process(),
      subscribers: this.subscribers,
      create: { unitLimit: this.#unitLimit, safety: 1, compress: this.compress },
      access: 'own',
      ...around,
    });
    const { memory, wire } = this.#world.connect('node');
    this.wire = memory;
    this.jobs = new Jobs(around);
    this.#system = new ActorSystem(around);
    const world = {
      ...around,
      jobs: logJobs(this.jobs),
      intervals: this.intervals,
    };
    const journals = {
      journal: async () => {
        if (this.journal) return this.journal;
        throw new FlotillaError('FLT-2201', 'it is gone');
      },
      onOpened: (listener: () => void) => {
        this.onOpened = listener;
        return () => {};
      },
    };
    this.service = new LogService(this.#system, world, {
      node: 'relay.1',
      subcluster: 'east',
      logs: [{ name: 'mainlog', path: logPath }],
      journals,
    });
    this.#server = new LogServer({ wire, groups, node: 'relay.1', service: this.service, ...around });
  }

  /** As by SIGKILL, or with the power. */
  kill(power: boolean): void {
    void this.wire?.close();
    this.#server?.close();
    this.#system?.stop();
    this.journal = undefined;
    if (power) this.disk.losePower(() => this.#world.random.next());
    else this.disk.endProcess();
  }
}

/** What it confirmed; what was given to it again is in `arrivals` again. */
export class RecordingStore implements AggregateStore {
  /** Shared by all lives of one manager: its files. */
  readonly confirmed = new Set<number>();
  readonly arrivals: number[] = [];
  readonly sources: LogSource[] = [];
  readonly #clock: VirtualClock;
  delayMs = 5;
  isFull = false;
  #underWay = 0;
  #life = 0;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  /** The process is gone: what was under way has perhaps been kept, and nobody hears of it. */
  kill(): void {
    this.#life++;
    this.#underWay = 0;
  }

  async store(source: LogSource, records: readonly PulledRecord[]): Promise<void> {
    const life = this.#life;
    expect(this.#underWay++).toBe(0);
    await new Promise<void>((resolve) => this.#clock.after(this.delayMs, resolve));
    if (life !== this.#life) await new Promise<never>(() => {});
    this.#underWay--;
    if (this.isFull) throw new Error('no space left on device');
    this.sources.push(source);
    for (const { payload } of records) {
      const number = Number.parseInt(Buffer.from(payload).toString('latin1'), 10);
      this.arrivals.push(number);
      this.confirmed.add(number);
    }
  }

  /** The numbers in the order in which they came first. */
  get firstArrivals(): number[] {
    return [...new Set(this.arrivals)];
  }
}

export class ManagerSide {
  readonly store: RecordingStore;
  readonly name: string;
  readonly #world: PullingWorld;
  jobs: Jobs;
  pulled: PulledNode | undefined;
  wire: MemoryWire | undefined;
  subscribers: readonly string[];
  #system: ActorSystem | undefined;
  #client: LogClient | undefined;

  constructor(world: PullingWorld, name = 'barca', subscribers: readonly string[] = [name, 'master']) {
    this.#world = world;
    this.name = name;
    this.subscribers = subscribers;
    this.store = new RecordingStore(world.clock);
    this.jobs = new Jobs(world);
  }

  start(budget = { intervals: 4, records: 65_536 }): void {
    const { around, clock, random } = this.#world;
    const { memory, wire } = this.#world.connect(this.name);
    this.wire = memory;
    this.jobs = new Jobs(around);
    this.#system = new ActorSystem(around);
    const client = new LogClient({ wire, groups, ...around });
    this.#client = client;
    const world: PullerWorld = {
      ...around,
      services: client,
      store: this.store,
      decoder: new IntervalDecoder(clock),
      budget: new PullBudget(budget),
      jobs: logJobs(this.jobs),
      consumer: this.name,
      instance: random.hex(4),
      cycleMs: 10_000,
    };
    const node = { node: 'relay.1', subcluster: 'east', subscribers: () => this.subscribers };
    const pulled = new PulledNode(this.#system, node, world);
    this.pulled = pulled;
    client.onReady((_, log) => pulled.ready(log));
    memory.onState((state) => {
      if (state === 'up') pulled.retry();
    });
  }

  get state(): string | undefined {
    return this.pulled?.pullers.get('mainlog')?.state;
  }

  async stop(): Promise<void> {
    await this.pulled?.finish();
    this.#client?.end();
    this.#system?.stop();
  }

  kill(): void {
    this.store.kill();
    void this.wire?.close();
    this.#client?.end();
    this.#system?.stop();
  }
}
