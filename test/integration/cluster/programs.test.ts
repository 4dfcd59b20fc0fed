/** What programs around three nodes say to each other over a real server, and what their nodes tell them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'nats';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { type NatsServer, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const names = ['relay-1', 'relay-2', 'relay-3'] as const;
const bytes = (text: string) => new TextEncoder().encode(text);
const textOf = (payload: Uint8Array) => new TextDecoder().decode(payload);
let folder: string;
let server: NatsServer;
let nodes: RunningNode[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-programs-'));
  server = await startNatsServer();
  nodes = await Promise.all(names.map((name) => start(name)));
  await until(() => nodes.every(({ view }) => view?.members.length === 3));
});

afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

function start(nodename: string, beforeJoin: (node: RunningNode) => void = () => {}): Promise<RunningNode> {
  return startNode({
    nodename,
    servers: [server.url],
    logOutput: { write: () => {} },
    configText: `
      cluster { nodeaddr = 127.0.0.1 }
      Control_Listener { Listen "${join(folder, nodename)}" { } }`,
    beforeJoin,
  });
}

/** Everybody has joined group `queue`; what each hears of it. */
async function company(): Promise<string[][]> {
  const heard = nodes.map(({ cluster }) => {
    const texts: string[] = [];
    cluster.onMulticast('queue', (payload, from, order) =>
      texts.push(`${from.node} ${order} ${textOf(payload)}`),
    );
    return texts;
  });
  await Promise.all(nodes.map(({ cluster }) => cluster.join('queue')));
  return heard;
}

