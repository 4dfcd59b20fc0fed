/**
 * Files of named series: journals of one period in `log_dir` (replication 11.7), and in `serialize_dir` what this node had
 * counted when it stopped (9.4).
 *
 * Invariants: a file is whole or not there. What was saved is deleted as it is read, or a crash would count it a second
 * time. Files that cannot be written or read are told to the log; counting goes on.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { FlotillaError } from '../core/errors.ts';
import type { Incarnation } from '../core/identity.ts';
import type { AuditSeries, Series } from '../core/series/audit-series.ts';
import type { Journal } from '../core/series/journal.ts';
import {
  encodedName,
  parseEntries,
  parseSaved,
  type SavedCount,
  type SavedSeries,
  savedLines,
} from '../core/series/series-file.ts';
import type { StreamKey } from '../core/series/stream-key.ts';
import type { AuditSettings } from '../core/settings.ts';
import { JournalFiles } from './journal-files.ts';
import type { Surroundings } from './surroundings.ts';
import { Turns } from './turns.ts';
import { writeWhole } from './whole-file.ts';

export interface SeriesFilesOptions {
  readonly settings: AuditSettings;
  readonly around: Surroundings;
  readonly journal: Journal;
  readonly life: () => Incarnation | undefined;
}

/** What earlier lives had counted, in slices. */
export type RestoreCounts = (lives: readonly Incarnation[], counts: Iterable<SavedCount>) => void;

/** Lines read between two looks at the clock. */
const sliceLines = 512;
/** Lines of a file that are restored where a series is defined. */
const linesAtOnce = 1024;

export class SeriesFiles {
  readonly #options: SeriesFilesOptions;
  readonly #journals: JournalFiles;
  #restoring: Promise<unknown> = Promise.resolve();

  constructor(options: SeriesFilesOptions) {
    this.#options = options;
    const { settings, around, journal } = options;
    this.#journals = new JournalFiles({
      directory: settings.logDir,
      periodMs: settings.maintenanceMs,
      journal,
      around,
    });
  }

  /**
   * What an earlier life of this node had counted, all of it in this call when it is not much; else the rest follows in
   * turns of its own.
   */
  restore(series: Series, restore: RestoreCounts): void {
    const path = this.#savedPath(series.id);
    try {
      if (!existsSync(path)) return;
      const text = readFileSync(path, 'utf8');
      rmSync(path);
      const saved = parseSaved(series.id, series.keyType, text);
      if (!saved)
        this.#options.around.log.warning(`${path} is not of the series '${series.name}'; it is left out`);
      else this.#restoreEach(saved, restore);
    } catch (error) {
      this.#complain(path, error);
    }
  }

  #restoreEach({ lives, counts }: SavedSeries, restore: RestoreCounts): void {
    const left = counts[Symbol.iterator]();
    const next = (lines: number) => {
      const slice: SavedCount[] = [];
      for (let at = left.next(); !at.done; at = left.next()) if (slice.push(at.value) === lines) break;
      restore(lives, slice);
      return slice.length === lines;
    };
    if (!next(linesAtOnce)) return;
    const turns = new Turns(this.#options.around.clock);
    const rest = async () => {
      while (next(sliceLines)) await turns.next();
    };
    this.#restoring = Promise.all([this.#restoring, rest()]);
  }

  /** For the next life of this node, when all is restored. */
  async save(all: AuditSeries): Promise<void> {
    await this.#restoring;
    const life = this.#options.life();
    for (const series of all.all) {
      if (!series.options.persist || !life) continue;
      const path = this.#savedPath(series.id);
      const lives = [...series.table.livesIn(series.id).filter((other) => other !== life), life];
      const lines = savedLines(series.id, series.keyType, lives, all.ownCounts(series));
      await writeWhole(path, lines, this.#options.around.clock).catch((error: unknown) =>
        this.#complain(path, error),
      );
    }
  }

  /** Writes what was counted since the last time, and ends. */
  async stop(): Promise<void> {
    await this.#journals.stop();
  }

  /** Adds what is in a file to the current window; relative names are below `serialize_dir` (10.6). */
  async addFrom(file: string, series: Series, add: (key: StreamKey, by: number) => void): Promise<number> {
    const path = resolve(this.#options.settings.serializeDir, file);
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw new FlotillaError(
        'FLT-1912',
        `filename ${path}: ${error instanceof Error ? error.message : error}`,
      );
    });
    const turns = new Turns(this.#options.around.clock);
    let entries = 0;
    for (const [key, by] of parseEntries(series.keyType, text)) {
      add(key, by);
      if (++entries % sliceLines === 0) await turns.next();
    }
    return entries;
  }

  #savedPath(id: string): string {
    return join(this.#options.settings.serializeDir, encodedName(id));
  }

  #complain(path: string, error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    this.#options.around.log.error(`series: ${path}: ${cause}`, { path });
  }
}
