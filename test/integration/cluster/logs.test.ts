/** Logs of real node processes in files of real managers (logging 9, 10), whoever of them is killed. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection, StringCodec } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import { type Journal, openJournal } from '../../../src/journal/journal.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { Fleet, type NodeProcess } from './fleet.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-logs-'));
const path = join(folder, 'journal');
/** The second manager waits for it; the first one asks three times in it, also on a slow machine. */
const leaseS = 5;
const text = StringCodec();
let url: string;
let fleet: Fleet;
let client: NatsConnection;
let relay: NodeProcess;
let barca: NodeProcess;
/** Appends beside the node that owns the journal, as a C program does. */
let writer: Journal;
let lines: string[] = [];

beforeAll(async () => {
  ({ url } = await startNatsServer());
  client = await connect({ servers: url });
  fleet = new Fleet();
  await (await journal('own', ['master', 'mine', 'zoe'])).close();
  relay = await startRelay();
  writer = await journal('share', []);
  barca = await startManager('barca');
});

afterAll(async () => {
  await writer?.close();
  await client?.close();
  await fleet?.end();
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

async function journal(access: 'own' | 'share', subscribers: string[]): Promise<Journal> {
  const files = await openDiskFiles();
  const create = { unitLimit: 16_384 };
  return openJournal({
    path,
    files,
    access,
    subscribers,
    create,
    clock: systemClock,
    random: systemRandom,
  });
}

function startRelay(): Promise<NodeProcess> {
  const cluster = `
    logs = [ mainlog = "${path}" nothing = "${join(folder, 'none')}" ]
    log_active_interval = 1
    log_idle_interval = 1
    log_lease_timeout = ${leaseS}`;
  return fleet.start({ name: 'relay-1', servers: [url], cluster });
}

function startManager(name: string): Promise<NodeProcess> {
  const scopes = `Logs { logfile = "${folder}/${name}-files/%{l}/%{s}/%{n}" }`;
  return fleet.start({ name, role: 'manager', servers: [url], cluster: 'log_idle_interval = 1', scopes });
}

async function append(count: number): Promise<void> {
  const more = Array.from({ length: count }, (_, n) => `line ${lines.length + n} ${'.'.repeat(n % 50)}\n`);
  lines = [...lines, ...more];
  await Promise.all(more.map((line) => writer.append(Buffer.from(line))));
}

function written(manager: string): string {
  const file = `${folder}/${manager}-files/mainlog/default/relay-1`;
  return existsSync(file) ? readFileSync(file, 'latin1') : '';
}

/** Everything, once, in order. */
const isComplete = (manager: string) => () => written(manager) === lines.join('');

const checkpoints = async () => (await relay.console('cluster show logs')).match(/\[subscriber.*\]/g);

describe('logs of a node', { timeout: 180_000 }, () => {
  it('LOG-13 come into the file of the manager, and the subscriber advances', async () => {
    await append(3);
    await until(isComplete('barca'));
    const bytes = async () => (await relay.console('cluster show logs')).match(/on disk: (\d+)/)?.[1];
    await until(async () => (await checkpoints())?.[0]?.includes('00000000:00000003') ?? false);
    expect(await relay.console('cluster show logs')).toBe(`mainlog
\t[on disk: ${await bytes()} bytes]
\t[subscriber: 'master' @ 00000000:00000003]
\t[subscriber: 'mine' @ 00000000:00000000]
\t[subscriber: 'zoe' @ 00000000:00000000]
nothing
\t[on disk: 0 bytes]
`);
    const verbose = await barca.console('show logs verbose');
    expect(verbose).toContain('Node: relay-1\nmainlog\n');
    expect(verbose).toMatch(/\[puller: waiting (idle|writing)\]|\[puller: fetching idle\]/);
  });

  it('CMD-18 are transfers of the same id on both ends', async () => {
    const [id] = (await relay.console('cluster jobs')).split(' ');
    expect(id).toMatch(/^ECCMGRLOG-\d{5}$/);
    expect(await barca.console('show jobs')).toContain(`${id} `);
  });

  it('LOG-15 arrive once and in order over kills of the node, of the manager and of both', async () => {
    for (let round = 0; round < 3; round++) {
      const appending = append(2_000);
      if (round !== 1) {
        await relay.kill();
        relay = await startRelay();
      }
      if (round !== 0) {
        await barca.kill();
        barca = await startManager('barca');
      }
      await appending;
    }
    await until(isComplete('barca'), 60_000);
    await until(
      async () =>
        Number((await relay.console('json cluster show logs')).match(/"lagRecords":(\d+)/)?.[1]) === 0,
    );
  });

  it('LOG-17.9 with a subscriber of its own a second manager writes the same bytes', async () => {
    const zoe = await startManager('zoe');
    await append(500);
    await until(() => isComplete('zoe')() && isComplete('barca')(), 60_000);
    zoe.signal('SIGTERM');
    await zoe.ended;
  });

  it('LOG-17.9 of one subscriber only one manager has the log, and the next has the rest', async () => {
    const marta = await startManager('marta');
    await until(async () => /\[puller: leased\]/.test(await marta.console('show logs verbose')));
    await append(100);
    await until(isComplete('barca'));
    expect(written('marta')).toBe('');
    const before = lines.length;
    barca.signal('SIGTERM');
    await barca.ended;
    await append(100);
    await until(() => written('marta') === lines.slice(before).join(''), 60_000);
    await marta.kill();
  });
});

describe('the log service', { timeout: 120_000 }, () => {
  const ask = async (op: string, body: object | string) => {
    const data = text.encode(typeof body === 'string' ? body : JSON.stringify(body));
    const answer = await client.request(`ec_cluster.log.relay-1.${op}`, data, { timeout: 20_000 });
    return JSON.parse(text.decode(answer.data));
  };

  it('LOG-9.2 answers any NATS client, also one that asks for nonsense', async () => {
    expect(await ask('list', '')).toMatchObject({
      ok: true,
      node: 'relay-1',
      logs: [{ name: 'mainlog' }, {}],
    });
    for (const op of ['open', 'fetch', 'ack', 'close'])
      for (const body of ['', 'nonsense', '[]', '{"lease":7}', '{"log":{}}', 'x'.repeat(100_000)])
        expect(await ask(op, body)).toMatchObject({ ok: false, error: 'malformed' });
    const open = { log: 'mainlog', subscribers: ['nobody'], consumer: 'me', instance: 'a' };
    expect(await ask('open', open)).toMatchObject({ error: 'no-subscriber' });
    expect(await ask('open', { ...open, log: '../etc' })).toMatchObject({ error: 'unknown-log' });
    expect(await ask('ack', { lease: 'x', id: '00000000:00000001' })).toMatchObject({ error: 'lost-lease' });
    const { lease } = await ask('open', { ...open, subscribers: ['zoe'] });
    expect(await ask('ack', { lease, id: 'ffffffff:ffffffff' })).toMatchObject({ error: 'bad-id' });
    expect(await ask('open', { ...open, subscribers: ['zoe'], consumer: 'other' })).toMatchObject({
      error: 'leased',
      by: 'me',
    });
    expect(await ask('close', { lease })).toEqual({ ok: true });
  });

  it('LOG-9.2 serves the example of the guide', async () => {
    const root = join(import.meta.dirname, '../../..');
    const guide = readFileSync(join(root, 'docs/guides/log-service.md'), 'utf8');
    const program = /```js\n([\s\S]*?)```/.exec(guide)![1]!;
    // Where its import is found.
    const file = join(root, `test/integration/cluster/.example-${process.pid}.mjs`);
    writeFileSync(file, program.replace('nats://10.1.1.10:4222', url));
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      let printed = '';
      child.stdout.setEncoding('latin1').on('data', (more) => {
        printed += more;
      });
      await until(() => printed === lines.join(''), 60_000);
    } finally {
      child.kill('SIGKILL');
      rmSync(file);
    }
  });

  it('LOG-12 a subscriber is dropped from the console, for good', async () => {
    expect(await relay.console('cluster logs drop-subscriber zoe')).toBe("Dropped 'zoe' from mainlog.\n");
    expect(await relay.console('cluster logs drop-subscriber zoe')).toBe(
      'status 1: No such subscriber: zoe\n',
    );
    expect(await checkpoints()).toHaveLength(2);
  });
});
