/**
 * Who a node says it is and which connections it holds: three nodes in this program, in two subclusters, with names that
 * have dots, looked at from the console, the API and the monitoring of the NATS server.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection, RequestStrategy } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { viewKey } from '../../../src/core/view.ts';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { freePort, type NatsServer, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-identity-'));
let server: NatsServer;
let monitorPort: number;
let one: RunningNode;
let two: RunningNode;
let staging: RunningNode;
let nc: NatsConnection;

beforeAll(async () => {
  monitorPort = await freePort();
  server = await startNatsServer({ config: `http: "127.0.0.1:${monitorPort}"` });
  nc = await connect({ servers: server.url });
  [one, two, staging] = await Promise.all([
    start('relay-1.east', { port: 4899 }),
    start('relay-2.east', {}),
    start('relay-1.west', { subcluster: 'staging' }),
  ]);
  await until(() => everybody().every(({ view }) => view?.members.length === 3));
  // The descriptions come with the first beats after the view.
  await until(async () => !(await text(one, 'cluster membership')).includes('(Null)'));
});

afterAll(async () => {
  await nc?.close();
  await Promise.all(everybody().map((node) => node?.stop()));
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

const everybody = () => [one, two, staging];

function start(
  nodename: string,
  { port, subcluster }: { readonly port?: number; readonly subcluster?: string },
): Promise<RunningNode> {
  return startNode({
    servers: [server.url],
    logOutput: { write: () => {} },
    environment: { EC_NODE_NAME: nodename, ...(subcluster ? { EC_SUB_CLUSTER: subcluster } : {}) },
    configText: `
      cluster {
        nodeaddr = 127.0.0.1
        cluster_group = fleet
        control_group = fleet_console
        Replicate "inbound_cidr" { max_delay = 0.02 }
      }
      ${port === undefined ? '' : `ECCluster_Listener { Listen "*:${port}" { } }`}
      Control_Listener { Listen "${join(folder, nodename)}" { } }`,
  });
}

async function text(node: RunningNode, line: string): Promise<string> {
  const answer = await node.console(line);
  return answer.status === 0 ? answer.text : `status ${answer.status}: ${answer.text}`;
}

/** `#ec0-08422#relay-1.east` as this node shows it. */
async function privateNames(node: RunningNode): Promise<{ m: string; s: string }> {
  const { links } = JSON.parse(await text(node, 'json cluster info'));
  return links;
}

interface ServerConnection {
  readonly name: string;
  readonly subscriptions_list?: readonly string[];
}

/** What the server says about the connections of one node, by the letter in the name. */
async function connectionsOf(node: RunningNode): Promise<Map<string, readonly string[]>> {
  const answer = await fetch(`http://127.0.0.1:${monitorPort}/connz?subs=1`);
  const { connections } = (await answer.json()) as { connections: readonly ServerConnection[] };
  return new Map(
    connections
      .filter(({ name }) => name?.endsWith(` ${node.incarnation}`))
      .map(({ name, subscriptions_list = [] }) => [name.split(' ')[1]!, subscriptions_list]),
  );
}

