/**
 * One life of a process of a small cluster, until it is killed: a node with a journal and the log service, or a manager
 * that pulls them into its aggregate files. What it is told comes as JSON, what it has done goes line by line to its
 * output, which is a file.
 *
 *   a N,N   these records were acknowledged: they are synced, or at least written
 */
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogService } from '../../src/actors/log-service.ts';
import { PulledNode } from '../../src/actors/pulled-node.ts';
import { ActorSystem } from '../../src/actors/system.ts';
import { connectWire } from '../../src/bus/connection.ts';
import { LogClient } from '../../src/bus/log-client.ts';
import { LogServer } from '../../src/bus/log-server.ts';
import type { Wire } from '../../src/bus/wire.ts';
import type { Log } from '../../src/core/log.ts';
import { type LogFields, type LogLevel, logLevels } from '../../src/core/log.ts';
import { parseDestination } from '../../src/core/logs/destination.ts';
import { compareIds } from '../../src/core/logs/log-id.ts';
import { PullBudget } from '../../src/core/logs/pull-budget.ts';
import { openDiskFiles } from '../../src/journal/disk-files.ts';
import type { JournalFiles } from '../../src/journal/files.ts';
import { type Journal, openJournal } from '../../src/journal/journal.ts';
import { Aggregate } from '../../src/manager/aggregate-store.ts';
import { IntervalDecoder } from '../../src/manager/record-decoder.ts';
import { Jobs } from '../../src/node/jobs.ts';
import { logJobs } from '../../src/node/log-jobs.ts';
import { systemClock, systemRandom } from '../../src/node/system-clock.ts';
import { SeededRandom } from '../sim/seeded-random.ts';
import type { ClusterFault } from './cluster-kills.ts';
import { KillCount, type KillPlan, killingFiles, killingWire } from './killing-files.ts';

export interface ClusterLife {
  readonly role: 'node' | 'manager';
  readonly name: string;
  readonly directory: string;
  readonly url: string;
  readonly seed: number;
  readonly number: number;
  readonly nodes: readonly string[];
  readonly unitLimit: number;
  readonly safety: 0 | 1 | 2;
  readonly compress: boolean;
  /** `logfile`, below the directory. */
  readonly pattern: string;
  /** A node that only serves, and ends when everything was pulled. */
  readonly isLast?: true;
  readonly plan?: KillPlan;
  readonly fault?: ClusterFault;
}

const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
const log = 'mainlog';
const subscriber = 'master';
/** Who is back says so, as the membership of a real cluster does. */
const helloSubject = 'kills.hello';

async function live(life: ClusterLife): Promise<void> {
  const count = life.plan && new KillCount(life.plan);
  const disk = await openDiskFiles();
  const files = count ? killingFiles(disk, count) : disk;
  const around = { clock: systemClock, random: systemRandom, log: quietLog, counters: { add: () => {} } };
  const { url, name } = life;
  const settings = {
    ...{ credentials: {}, tls: undefined, connectTimeoutMs: 2000, reconnectWaitMs: 100 },
    ...{ pingIntervalMs: 1000, maxPingOut: 2, maxBacklog: 10_000 },
  };
  const connection = connectWire({ link: 's', name, urls: [url], settings, ...around });
  const wire = count ? killingWire(connection, count) : connection;
  const parts = { files, wire, around, system: new ActorSystem(around) };
  if (life.role === 'node') await beNode(life, parts);
  else beManager(life, parts);
}

interface Parts {
  readonly files: JournalFiles;
  readonly wire: Wire;
  readonly around: Pick<ConstructorParameters<typeof LogClient>[0], 'clock' | 'random'> & {
    readonly log: Log;
    readonly counters: { add(): void };
  };
  readonly system: ActorSystem;
}

const quietLog = Object.fromEntries(
  logLevels.map((level: LogLevel) => [
    level,
    (text: string, fields?: LogFields) => {
      if (level === 'critical' || process.env.KILLS_LOG) console.error(`${level}: ${text}`, fields ?? '');
    },
  ]),
) as unknown as Log;

