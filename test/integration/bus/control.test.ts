import { connect, createInbox, type Msg, type NatsConnection, RequestStrategy } from 'nats';
import { afterEach, describe, expect, it } from 'vitest';
import { connectWire, type NatsWire } from '../../../src/bus/connection.ts';
import { type ControlOptions, type Execute, serveControl } from '../../../src/bus/control.ts';
import { newIncarnation } from '../../../src/core/identity.ts';
import { type NatsServer, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { natsBinaries } from '../nats-versions.ts';
import { until } from '../until.ts';
import { clock, RecordingCounters, RecordingLog, random, wireSettings } from './surroundings.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await stopNatsServers();
});

const groups = { clusterGroup: 'ec_cluster', controlGroup: 'ec_console' };

/** A console that knows a few words. */
const console: Execute = async function* (line) {
  const [word = '', argument = ''] = line.trim().split(/\s+/);
  if (word === 'say') yield `${argument}\n`;
  if (word === 'repeat') for (let i = 0; i < Number(argument); i++) yield `line ${i}\n`.padEnd(1_000, '.');
  if (word === 'throw') throw new Error('broken command');
  return ['say', 'repeat'].includes(word) ? 0 : 2;
};

async function startNode(server: NatsServer, node: string, change: Partial<ControlOptions> = {}) {
  const recording = new RecordingLog();
  const counters = new RecordingCounters();
  const surroundings = { log: recording.log, counters, clock, random };
  const wire: NatsWire = connectWire({
    link: 'm',
    name: node,
    urls: [server.url],
    settings: wireSettings,
    ...surroundings,
  });
  cleanups.push(() => wire.close());
  await until(() => wire.state === 'up');
  const executed: string[] = [];
  const execute: Execute = async function* (line, signal) {
    executed.push(line);
    return yield* (change.execute ?? console)(line, signal);
  };
  const incarnation = newIncarnation(random);
  const privateName = `#ec0-00007#${node}`;
  const self = { node, privateName, subcluster: 'default', version: '1.2.3', incarnation };
  const control = serveControl({ wire, groups, self, ...surroundings, ...change, execute });
  return { control, executed, recording, counters, self, wire };
}

async function startClient(server: NatsServer): Promise<NatsConnection> {
  const client = await connect({ servers: server.url });
  cleanups.push(() => client.close());
  return client;
}

/** Everything that answers one request, until `enough`. */
async function answers(
  client: NatsConnection,
  subject: string,
  line: string | Uint8Array,
  enough: (parts: Msg[]) => boolean,
): Promise<Msg[]> {
  const parts: Msg[] = [];
  const inbox = createInbox();
  client.subscribe(inbox, { callback: (_, message) => parts.push(message) });
  client.publish(subject, line, { reply: inbox });
  await until(() => enough(parts));
  return parts;
}

/** Answers are counted, not waited for. */
const counted = { strategy: RequestStrategy.Count, maxWait: 20_000 };

const ends = (count: number) => (parts: Msg[]) =>
  parts.filter((part) => part.headers?.get('Flotilla-End') === 'true').length >= count;

