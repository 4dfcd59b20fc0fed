import { describe, expect, it } from 'vitest';
import type { Format } from '../../../src/console/answer.ts';
import { nodeRegistry } from '../../../src/console/commands/all.ts';
import { Interpreter } from '../../../src/console/interpreter.ts';
import { FlotillaError } from '../../../src/core/errors.ts';
import { CommandApi } from '../../../src/node/command-api.ts';
import { collect, fakeNode, noCounters, systemClock } from '../console/fake-node.ts';
import { Recorder } from '../recorder.ts';

function console() {
  const registry = nodeRegistry(fakeNode());
  const { log, ...recorder } = new Recorder();
  const interpreter = new Interpreter({ registry, clock: systemClock, log, counters: noCounters });
  return {
    commands: new CommandApi(registry, interpreter.hooks),
    errors: () => recorder.lines.filter(({ level }) => level === 'error').map(({ text }) => text),
    async run(line: string, format?: Format) {
      const { text, status } = await collect(interpreter.run(line, format));
      return `${status} ${text}`;
    },
  };
}

describe('commands of a program', () => {
  it('API-12 CON-10 run by the longest prefix of words, with the case of their arguments kept', async () => {
    const { commands, run } = console();
    commands.register('queue', (args) => `queue of ${args.join(',')}`);
    commands.register('queue show', async ([binding = 'all']) => `shows ${binding}\n`);
    expect(await run('QUEUE Show Out-1')).toBe('0 shows Out-1\n');
    expect(await run('queue hide Out-1')).toBe('0 queue of hide,Out-1\n');
  });

  it('API-12 stand in help with what the program says of them', async () => {
    const { commands, run } = console();
    commands.register('queue show', () => '', {
      usage: 'queue show [<binding>]',
      help: 'mail',
      impact: 'read',
    });
    commands.register('queue drop', () => '');
    expect(await run('help queue show')).toBe('0 usage: queue show [<binding>]\nmail (only reads)\n');
    expect(await run('help queue drop')).toBe(
      '0 usage: queue drop ...\na command of the program (changes something)\n',
    );
  });

  it('API-12 CON-12 answer in a form of their own where they have one, with their status', async () => {
    const { commands, run } = console();
    commands.register('queue', () => ({ text: 'full', status: 1, xml: '<Queue/>', json: { full: true } }));
    expect(await run('queue')).toBe('1 full\n');
    expect(await run('xml queue')).toBe('1 <Queue/>\n');
    expect(await run('queue', 'json')).toBe('1 {"full":true}\n');
    commands.register('queue', () => 'empty');
    expect(await run('json queue')).toBe('0 {"response":"empty"}\n');
  });

  it('API-12 CON-13 replace one of the node', async () => {
    const { commands, run } = console();
    commands.register('cluster nodename', () => 'nobody');
    expect(await run('cluster nodename')).toBe('0 nobody\n');
  });

  it.each(['', 'Queue', 'queue  show', ' queue', 'xml queue', 'json', 'text', 'que"ue', 'queue\nshow'])(
    'API-12 FLT-1504 %j is no prefix',
    (prefix) => {
      const { commands } = console();
      expect(() => commands.register(prefix, () => '')).toThrow(
        expect.objectContaining({ code: 'FLT-1504' }),
      );
    },
  );

  it('API-12 INV-33 one that throws is answered with status 1', async () => {
    const { commands, run } = console();
    commands.register('queue', () => {
      throw new FlotillaError('FLT-1305', 'the queue');
    });
    commands.register('spool', () => Promise.reject(new Error('broken')));
    expect(await run('queue')).toMatch(/^1 A table has reached its bound: the queue\. /);
    expect(await run('spool')).toMatch(/^1 Internal error/);
  });
});

describe('hooks of a program', () => {
  it('API-12 CON-13 what `before` answers is the answer, and the command is not run', async () => {
    const { commands, run } = console();
    let ran = 0;
    commands.register('queue', () => `ran ${++ran}`);
    const lines: unknown[] = [];
    commands.before((line) => void lines.push(line));
    const remove = commands.before(async ({ words }) =>
      words[0] === 'queue' ? { text: 'not now', status: 3 } : undefined,
    );
    expect(await run('json queue "All of it"')).toBe('3 {"response":"not now"}\n');
    expect(await run('cluster nodename')).toBe('0 labrat-1\n');
    expect(ran).toBe(0);
    remove();
    expect(await run('queue')).toBe('0 ran 1\n');
    expect(lines).toEqual([
      { words: ['queue', 'All of it'], format: 'json' },
      { words: ['cluster', 'nodename'], format: 'text' },
      { words: ['queue'], format: 'text' },
    ]);
  });

  it('API-12 a `before` that fails forbids the command: it may be there to do just that', async () => {
    const { commands, run } = console();
    commands.before(() => {
      throw new Error('no list of users');
    });
    commands.register('queue', () => 'ran');
    expect(await run('queue')).toMatch(/^1 Internal error/);
  });

  it('API-12 CON-13 `after` hears of every line that was run, with its status; its failure changes nothing', async () => {
    const { commands, errors, run } = console();
    const ended: string[] = [];
    commands.after(() => {
      throw new Error('full');
    });
    commands.after(({ words }, status) => ended.push(`${words.join(' ')}: ${status}`));
    expect(await run('cluster nodename')).toBe('0 labrat-1\n');
    await run('make coffee');
    expect(ended).toEqual(['cluster nodename: 0', 'make coffee: 2']);
    expect(errors()).toEqual(Array(2).fill('a hook after console commands failed: Error: full'));
  });
});
