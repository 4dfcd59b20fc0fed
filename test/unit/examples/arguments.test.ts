import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseArguments } from '../../../examples/three-relays/arguments.ts';

describe('npm start: arguments', () => {
  it.each([
    [[], undefined],
    [['--for', '30'], 30_000],
    [['--for=12.5'], 12_500],
    [['--for', '604800'], 604_800_000],
  ])('%j runs', (argv, durationMs) => {
    expect(parseArguments(argv)).toEqual({ wants: 'run', durationMs });
  });

  it.each([[['--help']], [['-h']], [['--for', '30', '--help']]])('%j explains', (argv) => {
    expect(parseArguments(argv)).toEqual({ wants: 'help' });
  });

  const needsSeconds = '--for needs a number of seconds from 10 to 604800';
  it.each([
    [['--for'], needsSeconds],
    [['--for', ''], needsSeconds],
    [['--for', 'x'], needsSeconds],
    [['--for', '9.9'], needsSeconds],
    [['--for=-30'], needsSeconds],
    [['--for', '604801'], needsSeconds],
    [['--for', 'Infinity'], needsSeconds],
    [['--nope'], "unknown option '--nope'"],
    [['-x'], "unknown option '-x'"],
    [['30'], "unexpected argument '30'"],
    [['--', '30'], "unexpected argument '30'"],
  ])('%j is wrong', (argv, problem) => {
    expect(parseArguments(argv)).toEqual({ wants: 'nothing', problem });
  });

  test('whatever is typed, the answer is a decision and never an exception', () => {
    const word = fc.oneof(fc.string(), fc.constantFrom('--for', '--help', '-h', '--', '-', '--for='));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 5 }), (argv) => {
        expect(['run', 'help', 'nothing']).toContain(parseArguments(argv).wants);
      }),
    );
  });
});
