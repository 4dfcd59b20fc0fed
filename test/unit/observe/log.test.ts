import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/core/clock.ts';
import { type LogLevel, logLevels } from '../../../src/core/log.ts';
import { createLog } from '../../../src/observe/log.ts';
import { readableLine } from '../../../src/observe/log-line.ts';
import { Paniclog } from '../../../src/observe/paniclog.ts';

function logTo(level: LogLevel, style: 'json' | 'readable' = 'json') {
  const lines: string[] = [];
  const clock = { wallMs: Date.UTC(2003, 10, 30, 10, 31, 37, 42) };
  const paniclog = new Paniclog();
  const log = createLog({
    level,
    paniclog,
    clock: { wallMs: () => clock.wallMs } as Clock,
    output: { write: (line) => lines.push(line) },
    style,
  });
  return { log, lines, clock, paniclog };
}

describe('log', () => {
  it('writes JSON lines with level and time', () => {
    const { log, lines } = logTo('info');
    log.notice('link up', { link: 'm' });
    expect(lines).toEqual([
      '{"level":"notice","time":"2003-11-30T10:31:37.042Z","link":"m","msg":"link up"}\n',
    ]);
  });

  it.each(logLevels)('the level %s leaves out everything below it', (level) => {
    const { log, lines } = logTo(level);
    for (const each of logLevels) log[each](each);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(logLevels.slice(logLevels.indexOf(level)));
  });

  it('an error comes with its message and stack', () => {
    const { log, lines } = logTo('info');
    log.error('failed', { error: new TypeError('no') });
    expect(JSON.parse(lines[0]!).error).toMatchObject({
      type: 'TypeError',
      message: 'no',
      stack: expect.stringContaining('log.test.ts'),
    });
  });

  it('is readable for a person', () => {
    const { log, lines } = logTo('info', 'readable');
    log.warning('beat late', { node: 'relay-1', delays: [1, 2] });
    expect(lines).toEqual(['10:31:37.042 WARNING  beat late  node=relay-1  delays=[1,2]\n']);
    log.error('failed', { error: new TypeError('no') });
    expect(lines[1]).toMatch(/^10:31:37\.042 ERROR {4}failed {2}error=no\n {4}TypeError: no\n {8}at /);
  });

  it('a line feed in a text from the network does not look like another message', () => {
    const line =
      '{"level":"info","time":"2003-11-30T10:31:37.042Z","from":"a\\nb","msg":"x\\r\\ny\\u001b[2J"}';
    expect(readableLine(line)).toBe('10:31:37.042 INFO     x  y [2J  from=a b\n');
  });
});

describe('paniclog', () => {
  it('CMD-1 keeps the last 10 messages of each level', () => {
    const { log, paniclog } = logTo('info');
    log.critical('the only one');
    for (let count = 1; count <= 25; count++) log.info(`info ${count}`);
    log.debug('below the level');
    expect(paniclog.list().map(({ text }) => text)).toEqual([
      'the only one',
      ...Array.from({ length: 10 }, (_, index) => `info ${index + 16}`),
    ]);
  });

  it('CMD-1 orders by time, and by arrival within one millisecond', () => {
    const { log, clock, paniclog } = logTo('debug');
    log.error('a');
    log.info('b');
    log.error('c');
    clock.wallMs -= 60_000;
    log.info('d, after the clock was set back');
    expect(paniclog.list().map(({ text }) => text)).toEqual([
      'd, after the clock was set back',
      'a',
      'b',
      'c',
    ]);
    expect(paniclog.list()[1]).toMatchObject({ level: 'error', wallMs: clock.wallMs + 60_000 });
  });
});
