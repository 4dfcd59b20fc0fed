/**
 * Three texts into one, by lines: what one side changed is taken, what both changed to the same is taken once, and the rest
 * is a conflict. Changes that touch each other, without an unchanged line between, are one change: neighbouring lines of a
 * stanza often depend on each other.
 *
 * Invariant: every line that a side added is in the result, on its own or as a side of a conflict.
 */
import { diffLines, type Hunk } from './line-diff.ts';

export type Piece =
  | { readonly kind: 'agreed'; readonly lines: readonly string[] }
  | { readonly kind: 'conflict'; readonly mine: readonly string[]; readonly theirs: readonly string[] };

export function mergeLines(
  base: readonly string[],
  mine: readonly string[],
  theirs: readonly string[],
): Piece[] {
  const pieces: Piece[] = [];
  const [left, right] = [new Side(base, mine), new Side(base, theirs)];
  let next = 0;
  for (;;) {
    const start = Math.min(left.nextStart, right.nextStart);
    if (start === Number.POSITIVE_INFINITY) break;
    if (start > next) pieces.push({ kind: 'agreed', lines: base.slice(next, start) });
    const end = regionEnd(start, left, right);
    const [ours, others] = [left.take(start, end), right.take(start, end)];
    if (!others.changed || sameText(ours.lines, others.lines))
      pieces.push({ kind: 'agreed', lines: ours.lines });
    else if (!ours.changed) pieces.push({ kind: 'agreed', lines: others.lines });
    else pieces.push({ kind: 'conflict', mine: ours.lines, theirs: others.lines });
    next = end;
  }
  if (next < base.length) pieces.push({ kind: 'agreed', lines: base.slice(next) });
  return pieces;
}

export function hasConflict(pieces: readonly Piece[]): boolean {
  return pieces.some(({ kind }) => kind === 'conflict');
}

/** One side where both changed. */
export function resolveLines(pieces: readonly Piece[], side: 'mine' | 'theirs'): string[] {
  return pieces.flatMap((piece) => (piece.kind === 'agreed' ? piece.lines : piece[side]));
}

export const conflictMarks = { mine: '<<<<<<< .mine', middle: '=======', theirs: '>>>>>>> ' } as const;

/** Both sides between marks, for an editor. */
export function markLines(pieces: readonly Piece[], newRevision: number): string[] {
  return pieces.flatMap((piece) =>
    piece.kind === 'agreed'
      ? piece.lines
      : [
          `${conflictMarks.mine}\n`,
          ...closed(piece.mine),
          `${conflictMarks.middle}\n`,
          ...closed(piece.theirs),
          `${conflictMarks.theirs}.r${newRevision}\n`,
        ],
  );
}

/** The last line of a file may have no end; a mark behind it needs a line of its own. */
function closed(lines: readonly string[]): string[] {
  return lines.map((line) => (line.endsWith('\n') ? line : `${line}\n`));
}

function regionEnd(start: number, left: Side, right: Side): number {
  let end = start;
  for (;;) {
    const further = right.reach(left.reach(end));
    if (further === end) return end;
    end = further;
  }
}

function sameText(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}

/** One of the two changed texts, walked through in the order of the base. */
class Side {
  readonly #lines: readonly string[];
  readonly #hunks: readonly Hunk[];
  #next = 0;
  /** How far behind its place in the base a line of this side is. */
  #shift = 0;

  constructor(base: readonly string[], lines: readonly string[]) {
    this.#lines = lines;
    this.#hunks = diffLines(base, lines);
  }

  get nextStart(): number {
    return this.#hunks[this.#next]?.aStart ?? Number.POSITIVE_INFINITY;
  }

  /** The end of the last change that begins at `end` or before. */
  reach(end: number): number {
    let furthest = end;
    for (let index = this.#next; index < this.#hunks.length; index++) {
      const hunk = this.#hunks[index]!;
      if (hunk.aStart > furthest) break;
      furthest = Math.max(furthest, hunk.aEnd);
    }
    return furthest;
  }

  take(start: number, end: number): { readonly lines: readonly string[]; readonly changed: boolean } {
    const from = start + this.#shift;
    const before = this.#next;
    for (let hunk = this.#hunks[this.#next]; hunk && hunk.aStart <= end; hunk = this.#hunks[this.#next]) {
      this.#shift += hunk.bEnd - hunk.bStart - (hunk.aEnd - hunk.aStart);
      this.#next++;
    }
    return { lines: this.#lines.slice(from, end + this.#shift), changed: this.#next > before };
  }
}
