import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { wholeOptions } from '../../../src/cli/cfg-words.ts';

const program = new Command('cfg').option('--username <name>').option('--quiet');
program.command('pull').option('--username <name>').option('--mine').option('--manual');
program.command('commit').option('--message <text>').option('--add-all');
program.command('log').option('-n, --limit <count>');

const whole = (...words: string[]) => {
  const result = wholeOptions(words, program);
  return 'words' in result ? result.words.join(' ') : result.problem;
};

describe('words of flotilla cfg', () => {
  it('CONF-11.3 options may be shortened while they are unique, with one hyphen or two', () => {
    expect(whole('commit', '-m', 'why', '-a')).toBe('commit --message why --add-all');
    expect(whole('commit', '--mess=why')).toBe('commit --message=why');
    expect(whole('-user', 'me', 'pull', '-min')).toBe('--username me pull --mine');
    expect(whole('log', '-n', '3')).toBe('log --limit 3');
  });

  it('CONF-11.3 what may be two options is refused, what is none is left to the parser', () => {
    expect(whole('pull', '-m')).toBe("option '-m' is ambiguous: --mine, --manual");
    expect(whole('pull', '--nonsense', 'file')).toBe('pull --nonsense file');
  });

  it('CONF-11.3 a value that looks like an option is a value, and what follows -- is no option', () => {
    expect(whole('commit', '-m', '-add')).toBe('commit --message -add');
    expect(whole('pull', '--', '-m')).toBe('pull -- -m');
  });
});
