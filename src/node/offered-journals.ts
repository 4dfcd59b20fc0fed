/**
 * The journals of `logs` for the log service: those that loggers have open, and others that lie on the disk, which are
 * opened once and kept. None is made here: without a logger there is nothing to offer.
 */
import { access } from 'node:fs/promises';
import type { LogJournal, LogJournals } from '../actors/log-ports.ts';
import { FlotillaError } from '../core/errors.ts';
import type { JournalSet } from '../logs/journal-set.ts';

export class OfferedJournals implements LogJournals {
  readonly #set: Pick<JournalSet, 'open' | 'get' | 'release' | 'onOpened'>;
  readonly #held = new Map<string, Promise<unknown>>();

  constructor(set: Pick<JournalSet, 'open' | 'get' | 'release' | 'onOpened'>) {
    this.#set = set;
  }

  async journal(path: string): Promise<LogJournal> {
    // Held also when a logger has it: between two loggers it must not be closed under a reader.
    if (!this.#held.has(path)) await this.#hold(path);
    await this.#held.get(path);
    const journal = this.#set.get(path);
    if (!journal) throw new FlotillaError('FLT-2201', `there is none at ${path}`);
    return journal;
  }

  onOpened(listener: () => void): () => void {
    return this.#set.onOpened(listener);
  }

  async stop(): Promise<void> {
    const paths = [...this.#held.keys()];
    await Promise.allSettled(this.#held.values());
    this.#held.clear();
    await Promise.all(paths.map((path) => this.#set.release(path)));
  }

  async #hold(path: string): Promise<void> {
    if (!this.#set.get(path) && !(await exists(`${path}/metastore`)))
      throw new FlotillaError(
        'FLT-2201',
        `there is none at ${path} so far; the first line of a logger makes it`,
      );
    if (this.#held.has(path)) return;
    const opening = this.#set.open(path);
    this.#held.set(path, opening);
    opening.catch(() => this.#held.delete(path));
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
