/**
 * The truth about logs: every record that a node was told is kept. Each is in the files of the manager once in the end,
 * those of a node in their order, and nothing that nobody wrote (R6), whatever happened to nodes, manager, their disks
 * and the bus between them. Half of the processes that end take with them what their disk had not synced.
 */
import { LogService } from '../../src/actors/log-service.ts';
import { ActorSystem } from '../../src/actors/system.ts';
import { LogServer } from '../../src/bus/log-server.ts';
import { FlotillaError } from '../../src/core/errors.ts';
import { type Log, logLevels } from '../../src/core/log.ts';
import { type Destination, parseDestination } from '../../src/core/logs/destination.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import {
  checkpointName,
  decodeCheckpoint,
  plainMagic,
  recordFormat,
  recordLength,
} from '../../src/journal/layout.ts';
import type { JournalNotice } from '../../src/journal/store.ts';
import { Aggregate } from '../../src/manager/aggregate-store.ts';
import { Aggregator } from '../../src/manager/aggregator.ts';
import { Jobs } from '../../src/node/jobs.ts';
import { logJobs } from '../../src/node/log-jobs.ts';
import type { Surroundings } from '../../src/node/surroundings.ts';
import { compareRecords } from '../kills/ledger.ts';
import { SimulatedDisk } from '../unit/journal/simulated-disk.ts';
import { type ObjectChecker, type ObjectWorld, runningNodes } from './object-checker.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SimNode } from './sim-node.ts';
import { slowFiles } from './slow-files.ts';

const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
const log = 'mainlog';
const path = '/logs/mainlog';
const subscriber = 'master';
const outputs = '/out';
const patterns = ['%{l}', '%{n}/%{l}', '%M-%{l}'];

const format = recordFormat(plainMagic, 'little')!;

/** Notices that mean that records are gone. */
const fatalNotices: readonly JournalNotice['kind'][] = [
  'bytes-cut',
  'segment-missing',
  'damaged',
  'records-lost',
];

/** One process of a node. */
interface Writer {
  readonly journal: Journal;
  /** Its records are `LIFE.0`, `LIFE.1` ... */
  readonly life: number;
  next: number;
}