describe.each(await natsBinaries())('console over nats-server $version', ({ binary }) => {
  it('a plain request to one node gets the answer, the node name and the status in one message', async () => {
    const server = await startNatsServer({ binary });
    const { executed } = await startNode(server, 'relay-1.example');
    const client = await startClient(server);
    const answer = await client.request('ec_console.node.relay-1%2Eexample', 'json say hello', {
      timeout: 5_000,
    });
    expect(executed).toEqual(['json say hello']);
    expect(answer.headers?.get('Flotilla-Node')).toBe('relay-1.example');
    expect(answer.headers?.get('Flotilla-Status')).toBe('2');
    const second = await client.request('ec_console.node.relay-1%2Eexample', 'say hello', { timeout: 5_000 });
    expect(second.string()).toBe('hello\n');
    expect(second.headers?.get('Flotilla-Status')).toBe('0');
    expect(second.headers?.get('Flotilla-End')).toBe('true');
  });

  it('a request to all, or to a subcluster, is answered by each node there', async () => {
    const server = await startNatsServer({ binary });
    const other = {
      self: {
        node: 'relay-3',
        privateName: '#ec0-00007#relay-3',
        subcluster: 'staging',
        version: '1.2.3',
        incarnation: newIncarnation(random),
      },
    };
    await startNode(server, 'relay-1');
    await startNode(server, 'relay-2');
    await startNode(server, 'relay-3', other);
    const client = await startClient(server);
    const nodesOf = (parts: Msg[]) => parts.map((part) => part.headers?.get('Flotilla-Node')).sort();
    expect(nodesOf(await answers(client, 'ec_console', 'say x', ends(3)))).toEqual([
      'relay-1',
      'relay-2',
      'relay-3',
    ]);
    expect(nodesOf(await answers(client, 'ec_console.sc.default', 'say x', ends(2)))).toEqual([
      'relay-1',
      'relay-2',
    ]);
    expect(nodesOf(await answers(client, 'ec_console.sc.staging', 'say x', ends(1)))).toEqual(['relay-3']);
  });

  it('a broadcast without reply subject is executed by all and answered by none', async () => {
    const server = await startNatsServer({ binary });
    const nodes = [await startNode(server, 'relay-1'), await startNode(server, 'relay-2')];
    const client = await startClient(server);
    const other: string[] = [];
    client.subscribe('>', { callback: (_, { subject }) => other.push(subject) });
    client.publish('ec_console', 'say everybody');
    await until(() => nodes.every(({ executed }) => executed.length === 1));
    await answers(client, 'ec_console.node.relay-1', 'say last', ends(1));
    expect(other.filter((subject) => !subject.startsWith('_INBOX'))).toEqual([
      'ec_console',
      'ec_console.node.relay-1',
    ]);
  });

  it('CON-14 a long answer comes in numbered parts within max_payload, and nothing of it is missing', async () => {
    const server = await startNatsServer({ binary, config: 'max_payload: 65536' });
    await startNode(server, 'relay-1');
    const client = await startClient(server);
    const parts = await answers(client, 'ec_console.node.relay-1', 'repeat 1000', ends(1));
    expect(parts.length).toBeGreaterThan(15);
    expect(parts.map((part) => part.headers?.get('Flotilla-Part'))).toEqual(parts.map((_, i) => `${i + 1}`));
    const expected = Array.from({ length: 1_000 }, (_, i) => `line ${i}\n`.padEnd(1_000, '.')).join('');
    expect(parts.map((part) => part.string()).join('')).toBe(expected);
    expect(parts.slice(0, -1).every((part) => !part.headers?.has('Flotilla-Status'))).toBe(true);
  });

  it('MSG-1 malformed and oversized requests are dropped and counted, and the next one works', async () => {
    const server = await startNatsServer({ binary, config: 'max_payload: 4194304' });
    const { executed, counters } = await startNode(server, 'relay-1');
    const client = await startClient(server);
    client.publish('ec_console', Uint8Array.of(0x73, 0xff));
    client.publish('ec_console', new Uint8Array(1024 * 1024 + 1).fill(0x20));
    await answers(client, 'ec_console.node.relay-1', 'say x', ends(1));
    expect(counters.count('control_requests_malformed')).toBe(2);
    expect(executed).toEqual(['say x']);
  });

  it('INV-33 a command that throws answers status 1, one that hangs answers status 5 in time', async () => {
    const server = await startNatsServer({ binary });
    const aborted: boolean[] = [];
    const hanging: Execute = async function* (line, signal) {
      if (line === 'throw') throw new Error('broken command');
      yield 'so far\n';
      await new Promise<void>(() => signal.addEventListener('abort', () => aborted.push(true)));
      return 0;
    };
    const { recording } = await startNode(server, 'relay-1', { execute: hanging, timeLimitMs: () => 50 });
    const client = await startClient(server);
    const [thrown] = await answers(client, 'ec_console.node.relay-1', 'throw', ends(1));
    expect(thrown?.headers?.get('Flotilla-Status')).toBe('1');
    expect(thrown?.string()).not.toContain('broken command');
    expect(recording.texts('error')).toEqual(['a console command failed']);
    const [late] = await answers(client, 'ec_console.node.relay-1', 'hang', ends(1));
    expect(late?.headers?.get('Flotilla-Status')).toBe('5');
    expect(late?.string()).toMatch(/^so far\nThe command took too long/);
    expect(aborted).toEqual([true]);
  });

  it('always bounded: beyond 32 commands at once the rest is refused, and afterwards all is well', async () => {
    const server = await startNatsServer({ binary });
    let release = () => {};
    const gate = new Promise<void>((resume) => {
      release = resume;
    });
    const waiting: Execute = async function* () {
      await gate;
      yield 'done\n';
      return 0;
    };
    const { executed } = await startNode(server, 'relay-1', { execute: waiting });
    const client = await startClient(server);
    const all = Array.from({ length: 40 }, () =>
      client.request('ec_console.node.relay-1', 'wait', { timeout: 20_000 }),
    );
    const refused = await Promise.all(all.slice(32));
    expect(refused.map((answer) => answer.headers?.get('Flotilla-Status'))).toEqual(refused.map(() => '1'));
    expect(executed).toHaveLength(32);
    release();
    expect((await Promise.all(all.slice(0, 32))).map((answer) => answer.string())).toEqual(
      new Array(32).fill('done\n'),
    );
    await until(
      async () =>
        (await client.request('ec_console.node.relay-1', 'wait')).headers?.get('Flotilla-Status') === '0',
    );
  });

  it('$SRV discovery: each of two nodes answers for itself, by kind, by name and by id', async () => {
    const server = await startNatsServer({ binary });
    const nodes = [await startNode(server, 'relay-1'), await startNode(server, 'relay-2')];
    const client = await startClient(server);
    await answers(client, 'ec_console.node.relay-1', 'bad', ends(1));
    const services = client.services.client({ ...counted, maxMessages: 2 });
    const all = async <T>(answers: Promise<AsyncIterable<T>>) => {
      const list: T[] = [];
      for await (const answer of await answers) list.push(answer);
      return list;
    };
    const pings = await all(services.ping());
    expect(pings.map(({ metadata }) => metadata?.node).sort()).toEqual(['relay-1', 'relay-2']);
    expect(pings.map(({ id }) => id).sort()).toEqual(nodes.map(({ self }) => self.incarnation).sort());
    const infos = await all(services.info('flotilla-node'));
    const info = infos.find(({ metadata }) => metadata?.node === 'relay-1');
    expect(info).toMatchObject({ type: 'io.nats.micro.v1.info_response', version: '1.2.3' });
    expect(info?.endpoints.map(({ subject }) => subject)).toEqual([
      'ec_console',
      'ec_console.node.relay-1',
      'ec_console.sc.default',
    ]);
    const one = client.services.client({ ...counted, maxMessages: 1 });
    const [stats] = await all(one.stats('flotilla-node', nodes[0]!.self.incarnation));
    expect(stats).toMatchObject({ type: 'io.nats.micro.v1.stats_response', name: 'flotilla-node' });
    expect(stats?.endpoints?.[0]).toMatchObject({ num_requests: 1, num_errors: 1, last_error: 'status 2' });
  });

  it('after its end nothing is executed any more', async () => {
    const server = await startNatsServer({ binary });
    const [gone, stays] = [await startNode(server, 'relay-1'), await startNode(server, 'relay-2')];
    const client = await startClient(server);
    gone.control.unsubscribe();
    await until(() => {
      client.publish('ec_console', 'say x');
      return stays.executed.length > 3;
    });
    const before = gone.executed.length;
    await answers(client, 'ec_console', 'say y', ends(1));
    expect(gone.executed).toHaveLength(before);
  });
});
