/** A JSON line of the log taken apart again, for people: on their terminal, and in the answer of `paniclog`. */
import type { LogLevel } from '../core/log.ts';

export interface LogLine {
  readonly wallMs: number;
  readonly level: LogLevel;
  /** What happened, with the fields behind it: `text  node=relay-1  bytes=17`. */
  readonly text: string;
  /** Of the error that came with it. */
  readonly stack: string | undefined;
}

/** `line` must be one that the log wrote. */
export function parseLogLine(line: string): LogLine {
  const { time, level, msg, error, ...fields } = JSON.parse(line);
  const shown = Object.entries({ ...fields, ...(error && { error: error.message ?? error }) }).map(
    ([name, value]) => `  ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return { wallMs: Date.parse(time), level, text: onOneLine(msg + shown.join('')), stack: error?.stack };
}

/** Texts quote what came from the network; a line feed in it must not look like another message. */
function onOneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

/** `10:31:37.042 WARNING  text  field=value` */
export function readableLine(line: string): string {
  const { wallMs, level, text, stack } = parseLogLine(line);
  const time = new Date(wallMs).toISOString().slice(11, 23);
  const below = stack === undefined ? '' : `\n${stack.replace(/^/gm, '    ')}`;
  return `${time} ${level.toUpperCase().padEnd(8)} ${text}${below}\n`;
}
