/** What changes files of a working copy without the repository: `delete`, `revert` and `resolve` (CONF-11.3). */
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { linesOf } from '../../config/repository/line-diff.ts';
import { conflictMarks } from '../../config/repository/text-merge.ts';
import { pathsBelow, sameEntry, type TreeEntry } from '../../config/repository/tree.ts';
import { FlotillaError } from '../../core/errors.ts';
import type { Checkout } from './checkout.ts';
import { baseOf } from './checkout-record.ts';
import { localChanges } from './local-changes.ts';
import { writeSynced } from './synced-file.ts';

/** Schedules the removal of files, and of all below directories. The paths. */
export async function deleteFiles(checkout: Checkout, paths: readonly string[]): Promise<string[]> {
  const { record } = checkout;
  const [base, { tree: here }] = [baseOf(record), await checkout.scan()];
  const files = paths.flatMap((path) => {
    const below = pathsBelow(base, path);
    if (below.length === 0) throw new FlotillaError('FLT-2308', `'${path}' is not under control`);
    return below;
  });
  const edited = files.find((path) => here.has(path) && !sameEntry(base.get(path), here.get(path)));
  if (edited !== undefined)
    throw new FlotillaError('FLT-2308', `'${edited}' has local changes; revert it first`);
  await checkout.save({ ...record, deleted: [...new Set([...record.deleted, ...files])] });
  for (const path of files) await rm(checkout.path(path), { force: true });
  return files;
}

/** Drops local changes, also deletions and conflicts. The paths. */
export async function revertFiles(checkout: Checkout, paths: readonly string[]): Promise<string[]> {
  const { record } = checkout;
  const base = baseOf(record);
  const changed = localChanges(record, (await checkout.scan()).tree);
  const reverted = paths.flatMap((wanted) => {
    const below = new Set(pathsBelow(new Set(changed.map(({ path }) => path)), wanted));
    return changed.filter(({ path, letter }) => below.has(path) && letter !== '?').map(({ path }) => path);
  });
  const asides = record.conflicts.filter(({ path }) => reverted.includes(path)).flatMap(({ aside }) => aside);
  for (const path of reverted) {
    const entry = base.get(path);
    if (entry) await restore(checkout, path, entry);
    // A file that is only here stays, and is not under control any more; unless the conflict made it.
    else if (record.conflicts.some((conflict) => conflict.path === path))
      await rm(checkout.path(path), { force: true });
  }
  await forget(checkout, reverted, asides);
  return reverted;
}

/** Ends conflicts. `revert`: with the text of the repository. The paths; `[]`: all. */
export async function resolveFiles(
  checkout: Checkout,
  paths: readonly string[],
  { revert }: { readonly revert: boolean },
): Promise<string[]> {
  const { record } = checkout;
  const all = new Set(record.conflicts.map(({ path }) => path));
  const resolved = paths.length === 0 ? [...all] : paths.flatMap((path) => pathsBelow(all, path));
  if (revert) return await revertFiles(checkout, resolved);
  for (const path of resolved) await requireNoMarks(checkout, path);
  const asides = record.conflicts.filter(({ path }) => resolved.includes(path)).flatMap(({ aside }) => aside);
  const [base, { tree: here }] = [baseOf(record), await checkout.scan()];
  await forget(checkout, [], asides, {
    conflicts: resolved,
    added: resolved.filter((path) => here.has(path) && !base.has(path)),
    deleted: resolved.filter((path) => !here.has(path) && base.has(path)),
  });
  return resolved;
}

async function forget(
  checkout: Checkout,
  paths: readonly string[],
  asides: readonly string[],
  also: { conflicts?: readonly string[]; added?: readonly string[]; deleted?: readonly string[] } = {},
): Promise<void> {
  const { record } = checkout;
  const { conflicts = paths, added = [], deleted = [] } = also;
  await checkout.save({
    ...record,
    added: [...record.added.filter((path) => !paths.includes(path)), ...added],
    deleted: [...record.deleted.filter((path) => !paths.includes(path)), ...deleted],
    conflicts: record.conflicts.filter(({ path }) => !conflicts.includes(path)),
  });
  for (const path of asides) await rm(checkout.path(path), { force: true });
}

/** Whole or not at all: a node may be reading it. */
async function restore(checkout: Checkout, path: string, { hash, mode }: TreeEntry): Promise<void> {
  const content = await checkout.original(hash);
  if (!content) throw new FlotillaError('FLT-2311', `the original of ${path} is missing`);
  const target = checkout.path(path);
  const fresh = join(dirname(target), `.${basename(target)}.new`);
  await mkdir(dirname(target), { recursive: true });
  await writeSynced(fresh, content, mode);
  await rename(fresh, target);
}

/** A mark that was overlooked would be committed as text. */
async function requireNoMarks(checkout: Checkout, path: string): Promise<void> {
  const content = await readFile(checkout.path(path)).catch(() => undefined);
  const marks = [conflictMarks.mine, conflictMarks.theirs];
  const line = content
    ? linesOf(content).findIndex((text) => marks.some((mark) => text.startsWith(mark)))
    : -1;
  if (line >= 0) throw new FlotillaError('FLT-2305', `${path}:${line + 1} still has a conflict mark`);
}
