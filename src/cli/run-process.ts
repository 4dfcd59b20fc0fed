/**
 * `flotilla node` and `flotilla manager`: from the configuration to the exit code.
 *
 * Invariants: the first signal to stop lets the process leave properly, however long that takes; another one, half a second
 * later or more, ends the process at once. Until its last instruction the process handles signals: Node.js takes its
 * handlers away when the event loop runs empty, and a signal after that would turn exit code 0 into a death by signal.
 */
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { checkConfiguration } from '../config/check.ts';
import { diskFiles } from '../config/files.ts';
import { renderFindings } from '../config/report.ts';
import { confDirectory, searchPathOf } from '../config/search-path.ts';
import { FlotillaError } from '../core/errors.ts';
import type { LogLevel } from '../core/log.ts';
import type { NodeSettings } from '../core/settings.ts';
import {
  type CheckedConfiguration,
  clusterBootOf,
  isChecked,
  loadingFrom,
  readLastLoaded,
  requestOf,
} from '../node/configuration.ts';
import { fatalLine } from './fatal-line.ts';
import { writePidFile } from './pid-file.ts';
import { managerReadyLine, readyLine } from './ready-line.ts';

export interface ProcessFlags {
  readonly config?: string;
  readonly nodename?: string;
  readonly servers?: readonly string[];
  readonly clusterGroup?: string;
  readonly stateDir?: string;
  readonly workingCopy?: string;
}

/** Of the original's `eccmgr` (MGR-1). */
export interface ManagerFlags extends ProcessFlags {
  /** Levels of the log that are seen beyond errors: each `-v` one more. */
  readonly verbosity?: number;
  /** Without the lock on the file that no other process may have open. */
  readonly unlocked?: true;
}

interface Running {
  readonly state: string;
  readonly ended: Promise<void>;
  stop(reason: string): Promise<void>;
  /** What became of it, in lines. */
  reload(): Promise<{ readonly report: string }>;
}

interface Kind {
  /** Looked for along the search path when no file is given. */
  readonly defaultFile: string;
  start(
    options: ManagerFlags & {
      settings: NodeSettings;
      configuration: CheckedConfiguration;
      configFile: string;
    },
  ): Promise<Running>;
  readonly readyLine: (settings: NodeSettings) => string;
  /** Kept of root when it becomes another user (`Security`). */
  readonly capabilities: readonly string[];
}

const nodeKind: Kind = {
  defaultFile: 'ecelerity-cluster.conf',
  start: async (options) => (await import('../node.ts')).startNode(options),
  readyLine,
  // Addresses and nftables, ARP and NDP, ports below 1024; as in deploy/systemd.
  capabilities: ['cap_net_admin', 'cap_net_raw', 'cap_net_bind_service'],
};

const managerKind: Kind = {
  defaultFile: 'eccluster.conf',
  start: async (options) => (await import('../manager.ts')).startManager(options),
  readyLine: managerReadyLine,
  capabilities: [],
};

/** After a failure that nobody foresaw, how long the process may take to leave. */
const lastStopMs = 5000;

const verboseLevels: readonly LogLevel[] = ['warning', 'notice', 'info', 'debug'];

export function runNode(flags: ProcessFlags): Promise<never> {
  return runProcess(nodeKind, flags);
}

export function runManager(flags: ManagerFlags): Promise<never> {
  return runProcess(managerKind, flags);
}

/** Ends the process when all has ended: with 0 after a stop that was asked for, with 1 after anything else. */
async function runProcess(kind: Kind, flags: ManagerFlags): Promise<never> {
  const outputs = [process.stdout, process.stderr];
  // Whoever read them has gone. The node serves on, and at the end there is nobody left to tell.
  for (const output of outputs) output.on('error', () => {});
  let exitCode = 1;
  try {
    exitCode = await run(kind, flags);
  } catch (error) {
    process.stderr.write(`${fatalLine(error)}\n`);
  }
  await Promise.all(outputs.map((output) => new Promise((flushed) => output.write('', flushed))));
  // A defect that made it leave has set it.
  process.exit(process.exitCode ?? exitCode);
}

async function run(kind: Kind, flags: ManagerFlags): Promise<number> {
  const { config = kind.defaultFile, ...rest } = flags;
  const given = withWorkingCopy(rest);
  const configuration = await configurationFor(kind, config, given);
  if (!configuration) return 1;
  const { settings } = configuration;
  const starting = kind.start({ settings, configuration, configFile: config, ...given });
  stopOnSignals(starting);
  reloadOnSignal(starting);
  stopOnDefects(starting);
  const running = await starting;
  // Stopped already: the wish to stop came during the start.
  const isOver = running.state === 'stopped';
  const removePidFile = isOver ? () => {} : writePidFile(settings.pidFile, toStandardError);
  if (!isOver) process.stdout.write(`${kind.readyLine(settings)}\n`);
  await running.ended.finally(removePidFile);
  return 0;
}

