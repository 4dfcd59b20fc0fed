import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { networkInterfaces, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hashPassword } from '../../../src/console/access/scrypt-hash.ts';
import { connectToSocket } from '../../../src/console/client/connection.ts';
import { type ConsoleOptions, runConsole } from '../../../src/console/client/console.ts';
import { askedPassword, fixedPassword, passwordInFile } from '../../../src/console/client/credentials.ts';
import { parseEndpoint, type SocketEndpoint } from '../../../src/console/client/endpoint.ts';
import type { TlsFiles } from '../../../src/console/client/transport.ts';
import { nodeRegistry } from '../../../src/console/commands/all.ts';
import { type ControlListener, startControlListener } from '../../../src/console/control-listener.ts';
import { encodeFrame } from '../../../src/console/frame.ts';
import type { ControlAccess, ControlEndpoint, ControlTls } from '../../../src/core/settings.ts';
import { peerUserOf } from '../../../src/net/peer-user.ts';
import { fakeNode, interpreterOf } from '../../unit/console/fake-node.ts';
import { accessParts, openAccess, openEndpoint } from '../../unit/console/open-access.ts';
import { Recorder } from '../../unit/recorder.ts';
import { certificates } from '../bus/certificates.ts';
import { until } from '../until.ts';
import { RawClient } from './raw-client.ts';

let directory: string;
let made: ReturnType<typeof certificates>;
let passwd: string;
let serverTls: ControlTls;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-access-'));
  made = certificates(directory);
  passwd = join(directory, 'passwd');
  writeFileSync(passwd, `tom:${await hashPassword('sesame', { ln: 4, r: 1, p: 1 })}\n`, { mode: 0o600 });
  serverTls = { certFile: made.server.cert, keyFile: made.server.key, clientCaFile: made.ca };
});
afterAll(() => rmSync(directory, { recursive: true }));

