/** A node whose configuration changes under it, by file and from consoles: listeners, consoles, loggers, transactions. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { freePort, type NatsServer, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { RawClient } from './raw-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-config-'));
const file = join(folder, 'relay.conf');
const socket = join(folder, 'console');
let server: NatsServer;
let node: RunningNode;
let upstreams: readonly net.Server[];
let ports: { first: number; second: number; a: number; b: number };

beforeAll(async () => {
  server = await startNatsServer();
  upstreams = await Promise.all(['a', 'b'].map(greeter));
  const [a, b] = upstreams.map((upstream) => (upstream.address() as net.AddressInfo).port);
  ports = { first: await freePort(), second: await freePort(), a: a!, b: b! };
  write(listen(ports.first, ports.a));
  node = await startNode({
    nodename: 'relay-1',
    servers: [server.url],
    configFile: file,
    environment: { EC_CONF_SEARCH_PATH: '' },
    logOutput: { write: () => {} },
  });
});

afterAll(async () => {
  await node?.stop();
  for (const upstream of upstreams) upstream.close();
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

/** Says its letter to who comes, then repeats what it is told. */
function greeter(letter: string): Promise<net.Server> {
  const greeting = net.createServer((client) => {
    client.on('error', () => {});
    client.write(letter);
    client.pipe(client);
  });
  return new Promise((resolve) => greeting.listen(0, '127.0.0.1', () => resolve(greeting)));
}

const listen = (port: number, upstream: number) =>
  `Listen "127.0.0.1:${port}" { Upstream = "127.0.0.1:${upstream}" }`;

function write(listens: string, more = ''): void {
  const text = `cluster { nodeaddr = 127.0.0.1 state_dir = "${folder}/state" release_grace = 1 }
local_changes_file = "changes.conf"
Control_Listener { Listen "${socket}" { } }
TCP_Listener { ${listens} }
${more}
`;
  writeFileSync(file, text);
}

interface Talk {
  readonly client: net.Socket;
  heard: string;
  ended: boolean;
}

function talk(port: number): Talk {
  const client = net.connect(port, '127.0.0.1');
  const made = { client, heard: '', ended: false };
  client.on('data', (data) => {
    made.heard += String(data);
  });
  client.on('error', () => {});
  client.on('close', () => {
    made.ended = true;
  });
  return made;
}

async function say(line: string): Promise<string> {
  const { status, text } = await node.console(line);
  return status === 0 ? text : `status ${status}: ${text}`;
}

/** Without the remark that loopback is for tests only. */
async function reload(): Promise<string> {
  return verdictOf(await say('config reload'));
}

const verdictOf = (text: string): string => text.slice(Math.max(0, text.indexOf('Reconfigured')));

describe('listeners', () => {
  it('CONF-10 one that is the same in both configurations keeps its sessions; another one comes and goes', async () => {
    const session = talk(ports.first);
    await until(() => session.heard === 'a');
    write(`${listen(ports.first, ports.a)} ${listen(ports.second, ports.b)}`);
    expect(await reload()).toBe(`Reconfigured:\n  TCP_Listener 127.0.0.1:${ports.second} added\n`);
    const other = talk(ports.second);
    await until(() => other.heard === 'b');
    write(listen(ports.first, ports.a));
    expect(await reload()).toBe(`Reconfigured:\n  TCP_Listener 127.0.0.1:${ports.second} removed\n`);
    await until(() => other.ended);
    const refused = talk(ports.second);
    await until(() => refused.ended);
    expect(refused.heard).toBe('');
    session.client.write('still');
    await until(() => session.heard === 'astill');
    session.client.destroy();
  });

  it('CONF-10 one that changes serves the next client in the new way', async () => {
    expect(
      await say(`config set TCP_Listener Listen 127.0.0.1:${ports.first} upstream 127.0.0.1:${ports.b}`),
    ).toBe(`Upstream = 127.0.0.1:${ports.b}\n`);
    const session = talk(ports.first);
    await until(() => session.heard === 'b');
    session.client.destroy();
  });

  it('CONF-10 CONF-13.6 one that cannot be opened refuses the whole: those that were there serve as before', async () => {
    const taken = (upstreams[0]!.address() as net.AddressInfo).port;
    write(`${listen(ports.first, ports.a)} ${listen(ports.second, ports.a)} ${listen(taken, ports.b)}`);
    const answer = await say('config reload');
    expect(answer).toContain('the address is in use');
    expect(answer).toMatch(/Reconfigure failed\.\n$/);
    const [first, second] = [talk(ports.first), talk(ports.second)];
    await until(() => first.heard === 'b' && second.ended);
    expect(second.heard).toBe('');
    expect(await say(`config get TCP_Listener Listen 127.0.0.1:${ports.first} upstream`)).toContain(
      `:${ports.b}`,
    );
    first.client.destroy();
    write(listen(ports.first, ports.a));
    await say('config reload');
  });
});

