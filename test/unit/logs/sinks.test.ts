/** Destinations: real files, a real socket of the system log, real programs (spec: logging 2). */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import koffi from 'koffi';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Destination, parseDestination } from '../../../src/core/logs/destination.ts';
import type { PipeSettings } from '../../../src/core/logs/logger-settings.ts';
import { JournalSet } from '../../../src/logs/journal-set.ts';
import { JournalSink } from '../../../src/logs/journal-sink.ts';
import type { LineSink, LogLine } from '../../../src/logs/line-sink.ts';
import { openSink } from '../../../src/logs/open-sink.ts';
import { until } from '../../integration/until.ts';
import { systemClock } from '../console/fake-node.ts';
import { clock, newPath, random, readAll, texts } from '../journal/journals.ts';
import { Recorder } from '../recorder.ts';

const line = (text: string): LogLine => ({
  timeUs: 1_700_000_000_000_000,
  bytes: Buffer.from(`${text}\n`),
});
const write = (sink: LineSink, ...lines: string[]) => sink.write(lines.map(line));
const textOf = (path: string): string => readFileSync(path, 'utf8');

function destination(text: string): Destination {
  const parsed = parseDestination(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

let recorder: Recorder;
let journals: JournalSet;
const failures: string[] = [];
let sink: LineSink | undefined;
beforeEach(() => {
  recorder = new Recorder();
  journals = new JournalSet({ clock, random, ...recorder });
  failures.length = 0;
});
afterEach(() => sink?.close());

function open(text: string, pipe: Partial<PipeSettings> = {}): LineSink {
  sink = openSink(
    { destination: destination(text), mode: 0o640 },
    {
      clock: systemClock,
      journals,
      pipe: { output: undefined, error: undefined, timeoutMs: undefined, ...pipe },
      syslog: { ident: 'ecelerity', facility: 'mail', priority: 'error' },
      zone: { at: () => ({ offsetS: 0, name: 'UTC' }) },
      onPipeFailure: (reason) => failures.push(reason),
    },
  );
  return sink;
}

describe('LOG-2 text files', () => {
  it('are appended to, with the mode of the option whatever the mask, their directories made', async () => {
    const path = `${newPath()}/logs/mainlog.ec`;
    const before = process.umask(0o077);
    try {
      expect(await write(open(path), 'one', 'two')).toEqual({ kept: 2 });
      await sink!.close();
      await write(open(`file://${path}`), 'three');
    } finally {
      process.umask(before);
    }
    expect(textOf(path)).toBe('one\ntwo\nthree\n');
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  it('reopening goes on in a new file after the old one was moved away', async () => {
    const path = newPath();
    await write(open(path), 'one');
    renameSync(path, `${path}.1`);
    await write(sink!, 'two');
    await sink!.reopen();
    await write(sink!, 'three');
    expect([textOf(`${path}.1`), textOf(path)]).toEqual(['one\ntwo\n', 'three\n']);
  });

  it('what a full disk refuses is not kept', async () => {
    expect(await write(open('/dev/full'), 'one')).toEqual({
      kept: 0,
      problem: expect.stringContaining('ENOSPC'),
    });
  });
});

describe('LOG-2 journals', () => {
  it('one record holds one line with its time, and the subscribers of the URI are there', async () => {
    const path = newPath();
    await write(open(`cluster://${path}=>master,west`), 'one', 'two');
    const records = await readAll(journals.get(path)!, 'west');
    expect(texts(records)).toEqual(['one\n', 'two\n']);
    expect(records[0]?.timeUs).toBe(1_700_000_000_000_000);
    expect([...(await journals.get(path)!.subscribers()).keys()]).toEqual(['master', 'west']);
  });

  it('two that name one path write one journal, and the last one closes it', async () => {
    const path = newPath();
    const one = open(`cluster://${path}=>master`);
    const two = new JournalSink(destination(`jlog://${path}?subscribers=other`), 0o640, journals);
    await write(one, 'one');
    await write(two, 'two');
    await one.close();
    await write(two, 'three');
    expect(texts(await readAll(journals.get(path)!, 'other'))).toEqual(['one\n', 'two\n', 'three\n']);
    await two.close();
    expect(journals.get(path)).toBeUndefined();
  });

  it('LOG-7 one that cannot be opened keeps nothing, and is written when it can', async () => {
    const path = newPath();
    mkdirSync(`${path}/letters`, { recursive: true });
    open(`cluster://${path}=>master`);
    expect(await write(sink!, 'one')).toEqual({ kept: 0, problem: expect.stringContaining(path) });
    rmSync(path, { recursive: true });
    expect(await write(sink!, 'one')).toEqual({ kept: 1 });
  });

  it('a line that went through before one that was refused is not written twice', async () => {
    const path = newPath();
    open(`cluster://${path}=>master`);
    await write(sink!, 'first');
    const journal = journals.get(path)!;
    const append = journal.appendWritten.bind(journal);
    let calls = 0;
    journal.appendWritten = (...args) =>
      calls++ === 1 ? Promise.reject(new Error('ENOSPC')) : append(...args);
    const lines = ['a', 'b', 'c'].map(line);
    expect(await sink!.write(lines)).toEqual({ kept: 1, problem: 'ENOSPC' });
    expect(await sink!.write(lines.slice(1))).toEqual({ kept: 2 });
    expect(texts(await readAll(journal, 'master')).sort()).toEqual(['a\n', 'b\n', 'c\n', 'first\n']);
  });
});

describe('LOG-2 the system log', () => {
  const libc = koffi.load(null);
  const calls = {
    socket: libc.func('int socket(int, int, int)'),
    bind: libc.func('int bind(int, const void *, uint)'),
    receive: libc.func('long recv(int, void *, size_t, int)'),
    close: libc.func('int close(int)'),
  };
  const dontWait = 0x40;
  let path: string;
  let fd: number;
  beforeAll(() => {
    path = newPath();
    fd = calls.socket(1, 2, 0);
    const address = Buffer.concat([new Uint8Array(Uint16Array.of(1).buffer), Buffer.from(`${path}\0`)]);
    expect(calls.bind(fd, address, address.length)).toBe(0);
    return () => void calls.close(fd);
  });
  const received = (): string | undefined => {
    const bytes = Buffer.alloc(10_000);
    const length = calls.receive(fd, bytes, bytes.length, dontWait);
    return length < 0 ? undefined : bytes.toString('utf8', 0, length);
  };

  it('gets one datagram a line, with facility, priority, time, ident and process', async () => {
    await write(open(`syslog://${path}?facility=local3&priority=notice`), 'one', 'two');
    expect(received()).toBe(`<157>Nov 14 22:13:20 ecelerity[${process.pid}]: one`);
    expect(received()).toContain(': two');
    await write(open(`syslog://${path}`), 'three');
    expect(received()).toMatch(/^<19>/);
  });

  it('that does not read makes lines wait, and nobody else', async () => {
    open(`syslog://${path}`);
    const many = Array.from({ length: 5000 }, (_, n) => line(String(n)));
    const first = await sink!.write(many);
    expect(first.retryMs).toBeGreaterThan(0);
    expect(first.kept).toBeLessThan(5000);
    let count = 0;
    for (let at = first.kept; received() !== undefined; count++)
      at += (await sink!.write(many.slice(at, at + 1))).kept;
    expect(count).toBe(5000);
  });

  it('may be a stream, and may be away', async () => {
    const stream = newPath();
    expect(await write(open(`syslog://${stream}`), 'x')).toMatchObject({
      kept: 0,
      problem: expect.any(String),
    });
    let text = '';
    const server = createServer((socket) => socket.on('data', (data) => (text += data)));
    await new Promise<void>((resolve) => server.listen(stream, resolve));
    expect(await write(sink!, 'one', 'two')).toEqual({ kept: 2 });
    await until(() => text.includes('two\0'));
    expect(text).toMatch(/^<19>[^\0]*: one\0<19>[^\0]*: two\0$/);
    await sink!.close();
    server.close();
  });
});

describe('LOG-2 programs', () => {
  const shell = (script: string, more = ''): string =>
    `pipe:///bin/sh?arg1=-c&arg2=${encodeURIComponent(script)}${more}`;

  it('read lines with their arguments and environment, their output where the module says', async () => {
    const [path, output] = [newPath(), newPath()];
    open(shell(`echo "$A $HOME" ; cat > ${path}`, '&env1=A=b%3Dc&clear_env=1'), {
      output: { path: output, mode: 0o600 },
    });
    expect(await write(sink!, 'one', 'two')).toEqual({ kept: 2 });
    await sink!.close();
    expect([textOf(path), textOf(output)]).toEqual(['one\ntwo\n', 'b=c \n']);
    expect(statSync(output).mode & 0o777).toBe(0o600);
  });

  it('are started once more with reinvoke, and then lost; reopening starts them anew', async () => {
    const path = newPath();
    const pids = newPath();
    open(shell(`echo $$ >> ${pids}; read line; echo "$line" >> ${path}`, '&reinvoke=1'));
    const results = [];
    for (let n = 0; n < 3; n++) {
      results.push(await write(sink!, `line ${n}`));
      const expected = Math.min(n, 1);
      await until(() => existsSync(path) && textOf(path).includes(`line ${expected}`));
      // Its end has to be noticed before the next line goes into a pipe that nobody reads.
      await until(() =>
        textOf(pids)
          .trim()
          .split('\n')
          .every((pid) => !existsSync(`/proc/${pid}`)),
      );
    }
    expect(results.map(({ kept }) => kept)).toEqual([1, 1, 0]);
    expect(results[2]).toMatchObject({ isLost: true, problem: expect.stringContaining('status 0') });
    expect(failures).toEqual([]);
    await sink!.reopen();
    expect(await write(sink!, 'again')).toEqual({ kept: 1 });
  });

  it('with shutdown_on_failure end the server', async () => {
    open('pipe:///nonexistent/program?shutdown_on_failure=1');
    expect(await write(sink!, 'one')).toMatchObject({ kept: 0, isLost: true });
    expect(failures).toEqual([expect.stringContaining('ENOENT')]);
  });

  it('that do not read are ended after the timeout', async () => {
    open(shell('exec sleep 60'), { timeoutMs: 200 });
    const big = { timeUs: 0, bytes: Buffer.alloc(1024 * 1024, 'x') };
    expect(await sink!.write([big])).toMatchObject({ kept: 0, problem: expect.stringContaining('200 ms') });
  }, 20_000);
});

describe('LOG-2 a program that hangs', () => {
  it('is ended with its log, and not started again', async () => {
    const path = newPath();
    open(
      `pipe:///bin/sh?arg1=-c&arg2=${encodeURIComponent(`echo start >> ${path}; exec sleep 60`)}&reinvoke=1`,
    );
    const writing = sink!.write([{ timeUs: 0, bytes: Buffer.alloc(1024 * 1024, 'x') }]);
    await until(() => existsSync(path));
    await sink!.close();
    expect(await writing).toMatchObject({ kept: 0, isLost: true });
    expect(textOf(path)).toBe('start\n');
  }, 30_000);
});

describe('LOG-2 URIs', () => {
  it('name only what their scheme knows', () => {
    expect(parseDestination('pipe:///x?arg1=a&bad=1')).toBe('unsupported options bad on /x');
    expect(parseDestination('pipe://x')).toContain('no absolute path');
    expect(parseDestination('syslog://?facility=post')).toContain("'post'");
    expect(parseDestination('file:///x?a=b')).toContain('unsupported options a');
    expect(parseDestination('null://')).toMatchObject({ scheme: 'null' });
  });

  it('null takes everything', async () => {
    expect(await write(open('null://'), 'one')).toEqual({ kept: 1 });
  });
});
