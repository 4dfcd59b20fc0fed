/** `custom_logger`: lines in formats of the operator, one for each stage that has one (logging 3). */
import {
  type CustomFormat,
  type FormatContext,
  parseCustomFormat,
  parseSanitizer,
} from '../core/logs/custom-format.ts';
import { onOneLine, panicLine } from '../core/logs/lines.ts';
import type { CustomLoggerSettings, CustomStage } from '../core/logs/logger-settings.ts';
import type { OpenLog } from './ec-logger.ts';
import type { LineQueue } from './line-queue.ts';
import type { EventTime, LogEvent, Logger } from './log-event.ts';

interface Stage {
  readonly format: CustomFormat;
  readonly queue: LineQueue;
}

const stageOfEvent = {
  reception: 'reception',
  delivery: 'delivery',
  transfer: 'xfer',
  'transient-failure': 'transient_failure',
  'permanent-failure': 'permanent_failure',
  rejection: 'rejection',
} as const;

export class CustomLogger implements Logger {
  readonly #context: FormatContext;
  readonly #stages = new Map<CustomStage, Stage>();
  readonly #panic: LineQueue | undefined;

  constructor(settings: CustomLoggerSettings, open: OpenLog, times: Omit<FormatContext, 'sanitize'>) {
    const sanitizer = parseSanitizer(settings.sanitize);
    this.#context = { ...times, sanitize: typeof sanitizer === 'string' ? (text) => text : sanitizer };
    this.#panic = open(settings.paniclog);
    for (const [stage, { format: text, target }] of settings.stages) {
      const format = parseCustomFormat(text);
      const queue = open(target);
      if (typeof format !== 'string' && queue) this.#stages.set(stage, { format, queue });
    }
  }

  write(event: LogEvent, { timeUs, text }: EventTime): void {
    switch (event.kind) {
      case 'panic':
        this.#panic?.write(timeUs, panicLine(text, event.record.text));
        break;
      case 'reception':
      case 'delivery':
      case 'transfer':
      case 'transient-failure':
      case 'permanent-failure':
      case 'rejection': {
        const stage = this.#stages.get(stageOfEvent[event.kind]);
        if (!stage) return;
        stage.queue.write(timeUs, `${onOneLine(stage.format(timeUs, event.record, this.#context))}\n`);
        break;
      }
      case 'bounce':
      case 'account':
      case 'session':
      case 'import':
        break;
    }
  }

  beat(): void {}
}