describe('programs on three nodes', () => {
  it('API-11 BUS-7 BUS-8 BUS-9 what all say at the same time is heard everywhere once, in one order', async () => {
    const heard = await company();
    const said = nodes.flatMap(({ cluster }) =>
      Array.from({ length: 100 }, (_, i) => cluster.multicast('queue', bytes(`${i}`))),
    );
    await Promise.all(said);
    await until(() => heard.every((texts) => texts.length === 300));
    const [first] = heard;
    expect(heard).toEqual([first, first, first]);
    for (const name of names) {
      const own = first!.filter((text) => text.startsWith(name));
      expect(own).toEqual(Array.from({ length: 100 }, (_, i) => `${name} total ${i}`));
    }
  });

  it('API-11 BUS-8 BUS-15 in the order of its sender, with messages larger than the server takes', async () => {
    const heard = await company();
    const texts = ['a', 'x'.repeat(1_048_576), 'b'];
    for (const text of texts) await nodes[1]!.cluster.multicast('queue', bytes(text), 'sender');
    await until(() => heard.every((each) => each.length === 3));
    for (const each of heard) expect(each).toEqual(texts.map((text) => `relay-2 sender ${text}`));
  });

  it('API-11 BUS-11 the leader stops while all talk: who is left has heard the same, and all that was said', async () => {
    const heard = await company();
    const leader = nodes.findIndex(({ cluster }) => cluster.isLeader);
    const left = [0, 1, 2].filter((at) => at !== leader);
    const said: Promise<void>[] = [];
    let number = 0;
    const talk = () => {
      for (const at of left) said.push(nodes[at]!.cluster.multicast('queue', bytes(`${at} ${number}`)));
      number += 1;
    };
    for (let i = 0; i < 20; i++) talk();
    const stopped = nodes[leader]!.stop();
    for (; number < 200; await new Promise(setImmediate)) talk();
    await stopped;
    await Promise.all(said);
    await until(() => left.every((at) => heard[at]!.length === 400));
    const [here, there] = left.map((at) => heard[at]);
    expect(here).toEqual(there);
    expect(new Set(here).size).toBe(400);
  });

  it('API-1 API-2 API-11 MEM-5 each knows the members of a group, their capabilities, and who comes and goes', async () => {
    const [one, two, three] = nodes as [RunningNode, RunningNode, RunningNode];
    const changes: string[] = [];
    one.cluster.on('membership', ({ members }, group, joined, left) => {
      const of = (list: readonly { node: string }[]) => list.map(({ node }) => node).join();
      if (group === 'queue') changes.push(`${of(members)} +${of(joined)} -${of(left)}`);
    });
    await one.cluster.join('queue');
    await two.cluster.join('queue', 'fast');
    const membersOf = (node: RunningNode) =>
      node.cluster.view('queue')?.members.map(({ node, capabilities }) => `${node} ${capabilities}`);
    await until(() => nodes.every((node) => membersOf(node)?.length === 2));
    for (const node of nodes) expect(membersOf(node)?.sort()).toEqual(['relay-1 ', 'relay-2 fast']);
    const membership = (await three.console('cluster membership')).text;
    expect(membership.match(/^Groups: .*, queue$/gm)).toHaveLength(2);
    await two.stop();
    await until(() => membersOf(one)?.length === 1 && three.cluster.view()?.members.length === 2);
    expect(changes.at(0)).toBe('relay-1 +relay-1 -');
    expect(changes.at(-1)).toBe('relay-1 + -relay-2');
    expect(
      one.cluster
        .view('ec_console')
        ?.members.map(({ node }) => node)
        .sort(),
    ).toEqual(['relay-1', 'relay-3']);
  });

  it('API-1 API-2 who this node is, who leads, and when the bus is there', async () => {
    const events: string[] = [];
    const late = await start('relay-4', ({ cluster }) => {
      cluster.on('bus', (state, connection) => events.push(`${connection} ${state}`));
      cluster.on('leader', (_, now) => events.push(`leader ${now}`));
    });
    nodes.push(late);
    await until(() => late.cluster.view()?.members.length === 4);
    const leader = nodes.find(({ cluster }) => cluster.isLeader)!;
    await until(() => events.at(-1) === `leader ${leader.cluster.nodename}`);
    expect(events.filter((event) => !event.startsWith('leader')).sort()).toEqual(['m up', 's up']);
    expect([late.cluster.nodename, late.cluster.subcluster, late.cluster.address]).toEqual([
      'relay-4',
      'default',
      '127.0.0.1:4802',
    ]);
    expect(late.cluster.privateName()).toMatch(/^#ec0-\d{5}#relay-4$/);
    expect(late.cluster.privateName('s')).toMatch(/^#ec1-\d{5}#relay-4$/);
    expect(late.cluster.isLeader).toBe(false);
    const applied: boolean[] = [];
    late.cluster.on('configApplied', (outcome) => applied.push(outcome.applied));
    expect(await late.reload()).toMatchObject({ applied: true });
    expect(await late.reload({ configText: 'cluster {' })).toMatchObject({ applied: false });
    expect(applied).toEqual([true]);
    events.length = 0;
    await leader.stop();
    await until(() => events.length > 0);
    expect(events).toHaveLength(1);
  });

  it('API-11 ID-21 API-13 private messages, and what all programs know about one thing', async () => {
    const [one, two, three] = nodes as [RunningNode, RunningNode, RunningNode];
    const heard: string[] = [];
    two.cluster.onMessage((payload, { node, privateName }) => {
      heard.push(`${node}: ${textOf(payload)}`);
      void two.cluster.send(privateName, bytes('yes'));
    });
    one.cluster.onMessage((payload, { node }) => heard.push(`${node}: ${textOf(payload)}`));
    await one.cluster.send(two.cluster.privateName()!, bytes('ready?'));
    await until(() => heard.length === 2);
    expect(heard).toEqual(['relay-1: ready?', 'relay-2: yes']);
    await expect(one.cluster.send('relay-9', bytes('x'))).rejects.toMatchObject({ code: 'FLT-1208' });
    for (const { cluster } of [one, three])
      cluster.onStatsRequest((what) => (what === 'queues' ? bytes(cluster.nodename) : undefined));
    const answers = await two.cluster.requestStats('queues');
    expect(new Map([...answers].map(([node, payload]) => [node, textOf(payload)]))).toEqual(
      new Map([
        ['relay-1', 'relay-1'],
        ['relay-3', 'relay-3'],
      ]),
    );
    expect((await two.cluster.requestStats('nothing')).size).toBe(0);
  });

  it('API-11 CMD-17 what was joined and is listened to goes on after a reset; FLT-1206 names of nodes are not for programs', async () => {
    const heard = await company();
    const [one, two] = nodes as [RunningNode, RunningNode, RunningNode];
    const before = two.incarnation;
    await two.console('cluster reset');
    await until(() => two.incarnation !== before && two.cluster.view('queue')?.members.length === 3);
    await one.cluster.multicast('queue', bytes('again'));
    await until(() => heard.every((texts) => texts.at(-1) === 'relay-1 total again'));
    for (const group of ['ec_console', 'ec_sc_default', 'a.b', ''])
      await expect(one.cluster.join(group)).rejects.toMatchObject({ code: 'FLT-1206' });
  });

  it('API-12 any NATS client runs a command of a program, on its node only', async () => {
    nodes[1]!.commands.register('queue count', () => ({ text: '7', json: { count: 7 } }));
    const nc = await connect({ servers: server.url });
    try {
      const ask = async (node: string) =>
        textOf((await nc.request(`ec_console.node.${node}`, 'json queue count')).data);
      expect(await ask('relay-2')).toBe('{"count":7}\n');
      expect(await ask('relay-1')).toBe('{"response":"Unknown command"}\n');
    } finally {
      await nc.close();
    }
  });
});
