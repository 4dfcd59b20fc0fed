/**
 * The front listener: what it costs to count and judge a client (P1), and connections and bytes a second through it,
 * beside the same clients talking to the service directly. Clients, front and service share one process and one core,
 * so the ratio shows the work of one more hop, not the throughput of a machine.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Address } from '../src/core/address.ts';
import { newIncarnation } from '../src/core/identity.ts';
import { CidrTable } from '../src/core/replica/cidr-table.ts';
import { ListenerSessions, ServiceSessions } from '../src/core/session-caps.ts';
import type { ListenerSettings } from '../src/core/settings.ts';
import { openFrontListener } from '../src/net/front-listener.ts';
import { systemClock, systemRandom } from '../src/node/system-clock.ts';
import { SeededRandom } from '../test/sim/seeded-random.ts';
import { type Benchmark, type Figure, median } from './report.ts';
import { silentLog } from './silent-log.ts';

const roundsForMedian = 5;

const settings: ListenerSettings = {
  kind: 'tcp',
  listen: { host: '127.0.0.1', port: 0 },
  upstream: undefined,
  sendProxy: 'off',
  backlog: 500,
  noDelay: true,
  upstreamTimeoutMs: 5000,
  idleTimeoutMs: 0,
  caps: { listenerSessions: 0, serviceSessions: 0, clusterServiceSessions: 0 },
  peers: [
    { prefix: '10.0.0.0/8', caps: { clusterServiceSessions: 1e9 } },
    { prefix: '10.1.0.0/16', caps: { listenerSessions: 1e9 } },
  ],
  enableDuravip: false,
};

/** Accept of one client: its count in `inbound_cidr` and in the listener, and a cluster-wide netblock cap. */
function nanosecondsPerClient(clients: number): number {
  const random = new SeededRandom(1);
  const addresses: Address[] = Array.from({ length: clients }, () => 0x0a000000 | random.below(2 ** 24));
  const rounds = Array.from({ length: roundsForMedian }, () => {
    const inbound = new CidrTable({ self: newIncarnation(systemRandom), maxKeys: clients * 2, seed: 7 });
    const sessions = new ListenerSessions(settings, new ServiceSessions([settings]), inbound);
    for (const address of addresses) sessions.accept(address);
    const begunMs = performance.now();
    for (const address of addresses) sessions.accept(address);
    return ((performance.now() - begunMs) / clients) * 1e6;
  });
  return median(rounds);
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

/** Connects, reads the greeting and leaves, `atOnce` at a time. */
async function connectionsPerSecond(port: number, atOnce: number): Promise<number> {
  const connections = Math.max(300, atOnce * 20);
  let begun = 0;
  const worker = async () => {
    while (begun++ < connections) {
      const socket = connect({ port, host: '127.0.0.1' });
      socket.once('data', () => socket.end());
      await new Promise((resolve) => socket.once('close', resolve));
    }
  };
  const begunMs = performance.now();
  await Promise.all(Array.from({ length: atOnce }, worker));
  return connections / ((performance.now() - begunMs) / 1000);
}

/** Megabytes that go to the service and come back. */
async function megabytesPerSecond(port: number, atOnce: number): Promise<number> {
  const chunk = Buffer.alloc(64 * 1024);
  const chunksEach = Math.ceil(1600 / atOnce);
  const one = async () => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.resume();
    for (let sent = 0; sent < chunksEach; sent++) {
      if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
    }
    socket.end();
    await new Promise((resolve) => socket.once('close', resolve));
  };
  const begunMs = performance.now();
  await Promise.all(Array.from({ length: atOnce }, one));
  return (atOnce * chunksEach * chunk.length) / 1e6 / ((performance.now() - begunMs) / 1000);
}

type Measure = (port: number, atOnce: number) => Promise<number>;

async function compare(
  what: string,
  unit: string,
  measure: Measure,
  serve: (socket: Socket) => void,
): Promise<Figure[]> {
  const service = createServer((socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  const direct = await listening(service);
  const counted = { ...settings, upstream: { host: '127.0.0.1', port: direct } };
  const front = await openFrontListener(counted, {
    sessions: new ListenerSessions(counted, new ServiceSessions([counted])),
    log: silentLog,
    counters: { add: () => {} },
    clock: systemClock,
  });
  const figures: Figure[] = [];
  for (const atOnce of [1, 10, 100]) {
    const [through, past]: number[][] = [[], []];
    for (let round = 0; round < roundsForMedian; round++) {
      through?.push(await measure(front.address().port, atOnce));
      past?.push(await measure(direct, atOnce));
    }
    const peer = { name: 'without front', value: median(past ?? []) };
    figures.push({
      goal: '-',
      what,
      size: `${atOnce} at once`,
      value: median(through ?? []),
      unit,
      better: 'more',
      peer,
    });
  }
  await front.stop({ graceMs: 0 });
  await new Promise((resolve) => service.close(resolve));
  return figures;
}

async function run(): Promise<Figure[]> {
  const target = { value: 300 };
  const counting = [1e4, 1e5, 1e6].map((clients): Figure => {
    const value = nanosecondsPerClient(clients);
    return {
      goal: 'P1',
      what: 'count a client and check the cap of its netblock',
      size: `${clients} clients`,
      value,
      unit: 'ns',
      target,
    };
  });
  const greeting = (socket: Socket) => socket.write('220 ready\r\n');
  return [
    ...counting,
    ...(await compare('connections through the front', '1/s', connectionsPerSecond, greeting)),
    ...(await compare('bytes through the front and back', 'MB/s', megabytesPerSecond, (socket) =>
      socket.pipe(socket),
    )),
  ];
}

export const listenerBenchmark: Benchmark = {
  name: 'listener',
  goals: ['P1'],
  about: 'front listener: counting and caps, connections and bytes with and without it',
  meaning:
    'the same count as a front listener makes it for a client; and connections and bytes through a ' +
    'front listener beside the service behind it alone. Clients, front and service share one process, ' +
    'so the ratio is the price of one more hop.',
  run,
};
