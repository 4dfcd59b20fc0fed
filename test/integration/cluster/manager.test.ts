/** A manager beside two nodes: listed as such, and its files have what the nodes counted, whoever is restarted. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { Fleet, type NodeProcess } from './fleet.ts';

const bin = join(import.meta.dirname, '../../../bin/flotilla');
const folder = mkdtempSync(join(tmpdir(), 'flotilla-manager-'));
const files = join(folder, 'aslogger');
const objects = `
  Replicate "metrics" { max_delay = 0.02 parameters = "connect;audit_series" }
  Replicate "eccmgr_metrics" { max_delay = 0.02 parameters = "connect;audit_series" }
  Replicate "shared_named_throttles" { }`;
let url: string;
let fleet: Fleet;
let one: RunningNode;
let two: RunningNode;
let manager: NodeProcess;

beforeAll(async () => {
  ({ url } = await startNatsServer());
  fleet = new Fleet();
  [one, two] = await Promise.all([startRelay('relay-1'), startRelay('relay-2')]);
  manager = await startManager();
  await together();
});

afterAll(async () => {
  await Promise.all([one, two].map((node) => node?.stop()));
  await fleet?.end();
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

async function startRelay(nodename: string): Promise<RunningNode> {
  const node = await startNode({
    nodename,
    servers: [url],
    logOutput: { write: () => {} },
    configText: `
      cluster { nodeaddr = 127.0.0.1 ${objects} }
      inbound_audit { serialize_dir = "${join(folder, 'persist', nodename)}" }
      Control_Listener { Listen "${join(folder, nodename)}" { } }`,
  });
  node.series.define('spam', 'cidr', 3600, 3, { replicate: 'cluster', persist: true });
  node.series.define('virus', 'cidr', 3600, 3, { replicate: 'manager' });
  return node;
}

function startManager(name = 'barca'): Promise<NodeProcess> {
  return fleet.start(managerOptions(name));
}

function managerOptions(name: string) {
  const scopes = `as_logger { base_dir = "${files}" log_interval = 1 series_include_default = all }`;
  return { name, role: 'manager', servers: [url], cluster: objects, scopes } as const;
}

function together(): Promise<void> {
  return until(() =>
    [one, two].every(({ view, state }) => view?.members.length === 3 && state === 'serving'),
  );
}

/** What all files together say. */
async function filed(series: string): Promise<string> {
  const answer = await manager.console(`cidr show count for 0.0.0.0/0 in ${series} aggregate`);
  return /: +(\S+)\n/.exec(answer)?.[1] ?? '0';
}

function filesHave(spam: number, virus: number): Promise<void> {
  return until(
    async () => (await filed('spam')) === String(spam) && (await filed('virus')) === String(virus),
  );
}

