import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { said, type Text } from '../../../src/console/answer.ts';
import { nodeRegistry } from '../../../src/console/commands/all.ts';
import { type ControlListener, startControlListener } from '../../../src/console/control-listener.ts';
import { encodeFrame, maxBodyBytes } from '../../../src/console/frame.ts';
import type { Command } from '../../../src/console/registry.ts';
import type { Log } from '../../../src/core/log.ts';
import type { ControlEndpoint } from '../../../src/core/settings.ts';
import { fakeNode, interpreterOf, silentLog } from '../../unit/console/fake-node.ts';
import { accessParts, openEndpoint } from '../../unit/console/open-access.ts';
import { Recorder } from '../../unit/recorder.ts';
import { until } from '../until.ts';
import { RawClient } from './raw-client.ts';

let directory: string;
let path: string;
const opened: ControlListener[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-console-'));
  path = join(directory, 'console');
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((listener) => listener.stop()));
  rmSync(directory, { recursive: true });
});

interface Setup {
  readonly endpoint?: ControlEndpoint['endpoint'];
  readonly fileMode?: number;
  readonly timeoutMs?: number;
  readonly commands?: Record<string, Command['run']>;
  readonly log?: Log;
}

async function start({
  endpoint = { path },
  fileMode = 0o660,
  timeoutMs = 60_000,
  commands = {},
  log = silentLog,
}: Setup = {}): Promise<ControlListener> {
  const registry = nodeRegistry(fakeNode());
  for (const [words, run] of Object.entries(commands))
    registry.register({ words, usage: words, help: words, impact: 'read', run });
  const endpoints = [{ ...openEndpoint(endpoint, { timeoutMs }), fileMode }];
  const listener = await startControlListener({
    endpoints,
    interpreter: interpreterOf(registry),
    access: accessParts(),
    log,
  });
  opened.push(listener);
  return listener;
}

const client = async () => (await RawClient.connect({ path })).read();