describe('two connections', () => {
  it('ID-15 a node holds two, and cluster info prints the private name of both', async () => {
    for (const node of everybody()) {
      expect([...(await connectionsOf(node)).keys()].sort()).toEqual(['m', 's']);
      const { m, s } = await privateNames(node);
      expect(m).toMatch(new RegExp(`^#ec0-\\d{5}#${node.settings.nodename}$`));
      expect(s).toBe(m.replace('#ec0-', '#ec1-'));
      expect(await text(node, 'cluster info')).toContain(` [m:${m},s:${s}]\n`);
    }
  });

  it('ID-16 membership lists names of `m`, replicated views names of `s`', async () => {
    two.shared('inbound_cidr').set('10.1.1.1', 4);
    await until(() => one.shared('inbound_cidr').count('10.1.1.1') === 4);
    const { m, s } = await privateNames(two);
    expect(await text(one, 'cluster membership')).toContain(`Private Name: ${m}\n`);
    expect(await text(one, 'cluster shared show inbound_cidr from relay-2.east')).toMatch(
      `lazy, snapped cidrtree 'inbound_cidr', view '${s}'\n`,
    );
    two.shared('inbound_cidr').set('10.1.1.1', 0);
  });

  it('ID-16 `m` carries membership and console and nothing of the replicated data, `s` those and what programs say', async () => {
    const connections = await connectionsOf(one);
    const [m = [], s = []] = ['m', 's'].map((link) => connections.get(link));
    const isShared = (subject: string) => /^fleet\.(shared\.|to\.\w+\.shared$)/.test(subject);
    const isProgram = (subject: string) => /^fleet\.(program\.|to\.\w+\.program$)/.test(subject);
    const isMembership = (subject: string) => /^fleet\.((view|vip)\.|to\.\w+\.(view|vip)$)/.test(subject);
    const isConsole = (subject: string) => /^(fleet_console($|\.)|\$SRV\.)/.test(subject);
    const isApi = (subject: string) => subject === 'fleet.api.relay-1%2Eeast.>';
    expect(s.filter((subject) => !isShared(subject) && !isProgram(subject) && !isApi(subject))).toEqual([]);
    expect(m.filter((subject) => !isMembership(subject) && !isConsole(subject))).toEqual([]);
    expect([m.some(isMembership), m.some(isConsole), s.some(isShared)]).toEqual([true, true, true]);
  });
});

describe('names and addresses', () => {
  it('ID-6 a name with a dot counts in full everywhere, and a part of it is nobody', async () => {
    expect(await text(one, 'cluster nodename')).toBe('relay-1.east\n');
    one.shared('inbound_cidr').set('10.1.1.2', 7);
    await until(() => two.shared('inbound_cidr').count('10.1.1.2', { from: 'relay-1.east' }) === 7);
    expect(() => two.shared('inbound_cidr').count('10.1.1.2', { from: 'relay-1' })).toThrow(
      'There is no view from this node: relay-1',
    );
    expect(await text(two, 'cluster shared show inbound_cidr from relay-1')).toMatch(/^status 1: /);
    const ask = (subject: string) => nc.request(subject, 'cluster nodename', { timeout: 5_000 });
    // The dot is no separator of the subject.
    expect((await ask('fleet_console.node.relay-1%2Eeast')).string()).toBe('relay-1.east\n');
    await expect(ask('fleet_console.node.relay-1')).rejects.toThrow('503');
    one.shared('inbound_cidr').set('10.1.1.2', 0);
  });

  it('ID-8 the address is printed with the port of ECCluster_Listener, at home and at the others', async () => {
    expect(await text(one, 'cluster nodeaddr')).toBe('127.0.0.1:4899\n');
    expect(await text(two, 'cluster nodeaddr')).toBe('127.0.0.1:4802\n');
    const addresses = [...(await text(two, 'cluster membership')).matchAll(/^(Node Name|Address): (.*)$/gm)];
    const byName = addresses.map(([, , value]) => value);
    expect(byName[byName.indexOf('relay-1.east') + 1]).toBe('127.0.0.1:4899');
    expect(byName[byName.indexOf('relay-1.west') + 1]).toBe('127.0.0.1:4802');
  });

  it('ID-12 a host program obtains name and subcluster', () => {
    expect(everybody().map(({ settings: { nodename, subcluster } }) => [nodename, subcluster])).toEqual([
      ['relay-1.east', 'default'],
      ['relay-2.east', 'default'],
      ['relay-1.west', 'staging'],
    ]);
  });
});

