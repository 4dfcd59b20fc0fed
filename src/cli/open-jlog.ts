/** What the commands of `flotilla jlog` share: opening a journal, printing, and remarks on the owners of its files. */
import { readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { FlotillaError } from '../core/errors.ts';
import { journalMode, openDiskFiles } from '../journal/disk-files.ts';
import { systemCode, systemReason } from '../journal/files.ts';
import { type Journal, type JournalOptions, openJournal } from '../journal/journal.ts';
import { cannotOpen, openStore } from '../journal/open-store.ts';
import type { JournalNotice, JournalStore } from '../journal/store.ts';
import { systemClock, systemRandom } from '../node/system-clock.ts';

export interface JlogFlags {
  readonly v?: true;
  readonly json?: true;
  /** What was mended is the output of the command, and no remark beside it. */
  readonly changesOnStdout?: true;
}

type Options = Omit<JournalOptions, 'access'> & {
  readonly mode: number;
  readonly onNotice: (notice: JournalNotice) => void;
};

export async function openOptions(path: string, flags: JlogFlags): Promise<Options> {
  return {
    path,
    files: await openDiskFiles(),
    clock: systemClock,
    random: systemRandom,
    mode: await journalMode(path),
    onNotice: ({ kind, text, records, bytes }) => {
      if (flags.changesOnStdout) print(flags, { kind, text, records, bytes }, text);
      else process.stderr.write(`${text}\n`);
    },
  };
}

export async function journalAt(
  path: string,
  access: JournalOptions['access'],
  flags: JlogFlags,
  more: Partial<JournalOptions> = {},
): Promise<Journal> {
  return openJournal({ ...(await openOptions(path, flags)), access, ...more });
}

export async function withJournal<T>(
  path: string,
  access: JournalOptions['access'],
  flags: JlogFlags,
  run: (journal: Journal) => Promise<T>,
): Promise<T> {
  // Opening for writing makes a journal where there is none, which only `create` may do.
  await storeAt(path, flags);
  const journal = await journalAt(path, access, flags);
  try {
    return await run(journal);
  } finally {
    await journal.close();
  }
}

/** The journal as it lies there, not opened; whoever owns it. */
export async function storeAt(path: string, flags: JlogFlags): Promise<JournalStore> {
  return openStore(await openOptions(path, flags), false);
}

export function print(flags: JlogFlags, object: Record<string, unknown>, text: string): void {
  process.stdout.write(`${flags.json ? JSON.stringify(object) : text}\n`);
}

const noRoom = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/** What a disk, its rights or its limits refuse is no defect: it is said in one line, with what to do. */
export function refusedBySystem(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof FlotillaError || code === undefined) return error;
  if (!noRoom.includes(code)) return cannotOpen(path, error);
  return new FlotillaError('FLT-2204', `${path}: ${systemReason(error)}`, error);
}

/** `flotilla jlog cat | head` ends the pipe early, which is no failure. */
export function endWithThePipe(): void {
  if (!process.stdout.listeners('error').includes(endQuietly)) process.stdout.on('error', endQuietly);
}

const endQuietly = (error: NodeJS.ErrnoException): void => {
  if (error.code === 'EPIPE') process.exit(0);
};

/** Files that belong to somebody else than the directory: a node that cannot open them stops logging. */
export async function reportOwners(path: string): Promise<void> {
  const directory = statSync(path);
  const isAlike = (stats: Stats): boolean => stats.uid === directory.uid && stats.gid === directory.gid;
  const strangers = readdirSync(path).filter((name) => {
    const stats = statSync(join(path, name), { throwIfNoEntry: false });
    return stats !== undefined && !isAlike(stats);
  });
  if (strangers.length === 0) return;
  const owner = `${directory.uid}:${directory.gid}`;
  process.stderr.write(
    `${path}: ${strangers.sort().join(', ')} not owned by ${owner} as the directory is; to change that:\n` +
      `  chown -R ${owner} ${path}\n`,
  );
}
