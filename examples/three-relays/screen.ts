/** What people read: aligned columns, numbers with the right noun. Pure. */
import type { Check, WrongTable } from './check.ts';
import { isWrong } from './truth.ts';

/** Lines with two blanks before them and between columns; the last column is as wide as it likes. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, at) => {
      widths[at] = Math.max(widths[at] ?? 0, cell.length);
    });
  return rows
    .map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}

export function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1).replace(/\.0$/, '')} s`;
}

export function milliseconds(durationMs: number): string {
  return `${durationMs.toFixed(durationMs < 10 ? 1 : 0)} ms`;
}

export function counted(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`;
}

/** With the time of the show before the first line. */
export function timed(atMs: number, text: string): string {
  const time = seconds(atMs).padStart(8);
  const [first = '', ...more] = text.trimEnd().split('\n');
  const rest = more.map((line) => `${' '.repeat(time.length)}  ${line}\n`).join('');
  return `${time}  ${first}\n${rest}\n`;
}

export function verdict({ connections, agreedMs, wrong }: Check): string {
  const total = [...connections.values()].reduce((sum, count) => sum + count, 0);
  const shares = [...connections].map(([name, count]) => `${name} ${count}`).join(', ');
  const kernel = `The kernel holds ${counted(total, 'connection')} (${shares}).`;
  if (wrong.length > 0) return `${kernel} WRONG SUMS:\n${wrong.map(wrongTable).join('')}`;
  return `${kernel} Every node agrees, after ${milliseconds(agreedMs)}.\n`;
}

function wrongTable({ title, rows }: WrongTable): string {
  const lines = rows.map((row) => [
    isWrong(row) ? '!' : '',
    row.key,
    row.shown === undefined ? '-' : String(row.shown),
    String(row.truth),
  ]);
  return `${title}\n${columns([['', 'key', 'shown', 'kernel'], ...lines])}`;
}
