/** A node with loggers: its traffic in journals and files, a full disk, the paniclog on the bus (spec: logging 2, 3, 7, 14). */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { freePort, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const bin = join(import.meta.dirname, '../../../bin/flotilla');
const folder = mkdtempSync(join(tmpdir(), 'flotilla-loggers-'));
/** So small that a few thousand lines fill it. */
const small = join(folder, 'small');
const journal = join(folder, 'mainlog.cluster');
const reception = {
  messageId: '00/00-25004-31B987F3',
  sender: 'info@sender.com',
  recipient: 'bob@example.com',
  bytes: 201,
  protocol: 'esmtp',
} as const;
let port: number;
let bus: NatsConnection;
let upstream: Server;
let node: RunningNode;
const panics: string[] = [];

beforeAll(async () => {
  mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small]);
  const { url } = await startNatsServer();
  bus = await connect({ servers: url });
  for (const group of ['panics', 'alarms'])
    bus.subscribe(`${group}.>`, {
      callback: (_, { subject, data, headers }) =>
        panics.push(`${headers?.get('Seq')} ${subject} ${Buffer.from(data)}`),
    });
  await bus.flush();
  upstream = createServer((socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  port = await freePort();
  const { port: upstreamPort } = upstream.address() as { port: number };
  node = await startNode({
    nodename: 'relay-1',
    servers: [url],
    logOutput: { write: () => {} },
    configText: `
      cluster {
        nodeaddr = 127.0.0.1  log_group = panics  log_group_split = true  debug_level = NOTICE
        state_dir = "${folder}/state"  logs = [ mainlog = "${journal}" ]
      }
      Control_Listener { Listen "${folder}/console" { } }
      TCP_Listener { Listen "127.0.0.1:${port}" { Upstream = "127.0.0.1:${upstreamPort}" } }
      ec_logger "cluster" {
        mainlog = "cluster://${journal}=>master"  paniclog = "${folder}/panic"
        rejectlog = "${folder}/reject"  acctlog = "${folder}/acct"  heartbeat = 0
      }
      ec_logger "small" {
        mainlog = "${small}/mainlog"  paniclog = "null://"  rejectlog = "null://"  acctlog = "null://"
        heartbeat = 0  spill = 100
      }`,
  });
});

afterAll(async () => {
  await node?.stop();
  await bus?.close();
  upstream?.close();
  await stopNatsServers();
  execFileSync('umount', [small]);
  rmSync(folder, { recursive: true });
});

const linesOf = (path: string): string[] =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];

async function jlogCat(): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [bin, 'jlog', 'cat', '-j', journal]);
  return stdout;
}

