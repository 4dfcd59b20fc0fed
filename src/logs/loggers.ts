/**
 * All loggers of a process, as the configuration has them: one call for each thing that happens, to each of them.
 *
 * Invariant: to log costs the caller no wait and never fails; what became of it is in the figures of the destinations.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Counters } from '../actors/ports.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { microsecondsTime, secondsTime } from '../core/logs/lines.ts';
import type { LoggerSettings, LoggingSettings, LogTarget } from '../core/logs/logger-settings.ts';
import type { TimeZone } from '../core/logs/strftime.ts';
import { BounceLogger } from './bounce-logger.ts';
import { CustomLogger } from './custom-logger.ts';
import { EcLogger } from './ec-logger.ts';
import type { JournalSet } from './journal-set.ts';
import { type DestinationFacts, LineQueue } from './line-queue.ts';
import type { EventTime, LogEvent, Logger } from './log-event.ts';
import { openSink } from './open-sink.ts';

export interface LoggersOptions {
  readonly settings: LoggingSettings;
  readonly journals: JournalSet;
  readonly clock: Clock;
  readonly zone: TimeZone;
  readonly log: Log;
  readonly counters: Counters;
  /** A program that must not end has ended (`shutdown_on_failure`). */
  readonly onPipeFailure: (reason: string) => void;
}

interface Opened {
  readonly settings: LoggerSettings;
  /** `ec_logger:name`, as the console has it. */
  readonly name: string;
  readonly logger: Logger;
  readonly queues: readonly LineQueue[];
}

export class Loggers {
  readonly #options: LoggersOptions;
  #settings: LoggingSettings;
  #opened: readonly Opened[];
  readonly #beats = new Map<Logger, Timer>();
  /** Taken away, with lines that are still being written. */
  readonly #leaving = new Set<Promise<void>>();
  readonly #timeText: (timeUs: number) => string;

  constructor(options: LoggersOptions) {
    this.#options = options;
    this.#timeText = options.settings.isHighResolution ? microsecondsTime : secondsTime;
    this.#settings = options.settings;
    this.#opened = options.settings.loggers.map((settings) => this.#open(settings));
  }

  /** Loggers that are the same go on; the others are opened, or closed when their lines are written. */
  configure(settings: LoggingSettings): void {
    const modulesOf = ({ pipe, syslog }: LoggingSettings) => [pipe, syslog];
    const isSame = isDeepStrictEqual(modulesOf(settings), modulesOf(this.#settings));
    this.#settings = settings;
    const before = this.#opened;
    this.#opened = settings.loggers.map(
      (each) =>
        before.find((opened) => isSame && isDeepStrictEqual(opened.settings, each)) ?? this.#open(each),
    );
    for (const opened of before) if (!this.#opened.includes(opened)) this.#leave(opened);
  }

  #leave({ logger, queues }: Opened): void {
    this.#beats.get(logger)?.cancel();
    this.#beats.delete(logger);
    const left: Promise<void> = Promise.all(queues.map((queue) => queue.close())).then(() => {
      this.#leaving.delete(left);
    });
    this.#leaving.add(left);
  }

  write(event: LogEvent): void {
    const time = this.#at(event.record.timeUs);
    for (const { logger } of this.#opened) logger.write(event, time);
  }

  /** One of them has an account log. */
  get keepsAccounts(): boolean {
    return this.#settings.loggers.some(({ kind }) => kind === 'ec_logger');
  }

  /** As the console names them: `ec_logger:name`. */
  get names(): readonly string[] {
    return this.#opened.map(({ name }) => name);
  }

  /** Of each log of each logger. */
  facts(): readonly DestinationFacts[] {
    return this.#opened.flatMap(({ queues }) => queues.map(({ facts }) => facts));
  }

  /** Files and journals of one logger, or of all: written, closed, opened again. */
  async reopen(name?: string): Promise<void> {
    const chosen = this.#opened.filter((opened) => name === undefined || opened.name === name);
    await Promise.all(chosen.flatMap(({ queues }) => queues.map((queue) => queue.reopen())));
  }

  /** Resolves when all lines were written, or their destinations cannot be written now. */
  async flush(): Promise<void> {
    await Promise.all(this.#opened.flatMap(({ queues }) => queues.map((queue) => queue.flush())));
  }

  async close(): Promise<void> {
    for (const timer of this.#beats.values()) timer.cancel();
    this.#beats.clear();
    await Promise.all(this.#opened.flatMap(({ queues }) => queues.map((queue) => queue.close())));
    await Promise.all(this.#leaving);
  }

  #open(settings: LoggerSettings): Opened {
    const queues: LineQueue[] = [];
    const open = (target: LogTarget | undefined): LineQueue | undefined => {
      if (!target) return undefined;
      const { pipe, syslog } = this.#settings;
      const sink = openSink(target, { ...this.#options, pipe, syslog });
      const queue = new LineQueue({ ...this.#options, sink, spill: settings.spill });
      queues.push(queue);
      return queue;
    };
    const logger = this.#create(settings, open);
    if (settings.kind !== 'custom_logger' && settings.heartbeatMs > 0)
      this.#beat(logger, settings.heartbeatMs);
    return { settings, name: loggerName(settings), logger, queues };
  }

  #create(settings: LoggerSettings, open: (target: LogTarget | undefined) => LineQueue | undefined): Logger {
    switch (settings.kind) {
      case 'ec_logger':
        return new EcLogger(settings, open);
      case 'bounce_logger':
        return new BounceLogger(settings, open);
      case 'custom_logger': {
        const { isHighResolution } = this.#settings;
        return new CustomLogger(settings, open, { zone: this.#options.zone, isHighResolution });
      }
    }
  }

  #beat(logger: Logger, periodMs: number): void {
    const timer = this.#options.clock.after(periodMs, () => {
      logger.beat(this.#at());
      this.#beat(logger, periodMs);
    });
    this.#beats.set(logger, timer);
  }

  #at(timeUs = this.#options.clock.wallMs() * 1000): EventTime {
    return { timeUs, text: this.#timeText(timeUs) };
  }
}

export function loggerName({ kind, name }: LoggerSettings): string {
  return `${kind}:${name}`;
}
