/** Front listeners, services behind them and clients in front, on real loopback sockets; all of it cleaned up. */
import {
  connect,
  createServer,
  type ListenOptions,
  type NetConnectOpts,
  type Server,
  type Socket,
} from 'node:net';
import { newIncarnation } from '../../../src/core/identity.ts';
import { CidrTable } from '../../../src/core/replica/cidr-table.ts';
import { ListenerSessions, ServiceSessions } from '../../../src/core/session-caps.ts';
import type { ListenerSettings } from '../../../src/core/settings.ts';
import {
  type FrontEvent,
  type FrontListener,
  type FrontListenerOptions,
  openFrontListener,
} from '../../../src/net/front-listener.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';
import { RecordingCounters, RecordingLog } from '../bus/surroundings.ts';
import { until } from '../until.ts';

export const everyone = '0.0.0.0/0';

export interface Front {
  readonly listener: FrontListener;
  readonly port: number;
  readonly inbound: CidrTable;
  readonly service: ServiceSessions;
  readonly events: FrontEvent[];
  readonly log: RecordingLog;
  readonly counters: RecordingCounters;
}

const fronts: FrontListener[] = [];
const servers: Server[] = [];
const sockets: Socket[] = [];

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(fronts.splice(0).map((front) => front.stop({ graceMs: 0 })));
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
}

export const listenerSettings: ListenerSettings = {
  kind: 'tcp',
  listen: { host: '127.0.0.1', port: 0 },
  upstream: undefined,
  sendProxy: 'off',
  backlog: 500,
  noDelay: true,
  upstreamTimeoutMs: 5000,
  idleTimeoutMs: 0,
  caps: { listenerSessions: 0, serviceSessions: 0, clusterServiceSessions: 0 },
  peers: [],
  enableDuravip: false,
};

export async function openFront(
  settings: Partial<ListenerSettings>,
  options: Partial<FrontListenerOptions> = {},
): Promise<Front> {
  const whole = { ...listenerSettings, ...settings };
  const inbound = new CidrTable({ self: newIncarnation(systemRandom), maxKeys: 100_000, seed: 1 });
  const service = new ServiceSessions([whole]);
  const events: FrontEvent[] = [];
  const log = new RecordingLog();
  const counters = new RecordingCounters();
  const listener = await openFrontListener(whole, {
    sessions: new ListenerSessions(whole, service, inbound),
    log: log.log,
    counters,
    clock: systemClock,
    onEvent: (event) => events.push(event),
    ...options,
  });
  fronts.push(listener);
  return { listener, port: listener.address().port, inbound, service, events, log, counters };
}

/** A service on a free port of loopback; `serve` gets each of its connections. */
export async function startService(
  serve: (socket: Socket) => void,
  where: ListenOptions = { host: '127.0.0.1', port: 0 },
): Promise<{ host: string; port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(where, resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null
    ? { host: address.address, port: address.port }
    : { host: '', port: 0 };
}

export function echo(socket: Socket): void {
  socket.pipe(socket);
}

export interface Client {
  readonly socket: Socket;
  /** All that has been received so far. */
  readonly received: () => string;
  /** How it ended: `end` in good order, `close` without, or an error code. */
  readonly ended: () => string | undefined;
  readonly closed: () => boolean;
}

export function openClient(port: number, from = '127.0.0.1', options: Partial<NetConnectOpts> = {}): Client {
  const host = from.includes(':') ? '::1' : '127.0.0.1';
  const socket = connect({
    host,
    port,
    localAddress: from,
    allowHalfOpen: true,
    ...options,
  } as NetConnectOpts);
  sockets.push(socket);
  let received = '';
  let ended: string | undefined;
  let closed = false;
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.on('end', () => {
    ended ??= 'end';
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    ended ??= error.code;
  });
  socket.on('close', () => {
    ended ??= 'close';
    closed = true;
  });
  return { socket, received: () => received, ended: () => ended, closed: () => closed };
}

/** A client that has reached its session. */
export async function openSession(front: Front, from?: string): Promise<Client> {
  const before = front.events.filter(({ type }) => type === 'opened').length;
  const client = openClient(front.port, from);
  await until(() => front.events.filter(({ type }) => type === 'opened').length > before);
  return client;
}

/** What must hold when all clients are gone: nothing is counted any more, and each client was closed once. */
export async function expectQuiet({ listener, inbound, service, events, counters }: Front): Promise<void> {
  await until(() => listener.sessions === 0 && inbound.count(everyone) + inbound.count('::/0') === 0);
  const count = (type: FrontEvent['type']) => events.filter((event) => event.type === type).length;
  const figures = {
    keys: [...inbound.entries()],
    service: service.counts.count(-1),
    anomalies: inbound.stats.anomalies,
    closed: count('closed'),
    begun: counters.count('listener_accepted_total'),
  };
  const accepted = count('opened') + count('refused');
  const expected = { keys: [], service: 0, anomalies: 0, closed: accepted, begun: accepted };
  if (JSON.stringify(figures) !== JSON.stringify(expected)) {
    throw new Error(`not quiet: ${JSON.stringify(figures)} instead of ${JSON.stringify(expected)}`);
  }
}
