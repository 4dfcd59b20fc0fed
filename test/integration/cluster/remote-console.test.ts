/** The console as any NATS client sees it: plain requests, no code of ours on the client's side. */
import { connect, type Msg, type NatsConnection, RequestStrategy } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { Fleet, membersAgree, type NodeProcess, sumsAre } from './fleet.ts';
import { Clients, Upstream } from './traffic.ts';

const fleet = new Fleet();
let upstream: Upstream;
let first: NodeProcess;
let second: NodeProcess;
let nc: NatsConnection;

beforeAll(async () => {
  upstream = await Upstream.start();
  const server = await startNatsServer();
  [first, second] = await fleet.startTogether(['relay-1', 'relay-2'], {
    servers: [server.url],
    upstreamPort: upstream.port,
  });
  nc = await connect({ servers: server.url });
});

afterAll(async () => {
  await nc?.close();
  await fleet.end();
  await upstream.stop();
  await stopNatsServers();
});

function ask(node: string, line: string): Promise<Msg> {
  return nc.request(`ec_console.node.${node}`, line, { timeout: 5_000 });
}

/** As many answers as there are nodes. */
async function askAll(subject: string, line: string, maxWait = 5_000): Promise<Msg[]> {
  const answers: Msg[] = [];
  for await (const answer of await nc.requestMany(subject, line, {
    strategy: RequestStrategy.Count,
    maxMessages: 2,
    maxWait,
  }))
    answers.push(answer);
  return answers;
}

interface Ping {
  readonly name: string;
  /** The incarnation. */
  readonly id: string;
  readonly metadata: { readonly node: string };
}

async function discovered(maxWait?: number): Promise<Ping[]> {
  return (await askAll('$SRV.PING', '', maxWait)).map((answer) => answer.json<Ping>());
}

async function incarnationOf(node: string): Promise<string | undefined> {
  // Asked again and again while one of the two is away: a short wait for it.
  return (await discovered(200)).find(({ metadata }) => metadata.node === node)?.id;
}

describe('the console over NATS', () => {
  it('MGR-7 one node answers text, with its name and the status in headers', async () => {
    const answer = await ask('relay-1', 'cluster nodename');
    expect(answer.string()).toBe('relay-1\n');
    expect(answer.headers?.get('Flotilla-Node')).toBe('relay-1');
    expect(answer.headers?.get('Flotilla-Status')).toBe('0');
    const unknown = await ask('relay-2', 'make coffee');
    expect(unknown.headers?.get('Flotilla-Status')).toBe('2');
  });

  it('CON-12 the prefixes xml and json choose the form', async () => {
    expect((await ask('relay-2', 'xml cluster nodename')).string()).toBe('<Node_Name>relay-2</Node_Name>\n');
    expect((await ask('relay-2', 'json cluster nodename')).json()).toEqual({ nodeName: 'relay-2' });
  });

  it('MGR-6 the control group reaches every node', async () => {
    for (const subject of ['ec_console', 'ec_console.sc.default']) {
      const answers = await askAll(subject, 'cluster nodename');
      expect(answers.map((answer) => answer.string()).sort()).toEqual(['relay-1\n', 'relay-2\n']);
      expect(answers.map(({ headers }) => headers?.get('Flotilla-Node')).sort()).toEqual([
        'relay-1',
        'relay-2',
      ]);
    }
  });

  it('each node answers the discovery of NATS micro-services', async () => {
    const pings = await discovered();
    expect(pings.map(({ name }) => name)).toEqual(['flotilla-node', 'flotilla-node']);
    expect(pings.map(({ metadata }) => metadata.node).sort()).toEqual(['relay-1', 'relay-2']);
  });

  it('CMD-17 `cluster reset` makes another incarnation with the counts of the first', async () => {
    const clients = new Clients(first.port);
    await clients.fill(1, 7);
    await sumsAre(clients.open, first, second);
    const before = await incarnationOf('relay-1');

    expect((await ask('relay-1', 'cluster reset')).string()).toBe('Resetting cluster membership.\n');
    await until(async () => ![before, undefined].includes(await incarnationOf('relay-1')));
    await membersAgree(first, second);
    await sumsAre(clients.open, first, second);
    // Sessions of before the reset are still counted down.
    await clients.close(3);
    await sumsAre(clients.open, first, second);
    expect(await second.inbound('relay-1')).toEqual(clients.open);
    await clients.close();
  });

  it('LIFE-9 CMD-1 `shutdown` ends the node with exit code 0, and the others see it leave', async () => {
    expect((await ask('relay-2', 'shutdown')).string()).toBe('Shutting down.\n');
    expect(await second.ended).toBe(0);
    await membersAgree(first);
  });
});
