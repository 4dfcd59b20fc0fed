/**
 * What is different between two texts, by lines: Myers' shortest edit script. Lines keep their ends, and texts are handled
 * as Latin-1, byte for byte, so that what is put together again is what it was.
 *
 * Invariant: the work is bounded. Texts that differ in more than some thousand lines are called different as a whole between
 * their first and last difference; that is coarse, never wrong.
 */

/** `a[aStart, aEnd)` became `b[bStart, bEnd)`; between two hunks there is at least one line that is the same. */
export interface Hunk {
  readonly aStart: number;
  readonly aEnd: number;
  readonly bStart: number;
  readonly bEnd: number;
}

/** Memory grows with its square. */
const mostEdits = 2000;

export function linesOf(content: Uint8Array): string[] {
  return splitLines(Buffer.from(content).toString('latin1'));
}

export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

export function bytesOfLines(lines: readonly string[]): Uint8Array {
  return Buffer.from(lines.join(''), 'latin1');
}

/** Binary files are never merged by lines. */
export function isBinary(content: Uint8Array): boolean {
  return content.includes(0);
}

export function diffLines(a: readonly string[], b: readonly string[]): Hunk[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let [aEnd, bEnd] = [a.length, b.length];
  while (aEnd > start && bEnd > start && a[aEnd - 1] === b[bEnd - 1]) {
    aEnd--;
    bEnd--;
  }
  if (aEnd === start && bEnd === start) return [];
  const whole = [{ aStart: start, aEnd, bStart: start, bEnd }];
  if (aEnd === start || bEnd === start) return whole;
  const same = sameLines(a.slice(start, aEnd), b.slice(start, bEnd));
  return same ? hunksBetween(same, start, aEnd, bEnd) : whole;
}

type Pair = readonly [number, number];

function hunksBetween(same: readonly Pair[], start: number, aEnd: number, bEnd: number): Hunk[] {
  const hunks: Hunk[] = [];
  let [aNext, bNext] = [start, start];
  const upTo = (a: number, b: number) => {
    if (a > aNext || b > bNext) hunks.push({ aStart: aNext, aEnd: a, bStart: bNext, bEnd: b });
    [aNext, bNext] = [a + 1, b + 1];
  };
  for (const [x, y] of same) upTo(start + x, start + y);
  upTo(aEnd, bEnd);
  return hunks;
}

/** Indices of the lines that stay, in order; undefined when there are too many others. */
function sameLines(a: readonly string[], b: readonly string[]): Pair[] | undefined {
  const most = Math.min(a.length + b.length, mostEdits);
  /** `furthest[k + most + 1]`: how far in `a` one gets on diagonal `k` (index in `a` minus index in `b`). */
  const furthest = new Int32Array(2 * most + 3);
  const trace: Int32Array[] = [];
  for (let edits = 0; edits <= most; edits++) {
    trace.push(furthest.slice(most - edits, most + edits + 3));
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && furthest[most + k]! < furthest[most + k + 2]!);
      let x = down ? furthest[most + k + 2]! : furthest[most + k]! + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      furthest[most + 1 + k] = x;
      if (x >= a.length && x - k >= b.length) return wayBack(trace, a.length, b.length);
    }
  }
  return undefined;
}

/** `trace[edits]` holds the diagonals from `-edits - 1` to `edits + 1` before that round. */
function wayBack(trace: readonly Int32Array[], aLength: number, bLength: number): Pair[] {
  const same: Pair[] = [];
  let [x, y] = [aLength, bLength];
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const before = trace[edits]!;
    const at = (k: number) => before[k + edits + 1]!;
    const k = x - y;
    const from = k === -edits || (k !== edits && at(k - 1) < at(k + 1)) ? k + 1 : k - 1;
    const fromX = edits === 0 ? 0 : at(from);
    const fromY = edits === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY) same.push([--x, --y]);
    [x, y] = [fromX, fromY];
  }
  return same.reverse();
}
