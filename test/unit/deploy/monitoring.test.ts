import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderDashboard } from '../../../scripts/dashboard.ts';
import { exposedName, metricCatalogue } from '../../../src/observe/catalogue.ts';

const deployed = (path: string) => readFileSync(new URL(`../../../deploy/${path}`, import.meta.url), 'utf8');
const known = new Set(Object.entries(metricCatalogue).map(([name, metric]) => exposedName(name, metric)));
/** Made by Prometheus itself. */
known.add('up');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const { groups } = parse(deployed('prometheus/flotilla-rules.yml')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

interface Panel {
  readonly title: string;
  readonly targets?: readonly {
    readonly expr: string;
    readonly legendFormat: string;
    readonly datasource: { readonly uid: string };
  }[];
}

const { panels, templating } = JSON.parse(deployed('grafana/dashboards/flotilla.json')) as {
  panels: Panel[];
  templating: { list: { name: string; type: string; query: unknown }[] };
};
const expressions = [
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
  ...panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
];

/** What Grafana puts in the place of its variables. */
function asSent(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*');
}

/** Names of figures in an expression, and whether all of it could be read. */
function readPromql(expression: string): { readonly names: string[]; readonly isValid: boolean } {
  const names: string[] = [];
  let isValid = true;
  parser.parse(expression).iterate({
    enter: (node) => {
      if (node.type.isError) isValid = false;
      if (node.name === 'VectorSelector')
        names.push(/^[\w:]*/.exec(expression.slice(node.from, node.to))![0]);
    },
  });
  return { names, isValid };
}

describe('alarms and dashboard', () => {
  it.each(expressions)('%s: %s is PromQL about figures of the catalogue', (_title, expression) => {
    const { names, isValid } = readPromql(asSent(expression));
    expect(isValid).toBe(true);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  it('a figure that is not in the catalogue, and what is no PromQL, would be noticed', () => {
    expect(readPromql('rate(flotilla_no_such_total[5m]) > 0').names).toEqual(['flotilla_no_such_total']);
    expect(readPromql('rate(flotilla_ready[5m]').isValid).toBe(false);
  });

  it('each alarm says how urgent it is, what happened, and what to do', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { labels, annotations } of rules) {
      expect(['page', 'ticket']).toContain(labels.severity);
      expect(annotations.summary.length * annotations.description.length).toBeGreaterThan(0);
    }
  });

  it('the guide says of each alarm where to look first', () => {
    const guide = readFileSync(new URL('../../../docs/guides/monitoring.md', import.meta.url), 'utf8');
    expect(rules.filter(({ alert }) => !guide.includes(`\`${alert}\``)).map(({ alert }) => alert)).toEqual(
      [],
    );
  });

  it('the dashboard asks the Prometheus that is chosen above it, whatever its uid', () => {
    const uids = panels.flatMap(({ targets = [] }) => targets.map(({ datasource }) => datasource.uid));
    expect(new Set(uids)).toEqual(new Set(['$datasource']));
    expect(templating.list).toContainEqual(
      expect.objectContaining({ name: 'datasource', type: 'datasource', query: 'prometheus' }),
    );
  });

  it.each(panels)('$title: each line has a legend of its own', ({ targets = [] }) => {
    expect(new Set(targets.map(({ legendFormat }) => legendFormat)).size).toBe(targets.length);
  });

  it('the dashboard is what its table says (npm run docs writes it), with panels that do not overlap', () => {
    expect(deployed('grafana/dashboards/flotilla.json')).toBe(renderDashboard());
    const places = (JSON.parse(renderDashboard()) as { panels: { gridPos: { x: number; y: number } }[] })
      .panels;
    expect(new Set(places.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size).toBe(places.length);
  });
});
