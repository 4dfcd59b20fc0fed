import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scopesWithPaths } from '../../../src/config/schema/lookup.ts';
import { errorCatalogue } from '../../../src/core/errors.ts';
import { bounds } from '../../../src/observe/bounds.ts';
import { exposedName, type Metric, metricCatalogue } from '../../../src/observe/catalogue.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import { renderErrorReference, renderMetricsReference } from '../../../src/observe/reference.ts';

describe('metrics', () => {
  it('counts, and shows counters at 0 before they count', async () => {
    const metrics = new Metrics({ unknownNames: 'throw' });
    metrics.add('view_changes_total');
    metrics.add('view_changes_total', 2);
    const text = await metrics.text();
    expect(text).toContain('# TYPE flotilla_view_changes_total counter\nflotilla_view_changes_total 3\n');
    expect(text).toContain('\nflotilla_bus_disconnects_total 0\n');
    expect(await metrics.text()).toBe(text);
  });

  it('reads gauges at each scrape, and leaves out those that nobody provides or that fail', async () => {
    const metrics = new Metrics({ unknownNames: 'throw' });
    let members = 3;
    metrics.gauge('view_members', () => members);
    metrics.gauge('shared_keys', () => {
      throw new Error('not joined');
    });
    expect(await metrics.text()).toContain('\nflotilla_view_members 3\n');
    members = 4;
    const text = await metrics.text();
    expect(text).toContain('\nflotilla_view_members 4\n');
    expect(text).not.toContain('shared_keys');
    expect(text).not.toContain('link_up');
  });

  it('reads counters that somebody else keeps, and shows what a process is in labels', async () => {
    const metrics = new Metrics({ unknownNames: 'throw' });
    metrics.counter('shared_gaps_total', () => 7);
    metrics.counter('process_cpu_seconds_total', () => 1.5);
    metrics.info('info', { role: 'node', version: '1.2.3' });
    const text = await metrics.text();
    expect(text).toContain('\nflotilla_shared_gaps_total 7\n');
    expect(text).toContain('# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\n');
    expect(text).toContain('\nflotilla_info{role="node",version="1.2.3"} 1\n');
  });

  it('no figure has a label but the one that says which process this is', () => {
    const labelled = Object.entries<Metric>(metricCatalogue).filter(([, { labels }]) => labels);
    expect(labelled.map(([name, { labels }]) => [name, labels])).toEqual([['info', ['role', 'version']]]);
  });

  it.each(['nothing', 'view_members', '__proto__', 'toString'])(
    '%s is no counter: tests throw, a running node ignores it',
    (name) => {
      expect(() => new Metrics({ unknownNames: 'throw' }).add(name)).toThrow(RangeError);
      const metrics = new Metrics({ unknownNames: 'ignore' });
      metrics.add(name);
      expect(metrics.value(name)).toBeUndefined();
    },
  );

  it('a counter is no gauge', () => {
    expect(() => new Metrics({ unknownNames: 'throw' }).gauge('view_changes_total', () => 1)).toThrow(
      RangeError,
    );
  });

  it('every name that the program counts under is in the catalogue, and every counter of it is counted', () => {
    const source = new URL('../../../src/', import.meta.url);
    const used = new Set<string>();
    for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts') || file === 'observe/metrics.ts') continue;
      const text = readFileSync(new URL(file, source), 'utf8');
      // Also names that pass through a method of their own before they are counted.
      const call =
        /(?:counters\??\.add|metrics\.(?:add|counter)|#refuse|(?<!audit\.)\bcount)\(\s*(?:[^'()]*\?\s*)?'([a-z0-9_]+)'(?:\s*:\s*'([a-z0-9_]+)')?/g;
      for (const [, ...names] of text.matchAll(call))
        for (const name of names) if (name !== undefined) used.add(name);
    }
    const counters = Object.entries(metricCatalogue).filter(([, { kind }]) => kind === 'counter');
    expect([...used].sort()).toEqual(counters.map(([name]) => name).sort());
  });
});

describe('bounds', () => {
  /** Options of numbers that are no bounds: times, ports, and the like. */
  const isBound = (name: string) =>
    /(^|_)(max|size|backlog|rate|sessions|spill|pending|parallel|throttle)(_|$)|_connections$/.test(name) &&
    !/period|idle|_wait$/.test(name);

  it('each option that bounds something has figures, or a reason why none is needed', () => {
    const options = new Set(
      [...scopesWithPaths()].flatMap(({ schema }) =>
        schema.ignored === true
          ? []
          : schema.options
              .filter(({ type, ignored }) => ignored !== true && ['int', 'real', 'rate'].includes(type.kind))
              .map(({ name }) => name),
      ),
    );
    const listed = bounds.map(({ option }) => option);
    expect(listed).toEqual([...new Set(listed)].sort());
    expect([...options].filter((name) => isBound(name) && !listed.includes(name))).toEqual([]);
    expect(listed.filter((name) => !options.has(name))).toEqual([]);
    for (const { level, beyond, why } of bounds)
      expect(level.length + beyond.length + (why?.length ?? 0)).toBeGreaterThan(0);
  });
});

describe('reference pages', () => {
  it('name every metric as a scraper sees it, and every error', () => {
    for (const [name, metric] of Object.entries(metricCatalogue))
      expect(renderMetricsReference()).toContain(`| \`${exposedName(name, metric)}\` |`);
    for (const [code, { title }] of Object.entries(errorCatalogue))
      expect(renderErrorReference()).toContain(`| ${code} | ${title} |`);
  });

  it('names are what Prometheus accepts, unique, and counters end in _total', () => {
    const names = Object.entries(metricCatalogue).map(([name, metric]) => exposedName(name, metric));
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^(flotilla|process)_[a-z][a-z0-9_]*$/);
    for (const [name, metric] of Object.entries(metricCatalogue))
      expect(exposedName(name, metric).endsWith('_total')).toBe(metric.kind === 'counter');
  });
});
