/**
 * One program at a time changes a working copy. The lock ends with its holder, however that ends. Where the system's locks
 * cannot be reached, there is none: operators then do not pull while the node does.
 */
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { FlotillaError } from '../../core/errors.ts';
import { loadFileLocks } from '../../journal/file-locks.ts';

const retryMs = 50;

/** Throws FLT-2314 when another program holds it for so long, FLT-2317 when there is no place for it. */
export async function withLock<Result>(
  conf: string,
  patienceMs: number,
  work: () => Promise<Result>,
): Promise<Result> {
  const locks = await loadFileLocks();
  const path = join(dirname(conf), `.${basename(conf)}.lock`);
  const file = await open(path, 'a', 0o600).catch((error: Error) => {
    throw new FlotillaError('FLT-2317', error.message, error);
  });
  try {
    for (let waitedMs = 0; locks && !locks.lock(file.fd); waitedMs += retryMs) {
      if (waitedMs >= patienceMs) throw new FlotillaError('FLT-2314', conf);
      await pause(retryMs);
    }
    return await work();
  } finally {
    await file.close();
  }
}