describe('a manager', () => {
  it('MGR-3 MEM-10 CMD-8 is listed as one, without an address, in the group of members, and never leads', async () => {
    const { version } = JSON.parse((await one.console('json version')).text);
    const listed = `Private Name: #barca#barca
Node Name: barca
Subcluster: default
Node Type: Manager
Version: ${version}
Address: 0.0.0.0:0
Groups: ec_cluster
`;
    let text = '';
    await until(async () => {
      ({ text } = await one.console('cluster membership'));
      return text.endsWith(listed);
    });
    await until(async () => (await manager.console('show cluster membership')) === text);
    const info = (await one.console('cluster info -v')).text;
    expect(info).toMatch(/^View: .*\(2 nodes, /m);
    expect(info).toMatch(/relay-[12] is leader/);
  });

  it('CMD-21 REP-18.1 has none of the commands of nodes', async () => {
    expect(await manager.console('cluster shared list')).toBe('status 2: Unknown command\n');
  });

  it('REP-4.13 REP-11.4 writes series of both modes and events, each count once', async () => {
    one.series.add('spam', { key: '10.0.0.1', count: 2 });
    two.series.add('spam', { key: '10.0.0.2', count: 5 });
    one.series.add('virus', { key: '10.0.0.1', count: 3 });
    two.audit.count('connect', '10.0.0.3', 4);
    await filesHave(7, 3);
    await until(async () => (await filed('connect')) === '4');
    expect(two.series.count('virus', '10.0.0.1')).toBe(0);
  });

  it('REP-9.17 REP-11.4 sums are exact after a restart of a node that takes over what it had counted', async () => {
    await one.stop();
    one = await startRelay('relay-1');
    one.series.add('spam', { key: '10.0.0.1', count: 10 });
    one.series.add('virus', { key: '10.0.0.1', count: 10 });
    await together();
    await filesHave(17, 13);
  });

  it('CMD-17 and after a cluster reset of a node', async () => {
    const before = two.incarnation;
    await two.console('cluster reset');
    await until(() => two.incarnation !== before);
    two.series.add('spam', { key: '10.0.0.1', count: 100 });
    await together();
    await filesHave(117, 13);
  });

  it('REP-11.5 and after a stop of the manager, with what was counted while it was away', async () => {
    one.series.add('spam', { key: '10.0.0.1', count: 1_000 });
    manager.signal('SIGTERM');
    expect(await manager.ended).toBe(0);
    two.series.add('spam', { key: '10.0.0.1', count: 1_000 });
    two.series.add('virus', { key: '10.0.0.1', count: 1_000 });
    manager = await startManager();
    await together();
    await filesHave(2_117, 1_013);
  });

  it('REP-11.5 and after kill -9 of the manager', async () => {
    one.series.add('spam', { key: '10.0.0.1', count: 10_000 });
    await filesHave(12_117, 1_013);
    await manager.kill();
    one.series.add('spam', { key: '10.0.0.1', count: 10_000 });
    await one.stop();
    one = await startRelay('relay-1');
    one.series.add('virus', { key: '10.0.0.1', count: 10_000 });
    manager = await startManager();
    await together();
    await filesHave(22_117, 11_013);
    expect(readdirSync(files).filter((name) => name.endsWith('.new'))).toEqual([]);
  });

  it('ID-20 FLT-1103 a second manager of one name ends and says why', async () => {
    const options = managerOptions('barca');
    // As on another machine: on this one it would not get as far, because the first one has the file.
    const elsewhere = `Logs { control_cache = "${join(folder, 'elsewhere.db')}" Subscriber = ( ) }`;
    const later = await fleet.launch({ ...options, scopes: `${options.scopes} ${elsewhere}` });
    expect(await later.ended).toBe(1);
    expect(later.log()).toMatch(/barca is also the name of another manager, process \d+; .*\[FLT-1103\]$/m);
    await together();
  });

  it('MGR-5 FLT-2701 nor does one that has the same files', async () => {
    const later = await fleet.launch(managerOptions('barca'));
    expect(await later.ended).toBe(1);
    expect(later.log()).toContain('[FLT-2701]');
  });

  it('LIFE-4 a manager waits for a server that is not there, and ends on Ctrl-C', async () => {
    const waiting = await fleet.start({ ...managerOptions('alone'), servers: ['nats://127.0.0.1:1'] });
    expect(await waiting.console('show cluster membership')).not.toContain('relay');
    waiting.signal('SIGINT');
    expect(await waiting.ended).toBe(0);
  });
});

describe('flotilla cidr-maintain', () => {
  it('REP-11.8 compresses and deletes by age; answers stay the same', async () => {
    const old = join(folder, 'old');
    mkdirSync(old);
    const day = (back: number) =>
      new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');
    for (const back of [0, 2, 40])
      writeFileSync(
        join(old, `spam.${day(back)}T000001`),
        `#audit_series v1 spam cidr ${day(back)}T000000 ${day(back)}T000001\n10.0.0.1\t${back + 1}\n`,
      );
    const config = join(folder, 'maintain.conf');
    writeFileSync(config, `basedir = "${old}"`);
    expect(await run(['cidr-maintain', '-c', config])).toEqual([0, `${old}: 1 compressed, 1 deleted\n`]);
    expect(readdirSync(old).sort()).toEqual([`spam.${day(2)}T000001.gz`, `spam.${day(0)}T000001`]);
    const question = 'show count for 10.0.0.0/8 in spam';
    expect(await run(['cidr', '-d', old, question])).toEqual([0, '10.0.0.1/32        :         4\n']);
    expect(await run(['cidr_maintain', '-c', join(folder, 'nothing')])).toEqual([1, '']);
  });
});

async function run(words: readonly string[]): Promise<[code: number, output: string]> {
  const child = spawn(bin, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  return [code, output];
}
