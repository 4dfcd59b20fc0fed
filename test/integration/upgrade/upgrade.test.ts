/**
 * A fleet in the middle of an upgrade: two nodes and a manager of an earlier commit, two nodes and a manager of this tree, one
 * NATS server. Whatever they share goes both ways, also while nodes are upgraded, and taken back to what they ran before.
 *
 * `npm run upgrade -- --from REVISION` chooses the earlier commit.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import { type Journal, openJournal } from '../../../src/journal/journal.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';
import { Fleet, type NodeProcess, sumsAre } from '../cluster/fleet.ts';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { earlierTree } from './earlier-tree.ts';

const earlier = await earlierTree();
const folder = mkdtempSync(join(tmpdir(), 'flotilla-upgrade-'));

type Age = 'old' | 'new';
/** Two of each age, and the logs of one of each age. */
const ages = { 'relay-1': 'old', 'relay-2': 'old', 'relay-3': 'new', 'relay-4': 'new' } as const;
type Name = keyof typeof ages;
const names = Object.keys(ages) as Name[];
const managers = { 'manager-old': 'old', 'manager-new': 'new' } as const;
const everybody = [...names, ...Object.keys(managers)].sort();
const logged = ['relay-1', 'relay-3'] as const;

let url: string;
let client: NatsConnection;
let fleet: Fleet;
const nodes = new Map<Name, NodeProcess>();
const journals = new Map<Name, Journal>();

beforeAll(async () => {
  ({ url } = await startNatsServer());
  client = await connect({ servers: url });
  fleet = new Fleet();
  for (const name of logged) await (await openLog(name, 'own')).close();
  await Promise.all([
    ...names.map((name) => startNode(name, ages[name])),
    ...Object.entries(managers).map(([name, age]) => startManager(name, age)),
  ]);
  await oneView();
  for (const name of logged) journals.set(name, await openLog(name, 'share'));
}, 120_000);

afterAll(async () => {
  for (const journal of journals.values()) await journal.close();
  await client?.close();
  await fleet?.end();
  await stopNatsServers();
  rmSync(folder, { recursive: true });
});

async function startNode(name: Name, age: Age): Promise<void> {
  const cluster = `
    Replicate "shared_named_throttles" { max_wait = 60 }
    Replicate "metrics" { max_delay = 0.02 parameters = "snapshot;audit_series;gauge_cache" }
    Replicate "limits" { type = cache  parameters = "snapshot"  max_delay = 0.02 }
    logs = [ mainlog = "${join(folder, name)}" ]
    log_idle_interval = 1`;
  const scopes = 'Datasource "limits" {}';
  nodes.set(name, await fleet.start({ name, servers: [url], cluster, scopes, ...programOf(age) }));
}

async function startManager(name: string, age: Age): Promise<void> {
  const scopes = `Logs { logfile = "${folder}/${name}-files/%{n}" }`;
  const cluster = 'log_idle_interval = 1';
  await fleet.start({ name, role: 'manager', servers: [url], cluster, scopes, ...programOf(age) });
}

function programOf(age: Age) {
  return age === 'old' ? { program: earlier.program } : {};
}

function openLog(name: Name, access: 'own' | 'share'): Promise<Journal> {
  const subscribers = access === 'own' ? Object.keys(managers) : [];
  const create = { unitLimit: 16_384 };
  return openDiskFiles().then((files) =>
    openJournal({
      path: join(folder, name),
      files,
      access,
      subscribers,
      create,
      clock: systemClock,
      random: systemRandom,
    }),
  );
}

const all = () => names.map((name) => nodes.get(name)!);

async function oneView(): Promise<void> {
  await until(async () => {
    const lists = await Promise.all(all().map((node) => node.membership()));
    const listed = lists.map((list) =>
      list
        .map((name) => name.split('#')[2])
        .sort()
        .join(),
    );
    return listed.every((list) => list === everybody.join());
  }, 60_000);
  await until(async () => new Set(await Promise.all(all().map((node) => node.view()))).size === 1);
}

async function ask(node: Name, verb: string, body: object): Promise<Record<string, unknown>> {
  const answer = await client.request(`ec_cluster.api.${node}.${verb}`, JSON.stringify(body), {
    timeout: 20_000,
  });
  return answer.json();
}

/** All four say so in the end. */
async function everywhere(verb: string, body: object, field: string, value: unknown): Promise<void> {
  const answers = () => Promise.all(names.map((name) => ask(name, verb, body)));
  await until(async () => (await answers()).every((answer) => answer[field] === value)).catch(async () => {
    expect(await answers()).toEqual(names.map(() => expect.objectContaining({ [field]: value })));
  });
}

const series = { name: 'spam', type: 'string', intervalS: 3600, windows: 2, replicate: 'cluster' };
const count = (node: Name, key: string, by: number) =>
  ask(node, 'counter.add', { object: 'inbound_cidr', key, by });

