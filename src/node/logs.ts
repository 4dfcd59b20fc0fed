/** The log service of a node over its lives in the cluster: leases outlast a reset, requests come through the present link. */
import { isDeepStrictEqual } from 'node:util';
import { LogService } from '../actors/log-service.ts';
import { ActorSystem } from '../actors/system.ts';
import { LogServer } from '../bus/log-server.ts';
import type { LogFacts } from '../console/facts.ts';
import type { Timer } from '../core/clock.ts';
import type { NodeSettings } from '../core/settings.ts';
import type { JournalSet } from '../logs/journal-set.ts';
import type { ClusterLife } from './cluster-life.ts';
import type { Jobs } from './jobs.ts';
import { logJobs } from './log-jobs.ts';
import { OfferedJournals } from './offered-journals.ts';
import type { Surroundings } from './surroundings.ts';

export interface OfferedLogsOptions {
  readonly settings: Pick<
    NodeSettings,
    'nodename' | 'subcluster' | 'clusterGroup' | 'controlGroup' | 'logGroup' | 'logs' | 'logIntervals'
  >;
  readonly journals: JournalSet;
  readonly jobs: Jobs;
  readonly around: Surroundings;
}

const lagPeriodMs = 60_000;

export class OfferedLogs implements LogFacts {
  readonly #options: OfferedLogsOptions;
  readonly #journals: OfferedJournals;
  readonly #system: ActorSystem;
  readonly #service: LogService;
  #settings: OfferedLogsOptions['settings'];
  #life: ClusterLife | undefined;
  #server: LogServer | undefined;
  #lagBytes = 0;
  #lagTimer: Timer | undefined;
  #measuring: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: OfferedLogsOptions) {
    this.#options = options;
    const { settings, around, jobs, journals } = options;
    this.#journals = new OfferedJournals(journals);
    this.#system = new ActorSystem(around);
    this.#settings = settings;
    const now = () => this.#settings;
    const world = {
      ...around,
      jobs: logJobs(jobs),
      get intervals() {
        return now().logIntervals;
      },
    };
    const { nodename, subcluster, logs } = settings;
    this.#service = new LogService(this.#system, world, {
      node: nodename,
      subcluster,
      logs,
      journals: this.#journals,
    });
    if (logs.length > 0) this.#measureLater();
  }

  /** Other logs, or other pauses of who reads them. */
  configure(settings: OfferedLogsOptions['settings']): void {
    const before = this.#settings;
    this.#settings = settings;
    if (isDeepStrictEqual(before.logs, settings.logs)) return;
    this.#service.configure(settings.logs);
    // Without any log nothing is listened to.
    if (this.#life) this.follow(this.#life);
    if (before.logs.length === 0) this.#measureLater();
  }

  /** A life of the node begins. */
  follow(life: ClusterLife): void {
    this.#life = life;
    const { around } = this.#options;
    const settings = this.#settings;
    this.#server?.close();
    const wire = life.links.s;
    this.#server = new LogServer({
      wire,
      groups: settings,
      node: settings.nodename,
      service: this.#service,
      ...around,
    });
  }

  /** Leases that are held. */
  get leases(): number {
    return this.#service.leases;
  }

  /** Unread bytes of the subscriber that is furthest behind, as of a minute ago at most. */
  get lagBytes(): number {
    return this.#lagBytes;
  }

  list(): ReturnType<LogFacts['list']> {
    return this.#service.list();
  }

  dropSubscriber(name: string): ReturnType<LogFacts['dropSubscriber']> {
    return this.#service.dropSubscriber(name);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#lagTimer?.cancel();
    this.#server?.close();
    await this.#measuring;
    await this.#service.stop();
    this.#system.stop();
    await this.#journals.stop();
  }

  /** Looking takes a while: a segment of each journal is read. */
  #measureLater(): void {
    if (this.#stopped) return;
    this.#lagTimer?.cancel();
    this.#lagTimer = this.#options.around.clock.after(lagPeriodMs, () => {
      this.#measuring = this.#service.largestLag().then((bytes) => {
        this.#lagBytes = bytes;
        this.#measureLater();
      });
    });
  }
}
