/**
 * Checks that arrows point inward (ARCHITECTURE.md): who may import whom, and which packages where. A file that breaks
 * the rule is named with the import.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** Layer -> the layers it may import besides itself. Roots may import everything; nobody imports a root. */
const allowed: Record<string, readonly string[]> = {
  core: [],
  actors: ['core'],
  bus: ['core', 'actors'],
  net: ['core', 'actors'],
  journal: ['core', 'actors'],
  logs: ['core', 'actors', 'journal'],
  config: ['core'],
  console: ['core', 'actors'],
  manager: ['core', 'actors'],
  observe: ['core', 'actors'],
};
const roots = new Set(['node', 'cli', 'index', 'manager']);
/** Packages that only one layer may know. */
const packages: Record<string, readonly string[]> = {
  nats: ['bus'],
  xstate: ['actors'],
  pino: ['observe'],
  'prom-client': ['observe'],
  commander: ['cli'],
  re2js: ['core'],
  'ip-cidr': ['config'],
  koffi: ['net', 'journal', 'logs', 'node'],
  'lz4-napi': ['journal'],
};

/** `import ... from 'x'`, `export ... from 'x'` at the start of a line, and `import('x')`. */
const importPattern = /(?:^(?:import|export)\s[^;']*?from\s+|\bimport\()'([^']+)'/gm;

const source = join(import.meta.dirname, '../src');
const problems: string[] = [];

for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
  const path = join(entry.parentPath, entry.name);
  const layer = layerOf(path);
  for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(importPattern)) {
    const problem = specifier.startsWith('.')
      ? fileProblem(layer, layerOf(join(dirname(path), specifier)))
      : packageProblem(layer, specifier);
    if (problem) problems.push(`${relative(source, path)}: '${specifier}' ${problem}`);
  }
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;

function layerOf(path: string): string {
  return relative(source, path).split('/')[0]!.replace(/\.ts$/, '');
}

function fileProblem(from: string, to: string): string | undefined {
  if (from === to || (roots.has(from) && !(roots.has(to) && to === 'cli'))) return undefined;
  if (roots.has(to)) return 'is a composition root, which nobody imports';
  return allowed[from]?.includes(to) ? undefined : `belongs to ${to}, which ${from} must not know`;
}

function packageProblem(from: string, specifier: string): string | undefined {
  const inner = from === 'core' || from === 'actors';
  if (specifier.startsWith('node:')) return inner ? 'is I/O: it comes in through a port' : undefined;
  const owners = packages[specifier];
  if (!owners) return 'is a package that no layer is registered for (scripts/layers.ts)';
  return owners.includes(from) ? undefined : `may only be imported by ${owners.join(' and ')}`;
}
