import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinePattern } from '../../../src/core/line-pattern.ts';

function pattern(source: string): LinePattern {
  const parsed = LinePattern.parse(source);
  if (typeof parsed === 'string') throw new Error(`${source}: ${parsed}`);
  return parsed;
}

const atoms = [
  'a',
  'B',
  'c',
  ' ',
  '.',
  '[ab]',
  '[^a]',
  '[a-c]',
  '[^\\W_]',
  '\\d',
  '\\w',
  '\\s',
  '\\.',
  '[\\s.-]',
];
const edges = ['^', '$', '\\b', '\\B'];
const quantifiers = ['', '', '', '*', '+', '?', '{2}', '{0,2}', '{1,}', '*?', '+?', '{0}'];

/** Small and shallow: JavaScript itself, asked for comparison, would never end on others. */
function expressions(depth: number): fc.Arbitrary<string> {
  const simple = fc.constantFrom(...atoms);
  const inner =
    depth === 0
      ? simple
      : fc.oneof(
          simple,
          expressions(depth - 1).map((any) => `(${any})`),
        );
  const quantified = fc.tuple(inner, fc.constantFrom(...quantifiers)).map((pair) => pair.join(''));
  const each = fc.oneof({ arbitrary: quantified, weight: 4 }, fc.constantFrom(...edges));
  const all = fc.array(each, { maxLength: 3 }).map((parts) => parts.join(''));
  return fc.array(all, { minLength: 1, maxLength: 2 }).map((parts) => parts.join('|'));
}
const expression = expressions(2);

describe('INV-34 patterns of roles', () => {
  it('find what regular expressions of JavaScript find, without case', () => {
    const line = fc.string({
      unit: fc.constantFrom('a', 'A', 'b', 'c', 'd', ' ', '.', '1', '_', '\n'),
      maxLength: 6,
    });
    fc.assert(
      fc.property(expression, line, (source, text) => {
        expect(pattern(source).test(text)).toBe(new RegExp(source, 'i').test(text));
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['^cluster shared (show|list)\\b', 'cluster shared show x', true],
    ['^cluster shared (show|list)\\b', 'cluster shared showrecurse', false],
    ['^config (get|eval) ', 'CONFIG get cluster x', true],
    ['\\x41\\x{62}{2}', 'xABBx', true],
    ['^(?<name>ver)sion$', 'version', true],
    ['^version$', 'version\nshutdown', false],
    ['Ä', 'ä', true],
    ['{', '{', true],
  ])('%s in %s: %s', (source, line, found) => {
    expect(pattern(source).test(line)).toBe(found);
  });

  it.each([
    ['(', 'missing closing ): `(`'],
    [')', 'unexpected ): `)`'],
    ['a\\', 'trailing backslash at end of expression'],
    ['*', 'missing argument to repetition operator: `*`'],
    ['a**', 'invalid nested repetition operator: `**`'],
    ['[b-a]', 'invalid character class range: `b-a`'],
    ['(a)\\1', 'invalid escape sequence: `\\1`'],
    ['(?!shutdown)', 'invalid or unsupported Perl syntax: `(?!`'],
    ['(?<=a)b', 'invalid named capture: `(?<=a)b`'],
    ['((a{99}){99}){99}', 'invalid repeat count: `{99}`'],
    ['a'.repeat(1001), 'the expression is longer than 1000 characters'],
  ])('%s is refused: %s', (source, problem) => {
    expect(LinePattern.parse(source)).toBe(problem);
  });

  it('no line makes one slow: what takes others for ever ends', () => {
    const line = 'a'.repeat(4000);
    for (const source of ['^(a+)+$', '^(a|a)*$', '^(a*)*b', 'a*a*a*a*a*a*b', '^(.*a){20}!'])
      expect(pattern(source).test(`${line}!`)).toBe(source === '^(.*a){20}!');
  });

  it('any text is a pattern or refused with a reason', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (source) => {
        const parsed = LinePattern.parse(source);
        if (typeof parsed === 'string') expect(parsed).not.toBe('');
        else parsed.test('cluster shared show');
      }),
    );
  });
});
