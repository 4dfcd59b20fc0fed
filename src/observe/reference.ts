/** `docs/reference/errors.md` and `docs/reference/metrics.md`, from their catalogues. */
import { errorCatalogue } from '../core/errors.ts';
import { exposedName, metricCatalogue } from './catalogue.ts';

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

What a node counts about itself, under the names a scraper sees. Counters begin at 0 when the process starts.
Generated from the source; do not edit.

| name | kind | unit | meaning |
|---|---|---|---|
${rows.join('')}`;
}
