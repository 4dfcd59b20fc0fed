/** Managers give commands to three real nodes over a real server, and keep what they answer. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, headers } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectToSocket } from '../../../src/console/client/connection.ts';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { type RunningManager, startManager } from '../../../src/manager.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-manager-commands-'));
/** Of all processes. */
const logged: string[] = [];
const quiet = { logOutput: { write: (line: string) => void logged.push(line) } };
const subclusters = { 'relay-1': 'east', 'relay-2': 'east', 'relay-3': 'west' } as const;
type Relay = keyof typeof subclusters;
const relays = Object.keys(subclusters) as Relay[];
/** What only the role `cluster-manager` of the nodes does not allow. */
const nodeRoles = `
  Authorization { Role "cluster-manager" { allow = ( "^(?:version|pid|cluster|bump|config|shutdown|fill)\\\\b" ) } }`;

let url: string;
const nodes = new Map<Relay, RunningNode>();
const managers = new Map<string, RunningManager>();
/** Each run of `bump N`: incarnation and N. */
const bumps: string[] = [];

beforeAll(async () => {
  ({ url } = await startNatsServer());
  await Promise.all(relays.map(startRelay));
  for (const name of ['barca', 'roma']) managers.set(name, await startOne(name));
  await together();
});

afterAll(async () => {
  await Promise.all([...nodes.values(), ...managers.values()].map((each) => each.stop()));
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

async function startRelay(nodename: Relay): Promise<void> {
  const configFile = join(folder, `${nodename}.conf`);
  writeFileSync(configFile, nodeConfiguration(nodename));
  const environment = { EC_SUB_CLUSTER: subclusters[nodename] };
  const node = await startNode({ nodename, servers: [url], environment, configFile, ...quiet });
  node.commands.register('bump', ([number = '']) => {
    bumps.push(`${node.incarnation} ${number}`);
    return `${number}\n`;
  });
  node.commands.register('fill', ([mebibytes]) => `${nodename} `.repeat((Number(mebibytes) * 2 ** 20) / 8));
  nodes.set(nodename, node);
}

function nodeConfiguration(nodename: Relay, more = ''): string {
  return `
    cluster { nodeaddr = 127.0.0.1 debug_level = INFO state_dir = "${join(folder, `${nodename}-state`)}" }
    Control_Listener { Listen "${join(folder, nodename)}" { } }
    ${nodeRoles} ${more}`;
}

function managerConfiguration(name: string, allowed = '".*"'): string {
  return `
    cluster { debug_level = INFO state_dir = "${join(folder, `${name}-state`)}" }
    Logs { control_cache = "${join(folder, name, 'answers.db')}" Subscriber = ( ) }
    Control_Listener {
      Enable_Authorization = true
      Listen "${join(folder, `${name}.sock`)}" { }
    }
    Authorization { Role "${process.env.USER ?? 'root'}" { allow = ( ${allowed} ) } Role "root" { allow = ( ${allowed} ) } }`;
}

function startOne(nodename: string, allowed?: string): Promise<RunningManager> {
  const configFile = join(folder, `${nodename}.conf`);
  writeFileSync(configFile, managerConfiguration(nodename, allowed));
  return startManager({ nodename, servers: [url], configFile, ...quiet });
}

async function together(): Promise<void> {
  const all = [...nodes.values(), ...managers.values()];
  await until(() => all.every(({ view }) => view?.members.length === all.length));
  // Names and subclusters come after the view.
  for (const manager of managers.values())
    await until(
      async () =>
        (await manager.console('show cluster membership')).text.split('relay-').length === 2 * nodes.size + 1,
    );
}

const say = async (line: string, name = 'barca') => {
  const { text, status } = await managers.get(name)!.console(line);
  return status === 0 ? text : `status ${status}: ${text}`;
};

/** As an operator who comes in by the socket, with his roles. */
async function type(line: string, name = 'barca'): Promise<string> {
  const label = join(folder, `${name}.sock`);
  const where = { kind: 'socket', where: { path: label }, label } as const;
  const connection = await connectToSocket(where, { timeoutMs: 20_000 });
  try {
    let text = '';
    const reply = connection.request(line, 'text');
    for (;;) {
      const next = await reply.next();
      if (next.done) return next.value === 0 ? text : `status ${next.value}: ${text}`;
      text += next.value;
    }
  } finally {
    connection.close();
  }
}

/** Without private names and times. */
const plain = (text: string) => text.replace(/\((#\S+)\) \S+Z/g, '(name) TIME');
const header = (node: string, status: number | string = 0) => `== ${node} (name) TIME [${status}]\n`;

describe('commands of a manager', () => {
  it('MGR-6 MGR-8 MGR-11 broadcast returns at once; the answers are kept, in order of nodes', async () => {
    expect(await say('broadcast cluster nodename')).toBe('Broadcast to 3 nodes: cluster nodename\n');
    const all = relays.map((relay) => `${header(relay)}${relay}\n`).join('');
    await until(async () => plain(await say('retrieve cluster nodename')) === all);
    expect(await say('retrieve_node relay-2 cluster nodename')).toMatch(
      /^== relay-2 \(#ec0-\d{5}#relay-2\) \d{4}-\d\d-\d\dT[\d:.]+Z \[0\]\nrelay-2\n$/,
    );
    expect(await say('retrieve version')).toBe('status 1: No responses for: version\n');
  });

  it('MGR-3 each manager keeps its own answers', async () => {
    expect(await say('retrieve cluster nodename', 'roma')).toMatch(/^status 1: No responses/);
    expect(plain(await say('broadcast -w cluster nodename', 'roma'))).toContain(header('relay-3'));
  });

  it('MGR-7 MGR-9 unicast reaches one node; MGR-10 subcluster broadcast its nodes', async () => {
    expect(await say('unicast relay-3 pid')).toBe('Sent to relay-3: pid\n');
    await until(async () => plain(await say('retrieve pid')) === `${header('relay-3')}${process.pid}\n`);
    expect(await say('unicast relay-9 pid')).toBe('status 1: No such node: relay-9\n');
    expect(plain(await say('subcluster broadcast -w east cluster nodename'))).toBe(
      `${header('relay-1')}relay-1\n${header('relay-2')}relay-2\n`,
    );
    expect(plain(await say('subcluster retrieve west cluster nodename'))).toBe(
      `${header('relay-3')}relay-3\n`,
    );
    expect(await say('subcluster broadcast moon pid')).toBe('status 1: No such subcluster: moon\n');
    expect(await say('subcluster retrieve moon pid')).toBe('status 1: No such subcluster: moon\n');
  });

  it('MGR-13 CMD-8 show cluster membership is what the nodes say, in XML too; MGR-14 info', async () => {
    const relay = nodes.get('relay-1')!;
    for (const form of ['', 'xml ', 'json '])
      await until(
        async () =>
          (await say(`${form}show cluster membership`)) ===
          (await relay.console(`${form}cluster membership`)).text,
      );
    const [leader] = /(relay-\d) is leader/.exec((await relay.console('cluster info')).text) ?? [];
    expect(await say('info')).toBe(
      `Daemon: ${url} [m:#barca#barca]\nControl Group: ec_console\nCluster Group: ec_cluster (${leader})\nLogger Group: none\n`,
    );
  });

  it('MGR-21 BUS-15 an answer much larger than a message comes whole', async () => {
    const answer = await say('unicast -w 55 relay-2 fill 5');
    const [first = '', ...rest] = answer.split('\n');
    expect(plain(`${first}\n`)).toBe(header('relay-2'));
    expect(rest.join('\n').trimEnd().length).toBe(5 * 2 ** 20 - 1);
  }, 60_000);

  it('MGR-2 MGR-17 broadcast config reload: all nodes take the new file; an error is the answer of that node', async () => {
    for (const relay of relays)
      writeFileSync(
        join(folder, `${relay}.conf`),
        nodeConfiguration(
          relay,
          relay === 'relay-2' ? 'Nonsense = 1' : 'Authorization { Role "more" { allow = ( "^pid$" ) } }',
        ),
      );
    const answer = plain(await say('broadcast -w 20 config reload'));
    expect(answer).toMatch(
      /^status 1: == relay-1 \(name\) TIME \[0\]\n[\s\S]*Reconfigured:\n {2}Authorization\n== relay-2/,
    );
    expect(answer).toMatch(
      /== relay-2 \(name\) TIME \[1\]\n[\s\S]*Nonsense[\s\S]*Reconfigure failed\.\n== relay-3/,
    );
    for (const relay of relays) writeFileSync(join(folder, `${relay}.conf`), nodeConfiguration(relay));
    expect(plain(await say('broadcast -w 20 config reload'))).not.toContain('[1]');
  });

  it('MGR-6 MGR-19 CON-36 a secret gets to the nodes, and into no answer, record, log or control cache', async () => {
    const secret = 'S3cret-of-all-nodes';
    const line = `config set cluster bus_password = ${secret}`;
    logged.length = 0;
    let seen = await type(`broadcast -w ${line}`);
    expect(plain(seen)).toContain(header('relay-3'));
    for (const form of ['', 'xml ', 'json ']) seen += await type(`${form}retrieve ${line}`);
    seen += await type('retrieve config set cluster bus_password = ...');
    expect(seen.match(/relay-2 \(/g)).toHaveLength(3);
    seen += await type('broadcast -w paniclog');
    const file = join(folder, 'with-secret.conf');
    expect(plain(await say(`unicast -w relay-1 config writeback ${file}`))).toContain('[0]');
    expect(readFileSync(file, 'utf8')).toContain(secret);
    expect(seen).not.toContain(secret);
    await until(() => logged.some((each) => each.includes('bus_password = ...')));
    expect(logged.join('')).not.toContain(secret);
    const cache = join(folder, 'barca', 'answers.db');
    expect(readFileSync(cache).includes(secret)).toBe(false);
    expect(statSync(cache).mode & 0o777).toBe(0o600);
    expect(plain(await say('broadcast -w config reload'))).not.toContain('[1]');
  });

  it('CON-35 INV-34 a command is allowed by the roles of who types it at the manager, and by cluster-manager on the node', async () => {
    expect(plain(await type('unicast -w relay-1 cluster nodename'))).toBe(`${header('relay-1')}relay-1\n`);
    const forbidden = 'Not Authorized for this command\n';
    expect(plain(await type('unicast -w relay-1 paniclog'))).toBe(
      `status 1: ${header('relay-1', 3)}${forbidden}`,
    );
    for (const line of [
      'unicast -w relay-1 xml paniclog',
      'unicast -w relay-1 "paniclog"',
      'unicast -w relay-1 " PANICLOG"',
    ])
      expect(plain(await type(line))).toContain('[3]');

    writeFileSync(
      join(folder, 'barca.conf'),
      managerConfiguration('barca', '"^broadcast (?:-w )?version$" "^retrieve "'),
    );
    expect(await say('config reload')).toMatch(/^Reconfigured:\n/);
    expect(plain(await type('broadcast -w version'))).toContain(header('relay-3'));
    const before = bumps.length;
    for (const line of [
      'broadcast bump 1',
      'broadcast -w bump 1',
      'xml broadcast bump 1',
      'unicast relay-1 bump 1',
      'broadcast "version" bump',
      'flush control cache',
      'shutdown',
    ])
      expect(await type(line)).toMatch(/^status 3: /);
    expect(bumps).toHaveLength(before);
    writeFileSync(join(folder, 'barca.conf'), 'nonsense');
    expect(await say('config reload')).toMatch(/^status 1: [\s\S]*Reconfigure failed\.\n$/);
    expect(await type('shutdown')).toMatch(/^status 3: /);
    writeFileSync(join(folder, 'barca.conf'), managerConfiguration('barca'));
    await say('config reload');
    expect(await type('pid')).toBe(`${process.pid}\n`);
  });

  it('INV-36 while nodes restart and reset, a command runs at most once in each of their lives', async () => {
    let isOver = false;
    const restless = (async () => {
      for (let round = 0; round < 3; round++) {
        await nodes.get('relay-3')!.stop();
        await startRelay('relay-3');
        await nodes.get('relay-2')!.console('cluster reset');
      }
      isOver = true;
    })();
    let number = 100;
    for (; !isOver || number < 150; number++) {
      await say(`broadcast bump ${number}`, number % 2 === 0 ? 'barca' : 'roma');
      await new Promise((resume) => setTimeout(resume, 5));
    }
    await restless;
    await together();
    await say(`broadcast -w bump ${number}`);
    expect(bumps.filter((bump) => bump.endsWith(` ${number}`))).toHaveLength(3);
    expect(bumps).toEqual([...new Set(bumps)]);
  }, 60_000);

  it('INV-36 MGR-23 a copy of a command is not run again; commands of a manager keep their order', async () => {
    const client = await connect({ servers: url });
    const marked = headers();
    marked.set('Flotilla-Manager', 'barca');
    for (const line of ['bump 7', 'bump 7', 'bump 7'])
      client.publish('ec_console', line, { reply: '_INBOX.copy.1', headers: marked });
    const numbers = Array.from({ length: 20 }, (_, at) => at + 500);
    for (const number of numbers)
      client.publish('ec_console.node.relay-1', `bump ${number}`, {
        reply: `_INBOX.row.${number}`,
        headers: marked,
      });
    const own = (number: number | string) => bumps.includes(`${nodes.get('relay-1')!.incarnation} ${number}`);
    await until(() => own(numbers.at(-1)!));
    await client.close();
    expect(bumps.filter((bump) => bump.endsWith(' 7'))).toHaveLength(3);
    const ran = bumps.filter((bump) => bump.startsWith(String(nodes.get('relay-1')!.incarnation)));
    expect(ran.map((bump) => Number(bump.split(' ')[1])).filter((number) => number >= 500)).toEqual(numbers);
  });

  it('MGR-4 MGR-19 answers survive a restart of the manager, without which the nodes go on', async () => {
    expect(plain(await say('broadcast -w version'))).toContain(header('relay-1'));
    const before = await say('retrieve version');
    await managers.get('barca')!.stop();
    managers.delete('barca');
    await together();
    expect((await nodes.get('relay-1')!.console('cluster membership')).text).not.toContain('barca');
    managers.set('barca', await startOne('barca'));
    expect(await say('retrieve version')).toBe(before);
    expect(await say('flush control cache')).toBe('Control cache flushed.\n');
    expect(await say('retrieve version')).toBe('status 1: No responses for: version\n');
  });

  it('MGR-5 a second process with the same control cache does not start', async () => {
    const configText = managerConfiguration('barca').replaceAll('barca.sock', 'other.sock');
    await expect(
      startManager({ nodename: 'other', servers: [url], configText, ...quiet }),
    ).rejects.toMatchObject({
      code: 'FLT-2701',
    });
  });

  it('MGR-15 MGR-23 broadcast shutdown ends all nodes, shutdown the manager', async () => {
    await together();
    expect(await say('broadcast -w shutdown')).toContain('Shutting down.\n');
    await Promise.all([...nodes.values()].map(({ ended }) => ended));
    nodes.clear();
    await until(async () => (await say('broadcast pid')) === 'status 1: There is no node in the cluster.\n');
    expect(await say('shutdown')).toBe('Shutting down.\n');
    await managers.get('barca')!.ended;
    managers.delete('barca');
  });
});