describe('a node with loggers', () => {
  it('LOG-2 LOG-3 sessions of its front listener and messages of its program are read by jlog cat', async () => {
    await new Promise<void>((resolve, reject) => {
      const client = connectTcp(port, '127.0.0.1', () => client.end('hello'));
      client.on('error', reject).on('close', resolve).resume();
    });
    await until(async () => {
      await node.logs.flush();
      return (await jlogCat()).includes('@C@');
    });
    node.logs.reception(reception);
    await node.logs.flush();
    const lines = (await jlogCat()).split('\n').slice(0, -1);
    expect(lines[0]).toMatch(
      /^\d{10}@@@00\/00-\d{5,}-[0-9a-f]{8}@C@127\.0\.0\.1:\d+@127\.0\.0\.1@\d+@5@5@\d+\.\d{3}$/,
    );
    expect(lines[1]).toMatch(
      /^\d{10}@00\/00-25004-31B987F3@@@R@bob@example\.com@info@sender\.com@unknown@201@esmtp@default@default$/,
    );
  });

  it('LOG-3 a service that is not there is a rejection, a console line an account record', async () => {
    upstream.close();
    await new Promise<void>((resolve) => {
      connectTcp(port, '127.0.0.1')
        .on('error', () => {})
        .on('close', () => resolve())
        .resume();
    });
    await promisify(execFile)(process.execPath, [bin, 'console', `${folder}/console`, 'pid']);
    await until(() => linesOf(`${folder}/reject`).length > 0 && linesOf(`${folder}/acct`).length > 1);
    expect(linesOf(`${folder}/reject`)[0]).toMatch(
      /^\d{10}: R="127\.0\.0\.1:\d+" L="127\.0\.0\.1:\d+" C="[^"]+" .* E=421 M=front_listener .*4\.4\.2/,
    );
    const [login, command] = linesOf(`${folder}/acct`).map((line) => line.split('@').slice(1));
    expect(login).toEqual(['N', `${folder}/console`, '', 'root', '1']);
    expect(command).toEqual(['Z', `${folder}/console`, '', 'root', '-1', 'pid', '']);
  });

  it('LOG-7 a full disk: lines wait up to spill, are dropped beyond, and are written when there is room', async () => {
    writeFileSync(`${small}/ballast`, Buffer.alloc(40 * 1024));
    const isFull = (): boolean =>
      node.logs.destinations().some(({ name, problem }) => name.startsWith(small) && problem !== undefined);
    let sent = 0;
    const send = (): void => node.logs.reception({ ...reception, messageId: `number-${sent++}` });
    while (!isFull()) {
      for (let n = 0; n < 50; n++) send();
      await node.logs.flush();
    }
    for (let n = 0; n < 500; n++) send();
    const facts = () => node.logs.destinations().find(({ name }) => name.startsWith(small))!;
    expect(facts().waiting).toBe(100);
    const { dropped } = facts();
    expect(dropped).toBeGreaterThanOrEqual(400);
    rmSync(`${small}/ballast`);
    await until(() => facts().waiting === 0);
    const numbers = linesOf(`${small}/mainlog`).flatMap(
      (line) => /^\d{10}@number-(\d+)@@@R@bob@.*@default@default$/.exec(line)?.[1] ?? [],
    );
    // Every line whole, in order, none twice; what is missing was counted.
    expect(numbers).toHaveLength(sent - dropped);
    expect(numbers.map(Number)).toEqual([...numbers.map(Number)].sort((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
    await until(() => linesOf(`${folder}/panic`).some((line) => line.includes('can be written again')));
    expect(linesOf(`${folder}/panic`).filter((line) => line.includes('ENOSPC'))).toHaveLength(1);
  });

  it('LOG-14 the paniclog is heard on the bus while it is written, each line once', async () => {
    await until(() => panics.some((panic) => panic.includes('can be written again')));
    const lines = new Set(linesOf(`${folder}/panic`));
    const bodies = panics.map((panic) => panic.replace(/^\S+ \S+ /, ''));
    expect(bodies.filter((body) => !lines.has(body) && !body.endsWith('messages suppressed'))).toEqual([]);
    expect(new Set(panics.map((panic) => /^\S+/.exec(panic)?.[0])).size).toBe(panics.length);
    expect(panics.every((panic) => / panics\.relay-1\.[a-z]+ /.test(` ${panic.split(' ')[1]} `))).toBe(true);
  });

  it('CONF-10 LOG-14 another log_group has the paniclog at once, and none ends it', async () => {
    const heard = (group: string) => panics.filter((line) => line.includes(` ${group}.relay-1.`)).length;
    const reload = () => node.console('config reload /nowhere');
    expect((await node.console('config set cluster log_group alarms')).text).toBe('Log_Group = alarms\n');
    expect((await node.console('cluster info')).text).toContain('Logger Group: alarms\n');
    const before = heard('panics');
    await reload();
    await until(() => heard('alarms') > 0);
    await node.console('config unset cluster log_group');
    await reload();
    await node.console('config set cluster log_group panics');
    await reload();
    await until(() => heard('panics') > before);
  });

  it('LOG-2 reopen logs goes on in new files, and makes a journal anew that was removed', async () => {
    renameSync(`${folder}/acct`, `${folder}/acct.1`);
    rmSync(journal, { recursive: true });
    expect(await node.console('reopen logs')).toEqual({ text: 'Executed\n', status: 0 });
    node.logs.reception({ ...reception, messageId: 'anew' });
    await promisify(execFile)(process.execPath, [bin, 'console', `${folder}/console`, 'pid']);
    await node.logs.flush();
    expect(await jlogCat()).toMatch(/^\d{10}@anew@/);
    await until(() => linesOf(`${folder}/acct`).length > 1);
    expect((await node.console('ec_logger:nobody reopen logs')).status).toBe(1);
  });
});
