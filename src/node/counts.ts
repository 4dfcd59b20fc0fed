/**
 * What a node counts over time, and where: in the tables that are replicated as the configuration says, and in one of its
 * own for all else (replication 8, 9, 13A). Stays the same over a cluster reset, as the tables do.
 */
import type { SeriesReplica } from '../actors/series-replica.ts';
import type { Prefix } from '../core/address.ts';
import type { Incarnation } from '../core/identity.ts';
import { AuditSeries, type ReplicateMode } from '../core/series/audit-series.ts';
import type { EventTable } from '../core/series/event-table.ts';
import { GaugeCaches } from '../core/series/gauge-caches.ts';
import { auditEvents, InboundAudit } from '../core/series/inbound-audit.ts';
import { Journal } from '../core/series/journal.ts';
import { OutboundResults } from '../core/series/outbound-results.ts';
import type { AuditSettings } from '../core/settings.ts';
import { LocalCounts } from './local-counts.ts';
import { SeriesFiles } from './series-files.ts';
import type { Surroundings } from './surroundings.ts';
import { Turns } from './turns.ts';

type SharedTable = Pick<SeriesReplica, 'table' | 'words'>;

export interface CountsOptions {
  readonly settings: AuditSettings;
  readonly around: Surroundings;
  readonly self: Incarnation;
  /** Of this moment: another one after a reset. */
  readonly life: () => Incarnation | undefined;
  /** `Replicate "metrics"`, where it is configured. */
  readonly metrics: SharedTable | undefined;
  /** `Replicate "eccmgr_metrics"`. */
  readonly managers: SharedTable | undefined;
}

/** What programs use of them. */
export type NodeSeries = Pick<AuditSeries, 'define' | 'add' | 'count' | 'remove' | 'addTo' | 'during'>;
export type NodeAudit = Pick<InboundAudit, 'count' | 'smoothed' | 'during' | 'audit'>;
export type NodeGauges = Pick<GaugeCaches, 'define' | 'increment' | 'decrement' | 'get' | 'remove' | 'keys'>;

const noWords: ReadonlySet<string> = new Set();

export class Counts {
  readonly audit: InboundAudit;
  readonly outbound: OutboundResults;
  readonly series: AuditSeries;
  readonly gauges: GaugeCaches;
  /** What the next files will say. */
  readonly journal = new Journal();
  readonly files: SeriesFiles;
  readonly #options: CountsOptions;
  readonly #local: LocalCounts;
  readonly #warned = new Set<string>();

  constructor(options: CountsOptions) {
    const { settings, around, self, life, metrics, managers } = options;
    this.#options = options;
    this.#local = new LocalCounts(self, around);
    const local = this.#local.table;
    const { journal } = this;
    const nowMs = () => around.clock.wallMs();
    this.files = new SeriesFiles({ settings, around, journal, life });
    this.audit = new InboundAudit(metrics?.table ?? local, {
      monitors: settings.monitors,
      shared: new Set(auditEvents.filter((event) => metrics?.words.has(event))),
      copies: managers ? [[managers.table, managers.words]] : [],
      nowMs,
      notShared: (event) => this.#warn(`'${event}'`, event),
    });
    this.outbound = new OutboundResults([
      [metrics?.table ?? local, metrics?.words ?? noWords],
      ...(managers ? [[managers.table, managers.words] as const] : []),
    ]);
    const series: AuditSeries = new AuditSeries({
      table: (mode, name) => this.#seriesTable(mode, name),
      tables: () => [metrics?.table ?? local],
      journal,
      made: (one) => {
        if (one.options.persist)
          this.files.restore(one, (earlier, counts) => series.restore(one, earlier, counts));
      },
    });
    this.series = series;
    this.gauges = new GaugeCaches({
      shared: metrics?.words.has('gauge_cache') ? metrics.table : undefined,
      local,
      nowMs,
      notShared: (name) => this.#warn(`the gauge cache '${name}'`, 'gauge_cache'),
    });
  }

  /** `inbound_audit show ip`, in pieces (replication 10.3). */
  show(prefix: Prefix): AsyncGenerator<string, void, void> {
    return this.#inTurns(this.audit.show(prefix));
  }

  /** `inbound_audit show all`, in pieces (replication 10.7). */
  all(): AsyncGenerator<string, void, void> {
    return this.#inTurns(this.audit.all());
  }

  async *#inTurns(texts: Iterable<string>): AsyncGenerator<string, void, void> {
    const turns = new Turns(this.#options.around.clock);
    for (const text of texts) {
      if (text !== '') yield text;
      await turns.next();
    }
  }

  /** Adds a file to the current window of a series; the number of its entries. */
  async load(name: string, file: string): Promise<number> {
    const series = this.series.named(name);
    return this.files.addFrom(file, series, (key, by) => this.series.addKey(series, key, by));
  }

  async stop(): Promise<void> {
    this.#local.stop();
    await this.files.stop();
    await this.files.save(this.series);
  }

  #seriesTable(mode: ReplicateMode, name: string): EventTable {
    const { metrics, managers } = this.#options;
    const replica = mode === 'cluster' ? metrics : mode === 'manager' ? managers : undefined;
    if (replica?.words.has('audit_series')) return replica.table;
    if (mode !== 'none')
      this.#warn(`the series '${name}'`, 'audit_series', mode === 'manager' ? 'eccmgr_metrics' : 'metrics');
    return this.#local.table;
  }

  /** Once for each (8.15, 13.3). */
  #warn(what: string, word: string, object = 'metrics'): void {
    if (this.#warned.has(what)) return;
    this.#warned.add(what);
    this.#options.around.log.warning(
      `${what} is counted by this node alone: '${word}' is not among the parameters of ${object}`,
      {
        object,
      },
    );
  }
}