describe('groups', () => {
  it('GRP-1 those of a node are printed as control, subcluster, cluster', async () => {
    const blocks = (await text(two, 'cluster membership')).split('\n\n');
    const groupsOf = (name: string) =>
      /^Groups: (.*)$/m.exec(blocks.find((block) => block.includes(`Node Name: ${name}\n`)) ?? '')?.[1];
    expect(groupsOf('relay-2.east')).toBe('fleet_console, ec_sc_default, fleet');
    expect(groupsOf('relay-1.west')).toBe('fleet_console, ec_sc_staging, fleet');
  });

  it('GRP-3 ID-22 nodes of two subclusters are in one view under one leader and share their counts', async () => {
    for (const node of everybody()) {
      expect(node.view?.members.map((member) => member.node).sort()).toEqual([
        'relay-1.east',
        'relay-1.west',
        'relay-2.east',
      ]);
    }
    const leaders = await Promise.all(everybody().map((node) => text(node, 'json cluster info')));
    expect(new Set(leaders.map((info) => JSON.parse(info).leader)).size).toBe(1);
    one.shared('inbound_cidr').set('10.2.2.2', 1);
    staging.shared('inbound_cidr').set('10.2.2.2', 2);
    await until(() => everybody().every((node) => node.shared('inbound_cidr').count('10.2.2.2') === 3));
    for (const node of [one, staging]) node.shared('inbound_cidr').set('10.2.2.2', 0);
  });

  it('ID-22 a command to a subcluster is executed there and nowhere else', async () => {
    const answers = async (subject: string, atMost: number) => {
      const names: string[] = [];
      const replies = await nc.requestMany(subject, 'cluster nodename', {
        strategy: RequestStrategy.Count,
        maxMessages: atMost,
        maxWait: 300,
      });
      for await (const reply of replies) names.push(reply.string().trim());
      return names.sort();
    };
    expect(await answers('fleet_console.sc.staging', 2)).toEqual(['relay-1.west']);
    expect(await answers('fleet_console.sc.default', 3)).toEqual(['relay-1.east', 'relay-2.east']);
  });
});

describe('changes', () => {
  it('MEM-5 each change is told once the new table is in place', async () => {
    const changes: { view: string; told: string; table: string; listed?: string }[] = [];
    one.on('view', (view) => {
      const names = (members: typeof view.members) => members.map(({ node }) => node).join(' ');
      const change: (typeof changes)[number] = {
        view: viewKey(view.id),
        told: names(view.members),
        table: names(one.view?.members ?? []),
      };
      changes.push(change);
      void text(one, 'cluster membership').then((list) => {
        change.listed = [...list.matchAll(/^Private Name: #\w+-\d+#(.*)$/gm)]
          .map(([, name]) => name)
          .join(' ');
      });
    });
    const before = everybody().map(({ settings }) => settings.nodename);
    await until(() => one.view?.members.length === before.length);
    const guest = await start('relay-9.east', {});
    await until(() => one.view?.members.length === 4);
    await guest.stop();
    const sorted = (names = '') => names.split(' ').sort().join(' ');
    const isThree = () => sorted(changes.at(-1)?.told) === sorted(before.join(' '));
    await until(() => isThree() && changes.every(({ listed }) => listed !== undefined));
    // A machine that is busy may lose a member for a moment, which is a change like others.
    const told = changes.map(({ told }) => told);
    expect(told.map(sorted)).toContain(sorted([...before, 'relay-9.east'].join(' ')));
    expect(new Set(changes.map(({ view }) => view)).size).toBe(changes.length);
    for (const [at, change] of changes.entries()) {
      expect(change.table).toBe(change.told);
      expect(told.slice(at)).toContain(change.listed);
    }
  });

  it('BUS-28 the health of both connections can be asked for: console and metric', async () => {
    const linksUp = async () => /^flotilla_link_up (\d)$/m.exec(await one.metrics.text())?.[1];
    expect(await linksUp()).toBe('2');
    await server.kill();
    await until(async () => (await linksUp()) === '0');
    expect(await text(one, 'cluster info')).toContain('Daemon: - [m:-,s:-]\n');
    await server.start();
    await until(async () => (await linksUp()) === '2');
    await until(() => everybody().every(({ view }) => view?.members.length === 3));
  });
});
