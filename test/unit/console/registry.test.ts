import { describe, expect, it } from 'vitest';
import { said } from '../../../src/console/answer.ts';
import { type Command, Registry } from '../../../src/console/registry.ts';

const command = (words: string, help = words): Command => ({
  words,
  usage: words,
  help,
  impact: 'read',
  run: () => said(words),
});

const registryOf = (...commands: Command[]) => {
  const registry = new Registry();
  for (const each of commands) registry.register(each);
  return registry;
};

describe('command registry', () => {
  const registry = registryOf(command('cluster'), command('cluster shared show'), command('pid'));

  it.each([
    ['cluster shared show x', 'cluster shared show', ['x']],
    ['cluster shared', 'cluster', ['shared']],
    ['cluster', 'cluster', []],
    ['cluster shared list', 'cluster', ['shared', 'list']],
    ['pid pid', 'pid', ['pid']],
  ])('CON-10 the longest registered prefix of %j', (line, words, args) => {
    const match = registry.match(line.split(' '));
    expect(match?.command.words).toBe(words);
    expect(match?.args).toEqual(args);
  });

  it('CON-10 fixed words in any case, arguments with theirs', () => {
    const match = registry.match(['CLUSTER', 'Shared', 'SHOW', 'Mixed_Case']);
    expect(match?.command.words).toBe('cluster shared show');
    expect(match?.args).toEqual(['Mixed_Case']);
  });

  it.each([['clusters'], ['clust'], ['shared'], [''], ['__proto__'], ['constructor']])(
    'CON-10 %j matches nothing',
    (word) => {
      expect(registry.match([word])).toBeUndefined();
      expect(registry.match([])).toBeUndefined();
    },
  );

  it('CON-13 a command registered again replaces the first', () => {
    const replaced = registryOf(command('pid', 'old'), command('pid', 'new'));
    expect(replaced.match(['pid'])?.command.help).toBe('new');
    expect(replaced.list()).toHaveLength(1);
  });

  it('lists the commands below some words, sorted', () => {
    expect(registry.list().map(({ words }) => words)).toEqual(['cluster', 'cluster shared show', 'pid']);
    expect(registry.list(['Cluster', 'shared']).map(({ words }) => words)).toEqual(['cluster shared show']);
    expect(registry.list(['nothing'])).toEqual([]);
  });

  it('CON-11 an instance is part of the first word; a singleton has none', () => {
    const instances = registryOf(
      command('throttle:in show'),
      command('throttle:out show'),
      command('cluster'),
    );
    const found = (line: string) => instances.match(line.split(' '))?.command.words;
    expect([found('throttle:in show'), found('Throttle:OUT show x')]).toEqual([
      'throttle:in show',
      'throttle:out show',
    ]);
    for (const line of ['throttle show', 'throttle: show', 'throttle:else show', 'cluster:main', 'cluster:'])
      expect(found(line)).toBeUndefined();
  });
});