describe('consoles', () => {
  it('CONF-10 CON-1 an endpoint comes and goes; a command gets its answer from the one that goes', async () => {
    const second = join(folder, 'second');
    write(listen(ports.first, ports.a), `Control_Listener { Listen "${second}" { } }`);
    expect(await say('config reload')).toContain(`Control_Listener ${second} added\n`);
    const client = (await RawClient.connect({ path: second })).read();
    write(listen(ports.first, ports.a));
    client.send(1, 'config reload');
    await until(() => client.statuses().length === 1 && client.isClosed);
    expect(verdictOf(client.text(1))).toBe(`Reconfigured:\n  Control_Listener ${second} removed\n`);
    await until(() => !existsSync(second));
  });

  it('CMD-3 CONF-13.5 each session has its transaction: the first commit wins', async () => {
    const [tom, ann] = [
      (await RawClient.connect({ path: socket })).read(),
      (await RawClient.connect({ path: socket })).read(),
    ];
    const ask = async (client: RawClient, id: number, line: string) => {
      client.send(id, line);
      await until(() => client.statuses().some((each) => each.id === id));
      return client.text(id);
    };
    await ask(tom, 1, 'config begin');
    await ask(ann, 1, 'config begin');
    await ask(tom, 2, 'config set cluster if_down_limit 6');
    await ask(ann, 2, 'config set cluster if_down_limit 7');
    expect(await ask(ann, 3, 'config eval cluster if_down_limit')).toBe('        If_Down_Limit = 7\n');
    expect(await ask(tom, 3, 'config commit')).toBe('Reconfigured:\n  if_down_limit\n');
    expect(await ask(ann, 4, 'config commit')).toMatch(
      /^commit failed: configuration changed since 'config begin' \(generation \d+ -> \d+\)\n$/,
    );
    expect(await ask(ann, 5, 'config replay')).toBe('config set Cluster If_Down_Limit 7\n');
    expect(await say('config eval cluster if_down_limit')).toBe('        If_Down_Limit = 6\n');
    expect(node.settings.duravip.patience.patienceMs).toBe(6000);
    for (const client of [tom, ann]) client.socket.destroy();
  });
});

describe('files', () => {
  it('CMD-3 CONF-6.4 writeback: what was typed is there after a reload', async () => {
    await say('config set cluster if_down_limit 8');
    expect(await say('config writeback')).toBe(`${file}: 1 change\n`);
    expect(await reload()).toBe('Reconfigured: nothing is different.\n');
    expect(await say('config get cluster if_down_limit')).toBe('        If_Down_Limit = 8\n');
    expect(await say('config writeback')).toBe('Nothing to write.\n');
  });
});

describe('loggers', () => {
  it('CONF-10 one that comes writes from then on, and its level counts', async () => {
    const panics = join(folder, 'panics');
    const none = 'mainlog = "null://" rejectlog = "null://" acctlog = "null://"';
    write(
      listen(ports.first, ports.a),
      `ec_logger "x" { ${none} paniclog = "${panics}" } cluster { debug_level = INFO }`,
    );
    expect(await say('config reload')).toContain('  loggers\n');
    await say('config set cluster if_check_interval 9');
    await until(() => existsSync(panics) && readFileSync(panics, 'utf8').includes('CONSL: config set'));
    write(listen(ports.first, ports.a));
    expect(await say('config reload')).toContain('  loggers\n');
  });
});