async function beNode(life: ClusterLife, { files, wire, around, system }: Parts): Promise<void> {
  const { name, unitLimit, safety, compress } = life;
  const path = `${life.directory}/${name}`;
  const journal = await openJournal({
    ...{ path, files, access: 'own', subscribers: [subscriber] },
    create: { unitLimit, safety, compress },
    ...around,
  });
  const intervals = { activeMs: 1000, idleMs: 2000, leaseMs: 30_000 };
  const world = { ...around, jobs: logJobs(new Jobs(around)), intervals };
  const offered = {
    logs: [{ name: log, path }],
    journals: { journal: async () => journal, onOpened: () => () => {} },
  };
  const service = new LogService(system, world, { node: name, subcluster: 'default', ...offered });
  new LogServer({ wire, groups, node: name, service, ...around });
  const hello = (): void => void wire.publish(helloSubject, new TextEncoder().encode(name));
  wire.onState((state) => state === 'up' && hello());
  if (wire.state === 'up') hello();
  if (life.isLast) await waitForPuller(journal);
  else await append(life, journal);
}

async function append(life: ClusterLife, journal: Journal): Promise<void> {
  const random = new SeededRandom(life.seed, life.name);
  const record = (n: number): Buffer => {
    const length = random.chance(0.02) ? random.below(20_000) : random.below(80);
    return Buffer.from(`${life.name} ${life.number}.${n} ${'x'.repeat(length)}\n`);
  };
  for (let next = 0; ; ) {
    for (let lazy = random.below(4); lazy > 0; lazy--) journal.appendLazy(record(next++));
    const group = Array.from({ length: 1 + random.below(6) }, () => next++);
    if (life.fault === 'early') acknowledge(life, group);
    // As if the kill came right behind the word: kills that do are too few for a short test.
    if (life.fault === 'early' && random.chance(0.1)) continue;
    const isSynced = random.chance(0.5);
    await Promise.all(
      group.map((n) => (isSynced ? journal.append(record(n)) : journal.appendWritten(record(n)))),
    );
    if (life.fault === 'twice') await journal.append(record(group[0]!));
    acknowledge(life, group);
    await sleep(random.below(20));
  }
}

function acknowledge({ name, number }: ClusterLife, records: readonly number[]): void {
  writeSync(1, `a ${records.map((n) => `${name} ${number}.${n}`).join()}\n`);
}

async function waitForPuller(journal: Journal): Promise<void> {
  for (;;) {
    const at = (await journal.subscribers()).get(subscriber);
    if (at && compareIds(at, (await journal.bounds())?.last ?? at) >= 0) process.exit(0);
    await sleep(20);
  }
}

function beManager(life: ClusterLife, { files, wire, around, system }: Parts): void {
  const { name, directory, nodes } = life;
  const logfile = parseDestination(`${directory}/out/${life.pattern}`, { isPattern: true });
  if (typeof logfile === 'string') throw new Error(logfile);
  const base = {
    ...{ logfile, fileMode: 0o644, dirMode: 0o755, maxIdleMs: 2000, maxOpen: 4, sync: true },
    subscribers: undefined,
  };
  const store = new Aggregate({
    settings: { base, stanzas: [], backlog: 10_000 },
    manager: name,
    zone: { at: () => ({ offsetS: 0, name: 'UTC' }) },
    around: { ...around, files },
    openDestination: () => Promise.reject(new Error('only files')),
  });
  const client = new LogClient({ wire, groups, ...around });
  const world = {
    ...around,
    services: client,
    store: life.fault === 'hasty' ? { store: async () => {} } : store,
    decoder: new IntervalDecoder(systemClock),
    budget: new PullBudget({ intervals: 4, records: 10_000 }),
    jobs: logJobs(new Jobs(around)),
    consumer: name,
    instance: systemRandom.hex(8),
    cycleMs: 1000,
  };
  const pulled = new Map(
    nodes.map((node) => {
      const wanted = { node, subcluster: 'default', subscribers: () => [name, subscriber] };
      return [node, new PulledNode(system, wanted, world)] as const;
    }),
  );
  client.onReady((node, ready) => pulled.get(node)?.ready(ready));
  wire.subscribe(helloSubject, ({ data }) => pulled.get(new TextDecoder().decode(data))?.retry());
  wire.onState((state) => {
    if (state === 'up') for (const node of pulled.values()) node.retry();
  });
}

await live(JSON.parse(process.argv[2]!) as ClusterLife);
