/**
 * Before a commit: would every node named in the tree, and every other, start with it (CONF-11.2)? A commit that nobody can
 * load breaks every restart of the fleet. Where the files of all include one that each node has in its own directory, as
 * `node-local.conf`, a directory without it is that of no node: that is told, and no reason to refuse.
 */
import { existsSync, readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { checkConfiguration } from '../config/check.ts';
import type { Finding } from '../config/finding.ts';
import { renderFindings } from '../config/report.ts';
import { FlotillaError } from '../core/errors.ts';
import { nodeNameProblem } from '../core/identity.ts';
import { environmentOf } from '../node/configuration.ts';
import type { Checkout } from '../node/repository/checkout.ts';
import { baseOf } from '../node/repository/checkout-record.ts';
import { mainFilesFor } from './cfg-place.ts';

/** A node without a directory of its own. */
const anyNode = 'any-node';

/** Prints what is wrong, once. Throws FLT-2307. */
export function requireValid({ root, record }: Checkout, conf: string): void {
  const directories = nodesOf(root);
  const base = baseOf(record);
  const reports = new Set<string>();
  const notes = new Set<string>();
  const failed = [...directories, anyNode].filter((node) => {
    const problems = problemsOf({ ...environmentOf({ workingCopy: conf }), EC_NODE_NAME: node });
    const missing = problems.flatMap(({ errors }) => errors.map((each) => nameOfMissing(each)));
    const elsewhere = missing.map((name) => having(root, directories, name));
    const isOfNone = missing.every((name, at) => elsewhere[at]!.length > 0 && !base.has(`${node}/${name}`));
    if (isOfNone) missing.forEach((name, at) => void notes.add(noteOf(name!, elsewhere[at]!)));
    else for (const { report } of problems) reports.add(report);
    return !isOfNone;
  });
  for (const text of [...notes, ...reports]) process.stderr.write(text);
  if (failed.length > 0)
    throw new FlotillaError('FLT-2307', `for ${failed.join(', ')}; nothing was committed`);
}

interface Problem {
  readonly errors: readonly Finding[];
  readonly report: string;
}

function problemsOf(environment: Readonly<Record<string, string | undefined>>): Problem[] {
  return mainFilesFor(environment).flatMap((file) => {
    const result = checkConfiguration({ file, environment });
    if (!result.found || result.settings) return [];
    const errors = result.findings.filter(({ severity }) => severity === 'error');
    return [{ errors, report: renderFindings(result) }];
  });
}

/** Of an include that finds nothing along the search path; undefined: it is about something else. */
function nameOfMissing({ code, span }: Finding): string | undefined {
  if (code !== 'CFG-1201') return undefined;
  const name = span.source.text.slice(span.start, span.end).replace(/^(["'])(.*)\1$/, '$2');
  return name === '' || isAbsolute(name) || name.includes('..') ? undefined : name;
}

function having(root: string, directories: readonly string[], name: string | undefined): string[] {
  return name === undefined ? [] : directories.filter((each) => existsSync(join(root, each, name)));
}

function noteOf(name: string, directories: readonly string[]): string {
  const shown = directories.length > 5 ? [...directories.slice(0, 5), '...'] : directories;
  return `flotilla: only nodes with a '${name}' of their own can start with it: ${shown.join(', ')}\n`;
}

/** Directories that may be those of nodes. */
function nodesOf(root: string): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && nodeNameProblem(entry.name) === undefined)
    .map(({ name }) => name);
}
