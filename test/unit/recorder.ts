/** A log and counters that a test can read. */
import type { Counters } from '../../src/actors/ports.ts';
import type { Log, LogFields, LogLevel } from '../../src/core/log.ts';

export interface LogLine {
  readonly level: LogLevel;
  readonly text: string;
  readonly fields: LogFields;
}

export class Recorder {
  readonly lines: LogLine[] = [];
  readonly counted = new Map<string, number>();
  readonly counters: Counters = {
    add: (name, by = 1) => this.counted.set(name, (this.counted.get(name) ?? 0) + by),
  };
  readonly log: Log = {
    debug: (text, fields) => this.#note('debug', text, fields),
    info: (text, fields) => this.#note('info', text, fields),
    notice: (text, fields) => this.#note('notice', text, fields),
    warning: (text, fields) => this.#note('warning', text, fields),
    error: (text, fields) => this.#note('error', text, fields),
    critical: (text, fields) => this.#note('critical', text, fields),
  };

  /** `level: text` of all lines, or of those of one level. */
  texts(level?: LogLevel): string[] {
    return this.lines
      .filter((line) => level === undefined || line.level === level)
      .map((line) => `${line.level}: ${line.text}`);
  }

  #note(level: LogLevel, text: string, fields: LogFields = {}): void {
    this.lines.push({ level, text, fields });
  }
}
