/**
 * A working copy on disk. `<conf>` is a symbolic link to a complete checkout beside it, `.conf.rREV-N`; a new one is written
 * and synced under a name of its own, and one rename of the link makes it the working copy.
 *
 * Invariant: at each moment, also after SIGKILL or loss of power, `<conf>` is one complete checkout: files, record and the
 * originals of its files. What a killed process left is removed by the next one that takes the lock.
 */
import { constants } from 'node:fs';
import {
  chmod,
  chown,
  copyFile,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hashOf } from '../../config/repository/tree.ts';
import type { MergedFile } from '../../config/repository/tree-merge.ts';
import { FlotillaError } from '../../core/errors.ts';
import { baseOf, type CheckoutRecord, formatRecord, parseRecord } from './checkout-record.ts';
import { loadedCheckouts } from './loaded-checkout.ts';
import { inParallel } from './repository.ts';
import { type Scan, scanDirectory } from './scan.ts';
import { syncDirectory, writeSynced } from './synced-file.ts';

/** In each checkout: the record, and `base/HASH` for each file as it came from the repository. */
export const recordDirectory = '.cfg';
const recordFile = 'checkout.json';

export interface NewCheckout {
  readonly record: Omit<CheckoutRecord, 'previous'>;
  readonly files: ReadonlyMap<string, MergedFile>;
  /** A content that is not in the checkout before. */
  readonly read: (hash: string) => Promise<Uint8Array>;
  /** What the merge was made from; undefined: there was no checkout. */
  readonly scan: Scan | undefined;
}

export class Checkout {
  /** `<conf>`. */
  readonly conf: string;
  /** The directory that it is now. */
  readonly root: string;
  readonly record: CheckoutRecord;

  private constructor(conf: string, root: string, record: CheckoutRecord) {
    this.conf = conf;
    this.root = root;
    this.record = record;
  }

  /** Throws FLT-2304 when there is none. */
  static async open(conf: string): Promise<Checkout> {
    const root = await realpath(conf).catch(() => {
      throw new FlotillaError('FLT-2304', `there is no ${conf}`);
    });
    const file = join(root, recordDirectory, recordFile);
    const text = await readFile(file, 'utf8').catch(() => {
      throw new FlotillaError('FLT-2304', conf);
    });
    return new Checkout(conf, root, parseRecord(text, file));
  }

  scan(): Promise<Scan> {
    return scanDirectory(this.root);
  }

  path(path: string): string {
    return join(this.root, path);
  }

  /** A file as it came from the repository; undefined: no file of the checkout has this hash. */
  async original(hash: string): Promise<Uint8Array | undefined> {
    const content = await readFile(join(this.root, recordDirectory, 'base', hash)).catch(() => undefined);
    return content && hashOf(content) === hash ? content : undefined;
  }

  /** Keeps an original before a record names it. */
  async keepOriginal(hash: string, content: Uint8Array): Promise<void> {
    await writeSynced(join(this.root, recordDirectory, 'base', hash), content, 0o600);
  }

  /** Files that root has added are the service user's, too. */
  async giveAway(): Promise<void> {
    await giveAway(this.root);
  }

  async save(record: CheckoutRecord): Promise<Checkout> {
    const directory = join(this.root, recordDirectory);
    await syncDirectory(join(directory, 'base'));
    await writeSynced(join(directory, `${recordFile}.new`), Buffer.from(formatRecord(record)), 0o600);
    await rename(join(directory, `${recordFile}.new`), join(directory, recordFile));
    await syncDirectory(directory);
    return new Checkout(this.conf, this.root, record);
  }
}

/** Makes a new checkout the working copy. False: somebody edited a file of the one before meanwhile, and nothing changed. */
export async function replaceCheckout(
  conf: string,
  before: Pick<Checkout, 'root'> | undefined,
  next: NewCheckout,
): Promise<boolean> {
  const directory = await newDirectory(conf, next.record.own.rev);
  // A directory that was no checkout cannot be replaced by a link in one step: it moves out of the way first.
  const isPlain = (await lstat(conf).catch(() => undefined))?.isDirectory() ?? false;
  const aside = isPlain ? await newDirectory(conf, 0) : undefined;
  const previous = aside ?? before?.root;
  const record = { ...next.record, previous: previous && basename(previous) };
  try {
    await fill(directory, before?.root, { ...next, record });
    if (before && next.scan && !next.scan.equals(await scanDirectory(before.root))) return false;
    await pointTo(conf, directory, aside);
  } catch (error) {
    if (error instanceof EditedMeanwhile) return false;
    throw writeProblem(error);
  } finally {
    await tidy(conf);
  }
  return true;
}

