/** Who is let in by a front listener, what the others read, and what happens when the service is not there. */
import { spawn } from 'node:child_process';
import { createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { isFlotillaError } from '../../../src/core/errors.ts';
import { newIncarnation } from '../../../src/core/identity.ts';
import { noNetblock } from '../../../src/core/netblocks.ts';
import type { ListenerSettings } from '../../../src/core/settings.ts';
import { FrontListeners } from '../../../src/net/front-listeners.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';
import { RecordingCounters, RecordingLog } from '../bus/surroundings.ts';
import { until } from '../until.ts';
import {
  type Client,
  closeAll,
  echo,
  everyone,
  expectQuiet,
  listenerSettings,
  openClient,
  openFront,
  openSession,
  startService,
} from './fronts.ts';

afterEach(closeAll);

const noCaps = { listenerSessions: 0, serviceSessions: 0, clusterServiceSessions: 0 };
const concurrencyReached = '421 4.4.5 Service unavailable, concurrency limit reached\r\n';
const unavailable = '421 4.4.2 Service unavailable, connection to the mail service failed\r\n';

function greet(socket: Socket): void {
  socket.write('220 ready\r\n');
  echo(socket);
}

/** A port on which nobody listens. */
async function closedPort(): Promise<{ host: string; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return { host: '127.0.0.1', port };
}

describe('caps', () => {
  test('REP-15.4 over the cap: 421 4.4.5 and close, before anything is done; the others are served on', async () => {
    let served = 0;
    const upstream = await startService((socket) => {
      served += 1;
      greet(socket);
    });
    const peers = [{ prefix: '127.1.0.0/16', caps: { listenerSessions: 2 } }];
    const front = await openFront({ kind: 'esmtp', upstream, peers });
    const inside = await Promise.all(['127.1.0.1', '127.1.9.9'].map((from) => openSession(front, from)));
    const refused = openClient(front.port, '127.1.4.4');
    await until(() => refused.ended() !== undefined);
    expect([refused.received(), refused.ended()]).toEqual([concurrencyReached, 'end']);
    const outside = await openSession(front, '127.2.0.1');
    await until(() => outside.received() === '220 ready\r\n');
    expect(served).toBe(3);
    expect(front.events.find(({ type }) => type === 'refused')).toMatchObject({
      client: { address: '127.1.4.4' },
      refusal: { limit: 'listener_sessions', value: 2, count: 2, scope: '127.1.0.0/16' },
    });
    inside[0]?.socket.end();
    await until(() => front.listener.sessions === 2);
    const next = openClient(front.port, '127.1.4.4');
    await until(() => next.received() === '220 ready\r\n');
    for (const client of [...inside, refused, outside, next]) client.socket.end();
    await expectQuiet(front);
  });

  test('REP-21.2 cluster_service_sessions counts what other nodes have from the netblock', async () => {
    const upstream = await startService(greet);
    const caps = { clusterServiceSessions: 3 };
    const front = await openFront({ kind: 'esmtp', upstream, peers: [{ prefix: '127.0.0.0/24', caps }] });
    const elsewhere = newIncarnation(systemRandom);
    front.inbound.addRow(elsewhere);
    const none = {
      v6Keys: new Uint32Array(),
      v6Values: new Float64Array(),
      textKeys: [],
      textValues: new Float64Array(),
      cells: [],
    };
    front.inbound.applyToRow(elsewhere, {
      ...none,
      v4Keys: Uint32Array.of(0x7f000050),
      v4Values: Float64Array.of(2),
      v4BlockKeys: new Uint32Array(),
      v4BlockValues: new Float64Array(),
      v6BlockKeys: new Uint32Array(),
      v6BlockValues: new Float64Array(),
    });
    const first = await openSession(front);
    const refused = openClient(front.port);
    await until(() => refused.ended() !== undefined);
    expect(refused.received()).toBe(concurrencyReached);
    refused.socket.end();
    for (const _ of front.inbound.removeRow(elsewhere));
    await until(() => front.inbound.count(everyone) === 1);
    const second = await openSession(front);
    await until(() => second.received() === '220 ready\r\n');
    for (const client of [first, second]) client.socket.end();
    await expectQuiet(front);
  });

  test('a client that talks before it reads still gets its 421, not a reset', async () => {
    const front = await openFront({
      kind: 'esmtp',
      upstream: await closedPort(),
      caps: { ...noCaps, serviceSessions: 1 },
    });
    front.service.counts.add(noNetblock, 1);
    const client = openClient(front.port);
    client.socket.pause();
    client.socket.write('EHLO example.com\r\n'.repeat(5000));
    await until(
      () => front.events.some(({ type }) => type === 'refused') && client.socket.writableLength === 0,
    );
    client.socket.resume();
    await until(() => client.ended() !== undefined);
    expect([client.received(), client.ended()]).toEqual([concurrencyReached, 'end']);
    client.socket.end();
    await until(() => front.inbound.count(everyone) === 0);
  });

  test('a refused client that never closes is cut off', async () => {
    const front = await openFront({ kind: 'esmtp', upstream: await startService(greet) }, { maxOpen: 0 });
    const client = openClient(front.port);
    await until(() => client.received() === concurrencyReached);
    await until(() => front.inbound.count(everyone) === 0);
    expect(front.events.map(({ type }) => type)).toEqual(['refused', 'closed']);
  });

  test('a TCP listener says nothing, it closes', async () => {
    const upstream = await startService(echo);
    const front = await openFront({ upstream, caps: { ...noCaps, listenerSessions: 1 } });
    const first = await openSession(front);
    const refused = openClient(front.port);
    await until(() => refused.ended() !== undefined);
    expect([refused.received(), refused.ended()]).toEqual(['', 'end']);
    for (const client of [first, refused]) client.socket.end();
    await expectQuiet(front);
  });

  test('more open sessions than max_open are refused, so that descriptors do not run out', async () => {
    const upstream = await startService(greet);
    const front = await openFront({ kind: 'esmtp', upstream }, { maxOpen: 2 });
    const clients = [await openSession(front), await openSession(front), openClient(front.port)];
    await until(() => clients[2]?.received() === concurrencyReached);
    expect(front.events.at(-1)).toMatchObject({
      type: 'refused',
      refusal: { limit: 'max_open', value: 2, count: 2 },
    });
    for (const client of clients) client.socket.end();
    await expectQuiet(front);
  });
});

describe('a service that is not there', () => {
  test('refused connection: 421 4.4.2 at once, counted, and logged once for many', async () => {
    const front = await openFront({ kind: 'esmtp', upstream: await closedPort() });
    const clients = Array.from({ length: 20 }, () => openClient(front.port));
    for (const client of clients) {
      await until(() => client.ended() !== undefined);
      expect([client.received(), client.ended()]).toEqual([unavailable, 'end']);
      client.socket.end();
    }
    await expectQuiet(front);
    expect(front.counters.count('listener_upstream_failures_total')).toBe(20);
    expect(front.log.problems('FLT-1402')).toHaveLength(1);
    expect(front.events.filter(({ type }) => type === 'upstreamFailed')).toHaveLength(20);
  });

  test('no answer to the connection attempt: 421 after upstream_timeout', async () => {
    // A listener that never accepts: with its queue full, the kernel leaves further attempts unanswered.
    const stalled = spawn(process.execPath, [
      '-e',
      `const s = require('net').createServer(); s.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
        console.log(s.address().port); process.kill(process.pid, 'SIGSTOP'); })`,
    ]);
    try {
      const stalledPort = await new Promise<number>((resolve) =>
        stalled.stdout.once('data', (data) => resolve(Number(data))),
      );
      const filling = Array.from({ length: 4 }, () => openClient(stalledPort));
      await until(() => filling.filter(({ socket }) => !socket.connecting).length >= 2);
      const front = await openFront({
        kind: 'esmtp',
        upstream: { host: '127.0.0.1', port: stalledPort },
        upstreamTimeoutMs: 300,
      });
      const client = openClient(front.port);
      await until(() => client.ended() !== undefined);
      expect(client.received()).toBe(unavailable);
      client.socket.end();
      await expectQuiet(front);
    } finally {
      stalled.kill('SIGKILL');
    }
  });

  test('an SMTP service that accepts and says nothing: 421 after the greeting time-out', async () => {
    const upstream = await startService(() => {});
    const front = await openFront({ kind: 'esmtp', upstream }, { greetingTimeoutMs: 200 });
    const client = openClient(front.port);
    await until(() => client.ended() !== undefined);
    expect(client.received()).toBe(unavailable);
    client.socket.end();
    await expectQuiet(front);
    expect(front.log.lines[0]?.text).toContain('no greeting within 200 ms');
  });

  test.each([
    ['closes', (socket: Socket) => socket.end()],
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ])('an SMTP service that %s without a greeting: 421', async (_, leave) => {
    const upstream = await startService((socket) => leave(socket));
    const front = await openFront({ kind: 'esmtp', upstream });
    const client = openClient(front.port);
    await until(() => client.ended() !== undefined);
    expect(client.received()).toBe(unavailable);
    client.socket.end();
    await expectQuiet(front);
  });

  test('a service that does not speak first is not waited for', async () => {
    const upstream = await startService(echo);
    const front = await openFront({ kind: 'tcp', upstream }, { greetingTimeoutMs: 1 });
    const client = openClient(front.port);
    client.socket.write('hello');
    await until(() => client.received() === 'hello');
    expect(front.counters.count('listener_upstream_failures_total')).toBe(0);
  });

  test('a client that leaves while the service is being reached is no failure of the service', async () => {
    const upstream = await startService((socket) => socket.on('end', () => socket.end()).resume());
    const front = await openFront({ kind: 'esmtp', upstream });
    const client = openClient(front.port);
    client.socket.end();
    await until(() => client.closed());
    await expectQuiet(front);
    expect(front.counters.count('listener_upstream_failures_total')).toBe(0);
  });
});

describe('a service of this process', () => {
  test('API-3 gets the socket and the client; the client is counted until the socket is closed', async () => {
    const front = await openFront(
      { kind: 'esmtp' },
      { service: (socket, client) => socket.end(`220 hello ${client.address}\r\n`) },
    );
    const client = openClient(front.port, '127.0.5.5');
    await until(() => client.received() === '220 hello 127.0.5.5\r\n');
    expect(front.inbound.count('127.0.5.5')).toBe(1);
    client.socket.end();
    await expectQuiet(front);
  });

  test.each([
    ['is not registered', undefined],
    [
      'throws',
      () => {
        throw new Error('defect');
      },
    ],
  ])('a service that %s: 421', async (_, service) => {
    const front = await openFront({ kind: 'esmtp' }, service === undefined ? {} : { service });
    const client = openClient(front.port);
    await until(() => client.ended() !== undefined);
    expect(client.received()).toBe(unavailable);
    client.socket.end();
    await expectQuiet(front);
  });

  test('an observer that throws harms nobody', async () => {
    const upstream = await startService(echo);
    const onEvent = () => {
      throw new Error('defect of the observer');
    };
    const front = await openFront({ upstream }, { onEvent });
    const client = openClient(front.port);
    client.socket.end('hello');
    await until(() => client.closed());
    expect(client.received()).toBe('hello');
    await until(() => front.inbound.count(everyone) === 0);
    expect(front.log.texts('error').length).toBeGreaterThan(0);
  });
});

describe('several listeners', () => {
  const open = (settings: Partial<ListenerSettings>[]) => {
    const all = settings.map((each) => ({ ...listenerSettings, ...each }));
    const surroundings = {
      log: new RecordingLog().log,
      counters: new RecordingCounters(),
      clock: systemClock,
    };
    return new FrontListeners(all, { inbound: undefined, ...surroundings }).openAll(all);
  };

  test('REP-15.1 service_sessions counts all listeners of the service, and only those', async () => {
    const shared = {
      kind: 'esmtp' as const,
      upstream: await startService(greet),
      caps: { ...noCaps, serviceSessions: 2 },
    };
    const listeners = await open([shared, shared, { ...shared, kind: 'tcp' }]);
    const ports = listeners.map((listener) => listener.address().port);
    const clients: Client[] = [];
    for (const port of [ports[0], ports[1], ports[1], ports[2]] as number[]) {
      const client = openClient(port);
      clients.push(client);
      await until(() => client.received() !== '');
    }
    const ready = '220 ready\r\n';
    expect(clients.map((client) => client.received())).toEqual([ready, ready, concurrencyReached, ready]);
    await Promise.all(listeners.map((listener) => listener.stop({ graceMs: 0 })));
  });

  test('FLT-1401 when one cannot be opened, none stays open', async () => {
    const port = (await closedPort()).port;
    await expect(
      open([{ listen: { host: '127.0.0.1', port } }, { listen: { host: '192.0.2.1', port } }]),
    ).rejects.toThrow('this host does not have the address');
    const client = openClient(port);
    await until(() => client.ended() === 'ECONNREFUSED');
  });
});

describe('opening and stopping', () => {
  test.each([
    ['127.0.0.1', 'the address is in use'],
    ['192.0.2.1', 'this host does not have the address'],
  ])('FLT-1401 names address and cause: %s', async (host, cause) => {
    const taken = await openFront({ upstream: await closedPort() });
    const failure = await openFront({ kind: 'esmtp', listen: { host, port: taken.port } }).catch(
      (error: unknown) => error,
    );
    expect(isFlotillaError(failure) && failure.code).toBe('FLT-1401');
    expect(String(failure)).toContain(`ESMTP listener ${host}:${taken.port}: ${cause}`);
  });

  test('`*` is any IPv4 address and `::` any IPv6 address, both on one port', async () => {
    const upstream = await startService(echo);
    const ipv4 = await openFront({ upstream, listen: { host: '*', port: 0 } });
    const ipv6 = await openFront({ upstream, listen: { host: '::', port: ipv4.port } });
    await openSession(ipv4, '127.0.7.7');
    await openSession(ipv6, '::1');
    expect([[...ipv4.inbound.entries()], [...ipv6.inbound.entries()]]).toEqual([
      [['127.0.7.7', 1]],
      [['::1', 1]],
    ]);
  });

  test('a graceful stop accepts nobody, waits for sessions and is over when the last one ends', async () => {
    const upstream = await startService(echo);
    const front = await openFront({ upstream });
    const client = await openSession(front);
    let stopped = false;
    const stopping = front.listener.stop({ graceMs: 60_000 }).then(() => {
      stopped = true;
    });
    const late = openClient(front.port);
    await until(() => late.ended() === 'ECONNREFUSED');
    client.socket.write('still here');
    await until(() => client.received() === 'still here');
    expect(stopped).toBe(false);
    client.socket.end();
    await stopping;
    await expectQuiet(front);
  });

  test('a stop ends what is left after the grace time, whatever state it is in', async () => {
    let [connections, closed] = [0, 0];
    const upstream = await startService((socket) => {
      connections += 1;
      socket.resume();
      socket.on('close', () => {
        closed += 1;
      });
      socket.on('end', () => socket.end());
    });
    const front = await openFront({ kind: 'esmtp', upstream }, { maxOpen: 2 });
    const clients = [await openSession(front), await openSession(front), openClient(front.port)];
    await until(() => connections === 2 && clients[2]?.received() === concurrencyReached);
    await Promise.all([front.listener.stop({ graceMs: 20 }), front.listener.stop({ graceMs: 60_000 })]);
    await until(() => clients.every((client) => client.ended() !== undefined) && closed === 2);
    await expectQuiet(front);
  });
});

describe('few file descriptors', () => {
  test.each([
    ['the listener refuses in time, with words', 'default', '421 4.4.5'],
    ['connections are dropped by the kernel when the bound is set too high', '1000', ''],
  ])('%s, and everybody is served again later', async (_, maxOpen, answer) => {
    const command = 'ulimit -n 80; exec "$0" --import tsx test/integration/net/few-descriptors.ts "$1"';
    const child = spawn('bash', ['-c', command, process.execPath, maxOpen]);
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    try {
      await until(() => /^listening \d+$/m.test(output));
      const port = Number(/^listening (\d+)$/m.exec(output)?.[1]);
      const clients = Array.from({ length: 120 }, () => openClient(port));
      await until(() => clients.every((client) => client.received() !== '' || client.ended() !== undefined));
      expect(clients.filter((client) => client.received().startsWith('220')).length).toBeGreaterThanOrEqual(
        20,
      );
      const turnedAway = clients.filter((client) => !client.received().startsWith('220'));
      expect(turnedAway.some((client) => client.received().startsWith(answer))).toBe(true);
      for (const client of clients) client.socket.destroy();
      await until(() => /sessions 0, counted 0\n$/.test(output));
      const next = openClient(port);
      await until(() => next.received() === '220 ready\r\n');
      expect(child.exitCode).toBe(null);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
