import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { connectConfigBus } from '../../../src/bus/config-bus.ts';
import { connectWire } from '../../../src/bus/connection.ts';
import { serveControl } from '../../../src/bus/control.ts';
import { connectControl } from '../../../src/bus/control-client.ts';
import { watchEvidence } from '../../../src/bus/evidence.ts';
import { connectionName, subjects } from '../../../src/bus/subjects.ts';
import { hashOf } from '../../../src/config/repository/tree.ts';
import { type Incarnation, newIncarnation } from '../../../src/core/identity.ts';
import { Repository } from '../../../src/node/repository/repository.ts';
import { storeOf, WorkingCopy } from '../../../src/node/repository/working-copy.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { natsBinaries } from '../nats-versions.ts';
import { until } from '../until.ts';
import { clock, RecordingCounters, RecordingLog, random, wireSettings } from './surroundings.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await stopNatsServers();
});

const roles = ['node', 'manager', 'operator', 'editor', 'program', 'listener', 'advisories'] as const;
type Role = (typeof roles)[number];

/** The example of deploy/nats on a free port, with each role's name as its password. */
async function startExample(binary: string) {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-example-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const text = readFileSync(join(import.meta.dirname, '../../../deploy/nats/nats-server.conf'), 'utf8');
  const config = text.replace(/^(server_name|listen):.*$/gm, '').replace('/var/lib/nats', folder);
  const variable = (role: Role) =>
    role === 'advisories' ? 'SYSTEM_PASSWORD' : `${role.toUpperCase()}_PASSWORD`;
  const environment = Object.fromEntries(roles.map((role) => [variable(role), role]));
  return startNatsServer({ binary, config, environment });
}

async function openAs(role: Role, url: string, name = role as string) {
  const recording = new RecordingLog();
  const surroundings = { log: recording.log, counters: new RecordingCounters(), clock, random };
  const settings = { ...wireSettings, credentials: { user: role, password: role } };
  const wire = connectWire({ link: role, name, urls: [url], settings, ...surroundings });
  cleanups.push(() => wire.close());
  await until(() => wire.state === 'up');
  return { wire, recording, surroundings };
}

const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };
const incarnation = newIncarnation(random);
const self = {
  node: 'relay-1',
  privateName: '#ec0-00007#relay-1',
  subcluster: 'default',
  version: '1.0.0',
  incarnation,
};

