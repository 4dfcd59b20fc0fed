/**
 * The last lines of each level of the node's log, for the console command `paniclog` (CMD-1), and each line as it comes
 * for whoever hands it on.
 */
import { type LogLevel, logLevels } from '../core/log.ts';
import type { PanicMessage } from '../core/logs/panic-message.ts';
import { type LogLine, parseLogLine } from './log-line.ts';

const linesPerLevel = 10;

interface KeptLine {
  readonly order: number;
  /** As the log wrote it; most lines are never looked at, so they are taken apart only when they are. */
  readonly line: string;
}

export class Paniclog {
  readonly #lines = new Map<LogLevel, KeptLine[]>(logLevels.map((level) => [level, []]));
  #order = 0;
  #listener: ((message: PanicMessage) => void) | undefined;

  add(level: LogLevel, line: string): void {
    const lines = this.#lines.get(level)!;
    const kept = { order: this.#order++, line };
    lines.push(kept);
    if (lines.length > linesPerLevel) lines.shift();
    this.#listener?.(messageOf(kept));
  }

  /** Each line from now on. What the listener logs comes to it as well. */
  listen(listener: (message: PanicMessage) => void): void {
    this.#listener = listener;
  }

  /** Oldest first; those of one millisecond in the order in which they came. */
  list(): readonly LogLine[] {
    const lines = this.#kept().map(({ line }) => parseLogLine(line));
    return lines.sort((a, b) => a.wallMs - b.wallMs);
  }

  /** In the order in which they came. */
  messages(): readonly PanicMessage[] {
    return this.#kept().map(messageOf);
  }

  #kept(): KeptLine[] {
    return [...this.#lines.values()].flat().sort((a, b) => a.order - b.order);
  }
}

function messageOf({ order, line }: KeptLine): PanicMessage {
  const { wallMs, level, text } = parseLogLine(line);
  return { timeUs: wallMs * 1000, level, text, seq: order };
}
