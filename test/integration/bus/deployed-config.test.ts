import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
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
import { deployedServer, deployedText, passwords, type Role, roles } from '../deployed-server.ts';
import { freePort, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { natsBinaries } from '../nats-versions.ts';
import { until } from '../until.ts';
import { clock, RecordingCounters, RecordingLog, random, wireSettings } from './surroundings.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await stopNatsServers();
});

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
    const server = await deployedServer(binary);
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
    const server = await deployedServer(binary);
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
    const server = await deployedServer(binary);
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
      puller: {
        publish: [
          beat,
          'ec_console',
          'ec_cluster.log.relay-1.ready',
          'ec_cluster.api.relay-1.counter.add',
          '_INBOX.x',
        ],
        subscribe: [beat, 'ec_console', 'ec_log.x'],
      },
      reader: {
        publish: [
          beat,
          'ec_console.node.relay-1',
          'ec_cluster.log.relay-1.ack',
          'ec_cluster.api.relay-1.counter.add',
          '_INBOX.x',
          '_INBOX_READER.x',
        ],
        subscribe: [beat, 'ec_console', '_INBOX.x', '$JS.EVENT.>'],
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

  it('R10 three servers of nats-cluster.conf find each other and keep the configuration together', async () => {
    const ports = await Promise.all([1, 2, 3].map(() => freePort()));
    const folder = mkdtempSync(join(tmpdir(), 'flotilla-example-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const text = deployedText('nats-cluster.conf', folder);
    const servers = await Promise.all(
      ports.map((port, at) => {
        const [first, second] = ports.filter((other) => other !== port);
        const route = (to: number | undefined) => `nats-route://route:route@127.0.0.1:${to}`;
        const environment = {
          ...passwords(),
          SERVER_NAME: `bus-${at + 1}`,
          ROUTE_PASSWORD: 'route',
          ROUTE_1: route(first),
          ROUTE_2: route(second),
        };
        const config = text.replace('0.0.0.0:6222', `127.0.0.1:${port}`).replace('/jetstream"', `/${at}"`);
        return startNatsServer({ binary, config, environment });
      }),
    );
    const [first, second] = servers.map(({ url }) => url);
    const node = await openAs('node', first!);
    const other = await openAs('node', second!, 'other');
    const heard: string[] = [];
    other.wire.subscribe('ec_cluster.view.beat', ({ subject }) => heard.push(subject));
    await until(() => node.wire.publish('ec_cluster.view.beat', new Uint8Array(1)) && heard.length > 0);
    const bus = await connectConfigBus({
      urls: servers.map(({ url }) => url),
      credentials: { user: 'editor', password: 'editor' },
      tls: undefined,
      clusterGroup: 'ec_cluster',
      timeoutMs: 2_000,
    });
    cleanups.push(() => bus.close());
    // Before the servers have a leader they do not answer.
    await until(() => bus.create('default').then(Boolean, () => false));
  });

  it('R10 always: of all subjects there are, a reader publishes only on those that ask and change nothing', async () => {
    const server = await deployedServer(binary);
    const reader = await openAs('reader', server.url);
    const heard = new Set<string>();
    for (const [role, patterns] of [
      ['node', ['ec_cluster.>', 'ec_console', 'ec_console.>', '$SRV.>', '_INBOX.>']],
      ['manager', ['ec_log.>']],
      ['reader', ['_INBOX_READER.>']],
    ] as const) {
      const { wire } = await openAs(role, server.url, `witness ${role}`);
      for (const pattern of patterns) wire.subscribe(pattern, ({ subject }) => heard.add(subject));
      await until(() => wire.state === 'up');
    }
    let round = 0;
    const check = async (tried: readonly string[]) => {
      heard.clear();
      for (const subject of tried) reader.wire.publish(subject, new Uint8Array(1));
      // Last, on the same connection: when this has come, so has all that was let through.
      const mark = `$SRV.PING.${round++}`;
      await until(() => reader.wire.publish(mark, new Uint8Array(1)) && heard.has(mark));
      const changing = [...heard].filter((subject) => !isQuestion(subject));
      expect(changing).toEqual([]);
    };
    const listed = listedSubjects();
    expect(listed.length).toBeGreaterThan(25);
    await check(listed);
    // Questions are let through: the witnesses do hear.
    expect(heard).toContain('ec_cluster.log.relay-1.list');
    await fc.assert(
      fc.asyncProperty(fc.array(anySubject, { minLength: 50, maxLength: 200 }), (tried) => check(tried)),
      { numRuns: 20 },
    );
  });
});

/** What a reader may ask. */
function isQuestion(subject: string): boolean {
  return /^(\$SRV\..+|ec_cluster\.log\.[^.]+\.list|ec_cluster\.api\.[^.]+\.(counter\.count|series\.sum|audit\.(sum|smoothed)|gauge\.get|cache\.(get|stats)))$/.test(
    subject,
  );
}

/** Those of docs/reference/subjects.md, with names in the places of capitals, and of each verb of the API. */
function listedSubjects(): string[] {
  const page = (name: string) =>
    readFileSync(join(import.meta.dirname, '../../../docs/reference', name), 'utf8');
  const cells = page('subjects.md').matchAll(/^\| (`[^|]*`[^|]*) \|/gm);
  const written = [...cells].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text),
  );
  const verbs = [...page('api.md').matchAll(/^## `(.*)`$/gm)].map(([, verb = '']) => verb);
  const kinds = ['beat', 'propose', 'commit', 'ordered', 'state', 'goodbye', 'multicast'];
  const ops = ['list', 'open', 'fetch', 'ack', 'close', 'ready'];
  return written
    .filter((text) => /^[\w$]+(\.[\w*>$]+)*$/.test(text) && !text.startsWith('Flotilla'))
    .flatMap((text) => (text.includes('VERB') ? verbs.map((verb) => text.replace('VERB', verb)) : [text]))
    .flatMap((text) => (text.includes('KIND') ? kinds.map((kind) => text.replace('KIND', kind)) : [text]))
    .flatMap((text) => (/\.OP$/.test(text) ? ops.map((op) => text.replace(/OP$/, op)) : [text]))
    .map((text) =>
      text.replace('INC', incarnation).replace('NODE', 'relay-1').replace(/>/g, 'x.y').replace(/\*/g, 'x'),
    );
}

const token = fc.constantFrom(
  ...[
    'ec_cluster',
    'ec_console',
    'ec_log',
    '$SRV',
    '$JS',
    '$O',
    '$SYS',
    'API',
    '_INBOX',
    '_INBOX_READER',
    'api',
    'log',
    'cfg',
  ],
  ...[
    'view',
    'to',
    'shared',
    'vip',
    'program',
    'collected',
    'node',
    'sc',
    'relay-1',
    'default',
    'rev',
    'list',
    'open',
  ],
  ...[
    'ack',
    'ready',
    'counter',
    'count',
    'add',
    'cache',
    'get',
    'set',
    'beat',
    'STREAM',
    'CREATE',
    'x',
    incarnation,
  ],
);
const start = fc.constantFrom(
  'ec_cluster',
  'ec_cluster.api.relay-1',
  'ec_cluster.log.relay-1',
  'ec_console',
  '_INBOX',
  '$JS.API',
);
const anySubject = fc
  .tuple(start, fc.array(token, { maxLength: 4 }))
  .map(([first, rest]) => [first, ...rest].join('.'));