export class LogChecker implements ObjectChecker {
  readonly mostSkewMs = 60_000;
  /** The longest back-off of a puller, and what comes after it. */
  readonly quietMs = 90_000;
  readonly #world: ObjectWorld;
  readonly #random: SeededRandom;
  readonly #shape: {
    readonly unitLimit: number;
    readonly safety: 0 | 1 | 2;
    readonly logfile: Destination;
    /** Of the records, those that nobody waits for. */
    readonly lazyShare: number;
  };
  readonly #disks = new Map<string, SimulatedDisk>();
  readonly #writers = new Map<SimNode, Writer>();
  readonly #systems: ActorSystem[] = [];
  readonly #acknowledged = new Set<string>();
  readonly #violations: string[] = [];
  #lives = 0;

  constructor(world: ObjectWorld) {
    this.#world = world;
    this.#random = new SeededRandom(world.seed, 'logs');
    const logfile = parseDestination(`${outputs}/${this.#random.pick(patterns)}`, { isPattern: true });
    if (typeof logfile === 'string') throw new Error(logfile);
    const safety = this.#random.pick([0, 1, 2] as const);
    const unitLimit = 300 + this.#random.below(4000);
    // Mostly lazy records: then what is sent is often synced by nobody but the log service.
    const lazyShare = new SeededRandom(world.seed, 'lazy logs').chance(0.5) ? 0.85 : 0.3;
    this.#shape = { unitLimit, safety, logfile, lazyShare };
  }

  start(node: SimNode): void {
    const files = slowFiles(this.#diskOf(node).process(), node.clock, this.#random);
    const around = this.#around(node);
    if (node.options.type === 'Manager') this.#aggregate(node, files, around);
    else
      this.#write(node, files, around).catch((error) =>
        this.#violations.push(`R6 ${node.name} cannot open its journal: ${error}`),
      );
  }

  act(): void {
    for (const node of runningNodes(this.#world)) {
      const writer = this.#writers.get(node);
      if (!writer || this.#random.chance(0.4)) continue;
      for (let burst = this.#random.below(4); burst >= 0; burst--) this.#append(node, writer);
    }
  }

  /** Every journal was read to its end, and that is acknowledged: no record is to come or to be asked for again. */
  isAtRest(): boolean {
    return runningNodes(this.#world).every(({ name }) => {
      const disk = this.#disks.get(name)!;
      const current = disk.paths(`${path}/`).findLast((file) => /\/[0-9a-f]{8}$/.test(file));
      const checkpoint = disk.content(`${path}/${checkpointName(subscriber)}`);
      const at = checkpoint && decodeCheckpoint(checkpoint, format.order);
      if (!current || at?.segment !== Number.parseInt(current.slice(-8), 16)) return false;
      return at.marker === recordsIn(disk.content(current)!);
    });
  }

  check(): readonly string[] {
    const found = new Set<string>();
    for (const [name, disk] of this.#disks)
      for (const file of disk.paths(`${outputs}/`))
        this.#checkFile(`${name}:${file}`, disk.content(file)!, found);
    const lost = [...this.#acknowledged].filter((record) => !found.has(record));
    if (lost.length > 0)
      this.#violations.push(
        `R6 ${lost.length} of ${this.#acknowledged.size} acknowledged records are lost: ${lost.slice(0, 5).join(', ')}`,
      );
    if (this.#systems.some(({ failed }) => failed > 0)) this.#violations.push('no actor may fail');
    return this.#violations;
  }

  #append(node: SimNode, writer: Writer): void {
    const record = `${node.name} ${writer.life}.${writer.next++}`;
    const payload = Buffer.from(`${record} ${'x'.repeat(this.#random.below(120))}\n`);
    if (this.#random.chance(this.#shape.lazyShare)) writer.journal.appendLazy(payload);
    else
      writer.journal.append(payload).then(
        () => this.#acknowledged.add(record),
        (error) => this.#violations.push(`R6 ${node.name} cannot append: ${error}`),
      );
  }

  #checkFile(name: string, content: Buffer, found: Set<string>): void {
    if (name.includes('/.')) return;
    const last = new Map<string, string>();
    for (const line of content.toString('latin1').split('\n').slice(0, -1)) {
      const [node = '', number = '', filling = ''] = line.split(' ');
      const record = `${node} ${number}`;
      if (!/^x*$/.test(filling) || !/^\d+\.\d+$/.test(number))
        this.#violations.push(`R6 ${name} has a line that nobody wrote: ${line.slice(0, 60)}`);
      if (found.has(record)) this.#violations.push(`R6 ${record} is there twice, the second time in ${name}`);
      found.add(record);
      const before = last.get(node);
      if (before !== undefined && compareRecords(before, number) >= 0)
        this.#violations.push(`R6 ${record} stands behind ${before} in ${name}`);
      last.set(node, number);
    }
  }

  /** As the process before has left it. */
  #diskOf({ name }: SimNode): SimulatedDisk {
    const disk = this.#disks.get(name) ?? new SimulatedDisk();
    this.#disks.set(name, disk);
    if (this.#random.chance(0.5)) disk.losePower(() => this.#random.next());
    else disk.endProcess();
    return disk;
  }

  #around(node: SimNode): Surroundings {
    const quiet = Object.fromEntries(
      logLevels.map((level) => [level, (text: string) => node.options.onLog(node, level, text, undefined)]),
    ) as unknown as Log;
    return { clock: node.clock, random: this.#random, log: quiet, counters: { add: () => {} } };
  }

  async #write(node: SimNode, files: ReturnType<typeof slowFiles>, around: Surroundings): Promise<void> {
    const { unitLimit, safety } = this.#shape;
    const life = this.#lives++;
    const journal = await openJournal({
      ...{ path, files, access: 'own', subscribers: [subscriber], create: { unitLimit, safety } },
      ...around,
      onNotice: ({ kind, text }) => {
        if (fatalNotices.includes(kind)) this.#violations.push(`R6 ${node.name}: ${text}`);
      },
    });
    const system = this.#system(around);
    const world = {
      ...around,
      jobs: logJobs(new Jobs(around)),
      intervals: { activeMs: 1000, idleMs: 10_000, leaseMs: 30_000 },
    };
    const journals = {
      journal: async (asked: string) => {
        if (asked !== path) throw new FlotillaError('FLT-2201', asked);
        return journal;
      },
      onOpened: () => () => {},
    };
    const offered = { node: node.name, subcluster: 'default', logs: [{ name: log, path }], journals };
    const service = new LogService(system, world, offered);
    new LogServer({ wire: node.links.s.wire, groups, node: node.name, service, ...around });
    this.#writers.set(node, { journal, life, next: 0 });
  }

  #aggregate(node: SimNode, files: ReturnType<typeof slowFiles>, around: Surroundings): void {
    const base = {
      ...{ logfile: this.#shape.logfile, fileMode: 0o644, dirMode: 0o755, sync: true },
      ...{ maxIdleMs: 20_000, maxOpen: 3, subscribers: undefined },
    };
    const store = new Aggregate({
      settings: { base, stanzas: [], backlog: 1000 },
      manager: node.name,
      zone: { at: () => ({ offsetS: 0, name: 'UTC' }) },
      around: { ...around, files },
      openDestination: () => Promise.reject(new Error('only files')),
    });
    const aggregator = new Aggregator({
      ...{ nodename: node.name, groups, store, around, cycleMs: 10_000, maxRecords: 1000 },
      subscribersOf: () => [node.name, subscriber],
      jobs: new Jobs(around),
    });
    aggregator.follow({ member: node.member, links: { s: node.links.s.wire } });
  }

  #system(around: Surroundings): ActorSystem {
    const system = new ActorSystem(around);
    this.#systems.push(system);
    return system;
  }
}

function recordsIn(segment: Buffer): number {
  let count = 0;
  for (let at = 0; at + format.headerSize <= segment.length; at += recordLength(segment, at, format)) count++;
  return count;
}
