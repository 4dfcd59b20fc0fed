/**
 * The node's log: JSON lines for machines, readable ones where a person sits in front of the terminal. Written through
 * pino; every line written is also kept for the console command `paniclog`.
 */
import { pino } from 'pino';
import type { Clock } from '../core/clock.ts';
import { type Log, type LogFields, type LogLevel, logLevels } from '../core/log.ts';
import { readableLine } from './log-line.ts';
import type { Paniclog } from './paniclog.ts';

export interface LogOptions {
  /** Lines below it are not written. */
  readonly level: LogLevel;
  readonly paniclog: Paniclog;
  readonly clock: Clock;
  /** Default: standard error. */
  readonly output?: LineOutput;
  /** Default: readable when standard error is a terminal. */
  readonly style?: 'json' | 'readable';
}

export interface LineOutput {
  /** `line` ends with a line feed. */
  write(line: string): void;
}

const severities: Record<LogLevel, number> = {
  debug: 20,
  info: 30,
  notice: 35,
  warning: 40,
  error: 50,
  critical: 60,
};

/** A log that can be told to say more or less. */
export type AdjustableLog = Log & { setLevel(level: LogLevel): void };

export function createLog(options: LogOptions): AdjustableLog {
  let levelOfLine: LogLevel = 'info';
  const logger = pino(
    {
      level: options.level,
      customLevels: severities,
      useOnlyCustomLevels: true,
      base: null,
      timestamp: () => `,"time":"${new Date(options.clock.wallMs()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    tee(options, () => levelOfLine),
  );
  const method =
    (level: LogLevel) =>
    (text: string, fields: LogFields = {}) => {
      levelOfLine = level;
      logger[level](fields, text);
    };
  const methods = Object.fromEntries(logLevels.map((level) => [level, method(level)])) as Log;
  const setLevel = (level: LogLevel) => {
    logger.level = level;
  };
  return { ...methods, setLevel };
}

function tee({ output, style, paniclog }: LogOptions, levelOfLine: () => LogLevel): LineOutput {
  const stream = output ?? standardError();
  const isReadable = style ? style === 'readable' : output === undefined && process.stderr.isTTY;
  return {
    write(line) {
      paniclog.add(levelOfLine(), line);
      stream.write(isReadable ? readableLine(line) : line);
    },
  };
}

function standardError(): LineOutput {
  // Synchronous: the last line before a crash is the one that is needed most.
  const stream = pino.destination({ fd: process.stderr.fd, sync: true });
  let isOpen = true;
  // The terminal was closed, and the node serves on; nobody reads what else it has to say.
  stream.on('error', () => {
    isOpen = false;
  });
  return {
    write(line) {
      if (isOpen) stream.write(line);
    },
  };
}
