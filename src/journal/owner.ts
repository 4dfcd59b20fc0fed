/**
 * Who owns a journal: one process at a time, by a locked file beside the directory (`PATH.lock`), which names it for
 * people. Only the owner changes settings and cleans; programs that share the journal with it append, read, and mend what
 * they cannot read.
 */
import { FlotillaError } from '../core/errors.ts';
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
