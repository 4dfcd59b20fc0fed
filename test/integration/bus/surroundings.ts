/** What a bus part needs from a process, for tests: real time, real randomness, a log and counters that can be read. */
import { randomBytes } from 'node:crypto';
import type { Counters } from '../../../src/actors/ports.ts';
import type { WireSettings } from '../../../src/bus/connection.ts';
import type { Clock } from '../../../src/core/clock.ts';
import { type Log, type LogFields, type LogLevel, logLevels } from '../../../src/core/log.ts';
import type { Random } from '../../../src/core/random.ts';

export const clock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

export const random: Random = {
  next: () => Math.random(),
  hex: (bytes) => randomBytes(bytes).toString('hex'),
};

export interface LogLine {
  readonly level: LogLevel;
  readonly text: string;
  readonly fields: LogFields;
}

export class RecordingLog {
  readonly lines: LogLine[] = [];
  readonly log: Log = Object.fromEntries(
    logLevels.map((level) => [
      level,
      (text: string, fields: LogFields = {}) => {
        this.lines.push({ level, text, fields });
      },
    ]),
  ) as unknown as Log;

  /** Lines at `warning` and above with this error code. */
  problems(code: string): LogLine[] {
    return this.lines.filter(({ level, fields }) => fields.code === code && level !== 'debug');
  }

  texts(level: LogLevel): string[] {
    return this.lines.filter((line) => line.level === level).map(({ text }) => text);
  }
}

export class RecordingCounters implements Counters {
  readonly #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.#counts.set(name, this.count(name) + by);
  }

  count(name: string): number {
    return this.#counts.get(name) ?? 0;
  }
}

export const wireSettings: WireSettings = {
  credentials: {},
  tls: undefined,
  connectTimeoutMs: 2_000,
  reconnectWaitMs: 200,
  pingIntervalMs: 1_000,
  maxPingOut: 2,
  maxBacklog: 5_000,
};