describe(`a cluster of this tree and ${earlier.title}`, { timeout: 120_000 }, () => {
  it('MSG-2 is one view with one leader', async () => {
    expect(new Set(await Promise.all(all().map((node) => node.view()))).size).toBe(1);
  });

  it('REP-3.1 counts of all nodes are in the sums of all nodes', async () => {
    const sums = new Map<string, number>();
    for (const [at, name] of names.entries()) {
      await count(name, '192.0.2.7', at + 1);
      await count(name, `198.51.100.${at}`, 10 * (at + 1));
      sums.set(`198.51.100.${at}`, 10 * (at + 1));
    }
    await sumsAre(sums.set('192.0.2.7', 10), ...all());
  });

  it('REP-7.19 REP-21.1 a rate and slots hold over all nodes', async () => {
    const year = { name: 'newsletter', rate: '10/31536000' };
    const takes = Array.from({ length: 24 }, (_, i) => ask(names[i % names.length]!, 'throttle.take', year));
    expect((await Promise.all(takes)).filter(({ taken }) => taken)).toHaveLength(10);
    for (const [holder, other] of [
      ['relay-1', 'relay-3'],
      ['relay-4', 'relay-2'],
    ] as const) {
      const upstream = { name: `upstream of ${holder}`, count: 1 };
      const { slot } = await ask(holder, 'slot.take', upstream);
      expect(slot).toEqual(expect.any(String));
      expect(await ask(other, 'slot.take', upstream)).toEqual({ ok: true, slot: null });
      expect(await ask(holder, 'slot.give_back', { slot })).toMatchObject({ ok: true });
      const isFree = async () => (await ask(other, 'slot.take', upstream)).slot !== null;
      await until(isFree);
    }
  });

  it('REP-18 what one node writes to a cache is read, changed and deleted by the others', async () => {
    for (const [writer, changer] of [
      ['relay-1', 'relay-4'],
      ['relay-3', 'relay-2'],
    ] as const) {
      const pair = { cache: 'limits', key: `of ${writer}` };
      await ask(writer, 'cache.set', { ...pair, value: 'first' });
      await everywhere('cache.get', pair, 'value', 'first');
      await ask(changer, 'cache.set', { ...pair, value: 'second' });
      await everywhere('cache.get', pair, 'value', 'second');
    }
    await ask('relay-2', 'cache.delete', { cache: 'limits', key: 'of relay-3' });
    await everywhere('cache.get', { cache: 'limits', key: 'of relay-3' }, 'value', null);
  });

  it('REP-14 series and gauges are summed over all nodes', async () => {
    for (const name of names) {
      await ask(name, 'series.define', series);
      await ask(name, 'series.add', { name: 'spam', key: 'x', count: 3 });
      await ask(name, 'gauge.define', { name: 'queue', max: 10, ttlS: 600 });
    }
    await everywhere('series.sum', { name: 'spam', key: 'x', endv: 1 }, 'sum', 12);
    await ask('relay-1', 'gauge.add', { name: 'queue', key: 'a' });
    await ask('relay-3', 'gauge.add', { name: 'queue', key: 'b' });
    await everywhere('gauge.get', { name: 'queue', key: 'a' }, 'value', 1);
    await everywhere('gauge.get', { name: 'queue', key: 'b' }, 'value', 1);
  });

  it('LOG-13 both managers write the logs of both nodes', async () => {
    const lines = Array.from({ length: 2_000 }, (_, n) => `line ${n} ${'.'.repeat(n % 50)}\n`);
    for (const journal of journals.values())
      await Promise.all(lines.map((line) => journal.append(Buffer.from(line))));
    const files = Object.keys(managers).flatMap((manager) =>
      logged.map((name) => join(folder, `${manager}-files`, name)),
    );
    const written = () => files.map((file) => (existsSync(file) ? readFileSync(file, 'latin1') : ''));
    await until(() => written().every((text) => text === lines.join('')), 60_000);
  });

  it('CMD-1 a command for all is answered by all', async () => {
    const answered = new Set<string>();
    const inbox = 'upgrade.answers';
    const answers = client.subscribe(inbox, { timeout: 20_000 });
    client.publish('ec_console', 'cluster info', { reply: inbox });
    for await (const { headers } of answers) {
      if (headers?.get('Flotilla-End') !== 'true') continue;
      expect(headers.get('Flotilla-Status')).toBe('0');
      answered.add(headers.get('Flotilla-Node'));
      if (answered.size === names.length) break;
    }
    expect([...answered].sort()).toEqual(names);
  });

  it('LIFE-1 a node that is upgraded, and one that is taken back, has what the others kept for it', async () => {
    for (const [name, age] of [
      ['relay-2', 'new'],
      ['relay-3', 'old'],
    ] as const) {
      nodes.get(name)!.signal('SIGTERM');
      expect(await nodes.get(name)!.ended).toBe(0);
      await startNode(name, age);
    }
    await oneView();
    const [mine, rest] = [5, 1 + 4];
    await count('relay-2', '192.0.2.7', mine);
    await sumsAre(
      new Map([
        ['192.0.2.7', mine + rest],
        ['198.51.100.0', 10],
        ['198.51.100.3', 40],
      ]),
      ...all(),
    );
    await everywhere('cache.get', { cache: 'limits', key: 'of relay-1' }, 'value', 'second');
    // What the last lives had counted is with those who were there, and with those who know to ask them.
    await ask('relay-2', 'series.define', series);
    for (const name of ['relay-1', 'relay-2', 'relay-4'] as const)
      await until(
        async () => (await ask(name, 'series.sum', { name: 'spam', key: 'x', endv: 1 })).sum === 12,
      );
    expect(await ask('relay-2', 'throttle.take', { name: 'newsletter', rate: '10/31536000' })).toMatchObject({
      taken: false,
    });
  });

  it('REP-4.15 every copy of every row is what its owner has', async () => {
    const verdicts = () => Promise.all(all().map((node) => node.console('cluster shared verify')));
    await until(async () =>
      (await verdicts()).every((text) => / match$/m.test(text) && !/ (differ|unknown)$/m.test(text)),
    );
  });

  it('MSG-2 nobody has dropped a message of another', () => {
    for (const node of all()) expect(node.log()).not.toMatch(/FLT-120[59]/);
  });
});
