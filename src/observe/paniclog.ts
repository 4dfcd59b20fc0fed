/** The last lines of each level of the node's log, for the console command `paniclog` (CMD-1). */
import { type LogLevel, logLevels } from '../core/log.ts';
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

  add(level: LogLevel, line: string): void {
    const lines = this.#lines.get(level)!;
    lines.push({ order: this.#order++, line });
    if (lines.length > linesPerLevel) lines.shift();
  }

  /** Oldest first; those of one millisecond in the order in which they came. */
  list(): readonly LogLine[] {
    const kept = [...this.#lines.values()].flat().sort((a, b) => a.order - b.order);
    return kept.map(({ line }) => parseLogLine(line)).sort((a, b) => a.wallMs - b.wallMs);
  }
}
