/** Differences of two files in the unified form that `patch` reads. */
import { diffLines, type Hunk, isBinary, linesOf } from './line-diff.ts';

const contextLines = 3;

/** Empty when they are equal. Undefined stands for a file that is not there. */
export function unifiedDiff(
  path: string,
  before: { readonly content: Uint8Array | undefined; readonly label: string },
  after: { readonly content: Uint8Array | undefined; readonly label: string },
): Uint8Array {
  const [old, now] = [before.content ?? new Uint8Array(), after.content ?? new Uint8Array()];
  if (Buffer.compare(old, now) === 0 && (before.content === undefined) === (after.content === undefined))
    return new Uint8Array();
  const head = `Index: ${path}\n${'='.repeat(67)}\n`;
  if (isBinary(old) || isBinary(now)) return Buffer.from(`${head}Cannot display: the file is binary.\n`);
  const [a, b] = [linesOf(old), linesOf(now)];
  const names = `--- ${path}\t(${before.label})\n+++ ${path}\t(${after.label})\n`;
  const text = groups(diffLines(a, b)).map((hunks) => groupText(hunks, a, b));
  return Buffer.concat([Buffer.from(head + names), Buffer.from(text.join(''), 'latin1')]);
}

/** Hunks whose context touches are shown together. */
function groups(hunks: readonly Hunk[]): Hunk[][] {
  const all: Hunk[][] = [];
  for (const hunk of hunks) {
    const last = all.at(-1);
    if (last && hunk.aStart - last.at(-1)!.aEnd <= 2 * contextLines) last.push(hunk);
    else all.push([hunk]);
  }
  return all;
}

function groupText(hunks: readonly Hunk[], a: readonly string[], b: readonly string[]): string {
  const [first, last] = [hunks[0]!, hunks.at(-1)!];
  const aFrom = Math.max(0, first.aStart - contextLines);
  const aTo = Math.min(a.length, last.aEnd + contextLines);
  const bFrom = first.bStart - (first.aStart - aFrom);
  const bTo = last.bEnd + (aTo - last.aEnd);
  let text = `@@ -${range(aFrom, aTo)} +${range(bFrom, bTo)} @@\n`;
  let next = aFrom;
  for (const { aStart, aEnd, bStart, bEnd } of hunks) {
    text += prefixed(' ', a.slice(next, aStart));
    text += prefixed('-', a.slice(aStart, aEnd)) + prefixed('+', b.slice(bStart, bEnd));
    next = aEnd;
  }
  return text + prefixed(' ', a.slice(next, aTo));
}

function range(from: number, to: number): string {
  const count = to - from;
  const start = count === 0 ? from : from + 1;
  return count === 1 ? `${start}` : `${start},${count}`;
}

function prefixed(sign: string, lines: readonly string[]): string {
  return lines
    .map((line) => sign + (line.endsWith('\n') ? line : `${line}\n\\ No newline at end of file\n`))
    .join('');
}
