/**
 * What a manager does with the logs of the nodes (`Logs`): it pulls them, and writes them to files. Comes, changes and goes with
 * the configuration, over all lives of the manager in the cluster.
 *
 * Owns the aggregator and its store. Invariants: there is one of each at most, and one that goes has written and acknowledged
 * what it was at before another comes, because both would have the same files.
 */
import type { AggregateStore } from '../actors/log-ports.ts';
import type { NodeLogs, PullerFacts } from '../console/facts.ts';
import { logsOf } from '../core/logs/aggregation.ts';
import type { LogsSettings, NodeSettings } from '../core/settings.ts';
import type { ClusterLife } from '../node/cluster-life.ts';
import type { Jobs } from '../node/jobs.ts';
import type { Logging } from '../node/logging.ts';
import type { Surroundings } from '../node/surroundings.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Aggregate } from './aggregate-store.ts';
import { Aggregator } from './aggregator.ts';
import { openAggregate } from './open-aggregate.ts';

export interface LogCollectionParts {
  readonly around: Surroundings;
  readonly metrics: Metrics;
  readonly jobs: Jobs;
  readonly journals: Logging['journals'];
  /** Instead of files; whoever brings it closes it. */
  readonly store: AggregateStore | undefined;
  /** A program that must not end has ended. */
  readonly onPipeFailure: (reason: string) => void;
}

export class LogCollection {
  readonly #parts: LogCollectionParts;
  #settings: NodeSettings;
  #aggregate: Aggregate | undefined;
  #aggregator: Aggregator | undefined;
  #life: ClusterLife | undefined;

  constructor(settings: NodeSettings, parts: LogCollectionParts) {
    this.#settings = settings;
    this.#parts = parts;
    parts.metrics.gauge('aggregate_open_outputs', () => this.#aggregate?.openOutputs ?? 0);
  }

  /** As configured; before the first life. */
  open(settings: NodeSettings): Promise<void> {
    this.#settings = settings;
    return this.#begin();
  }

  /** Other stanzas: what comes from now on goes where they say. */
  async configure(settings: NodeSettings): Promise<void> {
    this.#settings = settings;
    const { aggregation, logIntervals } = settings;
    if (!aggregation) return this.stop();
    if (!this.#aggregator) return this.#begin();
    this.#aggregate?.configure(aggregation);
    this.#aggregator.configure({ cycleMs: logIntervals.idleMs, maxRecords: aggregation.backlog });
  }

  /** A life of the manager begins. */
  follow(life: ClusterLife): void {
    this.#life = life;
    this.#aggregator?.follow(life);
  }

  /** Records that were pulled and are not written yet. */
  get records(): number {
    return this.#aggregator?.records ?? 0;
  }

  async list(): Promise<readonly NodeLogs[]> {
    return (await this.#aggregator?.list()) ?? [];
  }

  pullers(): readonly PullerFacts[] {
    return this.#aggregator?.pullers() ?? [];
  }

  async reopen(): Promise<void> {
    await this.#aggregate?.reopen();
  }

  /** What was pulled is written and acknowledged, and the leases are given back, so that another manager need not wait. */
  async stop(): Promise<void> {
    const [aggregator, aggregate] = [this.#aggregator, this.#aggregate];
    this.#aggregator = undefined;
    await aggregator?.stop();
    await aggregate?.stop();
    this.#aggregate = undefined;
  }

  async #begin(): Promise<void> {
    const { aggregation, nodename, logIntervals } = this.#settings;
    if (!aggregation) return;
    const { store, jobs, around } = this.#parts;
    if (!store) this.#aggregate = await this.#openAggregate(aggregation);
    this.#aggregator = new Aggregator({
      nodename,
      groups: this.#settings,
      store: store ?? this.#aggregate!,
      subscribersOf: (node, subcluster) => this.#subscribersOf(node, subcluster),
      cycleMs: logIntervals.idleMs,
      maxRecords: aggregation.backlog,
      jobs,
      around,
    });
    if (this.#life) this.#aggregator.follow(this.#life);
  }

  #subscribersOf(node: string, subcluster: string): readonly string[] {
    const { aggregation, nodename } = this.#settings;
    return aggregation ? logsOf(aggregation, nodename, node, subcluster).subscribers : [];
  }

  #openAggregate(settings: LogsSettings): Promise<Aggregate> {
    const { around, journals, onPipeFailure } = this.#parts;
    const sinks = () => {
      const { pipe, syslog } = this.#settings.logging;
      return { journals, pipe, syslog, onPipeFailure };
    };
    return openAggregate({ settings, manager: this.#settings.nodename, around, sinks });
  }
}
