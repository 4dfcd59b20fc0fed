/**
 * Who owns a journal: one process at a time, by a locked file beside the directory (`PATH.lock`), which names it for
 * people. Only the owner repairs, changes settings and cleans; programs that share the journal with it only append and
 * read. Beside it stands the identity (`PATH.id`), by which a journal made anew, or one whose records
 * got other numbers, is known from the one before.
 */
import { FlotillaError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { type JournalFiles, readWhole } from './files.ts';

const processIdDigits = 20;

/** How to give it up. */
export async function takeOwnership(
  path: string,
  files: JournalFiles,
  mode: number,
): Promise<() => Promise<void>> {
  const file = await files.create(`${path}.lock`, mode);
  try {
    const holder = Number((await readWhole(file, processIdDigits)).toString('latin1').trim());
    const unlock = file.tryLock();
    // Without locks of the system the process id must do.
    const isHeld = files.locks
      ? !unlock
      : holder > 0 && holder !== files.processId && files.isProcessAlive(holder);
    if (isHeld) throw new FlotillaError('FLT-2206', `process ${holder} has ${path}`);
    await file.truncate(0);
    await file.write(Buffer.from(`${files.processId}\n`), 0);
    return async () => {
      await file.truncate(0);
      await file.close();
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The process that has the journal now. */
export async function ownerOf(path: string, files: JournalFiles): Promise<number | undefined> {
  const file = await files.open(`${path}.lock`, files.locks ? 'write' : 'read');
  if (!file) return undefined;
  try {
    const holder = Number((await readWhole(file, processIdDigits)).toString('latin1').trim());
    const unlock = file.tryLock();
    unlock?.();
    const isHeld = files.locks ? !unlock : holder > 0 && files.isProcessAlive(holder);
    return isHeld ? holder : undefined;
  } finally {
    await file.close();
  }
}

const identityBytes = 16;

/** The identity of the journal, made when missing. */
export async function identityOf(
  path: string,
  files: JournalFiles,
  mode: number,
  random: Random,
): Promise<string> {
  return (await readIdentity(path, files)) ?? newIdentity(path, files, mode, random);
}

/** In the place of another one, if there is one: a text of one sector is never torn. */
export async function newIdentity(
  path: string,
  files: JournalFiles,
  mode: number,
  random: Random,
): Promise<string> {
  const identity = random.hex(identityBytes);
  const file = await files.create(`${path}.id`, mode);
  try {
    await file.write(Buffer.from(`${identity}\n`), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  return identity;
}

export async function readIdentity(path: string, files: JournalFiles): Promise<string | undefined> {
  const file = await files.open(`${path}.id`, 'read');
  try {
    const text = file && (await readWhole(file, 2 * identityBytes + 1)).toString('latin1').trim();
    return text !== undefined && /^[0-9a-f]{32}$/.test(text) ? text : undefined;
  } finally {
    await file?.close();
  }
}
