/** Opens journals of this machine for programs that read them (logging 8); they need no node in their process. */
import { FlotillaError, isFlotillaError } from '../core/errors.ts';
import { journalMode, openDiskFiles } from '../journal/disk-files.ts';
import { openJournal } from '../journal/journal.ts';
import { LogReader } from '../logs/log-reader.ts';
import { systemClock, systemRandom } from './system-clock.ts';

export interface LogReaderOptions {
  /** Of the journal: what stands behind `jlog://` or `cluster://`, or in `logs`. */
  readonly path: string;
  readonly subscriber: string;
  /**
   * Adds the subscriber if there is none of this name: before the oldest record that is kept, or behind the last one. Records
   * are kept for him from then on, whether he reads or not.
   */
  readonly add?: 'begin' | 'end';
  /** What was mended, cut off or dropped on the way, in words. */
  readonly onNotice?: (text: string) => void;
}

/**
 * Rejects with FLT-2201 where there is no journal, FLT-2205 where this process may not write beside it (a checkpoint could
 * never be stored), FLT-2208 where there is no such subscriber, FLT-2210 where it is no name. Two readers of one
 * subscriber are not prevented: each reads everything, and the later checkpoint counts.
 */
export async function openLogReader(options: LogReaderOptions): Promise<LogReader> {
  const { path, subscriber, add, onNotice } = options;
  const journal = await openJournal({
    path,
    files: await openDiskFiles(),
    clock: systemClock,
    random: systemRandom,
    access: 'read',
    mode: await journalMode(path),
    ...(onNotice ? { onNotice: ({ text }) => onNotice(text) } : {}),
  });
  try {
    if (journal.readOnlyReason !== undefined)
      throw new FlotillaError('FLT-2205', `${path}: ${journal.readOnlyReason}`);
    if (add) await journal.addSubscriber(subscriber, add).catch(unlessPresent);
    return new LogReader(journal, await journal.reader(subscriber));
  } catch (error) {
    await journal.close();
    throw error;
  }
}

/** Programs add their subscriber at every start. */
function unlessPresent(error: unknown): void {
  if (!isFlotillaError(error) || error.code !== 'FLT-2214') throw error;
}
