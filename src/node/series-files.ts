/**
 * Files of named series: journals of one period in `log_dir` (replication 11.7), and in `serialize_dir` what this node had
 * counted when it stopped (9.4). Directories are made when they are needed.
 *
 * Invariants: a file is whole or not there, being written under another name. What was saved is deleted as it is read,
 * or a crash would count it a second time. Files that cannot be written or read are told to the log; counting goes on.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Timer } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Incarnation } from '../core/identity.ts';
import { sortInSlices } from '../core/replica/sliced-sort.ts';
import type { AuditSeries, Series } from '../core/series/audit-series.ts';
import type { Journal, JournalPage } from '../core/series/journal.ts';
import {
  compareKeys,
  encodedName,
  journalLines,
  journalName,
  parseEntries,
  parseSaved,
  savedLines,
} from '../core/series/series-file.ts';
import type { StreamKey } from '../core/series/stream-key.ts';
import type { AuditSettings } from '../core/settings.ts';
import type { Surroundings } from './surroundings.ts';
import { Turns } from './turns.ts';

export interface SeriesFilesOptions {
  readonly settings: AuditSettings;
  readonly around: Surroundings;
  readonly journal: Journal;
  readonly life: () => Incarnation | undefined;
}

/** Entries looked at, and lines written, between two looks at the clock. */
const sliceLines = 512;

type Entry = readonly [StreamKey, number];

export class SeriesFiles {
  readonly #options: SeriesFilesOptions;
  #timer: Timer | undefined;
  #startMs: number;

  constructor(options: SeriesFilesOptions) {
    this.#options = options;
    this.#startMs = options.around.clock.wallMs();
    this.#waitForPeriod();
  }

  /** Of an earlier life of this node; undefined when there is nothing. */
  load(series: Series): ReturnType<typeof parseSaved> {
    const path = this.#savedPath(series.id);
    try {
      if (!existsSync(path)) return undefined;
      const text = readFileSync(path, 'utf8');
      rmSync(path);
      const saved = parseSaved(series.id, series.keyType, text);
      if (!saved)
        this.#options.around.log.warning(`${path} is not of the series '${series.name}'; it is left out`);
      return saved;
    } catch (error) {
      this.#complain(path, error);
      return undefined;
    }
  }

  /** For the next life of this node. */
  async save(all: AuditSeries): Promise<void> {
    const life = this.#options.life();
    for (const series of all.all) {
      if (!series.options.persist || !life) continue;
      await this.#write(
        this.#savedPath(series.id),
        savedLines(series.id, series.keyType, life, all.ownCounts(series)),
      );
    }
  }

  /** Writes what was counted since the last time, and ends. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    // Names tell seconds apart: a file of the same second would take the place of the last one.
    await this.#writeJournals(Math.max(this.#options.around.clock.wallMs(), this.#startMs + 1000));
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

  /** Periods end at multiples of their length (11.5). */
  #waitForPeriod(): void {
    const { clock } = this.#options.around;
    const { maintenanceMs } = this.#options.settings;
    const endMs = (Math.floor(clock.wallMs() / maintenanceMs) + 1) * maintenanceMs;
    this.#timer = clock.after(endMs - clock.wallMs(), () => {
      void this.#writeJournals(endMs);
      this.#waitForPeriod();
    });
  }

  async #writeJournals(endMs: number): Promise<void> {
    const startMs = this.#startMs;
    this.#startMs = endMs;
    for (const page of this.#options.journal.take()) {
      const entries = await this.#sorted(page);
      const path = join(this.#options.settings.logDir, journalName(page.series, endMs));
      await this.#write(path, journalLines({ ...page, startMs, endMs }, entries));
    }
  }

  async #sorted({ amounts }: JournalPage): Promise<Entry[]> {
    const entries: Entry[] = [];
    const turns = new Turns(this.#options.around.clock);
    for (const entry of amounts) {
      entries.push(entry);
      if (entries.length % sliceLines === 0) await turns.next();
    }
    const order = Int32Array.from(entries, (_, i) => i);
    for (const _ of sortInSlices(order, (a, b) => compareKeys(entries[a]![0], entries[b]![0])))
      await turns.next();
    return Array.from(order, (i) => entries[i]!);
  }

  async #write(path: string, lines: Iterable<string>): Promise<void> {
    const turns = new Turns(this.#options.around.clock);
    try {
      await mkdir(join(path, '..'), { recursive: true });
      const file = await open(`${path}.new`, 'w');
      try {
        let text: string[] = [];
        for (const line of lines) {
          if (text.push(line) < sliceLines) continue;
          await file.write(text.join(''));
          text = [];
          await turns.next();
        }
        await file.write(text.join(''));
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
    } catch (error) {
      this.#complain(path, error);
    }
  }

  #savedPath(id: string): string {
    return join(this.#options.settings.serializeDir, encodedName(id));
  }

  #complain(path: string, error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    this.#options.around.log.error(`series: ${path}: ${cause}`, { path });
  }
}
