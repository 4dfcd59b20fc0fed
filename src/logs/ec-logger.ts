/** `ec_logger`: main, reject, account, import and panic log, each in its own format (logging 3). */
import {
  accountLine,
  deliveryLine,
  failureLine,
  heartbeatLine,
  onOneLine,
  panicLine,
  receptionLine,
  rejectHeartbeatLine,
  rejectionLine,
  sessionLine,
} from '../core/logs/lines.ts';
import type { EcLoggerSettings, LogTarget } from '../core/logs/logger-settings.ts';
import type { LineQueue } from './line-queue.ts';
import type { EventTime, LogEvent, Logger } from './log-event.ts';

export type OpenLog = (target: LogTarget | undefined) => LineQueue | undefined;

export class EcLogger implements Logger {
  readonly #settings: EcLoggerSettings;
  readonly #main: LineQueue | undefined;
  readonly #reject: LineQueue | undefined;
  readonly #account: LineQueue | undefined;
  readonly #import: LineQueue | undefined;
  readonly #panic: LineQueue | undefined;

  constructor(settings: EcLoggerSettings, open: OpenLog) {
    this.#settings = settings;
    this.#main = open(settings.mainlog);
    this.#reject = open(settings.rejectlog);
    this.#account = open(settings.acctlog);
    this.#import = open(settings.importlog);
    this.#panic = open(settings.paniclog);
  }

  write(event: LogEvent, { timeUs, text: time }: EventTime): void {
    const { records } = this.#settings;
    switch (event.kind) {
      case 'reception':
        if (records.receptions) this.#main?.write(timeUs, receptionLine(time, event.record));
        break;
      case 'session':
        if (records.receptions) this.#main?.write(timeUs, sessionLine(time, event.record));
        break;
      case 'delivery':
      case 'transfer': {
        const letter = event.kind === 'delivery' ? 'D' : 'X';
        if (records.deliveries) this.#main?.write(timeUs, deliveryLine(time, letter, event.record));
        break;
      }
      case 'transient-failure':
        if (records.transientFailures) this.#main?.write(timeUs, failureLine(time, 'T', event.record));
        break;
      case 'permanent-failure':
        if (records.permanentFailures) this.#main?.write(timeUs, failureLine(time, 'P', event.record));
        break;
      case 'rejection':
        if (records.rejections) this.#reject?.write(timeUs, rejectionLine(time, event.record));
        break;
      case 'account':
        this.#account?.write(timeUs, accountLine(time, event.record));
        break;
      case 'import':
        this.#import?.write(timeUs, `${onOneLine(event.record.text)}\n`);
        break;
      case 'panic':
        if (records.errors) this.#panic?.write(timeUs, panicLine(time, event.record.text));
        break;
      case 'bounce':
        break;
    }
  }

  beat({ timeUs, text }: EventTime): void {
    this.#main?.write(timeUs, heartbeatLine(text));
    this.#reject?.write(timeUs, rejectHeartbeatLine(text));
  }
}
