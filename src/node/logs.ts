/** The log service of a node over its lives in the cluster: leases outlast a reset, requests come through the present link. */
import { LogService } from '../actors/log-service.ts';
import { ActorSystem } from '../actors/system.ts';
import { LogServer } from '../bus/log-server.ts';
import type { LogFacts } from '../console/facts.ts';
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

export class OfferedLogs implements LogFacts {
  readonly #options: OfferedLogsOptions;
  readonly #journals: OfferedJournals;
  readonly #system: ActorSystem;
  readonly #service: LogService;
  #server: LogServer | undefined;

  constructor(options: OfferedLogsOptions) {
    this.#options = options;
    const { settings, around, jobs, journals } = options;
    this.#journals = new OfferedJournals(journals);
    this.#system = new ActorSystem(around);
    const world = { ...around, jobs: logJobs(jobs), intervals: settings.logIntervals };
    const { nodename, subcluster, logs } = settings;
    this.#service = new LogService(this.#system, world, {
      node: nodename,
      subcluster,
      logs,
      journals: this.#journals,
    });
  }

  /** A life of the node begins. */
  follow(life: ClusterLife): void {
    const { settings, around } = this.#options;
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

  list(): ReturnType<LogFacts['list']> {
    return this.#service.list();
  }

  dropSubscriber(name: string): ReturnType<LogFacts['dropSubscriber']> {
    return this.#service.dropSubscriber(name);
  }

  async stop(): Promise<void> {
    this.#server?.close();
    await this.#service.stop();
    this.#system.stop();
    await this.#journals.stop();
  }
}