/** A promise and the way to fulfil it. */
function gate() {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

describe('control listener: exchanges', () => {
  it('CON-7 two clients are served, each its own answers', async () => {
    await start({ commands: { echo: (args) => said(args.join(' ')) } });
    const [one, two] = await Promise.all([client(), client()]);
    for (let id = 1; id <= 50; id++) {
      one.send(id, `echo one ${id}`);
      two.send(id, `echo two ${id}`);
    }
    await until(() => one.statuses().length === 50 && two.statuses().length === 50);
    expect(one.text(7)).toBe('one 7\n');
    expect(two.text(50)).toBe('two 50\n');
  });

  it('CON-7 a waiting client does not hold up another one', async () => {
    const { open, passed } = gate();
    await start({ commands: { slow: () => passed.then(() => said('done')) } });
    const [waiting, other] = await Promise.all([client(), client()]);
    waiting.send(1, 'slow');
    other.send(1, 'pid');
    await until(() => other.statuses().length === 1);
    expect(waiting.statuses()).toEqual([]);
    open();
    await until(() => waiting.statuses().length === 1);
  });

  it('a client that leaves is one line for debugging, without a stack; so is one whose connection is reset', async () => {
    const recorder = new Recorder();
    await start({ endpoint: { host: '127.0.0.1', port: 0 }, log: recorder.log });
    const connect = async () => {
      const { port } = opened[0]!.addresses[0] as net.AddressInfo;
      const socket = net.connect(port, '127.0.0.1');
      await once(socket, 'connect');
      return socket;
    };
    (await connect()).end(encodeFrame({ id: 1, cmd: 'pid', format: 'text' })).resume();
    await until(() => recorder.lines.length === 1);
    const second = await connect();
    second.write(encodeFrame({ id: 1, cmd: 'pid', format: 'text' }));
    await once(second, 'data');
    second.resetAndDestroy();
    await until(() => recorder.lines.length === 2);
    expect(recorder.lines).toEqual([
      { level: 'debug', text: 'a console client has left', fields: {} },
      {
        level: 'debug',
        text: expect.stringMatching(/^a console connection failed: .*ECONNRESET$/),
        fields: {},
      },
    ]);
  });

  it('CON-7 exchanges of one connection run one after the other', async () => {
    const order: string[] = [];
    const { open, passed } = gate();
    const step = (name: string, wait: Promise<void>) => async () => {
      order.push(`${name} begins`);
      await wait;
      order.push(`${name} ends`);
      return said(name);
    };
    await start({ commands: { first: step('first', passed), second: step('second', Promise.resolve()) } });
    const one = (await client()).send(1, 'first').send(2, 'second');
    await until(() => order.length === 1);
    open();
    await until(() => one.statuses().length === 2);
    expect(order).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
  });

  it('CON-7 a frame may come byte by byte, and several at once', async () => {
    await start();
    const one = await client();
    const frame = Buffer.from('\0\0\0\x16{"id":1,"cmd":"  pid"}', 'latin1');
    for (const byte of frame) {
      one.socket.write(Buffer.of(byte));
      await new Promise((resume) => setImmediate(resume));
    }
    one.socket.write(Buffer.concat([frame, frame, frame]));
    await until(() => one.statuses().length === 4);
    expect(one.text(1)).toBe('22787\n'.repeat(4));
  });

  it('CON-7 a client that ends its side still gets its answer', async () => {
    const { open, passed } = gate();
    await start({ commands: { slow: () => passed.then(() => said('done')) } });
    const one = (await client()).send(1, 'slow');
    one.socket.end();
    await until(() => one.socket.writableFinished);
    open();
    await until(() => one.isClosed || one.statuses().length === 1);
    expect(one.text(1)).toBe('done\n');
  });

  it.each([
    ['nothing', '', 4],
    ['only a prefix', 'xml', 4],
    ['a leading line feed', '\npid', 0],
    ['an unbalanced quotation', '"', 4],
    ['1 MiB of one word', 'x'.repeat(maxBodyBytes - 100), 2],
    ['1 MiB of quotation marks', '"'.repeat(400_000), 2],
  ])('INV-33 one status for a line of %s', async (_, line, status) => {
    await start();
    const one = (await client()).send(1, line).send(2, 'pid');
    await until(() => one.statuses().length === 2);
    expect(one.statuses()).toEqual([
      { id: 1, status },
      { id: 2, status: 0 },
    ]);
  });

  it.each([
    ['no JSON', Buffer.from('pid'), 0],
    ['invalid UTF-8', Buffer.from([0xff, 0xfe]), 0],
    ['an empty body', Buffer.alloc(0), 0],
    ['another shape', Buffer.from('{"id":9,"command":"pid"}'), 9],
  ])('INV-33 a frame of %s has status 4, and the connection goes on', async (_, content, id) => {
    await start();
    const one = await client();
    const header = Buffer.alloc(4);
    header.writeUInt32BE(content.length);
    one.socket.write(Buffer.concat([header, content]));
    one.send(2, 'pid');
    await until(() => one.statuses().length === 2);
    expect(one.statuses()).toEqual([
      { id, status: 4 },
      { id: 2, status: 0 },
    ]);
  });

  it('CON-7 a request longer than 1 MiB has status 4 and ends the connection, however much is sent', async () => {
    await start();
    const one = await client();
    const header = Buffer.alloc(4);
    header.writeUInt32BE(maxBodyBytes + 1);
    one.socket.write(Buffer.concat([header, Buffer.alloc(maxBodyBytes)]));
    await until(() => one.statuses().length === 1);
    expect(one.text(0)).toBe('Syntax error: the request is longer than 1 MiB\n');
    one.socket.end();
    await until(() => one.isClosed);
    expect(one.statuses()).toEqual([{ id: 0, status: 4 }]);
  });

  it('INV-33 random bytes do not crash the server', async () => {
    await start();
    for (let seed = 0; seed < 20; seed++) {
      const one = await client();
      one.socket.end(
        Buffer.from(
          Array.from({ length: 500 }, (_, index) => (index * seed * 31 + (index < 4 ? 0 : 7)) & 255),
        ),
      );
      await until(() => one.isClosed);
    }
    const last = (await client()).send(1, 'pid');
    await until(() => last.statuses().length === 1);
  });
});

describe('control listener: slow and idle clients', () => {
  /** An endless answer that counts how much of it was taken. */
  function endless() {
    const state = { taken: 0, isEnded: false };
    const text = async function* (): AsyncGenerator<string> {
      try {
        for (;;) {
          state.taken++;
          yield 'x'.repeat(10_000);
        }
      } finally {
        state.isEnded = true;
      }
    };
    return { state, answer: () => ({ status: 0 as const, text: (): Text => text() }) };
  }

  it('CON-14 a client that does not read is disconnected after the timeout, and its answer ends', async () => {
    const { state, answer } = endless();
    await start({ timeoutMs: 200, commands: { endless: answer } });
    const stuck = (await RawClient.connect({ path })).send(1, 'endless');
    const other = await client();
    await until(() => state.taken > 0);
    other.send(1, 'pid');
    await until(() => other.statuses().length === 1);
    await until(() => state.isEnded);
    // What the kernel's buffers hold, not what the answer is long.
    expect(state.taken).toBeLessThan(1000);
    stuck.read();
    await until(() => stuck.isClosed);
    expect(stuck.statuses()).toEqual([]);
  });

  it('CON-14 the answer ends as soon as its client is gone', async () => {
    const { state, answer } = endless();
    await start({ commands: { endless: answer } });
    const one = (await client()).send(1, 'endless');
    await until(() => state.taken > 10);
    one.socket.destroy();
    await until(() => state.isEnded);
  });

  it('CON-14 a client that reads slowly gets everything', async () => {
    const lines = Array.from({ length: 100_000 }, (_, index) => `${index}\n`);
    await start({ commands: { long: () => ({ status: 0, text: () => lines }) } });
    const one = (await client()).send(1, 'long');
    while (one.statuses().length === 0) {
      one.socket.pause();
      await new Promise((resume) => setImmediate(resume));
      one.socket.resume();
      await new Promise((resume) => setImmediate(resume));
    }
    expect(one.text(1)).toBe(lines.join(''));
  });

  it('CON-2 an idle client is disconnected after the timeout, one that waits for its answer is not', async () => {
    const { open, passed } = gate();
    await start({ timeoutMs: 100, commands: { slow: () => passed.then(() => said('done')) } });
    const waiting = (await client()).send(1, 'slow');
    const idle = await client();
    await until(() => idle.isClosed);
    expect(waiting.isClosed).toBe(false);
    open();
    await until(() => waiting.statuses().length === 1);
  });

  it('a connection beyond the bound is closed, the others go on', async () => {
    await start();
    const clients = await Promise.all(Array.from({ length: 501 }, client));
    await until(() => clients.some(({ isClosed }) => isClosed));
    expect(clients.filter(({ isClosed }) => isClosed)).toHaveLength(1);
    for (const one of clients) one.send(1, 'pid');
    await until(() => clients.filter((one) => one.statuses().length === 1).length === 500);
    for (const one of clients) one.socket.destroy();
  });
});

describe('control listener: endpoints', () => {
  it.each([0o660, 0o600, 0o666])(
    'CON-2 the socket file has the mode %o, whatever the umask of the process',
    async (fileMode) => {
      const before = process.umask(0o077);
      try {
        await start({ fileMode });
        expect(process.umask()).toBe(0o077);
      } finally {
        process.umask(before);
      }
      expect(statSync(path).mode & 0o777).toBe(fileMode);
    },
  );

  it('CON-1 TCP endpoints work, also on IPv6', async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const listener = await start({ endpoint: { host, port: 0 } });
      const { port } = listener.addresses[0] as net.AddressInfo;
      const one = (await RawClient.connect({ host, port })).read().send(1, 'cluster nodename');
      await until(() => one.statuses().length === 1);
      expect(one.text(1)).toBe('labrat-1\n');
      one.socket.destroy();
    }
  });

  it('CON-4 a socket file that a killed process left behind is replaced', async () => {
    const listen = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('ready'))`;
    const child = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(path)).toBe(true);
    await start();
    const one = (await client()).send(1, 'pid');
    await until(() => one.statuses().length === 1);
  });

  it('CON-4 FLT-1501 an endpoint on which somebody answers is left alone', async () => {
    await start();
    await expect(start()).rejects.toMatchObject({ code: 'FLT-1501', message: expect.stringContaining(path) });
    const one = (await client()).send(1, 'pid');
    await until(() => one.statuses().length === 1);
  });

  it('CON-4 FLT-1501 a TCP port in use', async () => {
    const { addresses } = await start({ endpoint: { host: '127.0.0.1', port: 0 } });
    const { port } = addresses[0] as net.AddressInfo;
    await expect(start({ endpoint: { host: '127.0.0.1', port } })).rejects.toMatchObject({
      code: 'FLT-1501',
    });
  });

  it('CON-4 a file that is no socket is never removed', async () => {
    writeFileSync(path, 'precious');
    await expect(start()).rejects.toMatchObject({
      code: 'FLT-1401',
      message: expect.stringContaining('not a socket'),
    });
    expect(existsSync(path)).toBe(true);
  });

  it('FLT-1401 a directory that does not exist', async () => {
    await expect(start({ endpoint: { path: join(directory, 'missing', 'console') } })).rejects.toMatchObject({
      code: 'FLT-1401',
    });
  });

  it('when one of several endpoints cannot be opened none stays open', async () => {
    const endpoints = [openEndpoint({ path }), openEndpoint({ path: join(directory, 'missing', 'console') })];
    const interpreter = interpreterOf(nodeRegistry(fakeNode()));
    const access = accessParts();
    await expect(
      startControlListener({ endpoints, interpreter, access, log: silentLog }),
    ).rejects.toMatchObject({
      code: 'FLT-1401',
    });
    expect(existsSync(path)).toBe(false);
  });

  it('LIFE-9 a stop lets the answer under way finish, ends idle sessions and removes the file', async () => {
    const { open, passed } = gate();
    const listener = await start({ commands: { slow: () => passed.then(() => said('done')) } });
    const [busy, idle] = await Promise.all([client(), client()]);
    busy.send(1, 'slow').send(2, 'pid');
    const roundTrip = (await client()).send(1, 'pid');
    await until(() => roundTrip.statuses().length === 1);
    const stopped = listener.stop();
    await until(() => idle.isClosed);
    open();
    await stopped;
    await until(() => busy.isClosed);
    expect(busy.statuses()).toEqual([{ id: 1, status: 0 }]);
    expect(existsSync(path)).toBe(false);
    await expect(RawClient.connect({ path })).rejects.toThrow();
  });

  it('LIFE-9 CON-14 a stop does not wait for a client that does not read, and its answer ends', async () => {
    let isEnded = false;
    const endlessText = async function* (): AsyncGenerator<string> {
      try {
        for (;;) yield 'x'.repeat(10_000);
      } finally {
        isEnded = true;
      }
    };
    const listener = await start({
      commands: { endless: () => ({ status: 0, text: (): Text => endlessText() }) },
    });
    const stuck = (await RawClient.connect({ path })).send(1, 'endless');
    const other = (await client()).send(1, 'pid');
    await until(() => other.statuses().length === 1);
    await listener.stop();
    await until(() => isEnded);
    stuck.read();
    await until(() => stuck.isClosed);
  });

  it('LIFE-9 a stop does not wait for ever for a command that hangs', async () => {
    const { passed } = gate();
    const listener = await start({ commands: { hang: () => passed.then(() => said('never')) } });
    const one = (await client()).send(1, 'hang');
    const other = (await client()).send(1, 'pid');
    await until(() => other.statuses().length === 1);
    await listener.stop();
    await until(() => one.isClosed);
  });
});
