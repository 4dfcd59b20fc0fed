import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConsoleConnection, connectToSocket } from '../../../src/console/client/connection.ts';
import { runInteractive } from '../../../src/console/client/interactive.ts';
import { nodeRegistry } from '../../../src/console/commands/all.ts';
import { type ControlListener, startControlListener } from '../../../src/console/control-listener.ts';
import { fakeNode, fakeObject, interpreterOf, silentLog } from '../../unit/console/fake-node.ts';
import { accessParts, openEndpoint } from '../../unit/console/open-access.ts';
import { until } from '../until.ts';

let directory: string;
let path: string;
const cleanups: (() => unknown)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-client-'));
  path = join(directory, 'console');
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  rmSync(directory, { recursive: true });
});

const connect = (timeoutMs = 60_000) =>
  connectToSocket({ kind: 'socket', where: { path }, label: path }, { timeoutMs });

async function serve(timeoutMs = 60_000): Promise<ControlListener> {
  const evil = fakeObject({
    name: 'evil',
    kind: 'gauge table',
    rows: () => [[{ key: '\u001b[2Jevil\u0007', count: 1 }]],
  });
  const listener = await startControlListener({
    endpoints: [openEndpoint({ path }, { timeoutMs })],
    access: accessParts(),
    interpreter: interpreterOf(nodeRegistry(fakeNode({ sharedObjects: () => [evil] }))),
    log: silentLog,
  });
  cleanups.push(() => listener.stop());
  return listener;
}

/** A server that answers whatever arrives with these bytes. */
async function answerWith(bytes: Buffer, thenEnd = false): Promise<void> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => (thenEnd ? socket.end(bytes) : socket.write(bytes)));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  cleanups.push(() => server.close());
}

describe('connection of the client', () => {
  it.each([
    ['no frame', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['no response', Buffer.from('\0\0\0\x02{}', 'latin1')],
    ['no JSON', Buffer.from('\0\0\0\x02xx', 'latin1')],
  ])('FLT-1503 the server sends %s', async (_, bytes) => {
    await answerWith(bytes);
    const connection = await connect();
    await expect(connection.request('pid', 'text').next()).rejects.toMatchObject({ code: 'FLT-1503' });
    expect(connection.isOpen).toBe(false);
  });

  it('FLT-1502 the server closes before the end of the answer', async () => {
    await answerWith(Buffer.from('\0\0\0\x14{"id":1,"out":"1234"}'.slice(0, 10), 'latin1'), true);
    const connection = await connect();
    await expect(connection.request('pid', 'text').next()).rejects.toMatchObject({ code: 'FLT-1502' });
  });

  it('CON-18 silence is given up after the timeout, with status 5', async () => {
    await answerWith(Buffer.alloc(0));
    const connection = await connect(100);
    const reply = connection.request('pid', 'text');
    expect(await reply.next()).toEqual({ done: false, value: 'No answer within 0.1 s\n' });
    expect(await reply.next()).toEqual({ done: true, value: 5 });
    expect(connection.isOpen).toBe(false);
  });

  it('FLT-1502 nobody listens', async () => {
    await expect(connect()).rejects.toMatchObject({ code: 'FLT-1502' });
  });

  it('CON-2 a close while nothing is asked is noticed', async () => {
    await serve(100);
    const connection = await connect();
    await until(() => !connection.isOpen);
  });

  it('CON-7 a request longer than 1 MiB is answered, not lost', async () => {
    await serve();
    const reply = (await connect()).request('x'.repeat(2 * 1024 * 1024), 'text');
    expect((await reply.next()).value).toContain('longer than 1 MiB');
    expect(await reply.next()).toEqual({ done: true, value: 4 });
  });
});

/** Somebody who types. */
async function typist(serverTimeoutMs?: number, isScreen = true) {
  await serve(serverTimeoutMs);
  const input = new PassThrough();
  const output = new PassThrough();
  const errors = new PassThrough();
  const screen = { text: '', errors: '' };
  output.on('data', (text) => {
    screen.text += text;
  });
  errors.on('data', (text) => {
    screen.errors += text;
  });
  const historyPath = join(directory, 'history');
  const connections: ConsoleConnection[] = [];
  const left = runInteractive({
    connect: async () => {
      const connection = await connect();
      connections.push(connection);
      return connection;
    },
    label: path,
    format: 'text',
    input,
    output,
    errors,
    historyPath,
    pager: 'cat',
    isScreen,
    hasColours: false,
  });
  const prompts = () => screen.text.match(/labrat-1\([^)]*\)> /g)?.length ?? 0;
  await until(() => prompts() === 1);
  const enter = async (line: string) => {
    const before = prompts();
    input.write(`${line}\r`);
    // Readline puts the cursor behind the prompt as the last thing.
    await until(() => prompts() > before && /> .\[\d+G$/.test(screen.text));
  };
  return { input, screen, enter, left, historyPath, connections };
}

describe('interactive console', () => {
  it('CON-2 connects again when the server has closed an idle session', async () => {
    const { screen, enter, input, left, connections } = await typist(500);
    await until(() => !connections[0]!.isOpen);
    await enter('pid');
    expect(connections).toHaveLength(2);
    expect(screen.text).toContain('\n22787\n');
    expect(screen.errors).toBe('');
    input.write('quit\r');
    await left;
  });

  it('CON-16 what is no terminal gets no sequences for one: the screen of `flotilla console | tee log`', async () => {
    const { screen, input, left } = await typist(undefined, false);
    input.write('pid\n');
    await until(() => screen.text.includes('22787\n'));
    input.write('quit\n');
    await left;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    expect(screen.text).not.toMatch(/[\u0000-\u0008\u000b-\u001f]/);
  });

  it('keys from the network cannot reprogram the terminal', async () => {
    const { screen, enter, input, left } = await typist();
    await enter('cluster shared show evil');
    expect(screen.text).toContain('\ufffd[2Jevil\ufffd:            1\n');
    input.write('quit\r');
    await left;
  });

  it('CON-21 end of input leaves; CON-23 the history is written', async () => {
    const { enter, input, left, historyPath } = await typist();
    await enter('pid');
    await enter(' hidden');
    input.end();
    await left;
    expect(readFileSync(historyPath, 'utf8')).toBe('pid\n');
  });

  it('CON-21 \\pager toggles paging', async () => {
    const { screen, enter, input, left } = await typist();
    await enter('\\pager');
    expect(screen.text).toContain('Paging is now on.');
    await enter('pid');
    expect(screen.text).toContain('\n22787\n');
    input.write('quit\r');
    await left;
  });

  it('a server that has gone is reported, and the console goes on', async () => {
    const { screen, enter, input, left } = await typist();
    await cleanups.shift()?.();
    await enter('pid');
    expect(screen.errors).toContain('The console cannot be reached');
    input.write('quit\r');
    await left;
  });
});