let records: string[];
let recorder: Recorder;
beforeEach(() => {
  records = [];
  recorder = new Recorder();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const roles = [{ name: 'tom', allow: ['^version$', '^authz '] }];

async function serve(
  endpoint: Partial<ControlEndpoint>,
  registry = nodeRegistry(fakeNode()),
): Promise<{ port: number; listener: ControlListener }> {
  const listener = await startControlListener({
    endpoints: [{ ...openEndpoint({ host: '127.0.0.1', port: 0 }), ...endpoint }],
    interpreter: interpreterOf(registry),
    access: { ...accessParts(roles, records), peerUser: peerUserOf },
    log: recorder.log,
  });
  cleanups.push(() => listener.stop());
  const [address] = listener.addresses;
  return { listener, port: typeof address === 'object' ? address.port : 0 };
}

const withPassword = (more: Partial<ControlAccess> = {}): ControlAccess => ({
  ...openAccess,
  authenticate: true,
  passwordFiles: [{ kind: 'scrypt', path: passwd }],
  ...more,
});

/** What `flotilla console` prints and its exit code, without a terminal. */
async function type(
  endpoint: string,
  line: string,
  { password, files = {}, ...more }: { password?: string; files?: TlsFiles } & Partial<ConsoleOptions> = {},
): Promise<{ code: number; out: string; errors: string }> {
  const parsed = parseEndpoint(endpoint) as SocketEndpoint;
  const [output, errors] = [new PassThrough(), new PassThrough()];
  let [out, problems] = ['', ''];
  output.on('data', (text) => {
    out += text;
  });
  errors.on('data', (text) => {
    problems += text;
  });
  const code = await runConsole({
    endpoint: parsed,
    words: [line],
    commands: [],
    format: 'text',
    timeoutMs: 20_000,
    input: new PassThrough(),
    output,
    errors,
    historyPath: join(directory, 'history'),
    pager: 'cat',
    connectOverNats: () => Promise.reject(new Error('not here')),
    credentials:
      password === undefined
        ? { user: 'tom', password: async () => undefined }
        : fixedPassword(parsed.user ?? 'tom', password),
    tls: files,
    isScreen: false,
    hasColours: false,
    ...more,
  });
  return { code, out, errors: problems };
}

describe('CON-24 passwords on TCP', () => {
  it('CON-22 CON-26 EXT-10 the right password lets in, the wrong one ends with FLT-1505 and exit 11, both with a record', async () => {
    const { port } = await serve({ access: withPassword() });
    const endpoint = `tom@127.0.0.1:${port}`;
    expect(await type(endpoint, 'pid', { password: 'sesame' })).toEqual({
      code: 0,
      out: '22787\n',
      errors: '',
    });
    const wrong = await type(endpoint, 'pid', { password: 'open' });
    expect(wrong).toMatchObject({ code: 11, out: '' });
    expect(wrong.errors).toContain('tom: login incorrect. Give the user as');
    const none = await type(endpoint, 'pid');
    expect(none).toMatchObject({ code: 11, out: '' });
    expect(none.errors).toContain('Authorization required for console session');
    expect(records).toEqual([
      'N@127.0.0.1:0@127.0.0.1@tom@1',
      'Z@127.0.0.1:0@127.0.0.1@tom@-1@pid',
      'N@127.0.0.1:0@127.0.0.1@tom@0',
    ]);
  });

  it('CON-30 CON-31 a command that no role allows is refused with the documented text, status 3 and a record', async () => {
    const { port } = await serve({ access: withPassword({ authorize: true }) });
    const endpoint = `tom@127.0.0.1:${port}`;
    expect(await type(endpoint, 'shutdown', { password: 'sesame' })).toEqual({
      code: 3,
      out: 'Not Authorized for this command\n',
      errors: '',
    });
    expect((await type(endpoint, 'authz id', { password: 'sesame' })).code).toBe(0);
    expect(records.filter((record) => record.startsWith('Z'))).toEqual([
      'Z@127.0.0.1:0@127.0.0.1@tom@0@shutdown',
      'Z@127.0.0.1:0@127.0.0.1@tom@1@authz id@tom',
    ]);
  });

  it('before the login nothing runs, whatever is sent; the third wrong password ends the connection', async () => {
    const { port } = await serve({ access: withPassword() });
    const client = (await RawClient.connect({ host: '127.0.0.1', port })).read();
    client.send(1, 'pid').send(2, 'xml pid');
    await until(() => client.statuses().length === 2);
    expect(client.responses).toEqual(
      [1, 2].map((id) => ({ id, end: true, status: 3, login: 'Authorization required for console session' })),
    );
    for (let id = 3; id < 6; id++)
      client.socket.write(encodeFrame({ id, login: { user: 'tom', password: String(id) } }));
    await until(() => client.isClosed);
    expect(client.statuses().slice(2)).toEqual([3, 4, 5].map((id) => ({ id, status: 3 })));
    expect(client.text(5)).toBe('Login incorrect\n');
    expect(records.filter((record) => !record.endsWith('@tom@0'))).toEqual([]);
  });

  it('who has not logged in may not send more than 64 KiB at once, and not wait for ever', async () => {
    const { port } = await serve({ access: withPassword({ loginTimeoutMs: 300 }) });
    const large = (await RawClient.connect({ host: '127.0.0.1', port })).read();
    large.send(1, 'x'.repeat(70_000));
    await until(() => large.isClosed);
    expect(large.text(0)).toBe('Syntax error: the request is longer than 64 KiB, and nobody has logged in\n');
    const silent = (await RawClient.connect({ host: '127.0.0.1', port })).read();
    // A byte now and then does not help: the time for a login goes on.
    const drip = setInterval(() => silent.socket.writable && silent.socket.write('\0'), 50);
    await until(() => silent.isClosed);
    clearInterval(drip);
    expect(records).toContain('T@127.0.0.1:0@127.0.0.1@@0');
  });

  it('connections that have not logged in cannot take the places of others: the oldest goes', async () => {
    const { port } = await serve({ access: withPassword() });
    const inside = await connectToSocket(parseEndpoint(`tom@127.0.0.1:${port}`) as SocketEndpoint, {
      timeoutMs: 20_000,
      credentials: fixedPassword('tom', 'sesame'),
    });
    const waiting: RawClient[] = [];
    for (let count = 0; count < 65; count++)
      waiting.push((await RawClient.connect({ host: '127.0.0.1', port })).read());
    await until(() => waiting[0]!.isClosed);
    expect(waiting.filter(({ isClosed }) => isClosed)).toHaveLength(1);
    expect((await inside.request('pid', 'text').next()).value).toBe('22787\n');
    inside.close();
    for (const { socket } of waiting) socket.destroy();
  });

  it('CON-2 CON-33 the smallest network that holds a client counts', async () => {
    const { listener, port } = await serve({
      access: withPassword(),
      peers: [
        { prefix: '127.0.0.0/8', access: { ...openAccess, alwaysDeny: true } },
        { prefix: '127.0.0.1/32', access: openAccess },
      ],
    });
    expect((await type(`127.0.0.1:${port}`, 'pid')).code).toBe(0);
    // What is configured counts for the next connection.
    listener.configure([
      {
        ...openEndpoint({ host: '127.0.0.1', port: 0 }),
        peers: [{ prefix: '127.0.0.0/8', access: { ...openAccess, alwaysDeny: true } }],
      },
    ]);
    const denied = await type(`127.0.0.1:${port}`, 'pid');
    expect(denied.code).toBe(11);
    expect(denied.errors).toContain('Access denied');
  });
});

describe('CON-25 Unix sockets', () => {
  it('CON-33 the user of the system is known, and the socket counts as loopback', async () => {
    const path = join(directory, 'console');
    await serve({
      endpoint: { path },
      access: withPassword({ alwaysDeny: true }),
      peers: [{ prefix: '127.0.0.1/32', access: withPassword() }],
    });
    const { username } = userInfo();
    expect(await type(path, 'authz id')).toEqual({
      code: 0,
      out: `<AuthzInformation username="${username}"><Roles></Roles></AuthzInformation>\n`,
      errors: '',
    });
    expect(records).toEqual([`N@${path}@@${username}@1`, `Z@${path}@@${username}@-1@authz id`]);
  });

  it('another user is another one', async () => {
    if (process.getuid?.() !== 0) return;
    const path = join(directory, 'open-console');
    await serve({ endpoint: { path }, fileMode: 0o666 });
    chmodSync(directory, 0o755);
    const script = `const s=require('net').connect(${JSON.stringify(path)},()=>{const b=Buffer.from('{"id":1,"cmd":"pid"}');const h=Buffer.alloc(4);h.writeUInt32BE(b.length);s.write(Buffer.concat([h,b]))});s.once('data',()=>s.destroy())`;
    const child = spawn(process.execPath, ['-e', script], { uid: 65534, gid: 65534 });
    await once(child, 'exit');
    await until(() => records.length === 2);
    expect(records[0]).toBe(`N@${path}@@nobody@1`);
  });
});

describe('CON-29 EXT-10 TLS', () => {
  const files = (): TlsFiles => ({ ca: made.ca });
  const showing = (pair: { cert: string; key: string }): TlsFiles => ({ ca: made.ca, ...pair });

  it('a client certificate is a login; its common name is the user', async () => {
    const { port } = await serve({ tls: serverTls, access: withPassword() });
    expect(await type(`127.0.0.1:${port}`, 'authz id', { files: showing(made.client) })).toMatchObject({
      code: 0,
      out: '<AuthzInformation username="client"><Roles></Roles></AuthzInformation>\n',
    });
    expect(records[0]).toBe('N@127.0.0.1:0@127.0.0.1@client@1');
  });

  it('an expired certificate, and one of another authority, end with the reason, exit 11 and a record', async () => {
    const { port } = await serve({ tls: serverTls, access: withPassword() });
    const expired = await type(`127.0.0.1:${port}`, 'pid', {
      files: showing(made.expired),
      password: 'sesame',
    });
    expect(expired).toMatchObject({ code: 11, out: '' });
    expect(expired.errors).toContain('The client certificate is not valid: it has expired');
    const at = (name: string) => join(directory, name);
    const openssl =
      'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=tom';
    execFileSync('sh', ['-c', `${openssl} -keyout ${at('self.key')} -out ${at('self.pem')} 2>&1`]);
    const self = showing({ cert: at('self.pem'), key: at('self.key') });
    const foreign = await type(`127.0.0.1:${port}`, 'pid', { files: self, password: 'sesame' });
    expect(foreign.code).toBe(11);
    expect(foreign.errors).toContain('its authority is another one');
    expect(records).toEqual(['N@127.0.0.1:0@127.0.0.1@expired@0', 'N@127.0.0.1:0@127.0.0.1@tom@0']);
  });

  it('without a certificate the password counts, also on a session that began with one', async () => {
    const { port } = await serve({ tls: serverTls, access: withPassword() });
    expect((await type(`localhost:${port}`, 'pid', { files: files(), password: 'sesame' })).code).toBe(0);
    const options = { port, host: '127.0.0.1', ca: readFileSync(made.ca), minVersion: 'TLSv1.3' as const };
    const sessions: Buffer[] = [];
    const ask = async (more: tls.ConnectionOptions) => {
      const socket = tls.connect({ ...options, ...more });
      socket.on('session', (session) => sessions.push(session));
      await once(socket, 'secureConnect');
      const isReused = socket.isSessionReused();
      socket.write(encodeFrame({ id: 1, cmd: 'pid', format: 'text' }));
      const [answer] = await once(socket, 'data');
      socket.destroy();
      return { answer: String(answer), isReused };
    };
    const { cert, key } = made.client;
    const first = await ask({ cert: readFileSync(cert), key: readFileSync(key) });
    expect(first.answer).toContain('22787');
    for (const session of [...sessions]) {
      const again = await ask({ session });
      expect(again.isReused).toBe(false);
      expect(again.answer).toContain('Authorization required');
    }
  });

  it('a console whose certificate the client does not know, or that speaks no TLS, is not talked to', async () => {
    const { port } = await serve({ tls: serverTls });
    const unknown = await type(`127.0.0.1:${port}`, 'pid', { files: { always: true } });
    expect(unknown.code).toBe(10);
    expect(unknown.errors).toContain('give one with --ca');
    const plain = await serve({});
    expect((await type(`127.0.0.1:${plain.port}`, 'pid', { files: files() })).code).toBe(10);
    const inTheClear = await type(`127.0.0.1:${port}`, 'pid');
    expect(inTheClear.code).toBe(10);
    expect(inTheClear.errors).toContain('where the endpoint has TLS, give --ca FILE, or --tls');
    // And the other way round: who does not begin with TLS gets no answer.
    const client = (await RawClient.connect({ host: '127.0.0.1', port })).read().send(1, 'pid');
    await until(() => client.isClosed);
    expect(client.responses).toEqual([]);
  });

  it('certificates that are replaced count for the next connection; FLT-1507 files that are none at the start', async () => {
    const at = (name: string) => join(directory, name);
    copyFileSync(made.expired.cert, at('live.pem'));
    copyFileSync(made.expired.key, at('live.key'));
    const { port } = await serve({
      tls: { certFile: at('live.pem'), keyFile: at('live.key'), clientCaFile: undefined },
    });
    const before = await type(`localhost:${port}`, 'pid', { files: files() });
    expect(before.errors).toContain('its certificate has expired');
    copyFileSync(made.server.cert, at('live.pem'));
    copyFileSync(made.server.key, at('live.key'));
    expect((await type(`localhost:${port}`, 'pid', { files: files() })).code).toBe(0);
    await expect(serve({ tls: { ...serverTls, keyFile: passwd } })).rejects.toMatchObject({
      code: 'FLT-1507',
    });
  });

  it('clients of other hosts are turned away where there is no TLS', async () => {
    const own = Object.values(networkInterfaces())
      .flat()
      .find((each) => each && !each.internal && each.family === 'IPv4');
    if (!own) return;
    const { port } = await serve({ endpoint: { host: '*', port: 0 }, access: openAccess });
    const client = (await RawClient.connect({ host: own.address, port })).read().send(1, 'pid');
    await until(() => client.isClosed);
    expect(client.text(1)).toContain('Clients of other hosts need TLS');
    expect(client.statuses()).toEqual([{ id: 1, status: 3 }]);
    expect((await type(`127.0.0.1:${port}`, 'pid')).code).toBe(0);
  });

  it('CON-14 a client that does not read is disconnected after the timeout behind TLS, too, and its answer ends', async () => {
    const registry = nodeRegistry(fakeNode());
    const state = { taken: 0, isEnded: false };
    const text = async function* (): AsyncGenerator<string> {
      try {
        for (; ; state.taken++) yield 'x'.repeat(10_000);
      } finally {
        state.isEnded = true;
      }
    };
    const run = () => ({ status: 0 as const, text });
    registry.register({ words: 'endless', usage: 'endless', help: 'endless', impact: 'read', run });
    const { port } = await serve({ tls: serverTls, access: { ...openAccess, timeoutMs: 500 } }, registry);
    const stuck = tls.connect({ port, host: '127.0.0.1', ca: readFileSync(made.ca) });
    stuck.on('error', () => {});
    await once(stuck, 'secureConnect');
    stuck.write(encodeFrame({ id: 1, cmd: 'endless', format: 'text' }));
    await until(() => state.taken > 0);
    expect((await type(`127.0.0.1:${port}`, 'pid', { files: files() })).code).toBe(0);
    await until(() => state.isEnded);
    // What the buffers hold, not what the answer is long.
    expect(state.taken).toBeLessThan(2000);
    stuck.destroy();
  });

  it('a handshake that does not go on is ended', async () => {
    const { port } = await serve({ tls: serverTls, access: withPassword({ loginTimeoutMs: 200 }) });
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'close');
  });
});

describe('CON-22 passwords of the client', () => {
  it('are asked for without echo, at most three times', async () => {
    const { port } = await serve({ access: withPassword() });
    const [keys, screen] = [new PassThrough(), new PassThrough()];
    let shown = '';
    screen.on('data', (text) => {
      shown += text;
    });
    const credentials = askedPassword('tom', keys, screen);
    const answered = type(`tom@127.0.0.1:${port}`, 'pid', { credentials });
    await until(() => shown.endsWith('Password for tom: '));
    keys.write('wrong\r');
    await until(() => shown.endsWith('Login incorrect\nPassword for tom: '));
    keys.write('sexx\u007f\u007fsame\r');
    expect(await answered).toMatchObject({ code: 0, out: '22787\n' });
    expect(shown).toBe(
      'Authorization required for console session\nPassword for tom: \nLogin incorrect\nPassword for tom: \n',
    );
    // A connection that is opened again needs no question.
    expect((await type(`tom@127.0.0.1:${port}`, 'pid', { credentials })).code).toBe(0);
  });

  it('come from a file that nobody else may read', () => {
    const path = join(directory, 'password');
    writeFileSync(path, 'sesame\nmore\n', { mode: 0o600 });
    expect(passwordInFile(path)).toBe('sesame');
    chmodSync(path, 0o640);
    expect(() => passwordInFile(path)).toThrow(expect.objectContaining({ code: 'FLT-1506' }));
  });
});
