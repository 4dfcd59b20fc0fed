/**
 * Watches what journals hold and nobody has read: warns when a limit or the file system fills up, and does what
 * `logs_max_lag_action` says when `logs_max_lag` is reached (logging 11).
 *
 * A warning comes once for each mark that is passed, and again only when the figure had been well below it.
 */
import { statfs } from 'node:fs/promises';
import type { Counters } from '../actors/ports.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { LoggingSettings } from '../core/logs/logger-settings.ts';
import { systemReason } from '../journal/files.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournalSet } from './journal-set.ts';

export interface LagWatchOptions {
  readonly maxLag: LoggingSettings['maxLag'];
  readonly journals: JournalSet;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  /** How full the file system of a path is, from 0 to 1. */
  readonly fullness?: (path: string) => Promise<number>;
}

const periodMs = 10_000;
const marks = [0.95, 0.8, 0.5] as const;
/** A figure that swings around a mark does not warn each time. */
const slack = 0.05;

export class LagWatch {
  readonly #options: LagWatchOptions;
  /** By what is watched, the highest mark that was told. */
  readonly #told = new Map<string, number>();
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: LagWatchOptions) {
    this.#options = options;
    this.#wait();
  }

  /** Never rejects. */
  async look(): Promise<void> {
    for (const journal of this.#options.journals.list()) {
      try {
        await this.#lookAt(journal);
      } catch (error) {
        // Removed by hand, perhaps: `reopen logs` makes it anew, and its writers tell that it is gone.
        this.#options.log.debug(`${journal.path} could not be watched: ${systemReason(error)}`);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  #wait(): void {
    if (this.#stopped) return;
    this.#timer = this.#options.clock.after(periodMs, () => {
      this.#looking = this.look().then(() => this.#wait());
    });
  }

  async #lookAt(journal: Journal): Promise<void> {
    const { maxLag, fullness = fileSystemFullness } = this.#options;
    const used = await fullness(journal.path);
    this.#compare(`the file system of ${journal.path}`, used, (mark) => `is ${mark} % full`);
    if (maxLag.bytes === 0) return;
    if (maxLag.action === 'stop-writing') await journal.enforceLimits();
    for (const [subscriber, at] of await journal.subscribers()) {
      const { bytes } = await journal.lag(at);
      const what = `${journal.path}: '${subscriber}'`;
      this.#compare(
        what,
        bytes / maxLag.bytes,
        (mark) => `has ${bytes} bytes unread, ${mark} % of logs_max_lag`,
      );
      if (maxLag.action === 'drop-subscriber' && bytes > maxLag.bytes)
        await this.#drop(journal, subscriber, bytes);
    }
  }

  async #drop(journal: Journal, subscriber: string, bytes: number): Promise<void> {
    await journal.removeSubscriber(subscriber);
    this.#told.delete(`${journal.path}: '${subscriber}'`);
    this.#options.counters.add('log_subscribers_dropped_total');
    this.#options.log.critical(
      `${journal.path}: subscriber '${subscriber}' was dropped, ${bytes} bytes that it had not read are lost to it (logs_max_lag)`,
    );
  }

  #compare(what: string, share: number, text: (mark: number) => string): void {
    const mark = marks.find((each) => share >= each) ?? 0;
    const told = this.#told.get(what) ?? 0;
    if (mark > told) {
      this.#options.log.critical(`${what} ${text(Math.round(mark * 100))}`);
      this.#told.set(what, mark);
    } else if (share < told - slack) {
      if (mark > 0) this.#told.set(what, mark);
      else this.#told.delete(what);
    }
  }
}

async function fileSystemFullness(path: string): Promise<number> {
  const { blocks, bavail, bfree } = await statfs(path);
  // As `df` has it: what only root may use counts as used up.
  const usable = blocks - bfree + bavail;
  return usable === 0 ? 0 : 1 - bavail / usable;
}
