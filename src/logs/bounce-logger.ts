/** `bounce_logger`: bounces of the session, bounces that come as messages, and transient failures (logging 3). */
import { bounceLine, heartbeatLine } from '../core/logs/lines.ts';
import type { BounceLoggerSettings } from '../core/logs/logger-settings.ts';
import type { OpenLog } from './ec-logger.ts';
import type { LineQueue } from './line-queue.ts';
import type { EventTime, LogEvent, Logger } from './log-event.ts';

export class BounceLogger implements Logger {
  readonly #settings: BounceLoggerSettings;
  readonly #bounces: LineQueue | undefined;

  constructor(settings: BounceLoggerSettings, open: OpenLog) {
    this.#settings = settings;
    this.#bounces = open(settings.bouncelog);
  }

  write(event: LogEvent, { timeUs, text }: EventTime): void {
    const { inBand, outOfBand, transientFailures } = this.#settings;
    if (event.kind === 'transient-failure' && transientFailures)
      this.#bounces?.write(timeUs, bounceLine(text, 'T', event.record));
    else if ((event.kind === 'permanent-failure' && inBand) || (event.kind === 'bounce' && outOfBand))
      this.#bounces?.write(timeUs, bounceLine(text, 'B', event.record));
  }

  beat({ timeUs, text }: EventTime): void {
    this.#bounces?.write(timeUs, heartbeatLine(text));
  }
}