describe.each(await natsBinaries())('deploy/nats on nats-server $version', ({ binary }) => {
  it('R10 each role can do its work', async () => {
    const server = await startExample(binary);
    const node = await openAs('node', server.url, connectionName('m', 'relay-1', incarnation));
    const bulk = await openAs('node', server.url, connectionName('s', 'relay-1', incarnation));
    const listener = await openAs('listener', server.url);
    const system = await openAs('advisories', server.url);
    serveControl({
      wire: node.wire,
      groups,
      self,
      ...node.surroundings,
      async *execute() {
        for (let i = 0; i < 40; i++) yield 'x'.repeat(65_536);
        return 0;
      },
    });
    const closed: Incarnation[] = [];
    watchEvidence({ wire: system.wire, ...system.surroundings }).onClosed((each) => closed.push(each));
    const heard: string[] = [];
    const hear = ({ subject }: { subject: string }) => heard.push(subject);
    bulk.wire.subscribe(subjects.allViews(groups), hear);
    node.wire.subscribe(subjects.privateShared(groups, incarnation), hear);
    listener.wire.subscribe('ec_log.>', hear);
    const sent = [
      subjects.views(groups, 'beat'),
      subjects.privateShared(groups, incarnation),
      subjects.paniclog('ec_log', 'relay-1'),
    ];
    await until(() => {
      for (const subject of sent) node.wire.publish(subject, new Uint8Array(1));
      return sent.every((subject) => heard.includes(subject));
    });

    const url = server.url.replace('//', '//operator:operator@');
    const operator = await connectControl({
      url,
      node: 'relay-1',
      controlGroup: 'ec_console',
      timeoutMs: 20_000,
    });
    cleanups.push(() => operator.close());
    let answered = 0;
    const parts = operator.request('anything', 'text');
    for (let next = await parts.next(); ; next = await parts.next()) {
      if (next.done) {
        expect(next.value).toBe(0);
        break;
      }
      answered += next.value.length;
    }
    expect(answered).toBe(40 * 65_536);

    await Promise.all([node.wire.close(), bulk.wire.close()]);
    await until(() => closed.includes(incarnation));
    for (const { recording } of [node, bulk, listener, system])
      expect(recording.problems('FLT-1202')).toEqual([]);
  });

  it('CONF-11.5 an editor commits configuration, and a node pulls it with what it may', async () => {
    const server = await startExample(binary);
    const folder = mkdtempSync(join(tmpdir(), 'flotilla-example-wc-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const busAs = async (role: Role) => {
      const credentials = { user: role, password: role };
      const more = { tls: undefined, clusterGroup: 'ec_cluster', timeoutMs: 10_000 };
      const bus = await connectConfigBus({ urls: [server.url], credentials, ...more });
      cleanups.push(() => bus.close());
      return bus;
    };
    const content = Buffer.from('# hello');
    const entry = { hash: hashOf(content), mode: 0o644 };
    const wish = {
      repository: undefined,
      author: 'me',
      message: '',
      base: new Map(),
      read: async () => content,
    };
    const store = await (await busAs('editor')).create('default');
    const repository = new Repository('default', store, { clock, random });
    await repository.commit({ ...wish, changes: new Map([['default/a.conf', entry]]) });
    const workingCopy = new WorkingCopy({
      conf: join(folder, 'conf'),
      around: { clock, random },
      patienceMs: 0,
    });
    const into = { clusterGroup: 'ec_cluster', subcluster: 'default', keepLocal: false };
    const node = await busAs('node');
    await workingCopy.bootstrap(node, into);
    expect(readFileSync(join(folder, 'conf/default/a.conf'), 'utf8')).toBe('# hello');
    const asNode = new Repository('default', await storeOf(node, 'default'), { clock, random });
    await expect(asNode.commit({ ...wish, changes: new Map([['default/b.conf', entry]]) })).rejects.toThrow(
      /out of date|cannot be reached|not known/,
    );
  });

  it('R10 no role can do the work of another', async () => {
    const server = await startExample(binary);
    const beat = subjects.views(groups, 'beat');
    const forbidden: Record<Role, { publish: string[]; subscribe: string[] }> = {
      node: {
        publish: [
          'ec_console',
          'ec_console.node.relay-1',
          '$SYS.x',
          'ec_cluster.cfg.default.rev',
          '$O.cfg_ec_cluster_default.C.x',
          '$JS.API.STREAM.DELETE.CFG_ec_cluster_default',
        ],
        subscribe: ['$SYS.ACCOUNT.FLEET.x'],
      },
      manager: { publish: ['_INBOX.x', 'ec_cluster.cfg.default.rev'], subscribe: ['ec_console'] },
      editor: { publish: [beat, 'ec_console', '_INBOX.x'], subscribe: [beat, 'ec_console'] },
      operator: { publish: [beat, 'ec_log.x', '_INBOX.x'], subscribe: [beat, 'ec_console', 'ec_log.x'] },
      program: {
        publish: [beat, 'ec_console', 'ec_cluster.to.x.shared', '_INBOX.x'],
        subscribe: [beat, 'ec_cluster.api.>'],
      },
      listener: { publish: [beat, 'ec_console', 'ec_log.x'], subscribe: [beat, 'ec_console', '_INBOX.x'] },
      advisories: { publish: ['$SYS.REQ.SERVER.PING'], subscribe: ['$SYS.>'] },
    };
    for (const role of roles) {
      const { wire, recording } = await openAs(role, server.url);
      const { publish, subscribe } = forbidden[role];
      for (const subject of publish) wire.publish(subject, new Uint8Array(1));
      for (const pattern of subscribe) wire.subscribe(pattern, () => {});
      const told = () => recording.problems('FLT-1202').length;
      await until(() => told() === publish.length + subscribe.length);
    }
  });
});
