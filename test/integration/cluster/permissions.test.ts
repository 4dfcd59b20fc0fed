/** A fleet behind the permissions of deploy/nats: each role does its work, and who only looks changes nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectControl } from '../../../src/bus/control-client.ts';
import { type RunningNode, startNode } from '../../../src/index.ts';
import { type RunningManager, startManager } from '../../../src/manager.ts';
import { deployedServer, type Role } from '../deployed-server.ts';
import { stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'flotilla-permissions-'));
const logs: string[] = [];
const logOutput = { write: (line: string) => void logs.push(line) };
const clients: NatsConnection[] = [];
let url: string;
let node: RunningNode;
let manager: RunningManager;

beforeAll(async () => {
  ({ url } = await deployedServer('nats-server'));
  node = await startNode({ nodename: 'relay-1', configText: configuration('node'), logOutput });
  manager = await startManager({ nodename: 'barca', configText: configuration('manager'), logOutput });
  await until(() => [node, manager].every(({ view }) => view?.members.length === 2));
  await until(async () =>
    (await manager.console('show cluster membership')).text.includes('Node Name: relay-1'),
  );
});

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all([node, manager].map((each) => each?.stop()));
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

function configuration(role: Role): string {
  return `
    cluster {
      ${role === 'node' ? 'nodeaddr = 127.0.0.1' : ''}
      servers = ( "${url}" )
      bus_user = "${role}"
      bus_password = "${role}"
      bus_system_user = "advisories"
      bus_system_password = "advisories"
      state_dir = "${join(folder, role)}"
      log_group = ec_log
      logs = [ mainlog = "${join(folder, 'mainlog')}" ]
      Replicate "inbound_cidr" { max_delay = 0.02 }
      Replicate "limits" { type = cache }
    }
    Datasource "limits" { }
    Control_Listener { Listen "${join(folder, `${role}.sock`)}" { } }`;
}

async function client(role: Role): Promise<NatsConnection> {
  const inboxPrefix = role === 'reader' ? '_INBOX_READER' : '_INBOX';
  const connection = await connect({ servers: url, user: role, pass: role, inboxPrefix });
  clients.push(connection);
  return connection;
}

const json = (value: unknown) => JSON.stringify(value);
const count = { object: 'inbound_cidr', key: '10.0.0.1' };

describe('roles of deploy/nats', () => {
  it('R10 MGR-6 a manager commands the nodes, an operator too, and nobody is told that a permission is missing', async () => {
    const { text, status } = await manager.console('broadcast -w cluster nodename');
    expect([status, text]).toEqual([0, expect.stringMatching(/^== relay-1 .* \[0\]\nrelay-1\n$/)]);
    const authority = url.replace('//', '//operator:operator@');
    const operator = await connectControl({
      url: authority,
      node: 'relay-1',
      controlGroup: 'ec_console',
      timeoutMs: 10_000,
    });
    const reply = operator.request('cluster nodename', 'text');
    expect((await reply.next()).value).toBe('relay-1\n');
    operator.close();
    expect(logs.filter((line) => line.includes('FLT-1202'))).toEqual([]);
  });

  it('R10 a puller lists and opens logs', async () => {
    const puller = await client('puller');
    const listed = await puller.request('ec_cluster.log.relay-1.list', '{}', { timeout: 10_000 });
    expect(listed.string()).toContain('mainlog');
  });

  it('R10 a reader is answered, and changes nothing: counts, caches, nodes', async () => {
    const program = await client('program');
    const asProgram = async (verb: string, body: object) =>
      JSON.parse(
        (await program.request(`ec_cluster.api.relay-1.${verb}`, json(body), { timeout: 10_000 })).string(),
      );
    expect(await asProgram('counter.add', { ...count, by: 7 })).toEqual({ ok: true, count: 7 });

    const reader = await client('reader');
    const refused: string[] = [];
    (async () => {
      for await (const status of reader.status())
        if ('permissionContext' in status) refused.push(String(status.permissionContext?.subject));
    })();
    const ask = async (subject: string, body = '') =>
      (await reader.request(subject, body, { timeout: 10_000 })).string();
    expect(JSON.parse(await ask('ec_cluster.api.relay-1.counter.count', json(count)))).toEqual({
      ok: true,
      count: 7,
    });
    expect(await ask('$SRV.PING')).toContain('flotilla-node');
    expect(await ask('ec_cluster.log.relay-1.list', '{}')).toContain('mainlog');

    const attempts: [subject: string, body: string][] = [
      ['ec_cluster.api.relay-1.counter.add', json(count)],
      ['ec_cluster.api.relay-1.counter.set', json({ ...count, count: 0 })],
      ['ec_console', 'shutdown'],
      ['ec_console.node.relay-1', 'shutdown'],
      ['ec_console.sc.default', 'cluster reset'],
      ['ec_cluster.view.goodbye', 'x'],
      ['ec_cluster.log.relay-1.ack', '{}'],
      ['ec_cluster.cfg.default.rev', '{}'],
    ];
    const before = node.incarnation;
    for (const [subject, body] of attempts) reader.publish(subject, body);
    // A question that would have the node say something in its name.
    for (const subject of ['ec_console', 'ec_cluster.view.goodbye', '$JS.API.STREAM.NAMES'])
      reader.publish('ec_cluster.api.relay-1.counter.count', json(count), { reply: subject });
    await until(() => attempts.every(([subject]) => refused.includes(subject)));
    expect(JSON.parse(await ask('ec_cluster.api.relay-1.counter.count', json(count)))).toEqual({
      ok: true,
      count: 7,
    });
    expect([node.state, node.incarnation]).toEqual(['serving', before]);
    expect((await node.console('cluster membership')).text).toContain('barca');
  });
});
