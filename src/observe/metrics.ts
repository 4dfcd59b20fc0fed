/**
 * The node's figures: plain numbers while it runs, Prometheus text when somebody asks. Counting happens on hot paths,
 * so the metrics library is only loaded and used at a scrape.
 *
 * Invariant: only names of the catalogue exist, so the number of series is bounded whatever the traffic brings.
 */
import type { Counters } from '../actors/ports.ts';
import { exposedName, type Metric, metricCatalogue } from './catalogue.ts';

export interface MetricsOptions {
  /** The table of figures; default: that of a node. */
  readonly catalogue?: Readonly<Record<string, Metric>>;
  /** A name that is not in the catalogue is a mistake in the program: tests throw, a running node ignores it. */
  readonly unknownNames: 'throw' | 'ignore';
}

export class Metrics implements Counters {
  readonly #catalogue: Readonly<Record<string, Metric>>;
  readonly #unknownNames: MetricsOptions['unknownNames'];
  readonly #counts = new Map<string, number>();
  readonly #reads = new Map<string, () => number>();
  readonly #labels = new Map<string, Readonly<Record<string, string>>>();

  constructor({ catalogue = metricCatalogue, unknownNames }: MetricsOptions) {
    this.#catalogue = catalogue;
    this.#unknownNames = unknownNames;
    for (const [name, { kind }] of Object.entries(catalogue))
      if (kind === 'counter') this.#counts.set(name, 0);
  }

  add(name: string, by = 1): void {
    const count = this.#counts.get(name);
    if (count !== undefined) this.#counts.set(name, count + by);
    else this.#unknown(name, 'counter');
  }

  /** `read` is called at each scrape; an exception in it leaves this gauge out of that scrape. */
  gauge(name: string, read: () => number): void {
    this.#provide(name, 'gauge', read);
  }

  /** A counter that somebody else keeps. */
  counter(name: string, read: () => number): void {
    this.#provide(name, 'counter', read);
  }

  /** A gauge that is always 1, for its labels. */
  info(name: string, labels: Readonly<Record<string, string>>): void {
    this.#provide(name, 'gauge', () => 1);
    this.#labels.set(name, labels);
  }

  /** Current value; undefined for what nobody provides. */
  value(name: string): number | undefined {
    return this.#reads.get(name)?.() ?? this.#counts.get(name);
  }

  /** All figures in the Prometheus text format. */
  async text(): Promise<string> {
    const { Counter, Gauge, Registry } = await import('prom-client');
    const registry = new Registry();
    for (const [name, metric] of Object.entries(this.#catalogue)) {
      const value = this.#readable(name);
      if (value === undefined) continue;
      const labels = this.#labels.get(name) ?? {};
      const labelNames = metric.labels ?? [];
      const options = {
        name: exposedName(name, metric),
        help: metric.help,
        registers: [registry],
        labelNames,
      };
      if (metric.kind === 'counter') new Counter(options).inc(labels, value);
      else new Gauge(options).set(labels, value);
    }
    return await registry.metrics();
  }

  #provide(name: string, kind: Metric['kind'], read: () => number): void {
    if (this.#kindOf(name) === kind) this.#reads.set(name, read);
    else this.#unknown(name, kind);
  }

  #kindOf(name: string): Metric['kind'] | undefined {
    return Object.hasOwn(this.#catalogue, name) ? this.#catalogue[name]!.kind : undefined;
  }

  #readable(name: string): number | undefined {
    try {
      return this.value(name);
    } catch {
      return undefined;
    }
  }

  #unknown(name: string, kind: Metric['kind']): void {
    if (this.#unknownNames === 'throw')
      throw new RangeError(`${name} is no ${kind} of the catalogue in src/observe/catalogue.ts`);
  }
}
