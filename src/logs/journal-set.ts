/**
 * The journals of this process: one writer for each path, shared and counted by those who write it or offer it.
 *
 * Invariants: a path is opened by this process once, however many ask for it; subscribers are added and never removed
 * here; everything that happens to one path happens in turn. What a journal has to say goes to the log.
 */
import { stat } from 'node:fs/promises';
import { posix } from 'node:path';
import type { Counters } from '../actors/ports.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { LogGate } from '../core/log-gate.ts';
import type { Random } from '../core/random.ts';
import { openDiskFiles } from '../journal/disk-files.ts';
import type { JournalFiles } from '../journal/files.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import { hex8 } from '../journal/layout.ts';
import type { GrowthLimits } from '../journal/retention.ts';
import type { JournalNotice } from '../journal/store.ts';
import { Turns } from '../journal/turns.ts';

export interface JournalSetOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Counters;
  /** Of each journal. */
  readonly limits?: GrowthLimits;
  /** Default: those of this machine. */
  readonly files?: JournalFiles;
}

/** What one who opens a journal wants of it. */
export interface JournalWish {
  /** Of all files, if the journal is made now. */
  readonly mode?: number;
  /** Added when missing. */
  readonly subscribers?: readonly string[];
  /** Where those begin that are added. */
  readonly when?: 'begin' | 'end';
}

interface Shared {
  users: number;
  journal: Journal | undefined;
  readonly turns: Turns;
  readonly wishes: JournalWish[];
}

const noticeIntervalMs = 60_000;

export class JournalSet {
  readonly #options: JournalSetOptions;
  readonly #shared = new Map<string, Shared>();
  readonly #failureGates = new Map<string, LogGate>();
  readonly #onOpened = new Set<() => void>();
  #files: Promise<JournalFiles> | undefined;

  constructor(options: JournalSetOptions) {
    this.#options = options;
  }

  /** Rejects when it cannot be opened; then nothing is counted. Every `open` wants one `release`. */
  async open(path: string, wish: JournalWish = {}): Promise<Journal> {
    const key = journalKey(path);
    const shared = this.#shared.get(key) ?? { users: 0, journal: undefined, turns: new Turns(), wishes: [] };
    this.#shared.set(key, shared);
    shared.users++;
    try {
      return await shared.turns.run(async () => {
        if (shared.journal) await addMissing(shared.journal, wish);
        else {
          shared.journal = await this.#open(key, [...shared.wishes, wish]);
          for (const listener of this.#onOpened) listener();
        }
        shared.wishes.push(wish);
        return shared.journal;
      });
    } catch (error) {
      await this.release(path);
      throw error;
    }
  }

  /** The one that is open now; `reopen` may put another in its place. */
  get(path: string): Journal | undefined {
    return this.#shared.get(journalKey(path))?.journal;
  }

  /** Called when a path was opened that was not open before; returns how to stop that. */
  onOpened(listener: () => void): () => void {
    this.#onOpened.add(listener);
    return () => this.#onOpened.delete(listener);
  }

  /** All that are open, by path. */
  list(): Journal[] {
    return [...this.#shared.values()].flatMap(({ journal }) => journal ?? []);
  }

  /**
   * What was appended is on the disk afterwards; a journal whose directory was removed by hand is made anew, with the
   * subscribers it was opened with. One that is whole stays as it is, and so do its readers.
   */
  async reopen(path: string): Promise<void> {
    const key = journalKey(path);
    const shared = this.#shared.get(key);
    await shared?.turns.run(async () => {
      if (shared.journal && (await this.#isWhole(shared.journal))) return shared.journal.sync();
      const former = shared.journal;
      shared.journal = undefined;
      // Of files that are gone: nothing in them can be saved.
      await former?.close().catch(() => {});
      shared.journal = await this.#open(key, shared.wishes);
    });
  }

  /** Whoever opened it last closes it by this. */
  async release(path: string): Promise<void> {
    const key = journalKey(path);
    const shared = this.#shared.get(key);
    if (!shared) return;
    shared.users--;
    await shared.turns.run(async () => {
      if (shared.users > 0 || this.#shared.get(key) !== shared) return;
      const { journal } = shared;
      shared.journal = undefined;
      await journal?.close().catch((error) => this.#closeFailed(key, error));
      // Somebody may have asked for it meanwhile: his turn comes next, in the same entry.
      if (shared.users === 0) this.#shared.delete(key);
    });
  }

  async #open(path: string, wishes: readonly JournalWish[]): Promise<Journal> {
    const { clock, random, limits, files } = this.#options;
    this.#files ??= files ? Promise.resolve(files) : openDiskFiles();
    // Who only reads it wishes none: what is made by him is to be as private as what is there.
    const mode = wishes.find((wish) => wish.mode !== undefined)?.mode ?? (await modeOf(`${path}/metastore`));
    const journal = await openJournal({
      path,
      files: await this.#files,
      clock,
      random,
      access: 'own',
      ...(mode === undefined ? {} : { mode }),
      ...(limits ? { limits } : {}),
      onNotice: (notice) => this.#tell(path, notice),
    });
    for (const wish of wishes) await addMissing(journal, wish);
    return journal;
  }

  async #isWhole(journal: Journal): Promise<boolean> {
    const names = await (await this.#files)?.list(journal.path);
    if (!Array.isArray(names) || !names.includes('metastore')) return false;
    return names.includes(hex8(await journal.currentSegment()));
  }

  #tell(path: string, { kind, text, records }: JournalNotice): void {
    const { log, counters, clock } = this.#options;
    counters.add('journal_notices_total');
    counters.add('journal_records_lost_total', records);
    const gate = this.#failureGates.get(path) ?? new LogGate(clock, noticeIntervalMs);
    this.#failureGates.set(path, gate);
    // A full disk says so with every write.
    if (kind === 'write-failed') gate.pass((heldBack) => log.error(text, { path, heldBack }));
    else if (kind === 'records-lost' || kind === 'limit-reached') log.critical(text, { path, records });
    else log.error(text, { path, records });
  }

  #closeFailed(path: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.error(`${path} could not be closed: ${reason}`, { path });
  }
}

async function addMissing(
  journal: Journal,
  { subscribers = [], when = 'begin' }: JournalWish,
): Promise<void> {
  const present = await journal.subscribers();
  for (const name of subscribers) if (!present.has(name)) await journal.addSubscriber(name, when);
}

/** Undefined: there is no such file yet. */
async function modeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mode }) => mode & 0o777,
    () => undefined,
  );
}

/** Two spellings of one path are one journal. */
function journalKey(path: string): string {
  const normal = posix.normalize(path);
  return normal.endsWith('/') ? normal.slice(0, -1) : normal;
}
