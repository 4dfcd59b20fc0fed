import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globTest } from '../../../../src/net/resp/glob.ts';

describe('patterns of Redis', () => {
  it.each([
    ['concurrency|*', ['concurrency|10.0.0.1', 'concurrency|'], ['concurrency', 'xconcurrency|1']],
    ['h?llo', ['hello', 'hållo'], ['hllo', 'heello']],
    ['h[ae]llo', ['hallo', 'hello'], ['hillo']],
    ['h[^e]llo', ['hallo'], ['hello', 'hllo']],
    ['h[a-cx]llo', ['hbllo', 'hxllo'], ['hdllo', 'h-llo']],
    ['\\*[\\]]', ['*]'], ['a]', '\\*]']],
    ['*a*b*', ['ab', 'xaxxb', 'aab x'], ['ba', 'b']],
    ['', [''], ['a']],
    ['[', ['['], ['']],
  ])('%s', (pattern, fitting, others) => {
    const test = globTest(pattern);
    expect(fitting.filter(test)).toEqual(fitting);
    expect(others.filter(test)).toEqual([]);
  });

  it('always: stars and question marks mean what they mean as a regular expression', () => {
    const pattern = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 8 });
    fc.assert(
      fc.property(pattern, fc.array(fc.constantFrom('a', 'b'), { maxLength: 10 }), (words, letters) => {
        const expression = words.join('').replaceAll('*', '.*').replaceAll('?', '.');
        const text = letters.join('');
        expect(globTest(words.join(''))(text)).toBe(new RegExp(`^${expression}$`).test(text));
      }),
    );
  });

  it('R7 a pattern of stars ends soon', () => {
    expect(globTest('*a'.repeat(128))('a'.repeat(100))).toBe(false);
  });
});
