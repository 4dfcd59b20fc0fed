/**
 * What a process has to reach in the file system, to be tried as another user before it becomes that user: root reaches
 * everything, so nothing else would tell.
 */
import { existsSync, lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { LoggerSettings, LoggingSettings, LogTarget } from '../core/logs/logger-settings.ts';
import type { BusSettings, NodeSettings } from '../core/settings.ts';

/** `enter`: a directory in which files are made. */
export type Wish = 'read' | 'run' | 'write' | 'enter';

export interface Reach {
  readonly wish: Wish;
  readonly path: string;
  /** Without it the process could not start. */
  readonly isVital: boolean;
}

/** In the state directory of an earlier life as root; one that holds more is tried by what is found first. */
const mostEntries = 1_000;

export interface Reaching {
  readonly settings: NodeSettings;
  /** Of the configuration. */
  readonly files: readonly string[];
  /** Pulled into by the process. */
  readonly workingCopy: string | undefined;
  readonly uid: number;
}

export function reachOf({ settings, files, workingCopy, uid }: Reaching): Reach[] {
  const [, program = ''] = process.argv;
  const vital = (wish: Wish) => (path: string) => ({ wish, path, isVital: true });
  const usual = (reach: Omit<Reach, 'isVital'>) => ({ ...reach, isVital: false });
  return [
    vital('run')(process.execPath),
    ...[program, ...files].map(vital('read')),
    ...stateOf(resolve(settings.stateDir), uid).map(({ wish, path }) => vital(wish)(path)),
    ...secretsOf(settings.bus).map((path) => usual({ wish: 'read', path })),
    ...writtenBy(settings).map((path) => usual(toWrite(resolve(path)))),
    // A pull makes a tree beside it, and exchanges the two.
    ...(workingCopy === undefined ? [] : [usual(toWrite(dirname(resolve(workingCopy))))]),
  ];
}

/** Files of the user's own need no trying; one may be meant to be read only. */
function stateOf(directory: string, uid: number): Omit<Reach, 'isVital'>[] {
  if (!existsSync(directory)) return [toWrite(directory)];
  const found: Omit<Reach, 'isVital'>[] = [{ wish: 'enter', path: directory }];
  for (let at = 0; at < found.length && found.length < mostEntries; at++) {
    const { wish, path } = found[at]!;
    if (wish !== 'enter' || !statSync(path).isDirectory()) continue;
    for (const name of readdirSync(path)) {
      const each = join(path, name);
      const facts = factsOf(each);
      if (facts?.isDirectory()) found.push({ wish: 'enter', path: each });
      else if (facts?.isFile() && facts.uid !== uid) found.push({ wish: 'write', path: each });
    }
  }
  return found.slice(0, mostEntries);
}

function factsOf(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

/** The file, or else the directory in which it, or the directory for it, has to be made. */
function toWrite(path: string): Omit<Reach, 'isVital'> {
  if (existsSync(path)) return { wish: factsOf(path)?.isDirectory() ? 'enter' : 'write', path };
  let directory = dirname(path);
  while (!existsSync(directory)) directory = dirname(directory);
  return { wish: 'enter', path: directory };
}

function secretsOf({ credentials, tls }: BusSettings): string[] {
  const { passwordFile, tokenFile, nkeySeedFile, credsFile } = credentials;
  return [passwordFile, tokenFile, nkeySeedFile, credsFile, tls?.caFile, tls?.certFile, tls?.keyFile].filter(
    (path) => path !== undefined,
  );
}

function writtenBy({ pidFile, logging, control, asLogger }: NodeSettings): string[] {
  const sockets = control.flatMap(({ endpoint }) => ('path' in endpoint ? dirname(endpoint.path) : []));
  return [
    ...(pidFile === undefined ? [] : [dirname(resolve(pidFile))]),
    ...sockets,
    ...destinationsOf(logging),
    ...(asLogger === undefined ? [] : [asLogger.baseDir]),
  ];
}

/** Files and journals of the loggers. */
function destinationsOf({ loggers }: LoggingSettings): string[] {
  const onDisk = new Set(['file', 'jlog', 'cluster']);
  return loggers
    .flatMap(targetsOf)
    .flatMap((target) => (target && onDisk.has(target.destination.scheme) ? [target.destination.path] : []));
}

function targetsOf(logger: LoggerSettings): (LogTarget | undefined)[] {
  switch (logger.kind) {
    case 'ec_logger':
      return [logger.mainlog, logger.paniclog, logger.rejectlog, logger.acctlog, logger.importlog];
    case 'bounce_logger':
      return [logger.bouncelog];
    case 'custom_logger':
      return [logger.paniclog, ...[...logger.stages.values()].map(({ target }) => target)];
  }
}
