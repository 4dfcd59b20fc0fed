import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Format, type Status, status } from '../../../src/console/answer.ts';
import { runBatch } from '../../../src/console/client/batch.ts';
import { complete } from '../../../src/console/client/completion.ts';
import type { ConsoleConnection } from '../../../src/console/client/connection.ts';
import { runConsole } from '../../../src/console/client/console.ts';
import { fixedPassword } from '../../../src/console/client/credentials.ts';
import { parseEndpoint } from '../../../src/console/client/endpoint.ts';
import { maxHistoryLines, readHistory, writeHistory } from '../../../src/console/client/history.ts';
import { printPaged } from '../../../src/console/client/pager.ts';

describe('endpoints', () => {
  it.each([
    ['/tmp/2025', { path: '/tmp/2025' }],
    ['relay-1:2025', { host: 'relay-1', port: 2025 }],
    ['10.0.0.1:65535', { host: '10.0.0.1', port: 65_535 }],
    ['[fd00::1]:2025', { host: 'fd00::1', port: 2025 }],
    ['[fe80::1%eth0]:2025', { host: 'fe80::1%eth0', port: 2025 }],
  ])('CON-15 %s', (text, where) => {
    expect(parseEndpoint(text)).toEqual({ kind: 'socket', where, label: text });
  });

  it('CON-15 user@host:port, and ssh://user@gateway/user@host:port', () => {
    expect(parseEndpoint('tom@relay-1:2025')).toMatchObject({
      where: { host: 'relay-1', port: 2025 },
      user: 'tom',
    });
    const via = (destination: string, port?: string) => ({ destination, port });
    expect(parseEndpoint('ssh://ops@gateway:2222/tom@relay-1:2025')).toEqual({
      kind: 'socket',
      where: { host: 'relay-1', port: 2025 },
      user: 'tom',
      via: via('ops@gateway', '2222'),
      label: 'ssh://ops@gateway:2222/tom@relay-1:2025',
    });
    expect(parseEndpoint('ssh://gateway/tom@*:2025')).toMatchObject({
      where: { host: 'localhost', port: 2025 },
      user: 'tom',
      via: via('gateway'),
    });
  });

  it('CON-15 nats://server/<node>, whose credentials are never shown', () => {
    expect(parseEndpoint('nats://ops:s%40cret@10.0.0.1:4222/relay-1')).toEqual({
      kind: 'nats',
      url: 'nats://ops:s%40cret@10.0.0.1:4222',
      node: 'relay-1',
      controlGroup: 'ec_console',
      label: 'nats://10.0.0.1:4222/relay-1',
    });
    expect(parseEndpoint('nats://server/relay.1?group=staging')).toMatchObject({
      node: 'relay.1',
      controlGroup: 'staging',
      url: 'nats://server',
    });
  });

  it.each([
    '',
    'cluster',
    'host:',
    ':2025',
    'host:0',
    'host:65536',
    'host:port',
    'fd00::1:2025',
    '[fd00::1]',
    'a b:1',
    'a@b@host:1',
    '@host:1',
    'user:password@host:1',
    'ssh://gateway',
    'ssh:///relay-1:2025',
    'ssh://-oProxyCommand=x/relay-1:2025',
    'ssh://tom:secret@gateway/relay-1:2025',
    'ssh://gateway//tmp/2025',
    'ssh://gateway/ssh://gateway/relay-1:2025',
    'nats://server',
    'nats://server/',
    'nats://server/a/b',
    'nats://server/%zz',
    'http://server/a',
  ])('CON-15 %j is none', (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });
});

describe('completion', () => {
  const words = ['cluster info', 'cluster shared list', 'cluster shared show', 'pid', 'paniclog'];
  const commands = words.map((each) => ({ words: each }));

  it.each([
    ['', ['\\pager ', 'cluster ', 'json ', 'paniclog ', 'pid ', 'quit ', 'xml '], ''],
    ['p', ['paniclog ', 'pid '], 'p'],
    ['cluster ', ['info ', 'shared '], ''],
    ['Cluster SH', ['shared '], 'SH'],
    ['cluster shared s', ['show '], 's'],
    ['json cluster i', ['info '], 'i'],
    ['  help cl', ['cluster '], 'cl'],
    ['pid x', [], 'x'],
    ['nothing ', [], ''],
  ])('CON-16 %j', (line, found, partial) => {
    expect(complete(line, { commands })).toEqual([found, partial]);
  });

  const ofManager = {
    commands: [
      ...commands.slice(-2),
      { words: 'broadcast', carries: { names: 0 } },
      { words: 'unicast', carries: { names: 1 } },
      { words: 'subcluster broadcast', carries: { names: 1 } },
    ],
    nodeCommands: ['cluster info', 'version'],
  };

  it.each([
    ['b', ['broadcast '], 'b'],
    ['broadcast', ['broadcast '], 'broadcast'],
    ['broadcast ', ['cluster ', 'json ', 'version ', 'xml '], ''],
    ['Broadcast CL', ['cluster '], 'CL'],
    ['broadcast -w cluster i', ['info '], 'i'],
    ['broadcast -w 20 v', ['version '], 'v'],
    ['broadcast xml cluster ', ['info '], ''],
    ['json broadcast v', ['version '], 'v'],
    ['unicast ', [], ''],
    ['unicast relay-1 cl', ['cluster '], 'cl'],
    ['unicast -w relay-1 cluster ', ['info '], ''],
    ['unicast cluster ', ['cluster ', 'json ', 'version ', 'xml '], ''],
    ['subcluster ', ['broadcast '], ''],
    ['subcluster broadcast east v', ['version '], 'v'],
    ['broadcast q', [], 'q'],
    ['broadcast pid', [], 'pid'],
    ['v', [], 'v'],
  ])('CON-16 %j to a manager: behind the words for it stand those of nodes', (line, found, partial) => {
    expect(complete(line, ofManager)).toEqual([found, partial]);
  });
});

