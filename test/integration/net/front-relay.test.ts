/** How a front listener carries bytes: unchanged, bounded, and with each end and each reset passed on. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { formatAddress } from '../../../src/core/address.ts';
import { ProxyHeaderDecoder } from '../../../src/net/proxy-header.ts';
import { until } from '../until.ts';
import {
  closeAll,
  echo,
  everyone,
  expectQuiet,
  openClient,
  openFront,
  openSession,
  startService,
} from './fronts.ts';

afterEach(closeAll);

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** Bytes of buffers that somebody still holds; what waits for the collector says nothing. */
function buffersInUse(): number {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

describe('counting', () => {
  test('REP-5.14 clients are counted by their address from accept to close', async () => {
    const upstream = await startService(echo);
    const front = await openFront({ upstream });
    const clients = await Promise.all(
      ['127.0.1.1', '127.0.1.1', '127.0.2.7'].map((from) => openSession(front, from)),
    );
    await until(() => front.inbound.count(everyone) === 3);
    expect(Object.fromEntries(front.inbound.entries())).toEqual({ '127.0.1.1': 2, '127.0.2.7': 1 });
    expect(front.inbound.count('127.0.1.0/24')).toBe(2);
    clients[0]?.socket.destroy();
    await until(() => front.inbound.count(everyone) === 2);
    expect(front.listener.sessions).toBe(2);
    for (const client of clients) client.socket.end();
    await expectQuiet(front);
    expect(
      front.events
        .filter(({ type }) => type === 'closed')
        .map(({ client }) => client.address)
        .sort(),
    ).toEqual(['127.0.1.1', '127.0.1.1', '127.0.2.7']);
  });

  test('REP-5.3 IPv6 clients are counted as IPv6, IPv4 clients of an IPv6 socket as IPv4', async () => {
    const upstream = await startService(echo);
    const front = await openFront({ upstream, listen: { host: '::1', port: 0 } });
    await openSession(front, '::1');
    expect([...front.inbound.entries()]).toEqual([['::1', 1]]);
    const mapped = await openFront({ upstream, listen: { host: '::ffff:127.0.0.1', port: 0 } });
    await openSession(mapped, '127.0.0.9');
    expect([...mapped.inbound.entries()]).toEqual([['127.0.0.9', 1]]);
  });

  test('REP-5.14 1,000 connections that come and go in every way leave nothing counted', async () => {
    const upstream = await startService(echo);
    const front = await openFront({ upstream });
    const oneClient = async (n: number) => {
      const client = openClient(front.port, `127.0.${n % 7}.${1 + (n % 50)}`);
      await until(() => !client.socket.connecting);
      client.socket.write('hello');
      if (n % 4 === 0) client.socket.resetAndDestroy();
      else if (n % 4 === 1) client.socket.destroy();
      else if (n % 4 === 2) client.socket.end();
      else await until(() => client.received() === 'hello').then(() => client.socket.end());
      await until(() => client.closed());
    };
    for (let n = 0; n < 1000; n += 100)
      await Promise.all(Array.from({ length: 100 }, (_, i) => oneClient(n + i)));
    await expectQuiet(front);
    // A client may be gone before it can be asked for its address; all the others were counted.
    expect(front.counters.count('listener_accepted_total')).toBeGreaterThan(700);
  });
});

describe('bytes', () => {
  test('arrive unchanged in both directions at once', async () => {
    const upstream = await startService(echo);
    const front = await openFront({ upstream });
    const sent = randomBytes(8 * 1024 * 1024);
    const received = createHash('sha256');
    const client = openClient(front.port);
    client.socket.on('data', (chunk) => received.update(chunk));
    client.socket.end(sent);
    await until(() => client.closed());
    expect(received.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
    await expectQuiet(front);
    expect(front.events.at(-1)).toMatchObject({
      type: 'closed',
      bytesIn: sent.length,
      bytesOut: sent.length,
    });
  });

  test('a Unix socket serves as upstream', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'front-'));
    try {
      const path = join(directory, 'service');
      await startService(echo, { path });
      const front = await openFront({ upstream: { path } });
      const client = openClient(front.port);
      client.socket.end('hello');
      await until(() => client.closed());
      expect([client.received(), client.ended()]).toEqual(['hello', 'end']);
      const aborted = await openSession(front);
      aborted.socket.resetAndDestroy();
      await expectQuiet(front);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test.each(['client', 'service'] as const)(
    'a %s that does not read stops the sender, and memory stays bounded',
    async (slow) => {
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const total = 64 * 1024 * 1024;
      let accepted = 0;
      const flood = (socket: Socket) => {
        for (let goOn = true; goOn && accepted < total; accepted += chunk.length) goOn = socket.write(chunk);
      };
      let serviceSocket: Socket | undefined;
      const upstream = await startService((socket) => {
        serviceSocket = socket;
        if (slow === 'client') socket.on('drain', () => flood(socket));
      });
      const front = await openFront({ upstream });
      const before = buffersInUse();
      const client = openClient(front.port);
      if (slow === 'client') client.socket.pause();
      await until(() => serviceSocket !== undefined);
      const sender = slow === 'client' ? serviceSocket! : client.socket;
      if (slow === 'service') sender.on('drain', () => flood(sender));
      flood(sender);
      // Stopped: nothing has moved for many turns although there is far more to send.
      let [seen, still] = [-1, 0];
      await until(() => {
        still = seen === sender.bytesWritten - sender.writableLength ? still + 1 : 0;
        seen = sender.bytesWritten - sender.writableLength;
        return still > 40;
      });
      // Kernel buffers of four sockets take a few MB; of what the process holds, only some chunks may be the listener's.
      expect(accepted).toBeLessThan(total / 2);
      expect(buffersInUse() - before).toBeLessThan(4 * 1024 * 1024);
      const receiver = slow === 'client' ? client.socket : serviceSocket!;
      let arrived = 0;
      receiver.on('data', (data) => {
        arrived += data.length;
      });
      receiver.resume();
      await until(() => arrived >= total);
      client.socket.end();
      serviceSocket!.end();
      await expectQuiet(front);
    },
  );
});

describe('ends and resets', () => {
  test('the end of the client is passed on, and the service can still answer', async () => {
    const upstream = await startService((socket) => {
      let asked = '';
      socket.on('data', (chunk) => {
        asked += chunk;
      });
      socket.on('end', () => socket.end(`you said ${asked}`));
    });
    const front = await openFront({ upstream });
    const client = openClient(front.port);
    client.socket.end('hello');
    await until(() => client.closed());
    expect([client.received(), client.ended()]).toEqual(['you said hello', 'end']);
    await expectQuiet(front);
  });

  test('the end of the service is passed on, and the client can still speak', async () => {
    let heard = '';
    let serviceEnded = false;
    const upstream = await startService((socket) => {
      socket.end('goodbye');
      socket.on('data', (chunk) => {
        heard += chunk;
      });
      socket.on('end', () => {
        serviceEnded = true;
      });
    });
    const front = await openFront({ upstream });
    const client = openClient(front.port);
    await until(() => client.ended() === 'end');
    expect(front.listener.sessions).toBe(1);
    client.socket.end('last words');
    await until(() => serviceEnded);
    expect([client.received(), heard]).toEqual(['goodbye', 'last words']);
    await expectQuiet(front);
  });

  test('a reset by the client resets the service', async () => {
    let ended: string | undefined;
    const upstream = await startService((socket) => {
      socket.resume();
      socket.on('error', (error: NodeJS.ErrnoException) => {
        ended = error.code;
      });
      socket.write('ready');
    });
    const front = await openFront({ upstream });
    const client = openClient(front.port);
    await until(() => client.received() === 'ready');
    client.socket.resetAndDestroy();
    await until(() => ended !== undefined);
    expect(ended).toBe('ECONNRESET');
    await expectQuiet(front);
  });

  test('a reset by the service resets the client', async () => {
    const upstream = await startService((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const front = await openFront({ upstream });
    const client = openClient(front.port);
    client.socket.write('hello');
    await until(() => client.closed());
    expect(client.ended()).toBe('ECONNRESET');
    await expectQuiet(front);
  });

  test('a service that has said its last and is gone does not cut it off by a reset', async () => {
    const upstream = await startService((socket) => {
      socket.end('221 goodbye\r\n', () => setImmediate(() => socket.destroy()));
    });
    const front = await openFront({ upstream });
    const client = openClient(front.port);
    await until(() => client.ended() !== undefined);
    client.socket.write('still here?');
    client.socket.write('and now?');
    client.socket.end();
    await until(() => client.closed());
    expect([client.received(), client.ended()]).toEqual(['221 goodbye\r\n', 'end']);
    await expectQuiet(front);
  });

  test('silence longer than idle_timeout ends the session, traffic does not', async () => {
    const upstream = await startService(echo);
    const front = await openFront({ upstream, idleTimeoutMs: 1000 });
    const client = openClient(front.port);
    const trafficEndsMs = performance.now() + 1500;
    for (let sent = 1; performance.now() < trafficEndsMs; sent++) {
      client.socket.write('x');
      await until(() => client.received().length === sent);
    }
    expect(client.ended()).toBe(undefined);
    await until(() => client.ended() === 'end');
    expect(front.counters.count('listener_idle_closed_total')).toBe(1);
    await expectQuiet(front);
  });
});

describe('PROXY header', () => {
  test.each([
    ['v1', '127.0.0.1', '127.0.3.4'],
    ['v2', '127.0.0.1', '127.0.3.4'],
    ['v1', '::1', '::1'],
    ['v2', '::1', '::1'],
  ] as const)('%s comes first and names listener %s and client %s', async (sendProxy, host, from) => {
    const upstream = await startService((socket) =>
      socket.once('data', (chunk) => {
        const decoding = new ProxyHeaderDecoder().push(chunk);
        if (decoding.state !== 'done' || decoding.header.endpoints === undefined)
          return socket.end('no header');
        const { client, listener } = decoding.header.endpoints;
        socket.write(`${decoding.header.version} ${formatAddress(client.address)} ${client.port} `);
        socket.end(`${formatAddress(listener.address)} ${listener.port}`);
      }),
    );
    const front = await openFront({ upstream, sendProxy, listen: { host, port: 0 } });
    const client = openClient(front.port, from);
    await until(() => client.ended() === 'end');
    expect(client.received()).toBe(`${sendProxy} ${from} ${client.socket.localPort} ${host} ${front.port}`);
    client.socket.end();
    await expectQuiet(front);
  });
});