/** Nobody has used the name, and nobody else is about to: the lock is held. */
async function newDirectory(conf: string, rev: number): Promise<string> {
  for (let number = 1; ; number++) {
    const directory = join(dirname(conf), `.${basename(conf)}.r${rev}-${number}`);
    try {
      await mkdir(directory, { mode: 0o755 });
      return directory;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeProblem(error);
    }
  }
}

async function fill(
  directory: string,
  before: string | undefined,
  { record, files, read, scan }: NewCheckout & { readonly record: CheckoutRecord },
): Promise<void> {
  const directories = new Set(scan?.directories ?? []);
  for (const path of files.keys())
    for (let each = dirname(path); each !== '.'; each = dirname(each)) directories.add(each);
  for (const path of [...directories].sort()) await mkdir(join(directory, path), { recursive: true });
  const base = join(directory, recordDirectory, 'base');
  await mkdir(base, { recursive: true, mode: 0o700 });
  await chmod(dirname(base), 0o700);
  await inParallel([...files], async ([path, file]) => {
    const content = await contentOf(file, path, before, read);
    await writeSynced(join(directory, path), content, file.mode);
  });
  for (const path of scan?.hidden ?? []) await copyAside(join(before!, path), join(directory, path));
  await inParallel([...new Set([...baseOf(record).values()].map(({ hash }) => hash))], async (hash) => {
    const old = before && join(before, recordDirectory, 'base', hash);
    if (old && (await linked(old, join(base, hash)))) return;
    await writeSynced(join(base, hash), await read(hash), 0o600);
  });
  await writeSynced(join(directory, recordDirectory, recordFile), Buffer.from(formatRecord(record)), 0o600);
  for (const path of [...directories, `${recordDirectory}/base`, recordDirectory, ''])
    await syncDirectory(join(directory, path));
  await giveAway(directory);
}

async function contentOf(
  file: MergedFile,
  path: string,
  before: string | undefined,
  read: (hash: string) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  if ('content' in file) return file.content;
  if (file.from === 'theirs' || before === undefined) return await read(file.hash);
  const content = await readFile(join(before, path)).catch(() => undefined);
  if (content && hashOf(content) === file.hash) return content;
  throw new EditedMeanwhile();
}

/** A local file is not what was merged any more. */
class EditedMeanwhile extends Error {}

/** Hidden files and links are nobody's business but the operator's: they go along as they are. */
async function copyAside(from: string, to: string): Promise<void> {
  const facts = await lstat(from);
  if (facts.isSymbolicLink()) await symlink(await readlink(from), to);
  else {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    await chmod(to, facts.mode & 0o777);
  }
}

async function linked(from: string, to: string): Promise<boolean> {
  return await link(from, to).then(
    () => true,
    () => false,
  );
}

/** The one step by which everything changes. */
async function pointTo(conf: string, directory: string, aside: string | undefined): Promise<void> {
  const fresh = linkName(conf);
  await rm(fresh, { force: true });
  await symlink(basename(directory), fresh);
  await syncDirectory(dirname(conf));
  // From here to the next line there is no `<conf>`; `tidy` ends what is begun here.
  if (aside !== undefined) await rename(conf, aside);
  await rename(fresh, conf);
  await syncDirectory(dirname(conf));
}

function linkName(conf: string): string {
  return join(dirname(conf), `.${basename(conf)}.link`);
}

/** Ends what a killed process began, and removes every checkout but the working copy, the one before it, and what processes fall back to. */
export async function tidy(conf: string): Promise<void> {
  const isThere = await lstat(conf).catch(() => undefined);
  if (!isThere) await rename(linkName(conf), conf).catch(() => {});
  else await rm(linkName(conf), { force: true });
  const current = await Checkout.open(conf).catch(() => undefined);
  if (!current) return;
  const kept = [basename(current.root), current.record.previous, ...loadedCheckouts(conf)];
  const prefix = `.${basename(conf)}.r`;
  for (const name of await readdir(dirname(conf)))
    if (name.startsWith(prefix) && /^\d+-\d+$/.test(name.slice(prefix.length)) && !kept.includes(name))
      await rm(join(dirname(conf), name), { recursive: true, force: true });
}

/** A service user keeps what is his, when root pulls. */
async function giveAway(directory: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(dirname(directory));
  if (uid === 0) return;
  for (const name of await readdir(directory, { recursive: true }))
    await chown(join(directory, name), uid, gid);
  await chown(directory, uid, gid);
}

function writeProblem(error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  return code && ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'ENOENT'].includes(code)
    ? new FlotillaError('FLT-2317', message, error)
    : error;
}
