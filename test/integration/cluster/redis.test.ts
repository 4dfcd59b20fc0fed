/** Redis clients on the sockets of a real cluster: what one counts, all know, without any Redis. */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NatsServer, startNatsServer, stopNatsServers } from '../nats-server.ts';
import { until } from '../until.ts';
import { Fleet, membersAgree, type NodeProcess } from './fleet.ts';

const names = ['relay-1', 'relay-2', 'relay-3'] as const;
let server: NatsServer;
let fleet: Fleet;
let nodes: NodeProcess[];
const clients: Redis[] = [];

async function start(name: string): Promise<NodeProcess> {
  return await fleet.start({
    name,
    servers: [server.url],
    cluster: `Replicate "limits" { type = cache parameters = "snapshot" max_delay = 0.02 }
      Replicate "shared_named_throttles" { max_wait = 60 }`,
    scopes: `Datasource "limits" {}
      Redis_Listener { cache = "limits" Listen "${join(fleet.folder, `${name}.redis`)}" {} }`,
  });
}

function clientOf(name: string): Redis {
  const client = new Redis({ path: join(fleet.folder, `${name}.redis`), retryStrategy: () => 50 });
  client.on('error', () => {});
  clients.push(client);
  return client;
}

beforeAll(async () => {
  server = await startNatsServer();
  fleet = new Fleet();
  nodes = await Promise.all(names.map(start));
  await membersAgree(...nodes);
}, 60_000);

afterAll(async () => {
  for (const client of clients) client.disconnect();
  await fleet.end();
  await stopNatsServers();
});

describe('Redis clients of a cluster', () => {
  it('REP-13.6 what is set, counted and deleted at one node is so at the others', async () => {
    const [a, b, c] = names.map(clientOf) as [Redis, Redis, Redis];
    await a.set('k', 'v', 'EX', 600);
    await until(async () => (await c.get('k')) === 'v');
    expect(await c.ttl('k')).toBeGreaterThan(590);
    for (const client of [a, b, c]) for (let i = 0; i < 10; i++) await client.incr('n');
    await until(
      async () => (await Promise.all([a, b, c].map((client) => client.get('n')))).join() === '30,30,30',
    );
    await b.del('k', 'n');
    await until(async () => (await a.exists('k', 'n')) === 0 && (await c.exists('k', 'n')) === 0);
  });

  it('rate-limiter-flexible refuses at one node what was consumed at the others', async () => {
    const limiters = names.map(
      (name) =>
        new RateLimiterRedis({ storeClient: clientOf(name), keyPrefix: 'rl', points: 30, duration: 600 }),
    );
    // All at once, so that each node begins the key by itself.
    await Promise.all(limiters.map((limiter) => limiter.consume('1.2.3.4', 10)));
    await until(async () => {
      const consumed = await Promise.all(limiters.map((limiter) => limiter.get('1.2.3.4')));
      return consumed.every((result) => result?.consumedPoints === 30);
    });
    for (const limiter of limiters)
      await expect(limiter.consume('1.2.3.4')).rejects.toMatchObject({ remainingPoints: 0 });
    await limiters[0]!.delete('1.2.3.4');
    await until(async () => (await limiters[2]!.get('1.2.3.4')) === null);
    expect(await limiters[2]!.consume('1.2.3.4')).toMatchObject({ remainingPoints: 29 });
  });

  it('REP-22.5 a node that is killed and starts again has what the others have', async () => {
    const [a, , c] = names.map(clientOf) as [Redis, Redis, Redis];
    await c.incrby('kept', 7);
    await until(async () => (await a.get('kept')) === '7');
    await nodes[2]!.kill();
    await a.set('meanwhile', 'x');
    nodes[2] = await start('relay-3');
    await until(async () => (await c.get('meanwhile').catch(() => null)) === 'x');
    expect(await c.get('kept')).toBe('7');
    expect(await c.incr('kept')).toBe(8);
    await until(async () => (await a.get('kept')) === '8');
  });

  it('REP-7.19 CL.THROTTLE admits as many at all nodes together as it was asked for, not one more', async () => {
    // Windows of a year: none ends meanwhile.
    const throttle = (client: Redis, key: string, quantity = 1) =>
      client.call('CL.THROTTLE', key, 7, 8, 31_536_000, quantity) as Promise<number[]>;
    const all = names.map(clientOf);
    const replies = await Promise.all(
      Array.from({ length: 24 }, (_, i) => throttle(all[i % all.length]!, '1.2.3.4')),
    );
    expect(replies.filter(([isLimited]) => isLimited === 0)).toHaveLength(8);
    for (const [isLimited, limit, remaining, retryAfterS] of replies) {
      expect(limit).toBe(8);
      if (isLimited === 0) expect(retryAfterS).toBe(-1);
      else expect([remaining, retryAfterS! > 0]).toEqual([0, true]);
    }
    expect((await throttle(all[0]!, 'whole', 8)).slice(0, 4)).toEqual([0, 8, 0, -1]);
    expect((await throttle(all[1]!, 'whole'))[0]).toBe(1);
    expect(await nodes[2]!.console('cluster shared show shared_named_throttles')).toMatch(
      /cell:8\/31536000:1\.2\.3\.4: +8\/8 per 31536000 s\n/,
    );
  });

  it('REP-21.3 fields of a hash add up over the nodes and end as one', async () => {
    const [a, b, c] = names.map(clientOf) as [Redis, Redis, Redis];
    for (const client of [a, b, c]) {
      await client.select(4);
      await client.hincrby('rate_conn:192.0.2.1', '1800000000000', 1);
      await client.expire('rate_conn:192.0.2.1', 120);
    }
    await a.hincrby('rate_conn:192.0.2.1', '1800000000001', 1);
    await until(async () => {
      const seen = await Promise.all([a, b, c].map((client) => client.hgetall('rate_conn:192.0.2.1')));
      return seen.every((fields) => fields['1800000000000'] === '3' && fields['1800000000001'] === '1');
    });
    expect(await b.hdel('rate_conn:192.0.2.1', '1800000000000')).toBe(1);
    await until(async () => (await c.hlen('rate_conn:192.0.2.1')) === 1);
    await c.del('rate_conn:192.0.2.1');
    await until(async () => (await a.exists('rate_conn:192.0.2.1')) === 0);
  });

  it('REP-18.7 the console shows keys and figures', async () => {
    const a = clientOf('relay-1');
    await a.set('shown', 'four');
    const text = await nodes[0]!.console('cluster shared show limits key shown');
    expect(text).toBe(
      `lazy, snapped cache 'limits', view 'global'\n${'shown'.padStart(60)}:${'4'.padStart(13)}\n`,
    );
    expect(await nodes[0]!.console('cache list')).toBe('ds_core:limits\ncluster:limits\n');
  });
});
