import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffLines, splitLines } from '../../../../src/config/repository/line-diff.ts';
import {
  hasConflict,
  markLines,
  mergeLines,
  resolveLines,
} from '../../../../src/config/repository/text-merge.ts';

/** Few different lines, so that texts resemble each other. */
const text = fc.array(fc.constantFrom('a\n', 'b\n', 'c\n', 'd\n', 'e\n', '}\n'), { maxLength: 14 });

/** A text and what an editor makes of it: every line that it adds is found nowhere else. */
function edited(side: string) {
  return fc
    .array(fc.constantFrom('keep', 'keep', 'keep', 'drop', 'add', 'replace'), { maxLength: 16 })
    .map((steps) => (base: readonly string[]): string[] => {
      const lines: string[] = [];
      steps.forEach((step, index) => {
        const line = base[index];
        if (step !== 'drop' && step !== 'replace' && line !== undefined) lines.push(line);
        if (step === 'add' || step === 'replace') lines.push(`${side}${index}\n`);
      });
      return [...lines, ...base.slice(steps.length)];
    });
}

describe('differences by lines', () => {
  it('CONF-11.2 always: the hunks lead from one text to the other, with an unchanged line between two of them', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const hunks = diffLines(a, b);
        const rebuilt: string[] = [];
        let next = 0;
        for (const [index, { aStart, aEnd, bStart, bEnd }] of hunks.entries()) {
          expect(aStart).toBeGreaterThanOrEqual(next + (index > 0 ? 1 : 0));
          rebuilt.push(...a.slice(next, aStart));
          expect(rebuilt.length).toBe(bStart);
          rebuilt.push(...b.slice(bStart, bEnd));
          next = aEnd;
        }
        expect([...rebuilt, ...a.slice(next)]).toEqual(b);
      }),
      { numRuns: 2_000 },
    );
  });

  it('CONF-11.2 always: no script with fewer edits exists', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const edits = diffLines(a, b).reduce(
          (sum, { aStart, aEnd, bStart, bEnd }) => sum + aEnd - aStart + bEnd - bStart,
          0,
        );
        expect(edits).toBe(a.length + b.length - 2 * longestCommon(a, b));
      }),
      { numRuns: 500 },
    );
  });

  it('CONF-11.2 texts that differ in everything are different as a whole, in bounded time', () => {
    const many = (letter: string) => Array.from({ length: 20_000 }, (_, index) => `${letter}${index}\n`);
    expect(diffLines(['x\n', ...many('a')], ['x\n', ...many('b')])).toEqual([
      { aStart: 1, aEnd: 20_001, bStart: 1, bEnd: 20_001 },
    ]);
  });
});

describe('merging three texts', () => {
  it('CONF-11.2 always: who changes nothing gets what the other made, and equal changes are made once', () => {
    fc.assert(
      fc.property(text, text, (base, other) => {
        for (const pieces of [
          mergeLines(base, base, other),
          mergeLines(base, other, base),
          mergeLines(base, other, other),
        ]) {
          expect(hasConflict(pieces)).toBe(false);
          expect(resolveLines(pieces, 'mine')).toEqual(other);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('CONF-11.2 always: no line that a side added is lost: it is agreed, or its side of a conflict', () => {
    fc.assert(
      fc.property(text, edited('mine'), edited('theirs'), (base, edit, otherEdit) => {
        const [mine, theirs] = [edit(base), otherEdit(base)];
        const pieces = mergeLines(base, mine, theirs);
        const marked = markLines(pieces, 2);
        for (const line of [...mine, ...theirs])
          if (/^(mine|theirs)/.test(line)) expect(marked).toContain(line);
        // By hand, both sides can be had back whole where they are in conflict.
        for (const piece of pieces)
          if (piece.kind === 'conflict') expect(piece.mine).not.toEqual(piece.theirs);
      }),
      { numRuns: 2_000 },
    );
  });

  it('CONF-11.2 always: the sides are equal: exchanged, they give the same pieces, exchanged', () => {
    fc.assert(
      fc.property(text, text, text, (base, mine, theirs) => {
        const there = mergeLines(base, mine, theirs);
        const back = mergeLines(base, theirs, mine);
        expect(resolveLines(there, 'mine')).toEqual(resolveLines(back, 'theirs'));
        expect(resolveLines(there, 'theirs')).toEqual(resolveLines(back, 'mine'));
      }),
      { numRuns: 2_000 },
    );
  });

  it('CONF-13.9 changes of one line conflict, of neighbouring lines too, with a line between they do not', () => {
    const base = splitLines('1\n2\n3\n4\n5\n');
    const merged = (mine: string, theirs: string) => mergeLines(base, splitLines(mine), splitLines(theirs));
    expect(hasConflict(merged('1\nX\n3\n4\n5\n', '1\nY\n3\n4\n5\n'))).toBe(true);
    expect(hasConflict(merged('1\nX\n3\n4\n5\n', '1\n2\nY\n4\n5\n'))).toBe(true);
    const apart = merged('1\nX\n3\n4\n5\n', '1\n2\n3\nY\n5\n');
    expect(hasConflict(apart)).toBe(false);
    expect(resolveLines(apart, 'mine').join('')).toBe('1\nX\n3\nY\n5\n');
  });

  it('CONF-11.2 by hand: both sides stand between marks, the last line without an end too', () => {
    const pieces = mergeLines(splitLines('a\nb'), splitLines('a\nmine'), splitLines('a\ntheirs'));
    expect(markLines(pieces, 47).join('')).toBe('a\n<<<<<<< .mine\nmine\n=======\ntheirs\n>>>>>>> .r47\n');
  });
});

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const line of a) {
    const next = [0];
    for (let j = 1; j <= b.length; j++)
      next.push(line === b[j - 1] ? row[j - 1]! + 1 : Math.max(row[j]!, next[j - 1]!));
    row = next;
  }
  return row[b.length]!;
}
