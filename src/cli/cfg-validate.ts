/**
 * Before a commit: would every node named in the tree, and every other, start with it (CONF-11.2)? A commit that nobody can
 * load breaks every restart of the fleet.
 */
import { readdirSync } from 'node:fs';
import { checkConfiguration } from '../config/check.ts';
import { renderFindings } from '../config/report.ts';
import { FlotillaError } from '../core/errors.ts';
import { nodeNameProblem } from '../core/identity.ts';
import { environmentOf } from '../node/configuration.ts';
import type { Checkout } from '../node/repository/checkout.ts';
import { mainFilesFor } from './cfg-place.ts';

/** A node without a directory of its own. */
const anyNode = 'any-node';

/** Prints what is wrong, once. Throws FLT-2307. */
export function requireValid({ root }: Checkout, conf: string): void {
  const reports = new Set<string>();
  const failed = [...nodesOf(root), anyNode].filter((node) => {
    const found = problemsOf({ ...environmentOf({ workingCopy: conf }), EC_NODE_NAME: node });
    for (const report of found) reports.add(report);
    return found.length > 0;
  });
  for (const report of reports) process.stderr.write(report);
  if (failed.length > 0)
    throw new FlotillaError('FLT-2307', `for ${failed.join(', ')}; nothing was committed`);
}

function problemsOf(environment: Readonly<Record<string, string | undefined>>): string[] {
  return mainFilesFor(environment).flatMap((file) => {
    const result = checkConfiguration({ file, environment });
    return !result.found || result.settings ? [] : [renderFindings(result)];
  });
}

/** Directories that may be those of nodes. */
function nodesOf(root: string): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && nodeNameProblem(entry.name) === undefined)
    .map(({ name }) => name);
}
