import { describe, expect, it } from 'vitest';
import { type Answer, failed, said, status } from '../../../src/console/answer.ts';
import { Interpreter } from '../../../src/console/interpreter.ts';
import { type Command, Registry } from '../../../src/console/registry.ts';
import type { Clock } from '../../../src/core/clock.ts';
import { FlotillaError } from '../../../src/core/errors.ts';
import type { Log } from '../../../src/core/log.ts';
import { collect, interpreterOf, silentLog, systemClock } from './fake-node.ts';

function registryWith(words: string, run: Command['run']): Registry {
  const registry = new Registry();
  registry.register({ words, usage: words, help: words, impact: 'read', run });
  return registry;
}

const echo = registryWith('echo', (args) => said(args.join('|')));
const run = (line: string, registry = echo, format?: 'text' | 'xml' | 'json') =>
  collect(interpreterOf(registry).run(line, format));

describe('interpreter', () => {
  it('CON-7 a command that succeeds has status 0', async () => {
    expect(await run('echo a "b c"')).toMatchObject({ text: 'a|b c\n', status: 0 });
  });

  it.each(['', ' ', '\n', '\r\n\t', 'xml', 'JSON', '  xml  '])(
    'CON-8 %j has an empty answer and status 4',
    async (line) => {
      expect(await run(line)).toMatchObject({ text: '', status: 4 });
      expect(await run(line, echo, 'json')).toMatchObject({ text: '', status: 4 });
    },
  );

  it.each(['\n echo x', '\r\n\techo x', '   echo x'])(
    'CON-8 white space before the command is ignored: %j',
    async (line) => {
      expect(await run(line)).toMatchObject({ text: 'x\n', status: 0 });
    },
  );

  it('CON-9 an unbalanced quotation has status 4', async () => {
    expect(await run('echo "a')).toMatchObject({
      text: 'Syntax error: the quotation mark at column 6 is not closed\n',
      status: 4,
    });
  });

  it.each(['nothing', 'xml2 echo', '""', 'echoes', 'text echo a'])(
    'CMD-20 %j is an unknown command, and nothing else is said',
    async (line) => {
      expect(await run(line)).toMatchObject({ text: 'Unknown command\n', status: 2 });
    },
  );

  it('CON-12 prefixes choose the form, in any case, before the form that was asked for', async () => {
    expect((await run('xml echo a')).text).toBe('<Response><![CDATA[a]]></Response>\n');
    expect((await run('JSON echo a', echo, 'xml')).text).toBe('{"response":"a"}\n');
    expect((await run('echo a', echo, 'xml')).text).toBe('<Response><![CDATA[a]]></Response>\n');
    expect((await run('xml nothing')).text).toBe('<Response><![CDATA[Unknown command]]></Response>\n');
  });

  it('CON-7 what cannot be done has status 1', async () => {
    expect(
      await run(
        'x',
        registryWith('x', () => failed('no')),
      ),
    ).toMatchObject({ text: 'no\n', status: 1 });
  });

  it('an error of the catalogue is told with its advice', async () => {
    const registry = registryWith('x', () => {
      throw new FlotillaError('FLT-1302', "'abc'");
    });
    expect(await run('x', registry)).toMatchObject({
      text: "This is not an address, a prefix or a key: 'abc'. Addresses are IPv4 or IPv6, prefixes are ADDRESS/BITS.\n",
      status: 1,
    });
  });

  it('INV-33 a command that throws still has one status; the cause is logged, not shown', async () => {
    const logged: unknown[] = [];
    const log: Log = { ...silentLog, error: (_, fields) => logged.push(fields?.error) };
    const secret = new Error('secret');
    const throwing = registryWith('x', () => Promise.reject(secret));
    const interpreter = new Interpreter({
      registry: throwing,
      clock: systemClock,
      log,
      counters: { add: () => {} },
    });
    const { text, status } = await collect(interpreter.run('x'));
    expect({ text, status, logged }).toEqual({
      text: expect.not.stringContaining('secret'),
      status: 1,
      logged: [secret],
    });
  });

  it('INV-33 an answer that fails half way ends with status 1', async () => {
    const breaking: Answer = {
      status: status.ok,
      text: async function* () {
        yield 'x'.repeat(30_000);
        throw new Error('gone');
      },
    };
    const { text, status: result } = await run(
      'x',
      registryWith('x', () => breaking),
    );
    expect(text).toMatch(/^x+Internal error/);
    expect(result).toBe(1);
  });

  it('CON-7 a command that takes too long has status 5', async () => {
    let expire = () => {};
    const clock: Clock = {
      ...systemClock,
      after: (_, timeOut) => {
        expire = timeOut;
        return { cancel: () => {} };
      },
    };
    const reply = collect(
      interpreterOf(
        registryWith('x', () => new Promise(() => {})),
        clock,
      ).run('x'),
    );
    await Promise.resolve();
    expire();
    expect(await reply).toMatchObject({ status: 5 });
  });

  it('counts lines, and those that did not end well', async () => {
    const counts: string[] = [];
    const counters = { add: (name: string) => counts.push(name) };
    const interpreter = new Interpreter({ registry: echo, clock: systemClock, log: silentLog, counters });
    await collect(interpreter.run('echo'));
    await collect(interpreter.run('nothing'));
    expect(counts).toEqual(['console_commands_total', 'console_commands_total', 'console_failures_total']);
  });
});
