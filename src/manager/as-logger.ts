/**
 * as_logger: what the nodes count over time, in files of the manager, one for each series and period (replication 11).
 *
 * Owns `base_dir`. Invariants: what a node has counted is in one file, over restarts of nodes and of this manager; only
 * what left the windows of all nodes while it was away is lost. Files of a period and the rows that they were made of
 * appear together: what a crash left of a period that was not complete is finished, or counted again from the rows.
 */
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SeriesReplica } from '../actors/series-replica.ts';
import { FlotillaError } from '../core/errors.ts';
import type { StreamDefinition } from '../core/series/cell.ts';
import { Journal, type JournalPage } from '../core/series/journal.ts';
import { isPast } from '../core/series/retired-rows.ts';
import { parseJournalName, stampOf } from '../core/series/series-file.ts';
import type { StreamKey } from '../core/series/stream-key.ts';
import type { AsLoggerSettings, ReplicaType } from '../core/settings.ts';
import { JournalFiles } from '../node/journal-files.ts';
import type { Surroundings } from '../node/surroundings.ts';
import { nameNew, newSuffix } from '../node/whole-file.ts';
import { loadRows, type ReceivedRows, saveRows } from './received-rows.ts';

type Around = Pick<Surroundings, 'clock' | 'log'>;

const stateName = 'as_logger.state';
/** Names of series that are remembered as selected or not. */
const maxNames = 8192;

export class AsLogger {
  #settings: AsLoggerSettings;
  readonly #around: Around;
  readonly #sinceS: number;
  readonly #journal = new Journal();
  readonly #files: JournalFiles;
  readonly #replicas = new Map<string, SeriesReplica>();
  #patterns: readonly RegExp[];
  /** By id of a stream, how its file is called; undefined: it is not written. */
  readonly #names = new Map<string, string | undefined>();
  #saved: ReceivedRows['rows'];

  /** @throws FlotillaError FLT-1105 */
  static async open(settings: AsLoggerSettings, around: Around): Promise<AsLogger> {
    const { clock, log } = around;
    const path = join(settings.baseDir, stateName);
    try {
      await mkdir(settings.baseDir, { recursive: true });
      const found = await loadRows(path, clock);
      if (found === 'damaged') log.error(`series: ${path} cannot be read; the files begin anew`, { path });
      const nowMs = clock.wallMs();
      const first = { sinceS: Math.floor(nowMs / 1000), endMs: nowMs, rows: new Map() };
      const saved = found === undefined || found === 'damaged' ? first : found;
      await tidy(settings.baseDir, saved.endMs);
      if (saved === first) await saveRows(path, first, [], clock);
      return new AsLogger(settings, around, saved);
    } catch (error) {
      throw new FlotillaError('FLT-1105', error instanceof Error ? error.message : settings.baseDir, error);
    }
  }

  /** What the next files will say. */
  get pages(): readonly JournalPage[] {
    return this.#journal.pages;
  }

  private constructor(settings: AsLoggerSettings, around: Around, saved: ReceivedRows) {
    this.#settings = settings;
    this.#around = around;
    this.#sinceS = saved.sinceS;
    this.#saved = saved.rows;
    this.#patterns = expressionsOf(settings);
    this.#files = new JournalFiles({
      directory: settings.baseDir,
      periodMs: settings.periodMs,
      journal: this.#journal,
      around,
      lastEndMs: saved.endMs,
      commit: (endMs) => this.#commit(endMs),
    });
  }

  /** Which series are written, and in which periods; what was counted until now stays in the running one. */
  configure(settings: AsLoggerSettings): void {
    this.#settings = { ...settings, baseDir: this.#settings.baseDir };
    this.#patterns = expressionsOf(settings);
    this.#names.clear();
    this.#files.setPeriod(settings.periodMs);
  }

  /** A life of the manager begins; its objects have received nothing yet, or are those of the life before. */
  follow(series: ReadonlyMap<ReplicaType, SeriesReplica>): void {
    if (series.size === 0)
      this.#around.log.error(
        'as_logger has nothing to write: neither metrics nor eccmgr_metrics is replicated',
      );
    for (const [type, replica] of series) {
      const { name, table } = replica;
      // A node that tells an event to all and to managers counts it in both objects.
      const copies = type === 'metrics' ? series.get('eccmgr_metrics')?.words : undefined;
      table.onCounted = (definition, cell, key, by) => {
        if (!copies?.has(definition.id)) this.#count(definition, cell, key, by);
      };
      for (const [life, row] of this.#saved.get(name) ?? []) table.restore(life, row);
      this.#replicas.set(name, replica);
    }
    this.#saved = new Map();
  }

  /** After the last life has ended: nothing is received any more. */
  async stop(): Promise<void> {
    for (const replica of this.#replicas.values()) replica.finish();
    await this.#files.stop();
  }

  #count(definition: StreamDefinition, cell: number, key: StreamKey, by: number): void {
    const { id, keyType, intervalS } = definition;
    const nowS = Math.floor(this.#around.clock.wallMs() / 1000);
    // Cells that have left the windows are dropped here and there, not at the same moment: what one still has is old.
    if ((cell + 1) * intervalS <= this.#sinceS || isPast(definition, cell, nowS)) return;
    const name = this.#nameOf(id);
    if (name !== undefined) this.#journal.add(name, keyType, key, by);
  }

  #nameOf(id: string): string | undefined {
    if (this.#names.has(id)) return this.#names.get(id);
    const name = /^series:\d+,\d+:(.*)$/.exec(id)?.[1] ?? id;
    const isListed = this.#patterns.some((pattern) => pattern.test(name));
    if (this.#names.size >= maxNames) this.#names.clear();
    this.#names.set(id, isListed !== this.#settings.writesAll ? name : undefined);
    return this.#names.get(id);
  }

  async #commit(endMs: number): Promise<void> {
    const path = join(this.#settings.baseDir, stateName);
    await saveRows(path, { sinceS: this.#sinceS, endMs }, this.#replicas.values(), this.#around.clock);
  }
}

function expressionsOf({ patterns }: AsLoggerSettings): RegExp[] {
  return patterns.map((pattern) => new RegExp(pattern));
}

/** Files of a period get their names when its rows have been saved; those of another one are of no use. */
async function tidy(directory: string, endMs: number): Promise<void> {
  for (const name of await readdir(directory)) {
    if (!name.endsWith(newSuffix)) continue;
    const path = join(directory, name.slice(0, -newSuffix.length));
    const stamp = parseJournalName(name.slice(0, -newSuffix.length))?.stamp;
    if (stamp === stampOf(endMs)) await nameNew(path);
    else if (stamp !== undefined || path.endsWith(stateName)) await rm(`${path}${newSuffix}`);
  }
}
