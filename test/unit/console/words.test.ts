import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteWord, splitWords } from '../../../src/console/words.ts';

const wordsOf = (line: string) => {
  const split = splitWords(line);
  return 'words' in split ? split.words : split.problem;
};

describe('words of a console line', () => {
  it.each([
    ['', []],
    [' \t\r\n ', []],
    ['cluster info', ['cluster', 'info']],
    ['\n\n  pid', ['pid']],
    ['a\tb\r\nc\vd\fe', ['a', 'b', 'c', 'd', 'e']],
    ['"a b" c', ['a b', 'c']],
    ['""', ['']],
    ['a"b c"d', ['ab cd']],
    ['"a""b"', ['ab']],
    [String.raw`"say \"x\" \\ done"`, [String.raw`say "x" \ done`]],
    [String.raw`"a\nb\tc\rd"`, ['a\nb\tc\rd']],
    [String.raw`"\w+\.fr$"`, [String.raw`\w+\.fr$`]],
    [String.raw`a\b "c"`, [String.raw`a\b`, 'c']],
    ['from #ec1-12137#relay-0-1', ['from', '#ec1-12137#relay-0-1']],
  ])('CON-9 %j', (line, words) => {
    expect(wordsOf(line)).toEqual(words);
  });

  it.each([
    ['"', 'the quotation mark at column 1 is not closed'],
    ['a "b', 'the quotation mark at column 3 is not closed'],
    [String.raw`x "b\"`, 'the quotation mark at column 3 is not closed'],
    ['"a" "', 'the quotation mark at column 5 is not closed'],
  ])('CON-9 unbalanced quotation %j is a problem', (line, problem) => {
    expect(wordsOf(line)).toBe(problem);
  });

  it('CON-9 quoting any words and splitting them gives them back', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (words) => {
        expect(wordsOf(words.map(quoteWord).join(' '))).toEqual(words);
      }),
    );
  });

  it('INV-33 a line of 1 MiB, also of one open quotation, is split', () => {
    expect(wordsOf('a '.repeat(512 * 1024))).toHaveLength(512 * 1024);
    expect(wordsOf(`"${'\\'.repeat(1024 * 1024)}`)).toContain('not closed');
    expect(wordsOf(`"${'x'.repeat(1024 * 1024)}"`)).toHaveLength(1);
  });
});