const toStandardError = (problem: string): void => void process.stderr.write(`flotilla: ${problem}\n`);

type Environment = Readonly<Record<string, string | undefined>>;

/** A machine that was set up with `flotilla cfg bootstrap` keeps its configuration up to date unasked. */
function withWorkingCopy(given: Omit<ManagerFlags, 'config'>): Omit<ManagerFlags, 'config'> {
  const isManaged = given.workingCopy === undefined && existsSync(clusterBootOf(confDirectory));
  return isManaged ? { ...given, workingCopy: confDirectory } : given;
}

/** Undefined when the configuration is wrong; then everything that is wrong with it has been printed. */
async function configurationFor(
  kind: Kind,
  config: string,
  given: Omit<ManagerFlags, 'config'>,
): Promise<CheckedConfiguration | undefined> {
  const source = { configFile: config, ...given };
  const request = requestOf(source)!;
  const loaded = loadingFrom(source);
  const present = checkConfiguration(request);
  const isRight = isChecked(present);
  // A commit that no node can load must not break its restarts, too.
  const last = isRight ? undefined : readLastLoaded(source);
  const result = isRight ? present : last?.result;
  // Before anything is printed or written: all this happens once more, as the user.
  if (result) await becomeConfiguredUser(kind, result, given.workingCopy);
  if (present.findings.length > 0) process.stderr.write(renderFindings(present));
  if (isRight) loaded();
  if (!present.found && !last)
    throw new FlotillaError('FLT-1003', whyNotFound(config, given.nodename, request.environment));
  if (last)
    process.stderr.write(`flotilla: starting with the configuration that was read last, ${last.directory}
`);
  if (!result) return undefined;
  const isLevelStated = result.tree.child('cluster', '')?.get('debug_level') !== undefined;
  // A person who looks on wants to see it find the others; what keeps logs keeps the level of the original.
  const isWatched = process.stderr.isTTY && !isLevelStated;
  const verbose = verboseLevels[Math.min(given.verbosity ?? 0, verboseLevels.length) - 1];
  if (verbose) return { ...result, settings: { ...result.settings, logLevel: verbose } };
  return isWatched ? { ...result, settings: { ...result.settings, logLevel: 'notice' } } : result;
}

/** As which it begins anew; returns where there is nothing to become. */
async function becomeConfiguredUser(
  kind: Kind,
  { settings, loaded }: CheckedConfiguration,
  workingCopy: string | undefined,
): Promise<void> {
  const { processUser: wanted } = settings;
  if (wanted === undefined) return;
  const [{ becomeUser }, { reachOf }] = await Promise.all([
    import('./process-user.ts'),
    import('./reachable.ts'),
  ]);
  const files = loaded.files.flatMap(({ path }) => path ?? []);
  becomeUser({
    wanted,
    needed: kind.capabilities,
    reach: (uid) => reachOf({ settings, files, workingCopy, uid }),
    warn: toStandardError,
  });
}

function whyNotFound(config: string, nodename = '{NODENAME}', environment: Environment): string {
  const facts = diskFiles.facts(config);
  const isMissing = facts.kind !== 'none' || facts.reason === 'no such file or directory';
  if (!isMissing) return `'${config}': ${facts.reason}`;
  if (basename(config) !== config) return `there is no file '${config}'`;
  const searched = searchPathOf(nodename, environment.EC_CONF_SEARCH_PATH);
  return `there is no file '${config}' here${searched.map((directory) => `, in ${directory}`).join('')}`;
}

/**
 * One wish may arrive as several signals: Ctrl-C from the terminal and again from npm, which passes it on; the end of a
 * parent once for each of its threads. Taken for impatience, the second would end it without a goodbye.
 */
const sameWishMs = 500;

/** A signal that comes during the start counts when it is done. */
function stopOnSignals(starting: Promise<Running>): void {
  let firstMs: number | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (firstMs !== undefined) {
        if (performance.now() - firstMs > sameWishMs) process.exit(128 + constants.signals[signal]);
        return;
      }
      firstMs = performance.now();
      starting.then((running) => running.stop(signal)).catch(() => {});
    });
  }
}

/** Also when the terminal closes, which must not end the process. One that comes during the start counts afterwards. */
function reloadOnSignal(starting: Promise<Running>): void {
  process.on('SIGHUP', () => {
    starting.then(async (running) => process.stderr.write((await running.reload()).report)).catch(() => {});
  });
}

/** An exception that nothing caught: the process leaves, since nobody knows what still works. */
function stopOnDefects(starting: Promise<Running>): void {
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${fatalLine(error)}\n`);
    process.exitCode = 1;
    const exit = () => process.exit(1);
    setTimeout(exit, lastStopMs);
    starting.then((running) => running.stop('a defect')).finally(exit);
  });
}
