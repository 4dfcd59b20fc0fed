/**
 * Writes the generated pages of docs/reference; with --check only says which of them are stale, and fails then.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { renderConfigurationReference } from '../src/config/reference.ts';
import { renderCommandReference } from '../src/console/reference.ts';
import { renderApiReference } from '../src/node/api-reference.ts';
import { renderErrorReference, renderMetricsReference } from '../src/observe/reference.ts';
import { renderDashboard } from './dashboard.ts';

/** Path from the root of the repository, and what makes its text. */
const pages: readonly (readonly [path: string, render: () => string])[] = [
  ['docs/reference/api.md', renderApiReference],
  ['docs/reference/commands.md', renderCommandReference],
  ['docs/reference/configuration.md', renderConfigurationReference],
  ['docs/reference/errors.md', renderErrorReference],
  ['docs/reference/metrics.md', renderMetricsReference],
  ['deploy/grafana/dashboards/flotilla.json', renderDashboard],
];

const root = new URL('../', import.meta.url);
const isCheck = process.argv.includes('--check');

for (const [path, render] of pages) {
  const file = new URL(path, root);
  const text = render();
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  if (isCheck) {
    console.error(`${path} is stale: run npm run docs`);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(file.pathname), { recursive: true });
    writeFileSync(file, text);
    console.log(`wrote ${path}`);
  }
}
