/** Commands of `flotilla cfg` that only look: diff, log, cat, info (CONF-11.3). */

import { readFile } from 'node:fs/promises';
import type { ConfigBus } from '../bus/config-bus.ts';
import type { Revision } from '../config/repository/revision.ts';
import {
  isGlobalPath,
  pathsBelow,
  repositoryOf,
  sameEntry,
  sortedPaths,
  type Tree,
} from '../config/repository/tree.ts';
import { unifiedDiff } from '../config/repository/unified-diff.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Checkout } from '../node/repository/checkout.ts';
import { baseOf } from '../node/repository/checkout-record.ts';
import { Repository } from '../node/repository/repository.ts';
import { storeOf } from '../node/repository/working-copy.ts';
import { around, type Place } from './cfg-place.ts';
import { printRunning, runningNode } from './cfg-running.ts';

const rule = `${'-'.repeat(72)}\n`;

/** One side of a comparison. */
interface Side {
  readonly label: string;
  readonly tree: Tree;
  read(path: string): Promise<Uint8Array>;
}

/** Without revisions: what was changed here since the checkout. */
export async function diff(place: Place, range: string | undefined, file = ''): Promise<number> {
  const path = place.pathIn(file);
  const checkout = await place.workingCopy.open();
  const here: Side = {
    label: 'working copy',
    tree: (await checkout.scan()).tree,
    read: (each) => readFile(checkout.path(each)),
  };
  const { record } = checkout;
  if (range === undefined) {
    const known = new Set([...baseOf(record).keys(), ...record.added]);
    return await show(place, checkedOut(checkout), here, path, known);
  }
  const [, from = '', to] = /^r?(\d+)(?::r?(\d+))?$/.exec(range) ?? [];
  if (from === '')
    throw new FlotillaError('FLT-2312', `'${range}' is no revision, and no range such as 45:47`);
  return await withRepository(place, path, async (repository) => {
    const before = await sideOf(repository, Number(from));
    const after = to === undefined ? here : await sideOf(repository, Number(to));
    const known = record[isGlobalPath(path) ? 'global' : 'own'].tree;
    return await show(
      place,
      before,
      after,
      path,
      new Map([...before.tree, ...(to === undefined ? known : after.tree)]),
    );
  });
}

function checkedOut(checkout: Checkout): Side {
  const tree = baseOf(checkout.record);
  const { global, own } = checkout.record;
  return {
    label: `revision ${own.rev}${global.rev === 0 ? '' : `, global ${global.rev}`}`,
    tree,
    read: async (path) => {
      const content = await checkout.original(tree.get(path)!.hash);
      if (!content) throw new FlotillaError('FLT-2311', `the original of ${path} is missing`);
      return content;
    },
  };
}

async function sideOf(repository: Repository, rev: number): Promise<Side> {
  const tree = await repository.tree(await repository.revision(rev));
  return {
    label: `revision ${rev}`,
    tree,
    read: (path) => repository.content(tree.get(path)!.hash),
  };
}

/** `only`: what is under control; files that nobody has added are not shown. */
async function show(
  place: Place,
  before: Side,
  after: Side,
  below: string,
  only: { keys(): Iterable<string> },
): Promise<number> {
  for (const path of pathsBelow(only, below)) {
    if (sameEntry(before.tree.get(path), after.tree.get(path))) continue;
    const content = async (side: Side) => ({
      content: side.tree.has(path) ? await side.read(path) : undefined,
      label: side.label,
    });
    const text = unifiedDiff(path, await content(before), await content(after));
    if (!place.flags.quiet) process.stdout.write(text);
  }
  return 0;
}

export async function log(place: Place, most: number, file = ''): Promise<number> {
  const path = place.pathIn(file);
  return await withRepository(place, path, async (repository) => {
    let shown = 0;
    for await (const revision of repository.revisions()) {
      const paths = new Map(revision.changes.map((change) => [change.path, change]));
      if (path !== '' && pathsBelow(paths, path).length === 0) continue;
      if (shown++ === most) break;
      place.print(rule + revisionText(revision));
    }
    place.print(rule);
    return 0;
  });
}

function revisionText({ rev, author, time, message, changes }: Revision): string {
  const lines = message.split('\n').length;
  const changed = sortedPaths(new Map(changes.map((change) => [change.path, change]))).map(
    (path) => `   ${changes.find((change) => change.path === path)!.op} ${path}\n`,
  );
  const paths = changed.length === 0 ? '' : `Changed paths:\n${changed.join('')}`;
  return `r${rev} | ${author} | ${dateText(time)} | ${lines} line${lines === 1 ? '' : 's'}\n${paths}\n${message}\n`;
}

/** `2026-11-21 22:04:47 +0000`. */
function dateText(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 19)} +0000`;
}

export async function cat(place: Place, rev: number | undefined, file: string): Promise<number> {
  const path = place.pathIn(file);
  const node = runningNode(path);
  if (rev === undefined && node !== undefined) return await printRunning(place, node);
  return await withRepository(place, path, async (repository) => {
    const revision = rev === undefined ? await repository.headRevision() : await repository.revision(rev);
    const entry = revision && (await repository.tree(revision)).get(path);
    if (!entry)
      throw new FlotillaError('FLT-2312', `'${path}' in r${revision?.rev ?? 0} of ${repository.name}`);
    process.stdout.write(await repository.content(entry.hash));
    return 0;
  });
}

export async function info(place: Place): Promise<number> {
  const { record } = await place.workingCopy.open();
  const lines: [string, string | undefined][] = [
    ['Working Copy', place.conf],
    ['Cluster Group', record.clusterGroup],
    ['Subcluster', record.subcluster],
    ['Repository', record.own.repository],
    ['Revision', String(record.own.rev)],
    ['Global Repository', record.global.repository],
    ['Global Revision', String(record.global.rev)],
    ['Conflicts', record.conflicts.length > 0 ? String(record.conflicts.length) : undefined],
  ];
  // What is here can be told without anybody else.
  const newest = await withRepository(place, '', (repository) => repository.headRevision()).catch(
    (error: Error) => error,
  );
  if (newest instanceof Error) lines.push(['Newest Revision', `unknown (${newest.message})`]);
  else if (newest)
    lines.push(
      ['Newest Revision', String(newest.rev)],
      ['Last Changed Author', newest.author],
      ['Last Changed Date', dateText(newest.time)],
    );
  place.print(lines.flatMap(([name, value]) => (value === undefined ? [] : `${name}: ${value}\n`)).join(''));
  return 0;
}

async function withRepository<Result>(
  place: Place,
  path: string,
  work: (repository: Repository) => Promise<Result>,
): Promise<Result> {
  const { record } = await place.workingCopy.open();
  const bus: ConfigBus = await place.connect();
  try {
    const name = repositoryOf(path, record.subcluster);
    return await work(new Repository(name, await storeOf(bus, name), around));
  } finally {
    await bus.close();
  }
}
