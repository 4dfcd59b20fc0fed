/** `docs/reference/errors.md` and `docs/reference/metrics.md`, from their catalogues. */
import { errorCatalogue } from '../core/errors.ts';
import { type Bound, bounds } from './bounds.ts';
import { exposedName, type MetricName, metricCatalogue } from './catalogue.ts';

export function renderErrorReference(): string {
  const rows = Object.entries(errorCatalogue).map(
    ([code, { title, advice }]) => `| ${code} | ${title} | ${advice} |\n`,
  );
  return `# Errors

Codes never change their meaning and are never used again. Problems in a configuration have codes of their own
(\`CFG-nnnn\`), see the configuration reference. Generated from the source; do not edit.

| code | what happened | what to do |
|---|---|---|
${rows.join('')}`;
}

export function renderMetricsReference(): string {
  const rows = Object.entries(metricCatalogue).map(
    ([name, metric]) =>
      `| \`${exposedName(name, metric)}\` | ${metric.kind} | ${metric.unit} | ${metric.help} |\n`,
  );
  return `# Metrics

What nodes and managers count about themselves, under the names a scraper sees: \`/metrics\` of \`Metrics_Listener\`
([monitoring](../guides/monitoring.md)), or \`await node.metrics.text()\` in a program. Counters begin at 0 when the process
starts; those that a \`cluster reset\` sets back begin again then. No figure is labelled by address, domain or anything else
that traffic brings, so their number does not grow. Generated from the source; do not edit.

| name | kind | unit | meaning |
|---|---|---|---|
${rows.join('')}
## Bounds

What each option that bounds something shows of itself: how much is in use, and what came beyond it.

| option | in use | beyond |
|---|---|---|
${bounds.map(boundRow).join('')}`;
}

function boundRow({ option, level, beyond, why }: Bound): string {
  const shown = (names: readonly MetricName[]) =>
    names.map((name) => `\`${exposedName(name, metricCatalogue[name])}\``);
  return `| \`${option}\` | ${shown(level).join(' ')} | ${[...shown(beyond), ...(why ? [why] : [])].join('; ')} |\n`;
}