describe('history', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'flotilla-history-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('CON-23 keeps the last 1000 lines, without those that begin with a blank or hold a password', () => {
    const path = join(directory, 'history');
    const lines = Array.from({ length: 1500 }, (_, index) => `pid ${index}`);
    writeHistory(path, [
      ...lines,
      ' secretly',
      'config set Password x',
      'set token=1',
      'config set cluster servers u:p@h',
      '',
      'quit',
    ]);
    const kept = readHistory(path);
    expect(kept).toHaveLength(maxHistoryLines);
    expect(kept.slice(-2)).toEqual(['pid 1499', 'quit']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('CON-23 a history that cannot be read or written is no error', () => {
    const path = join(directory, 'missing', 'history');
    writeHistory(path, ['pid']);
    expect(readHistory(path)).toEqual([]);
  });

  it('CON-23 lines of an older file are filtered too', () => {
    const path = join(directory, 'history');
    writeFileSync(path, 'a\n\n b\nc\n');
    expect(readHistory(path)).toEqual(['a', 'c']);
  });
});

/** Answers each line with itself; `fail N` ends with status N. */
class EchoConnection implements ConsoleConnection {
  readonly asked: [string, Format][] = [];
  isOpen = true;

  async *request(line: string, format: Format) {
    this.asked.push([line, format]);
    yield `${line}\n`;
    const [word, number] = line.trim().split(' ');
    return (word === 'fail' ? Number(number) : status.ok) as Status;
  }

  close() {
    this.isOpen = false;
  }
}

async function batch(lines: string[]) {
  const connection = new EchoConnection();
  const output = new PassThrough();
  const result = await runBatch(connection, lines, 'text', output);
  return { result, asked: connection.asked.map(([line]) => line), printed: output.read()?.toString() ?? '' };
}

describe('batch', () => {
  it('CON-17 lines run in turn, the output is printed as it is', async () => {
    expect(await batch(['a', ' b "c"'])).toEqual({
      result: 0,
      asked: ['a', ' b "c"'],
      printed: 'a\n b "c"\n',
    });
  });

  it('CON-17 the result is the first status that is not 0; later lines still run', async () => {
    expect(await batch(['a', 'fail 2', 'fail 1', 'b'])).toMatchObject({
      result: 2,
      asked: ['a', 'fail 2', 'fail 1', 'b'],
    });
  });

  it('CON-21 quit ends; blank lines are skipped', async () => {
    expect(await batch(['', '  ', 'a', ' quit', 'b'])).toMatchObject({ result: 0, asked: ['a'] });
  });

  it('after an answer that came too late nothing else is run', async () => {
    expect(await batch(['fail 5', 'b'])).toMatchObject({ result: 5, asked: ['fail 5'] });
  });
});

describe('standard input', () => {
  it('CON-17 lines that are all there before the console has been reached are run', async () => {
    const connection = new EchoConnection();
    const exitCode = await runConsole({
      endpoint: parseEndpoint('nats://server/relay-1')!,
      words: [],
      commands: [],
      format: 'text',
      timeoutMs: 1000,
      input: Readable.from(['a\n', 'fail 2\n', 'b']),
      output: new PassThrough(),
      errors: new PassThrough(),
      historyPath: '/nonexistent',
      pager: 'cat',
      connectOverNats: async () => {
        // Long enough for a reader of the input to come to its end.
        for (let turn = 0; turn < 100; turn++) await setImmediate();
        return connection;
      },
      credentials: fixedPassword('tom', ''),
      tls: {},
      isScreen: false,
      hasColours: false,
    });
    expect(connection.asked.map(([line]) => line)).toEqual(['a', 'fail 2', 'b']);
    expect(exitCode).toBe(2);
  });
});

describe('pager', () => {
  async function* reply(lines: number, chunk = 1) {
    for (let line = 0; line < lines; line += chunk) yield 'x\n'.repeat(Math.min(chunk, lines - line));
    return status.failed;
  }

  it('CON-21 a short answer is printed', async () => {
    const output = new PassThrough();
    expect(await printPaged(reply(3), output, 24, 'cat > /dev/null')).toBe(1);
    expect(output.read().toString()).toBe('x\nx\nx\n');
  });

  it('CON-21 a longer one goes through the pager whole', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'flotilla-pager-'));
    const output = new PassThrough();
    expect(await printPaged(reply(100), output, 24, `cat > ${directory}/out`)).toBe(1);
    expect(output.read()).toBeNull();
    expect(readFileSync(`${directory}/out`, 'utf8')).toBe('x\n'.repeat(100));
    rmSync(directory, { recursive: true });
  });

  it('CON-21 a pager that is left early leaves the connection ready for the next command', async () => {
    expect(await printPaged(reply(500_000, 5000), new PassThrough(), 24, 'head -1 > /dev/null')).toBe(1);
  });
});
