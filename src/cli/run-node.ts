/**
 * `flotilla node`: from the configuration to the exit code.
 *
 * Invariant: the first signal to stop lets the node leave properly, however long that takes; another one, half a second
 * later or more, ends the process at once.
 */
import { constants } from 'node:os';
import { checkConfiguration } from '../config/check.ts';
import { renderFindings } from '../config/report.ts';
import { FlotillaError } from '../core/errors.ts';
import type { RunningNode } from '../node.ts';
import { fatalLine } from './fatal-line.ts';

export interface NodeFlags {
  readonly config?: string;
  readonly nodename?: string;
  readonly servers?: readonly string[];
  readonly stateDir?: string;
}

/** Looked for along the search path when no file is given. */
const defaultFile = 'ecelerity-cluster.conf';

/** After a failure that nobody foresaw, how long the node may take to leave. */
const lastStopMs = 5000;

/** Returns when the node has ended: 0 after a stop that was asked for, 1 after anything else. */
export async function runNode({
  config = defaultFile,
  nodename,
  servers,
  stateDir,
}: NodeFlags): Promise<number> {
  const result = checkConfiguration({ file: config, nodename, servers, stateDir, environment: process.env });
  if (!result.found) throw new FlotillaError('FLT-1003', `there is no file '${config}'`);
  if (result.findings.length > 0) process.stderr.write(renderFindings(result));
  if (!result.settings) return 1;
  const { startNode } = await import('../node.ts');
  const starting = startNode({ settings: result.settings });
  stopOnSignals(starting);
  stopOnDefects(starting);
  const node = await starting;
  await node.ended;
  return 0;
}

/**
 * One wish may arrive as several signals: Ctrl-C from the terminal and again from npm, which passes it on; the end of a
 * parent once for each of its threads. Taken for impatience, the second would end the node without a goodbye.
 */
const sameWishMs = 500;

/** A signal that comes during the start counts when the node has started. */
function stopOnSignals(starting: Promise<RunningNode>): void {
  let firstMs: number | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (firstMs !== undefined) {
        if (performance.now() - firstMs > sameWishMs) process.exit(128 + constants.signals[signal]);
        return;
      }
      firstMs = performance.now();
      starting.then((node) => node.stop(signal)).catch(() => {});
    });
  }
  // Reserved for reading the configuration again; without a handler a closed terminal would kill the node.
  process.on('SIGHUP', () => {});
}

/** An exception that nothing caught: the node leaves, since nobody knows what still works. */
function stopOnDefects(starting: Promise<RunningNode>): void {
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${fatalLine(error)}\n`);
    const exit = () => process.exit(1);
    setTimeout(exit, lastStopMs);
    starting.then((node) => node.stop('a defect')).finally(exit);
  });
}
