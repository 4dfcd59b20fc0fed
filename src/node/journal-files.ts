/**
 * Journals of series as files, one for each series and period (replication 11): of a node in `log_dir`, of a manager in
 * `base_dir`.
 *
 * Invariants: periods follow one another without a gap, and no two end in one second, since that is in the names. What
 * cannot be written is told to the log and is in the files of the next period.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Timer } from '../core/clock.ts';
import { sortedOrder } from '../core/replica/sliced-sort.ts';
import type { Journal, JournalPage } from '../core/series/journal.ts';
import { compareKeys, journalLines, journalName } from '../core/series/series-file.ts';
import type { StreamKey } from '../core/series/stream-key.ts';
import type { Surroundings } from './surroundings.ts';
import { Turns } from './turns.ts';
import { nameNew, newSuffix, writeNew } from './whole-file.ts';

export interface JournalFilesOptions {
  readonly directory: string;
  readonly periodMs: number;
  readonly journal: Journal;
  readonly around: Pick<Surroundings, 'clock' | 'log'>;
  /** When the last period ended, if that is known. */
  readonly lastEndMs?: number;
  /** Between the writing of files and their naming; when it fails there are no files of this period. */
  readonly commit?: (endMs: number) => Promise<void>;
}

/** Entries looked at between two looks at the clock. */
const sliceEntries = 512;
const leastPeriodMs = 1000;

type Entry = readonly [StreamKey, number];

interface WrittenPage {
  readonly page: JournalPage;
  readonly path: string;
}

export class JournalFiles {
  readonly #options: JournalFilesOptions;
  #periodMs: number;
  #timer: Timer | undefined;
  #startMs: number;
  #lastWriting: Promise<void> = Promise.resolve();
  #refusedBefore = 0;

  constructor(options: JournalFilesOptions) {
    this.#options = options;
    this.#periodMs = options.periodMs;
    this.#startMs = Math.max(options.around.clock.wallMs(), options.lastEndMs ?? 0);
    this.#waitForPeriod();
  }

  /** The running period ends where one of this length does. */
  setPeriod(periodMs: number): void {
    if (periodMs === this.#periodMs) return;
    this.#periodMs = periodMs;
    this.#timer?.cancel();
    this.#waitForPeriod();
  }

  /** Writes what was counted since the last time, and ends. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#endPeriod(this.#options.around.clock.wallMs());
  }

  /** Periods end at multiples of their length (11.5). */
  #waitForPeriod(): void {
    const { clock } = this.#options.around;
    const periodMs = this.#periodMs;
    const nowMs = clock.wallMs();
    const endMs = (Math.floor(Math.max(nowMs, this.#startMs) / periodMs) + 1) * periodMs;
    // A clock that was set back does not make a period longer.
    this.#timer = clock.after(Math.min(endMs - nowMs, periodMs), () => {
      void this.#endPeriod(endMs);
      this.#waitForPeriod();
    });
  }

  #endPeriod(wantedEndMs: number): Promise<void> {
    const startMs = this.#startMs;
    const endMs = Math.max(wantedEndMs, startMs + leastPeriodMs);
    this.#startMs = endMs;
    const pages = this.#options.journal.take();
    this.#reportRefused();
    this.#lastWriting = this.#lastWriting.then(() => this.#write(pages, startMs, endMs));
    return this.#lastWriting;
  }

  async #write(pages: readonly JournalPage[], startMs: number, endMs: number): Promise<void> {
    if (pages.length === 0) return;
    const written: WrittenPage[] = [];
    for (const page of pages) {
      const path = join(this.#options.directory, journalName(page.series, endMs));
      if (await this.#isDone(page, path, () => this.#writePage(page, path, startMs, endMs)))
        written.push({ page, path });
    }
    try {
      await this.#options.commit?.(endMs);
    } catch (error) {
      this.#complain(this.#options.directory, error);
      for (const { page, path } of written) await this.#undo(page, path);
      return;
    }
    for (const { page, path } of written) await this.#isDone(page, path, () => nameNew(path));
  }

  async #writePage(page: JournalPage, path: string, startMs: number, endMs: number): Promise<void> {
    const entries = await this.#sorted(page);
    await writeNew(path, journalLines({ ...page, startMs, endMs }, entries), this.#options.around.clock);
  }

  async #isDone(page: JournalPage, path: string, step: () => Promise<void>): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      this.#complain(path, error);
      await this.#undo(page, path);
      return false;
    }
  }

  async #undo(page: JournalPage, path: string): Promise<void> {
    const { journal, around } = this.#options;
    const turns = new Turns(around.clock);
    for (const _ of journal.putBack(page)) await turns.next();
    await rm(`${path}${newSuffix}`, { force: true }).catch(() => {});
  }

  async #sorted({ amounts }: JournalPage): Promise<Iterable<Entry>> {
    const entries: Entry[] = [];
    const turns = new Turns(this.#options.around.clock);
    for (const entry of amounts) {
      entries.push(entry);
      if (entries.length % sliceEntries === 0) await turns.next();
    }
    const sorting = sortedOrder(entries.length, (a, b) => compareKeys(entries[a]![0], entries[b]![0]));
    let step = sorting.next();
    for (; !step.done; step = sorting.next()) await turns.next();
    const order = step.value;
    return inOrder(entries, order);
  }

  #reportRefused(): void {
    const { refused } = this.#options.journal;
    const count = refused - this.#refusedBefore;
    this.#refusedBefore = refused;
    if (count > 0)
      this.#options.around.log.error(
        `series: ${count} counts are in no file: too many keys, a name too long, or two kinds of keys under one name`,
      );
  }

  #complain(path: string, error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    this.#options.around.log.error(`series: ${path}: ${cause}`, { path });
  }
}

function* inOrder(entries: readonly Entry[], order: Int32Array): Generator<Entry, void, void> {
  for (const i of order) yield entries[i]!;
}
