/** Commands of Redis clients as ioredis and rate-limiter-flexible send them, over a real socket. */
import { createHash } from 'node:crypto';
import net from 'node:net';
import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../../../src/core/clock.ts';
import { RespSession } from '../../../../src/net/resp/session.ts';
import type { CellThrottles, RespStore } from '../../../../src/net/resp/store.ts';
import { systemClock } from '../../../../src/node/system-clock.ts';
import { Recorder } from '../../recorder.ts';
import { newStore } from './new-store.ts';

let wallMs = 1_800_000_000_000;
let throttles: CellThrottles | undefined;
let server: net.Server;
let redis: Redis;
const sockets: net.Socket[] = [];

/** Of sessions. */
let clock: Clock;

async function open(options: { lazyConnect?: boolean } = {}): Promise<Redis> {
  const { port } = server.address() as net.AddressInfo;
  return new Redis({ port, host: '127.0.0.1', retryStrategy: () => null, ...options });
}

beforeEach(async () => {
  wallMs = 1_800_000_000_000;
  throttles = undefined;
  clock = systemClock;
  let store: RespStore | undefined;
  let sessions = 0;
  server = net.createServer((socket) => {
    store ??= newStore(() => wallMs, throttles);
    sockets.push(socket);
    new RespSession(socket, ++sessions, store, { clock, log: new Recorder().log });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  redis = await open();
});

afterEach(async () => {
  redis.disconnect();
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

/** Throttles that decide when they are told to, by key. */
function heldThrottles(): Map<string, () => void> {
  const decide = new Map<string, () => void>();
  throttles = {
    take: (key) =>
      new Promise((resolve) =>
        decide.set(key, () => resolve({ isLimited: false, remaining: 0, retryAfterS: -1, resetAfterS: 60 })),
      ),
  };
  return decide;
}

/** Bytes as they are sent and as they come back. */
async function raw(sent: string, replyBytes: number): Promise<string> {
  const { port } = server.address() as net.AddressInfo;
  const socket = net.connect(port, '127.0.0.1');
  let received = '';
  socket.setEncoding('latin1').on('data', (text) => (received += text));
  socket.write(sent);
  await expect.poll(() => received.length).toBeGreaterThanOrEqual(replyBytes);
  socket.destroy();
  return received;
}

describe('keys over a socket', () => {
  it('commands that came together leave turns to everything else, and are answered in order', async () => {
    let nowMs = 0;
    let turns = 0;
    clock = {
      wallMs: () => wallMs,
      // Each command takes a second.
      nowMs: () => (nowMs += 1_000),
      after: (delayMs, run) => {
        turns += Number(delayMs === 0);
        return systemClock.after(delayMs, run);
      },
    };
    const counts = Array.from({ length: 100 }, (_, i) => `:${i + 1}\r\n`).join('');
    expect(await raw('incr many\r\n'.repeat(100), counts.length)).toBe(counts);
    expect(turns).toBeGreaterThanOrEqual(99);
  });

  it('ioredis gets ready, and asks, sets, counts and deletes as with Redis', async () => {
    expect(await redis.ping()).toBe('PONG');
    expect(await redis.echo('hi')).toBe('hi');
    expect(await redis.get('k')).toBeNull();
    expect(await redis.set('k', 'värde', 'EX', 60)).toBe('OK');
    expect(await redis.get('k')).toBe('värde');
    expect(await redis.ttl('k')).toBe(60);
    expect(await redis.set('k', 'other', 'NX')).toBeNull();
    expect(await redis.set('new', 'v', 'PX', 1500, 'NX')).toBe('OK');
    expect(await redis.pttl('new')).toBe(1500);
    expect(await redis.incr('n')).toBe(1);
    expect(await redis.incrby('n', 41)).toBe(42);
    expect(await redis.decr('n')).toBe(41);
    expect(await redis.ttl('n')).toBe(-1);
    expect(await redis.expire('n', 10)).toBe(1);
    expect(await redis.mget('k', 'nothing', 'n')).toEqual(['värde', null, '41']);
    expect(await redis.exists('k', 'n', 'k', 'nothing')).toBe(3);
    wallMs += 10_000;
    expect(await redis.get('n')).toBeNull();
    expect(await redis.ttl('n')).toBe(-2);
    expect(await redis.expire('n', 10)).toBe(0);
    expect(await redis.del('k', 'new', 'nothing')).toBe(1);
    expect(await redis.getset('k', 'x').catch((error: Error) => error.message)).toMatch(
      /unknown command 'getset'/,
    );
  });

  it('the options of SET', async () => {
    await redis.set('k', '1', 'EX', 100);
    expect(await redis.set('k', '2', 'KEEPTTL')).toBe('OK');
    expect(await redis.ttl('k')).toBe(100);
    expect(await redis.set('k', '3', 'XX', 'GET')).toBe('2');
    expect(await redis.set('absent', '3', 'XX')).toBeNull();
    expect(await redis.ttl('k')).toBe(-1);
    expect(await redis.persist('k')).toBe(0);
    for (const wrong of [['EX'], ['EX', '5', 'PX', '5'], ['NX', 'XX'], ['EX', '5', 'KEEPTTL'], ['huh']])
      await expect(redis.call('set', 'k', 'v', ...wrong)).rejects.toThrow('ERR syntax error');
    for (const ttl of ['0', '-5', '1e3', '9999999999999999'])
      await expect(redis.call('set', 'k', 'v', 'EX', ttl)).rejects.toThrow(/^ERR/);
    expect(await redis.get('k')).toBe('3');
  });

  it('says what is wrong, and goes on', async () => {
    await redis.set('text', 'abc');
    await expect(redis.incr('text')).rejects.toThrow('ERR value is not an integer or out of range');
    await expect(redis.incrby('n', '1.5' as unknown as number)).rejects.toThrow('not an integer');
    await expect(redis.call('get')).rejects.toThrow("ERR wrong number of arguments for 'get' command");
    await expect(redis.call('hset', 'k', 'f', 'v')).rejects.toThrow("unknown command 'hset'");
    await expect(redis.call('lpush', 'k\r\n+OK', 'f')).rejects.toThrow("unknown command 'lpush'");
    await expect(redis.set('k'.repeat(1025), 'v')).rejects.toThrow('FLT-2002');
    await expect(redis.call('set', Buffer.from([0xff]), 'v')).rejects.toThrow('UTF-8');
    await expect(redis.eval('return 1', 0)).rejects.toThrow('scripts are not run here');
    await expect(redis.select(16)).rejects.toThrow('DB index');
    await expect(redis.get('\0c1:1')).rejects.toThrow('NUL');
    expect(await redis.ping()).toBe('PONG');
  });

  it('each database has keys of its own', async () => {
    await redis.set('k', 'zero');
    expect(await redis.select(4)).toBe('OK');
    expect(await redis.get('k')).toBeNull();
    expect([await redis.incr('n'), await redis.hincrby('h', 'f', 1), await redis.exists('n', 'h')]).toEqual([
      1, 1, 2,
    ]);
    expect(new Set((await redis.scan(0, 'COUNT', 1000))[1])).toEqual(new Set(['n', 'h']));
    await redis.select(0);
    expect((await redis.scan(0, 'COUNT', 1000))[1]).toEqual(['k']);
    expect(await redis.get('n')).toBeNull();
  });

  it('SCAN tells each key once, in parts, and only those that match', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `key:${i}`);
    for (const name of names) await redis.set(name, 'v');
    await redis.hincrby('concurrency|10.0.0.1', 'f', 1);
    await redis.incr('concurrency|::1');
    await redis.del('key:7');
    const found: string[] = [];
    let cursor = '0';
    let rounds = 0;
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', 'key:*');
      [cursor, rounds] = [next, rounds + 1];
      found.push(...keys);
      await redis.set(`key:${rounds}:new`, 'v', 'PX', 1);
      wallMs += 1;
    } while (cursor !== '0');
    expect(found.filter((name) => !name.endsWith(':new')).sort()).toEqual(
      names.filter((name) => name !== 'key:7').sort(),
    );
    expect(rounds).toBeGreaterThan(5);
    const [, limited] = await redis.scan(0, 'MATCH', 'concurrency|*', 'COUNT', 1000);
    expect(limited.sort()).toEqual(['concurrency|10.0.0.1', 'concurrency|::1']);
    for (const wrong of [['COUNT', '0'], ['MATCH'], ['MATCH', '*'.repeat(257)], ['TYPE', 'hash']])
      await expect(redis.call('scan', '0', ...wrong)).rejects.toThrow('ERR syntax error');
  });

  it('hashes count by field, expire as one, and are no strings', async () => {
    expect(await redis.hgetall('h')).toEqual({});
    expect([await redis.hincrby('h', 'a', 2), await redis.hincrby('h', 'a', -5)]).toEqual([2, -3]);
    expect(await redis.hincrby('h', 'b ö:1', 1)).toBe(1);
    expect(await redis.hgetall('h')).toEqual({ a: '-3', 'b ö:1': '1' });
    expect(await redis.hget('h', 'a')).toBe('-3');
    expect(await redis.hmget('h', 'a', 'none')).toEqual(['-3', null]);
    expect([await redis.hlen('h'), await redis.hexists('h', 'a'), await redis.hexists('h', 'c')]).toEqual([
      2, 1, 0,
    ]);
    expect([await redis.type('h'), await redis.exists('h'), await redis.ttl('h')]).toEqual(['hash', 1, -1]);
    expect(await redis.hdel('h', 'a', 'none')).toBe(1);
    expect(await redis.hdel('h', 'b ö:1')).toBe(1);
    expect(await redis.exists('h')).toBe(0);

    await redis.hincrby('h', 'early', 1);
    await redis.expire('h', 10);
    for (let i = 0; i < 5; i++) {
      wallMs += 9_000;
      await redis.hincrby('h', `f${i}`, 1);
      await redis.expire('h', 10);
    }
    expect(await redis.hlen('h')).toBe(6);
    wallMs += 10_000;
    expect(await redis.hgetall('h')).toEqual({});
    expect(await redis.hincrby('h', 'early', 1)).toBe(1);
    expect(await redis.hgetall('h')).toEqual({ early: '1' });

    await redis.set('text', 'abc');
    const wrongs = [
      ['get', 'h'],
      ['incr', 'h'],
      ['set', 'h', 'v', 'GET'],
      ['hgetall', 'text'],
      ['hincrby', 'text', 'f', '1'],
      ['hdel', 'text', 'f'],
    ];
    for (const [name, ...words] of wrongs)
      await expect(redis.call(name!, ...words)).rejects.toThrow('WRONGTYPE');
    expect(await redis.mget('h', 'text')).toEqual([null, 'abc']);
    await expect(redis.call('hincrby', 'h', 'f', '1.5')).rejects.toThrow('not an integer');
    await redis.call('hincrby', 'h', 'f', String(Number.MAX_SAFE_INTEGER));
    await expect(redis.hincrby('h', 'f', 1)).rejects.toThrow('overflow');
    await expect(redis.hincrby('fresh', 'f'.repeat(961), 1)).rejects.toThrow('FLT-2002');
    expect(await redis.exists('fresh')).toBe(0);
    expect(await raw('HELLO 3\r\nHGETALL h\r\n', 150)).toMatch(/%2\r\n\$5\r\nearly\r\n\$1\r\n1\r\n/);
    expect(await redis.set('h', 'v')).toBe('OK');
    expect(await redis.get('h')).toBe('v');
  });

  it('replies in both versions of the protocol', async () => {
    expect(await raw('GET nothing\r\nHELLO 3\r\nGET nothing\r\n', 130)).toMatch(
      /^\$-1\r\n%7\r\n\$6\r\nserver\r\n\$8\r\nflotilla\r\n[\s\S]*\$5\r\nproto\r\n:3\r\n[\s\S]*\*0\r\n_\r\n$/,
    );
    expect(await raw('HELLO 4\r\n', 20)).toMatch(/^-NOPROTO /);
    expect(await raw('*1\r\n:5\r\n', 20)).toMatch(/^-ERR Protocol error: /);
  });

  it('R7 a client that does not read is not read from, and gets everything when it does', async () => {
    await redis.set('big', 'x'.repeat(1024 * 1024));
    const { port } = server.address() as net.AddressInfo;
    const socket = net.connect(port, '127.0.0.1');
    socket.pause();
    socket.write('GET big\r\n'.repeat(200));
    await expect.poll(() => sockets.at(-1)!.writableLength).toBeGreaterThan(0);
    await redis.ping();
    expect(sockets.at(-1)!.writableLength).toBeLessThan(4 * 1024 * 1024);
    let received = 0;
    socket.on('data', (bytes) => (received += bytes.length));
    socket.resume();
    await expect.poll(() => received).toBe(200 * (1024 * 1024 + '$1048576\r\n\r\n'.length));
    socket.destroy();
  });
});

describe('haraka-plugin-limit 1.3.2', () => {
  /** Each call as the plugin makes it, in its order. */
  it('its concurrency, rates and outbound limits', async () => {
    // redis.ini: database=4. At start: orphans of earlier versions get an end.
    await redis.select(4);
    await redis.incr('concurrency|192.0.2.9');
    const [cursor, keys] = await redis.scan('0', 'MATCH', 'concurrency|*', 'COUNT', 100);
    expect([cursor === '0' || keys.length > 0, await redis.ttl('concurrency|192.0.2.9')]).toEqual([true, -1]);
    await redis.expire('concurrency|192.0.2.9', 180);

    // concurrency: conn_concur_incr with its repair, conn_concur_decr.
    expect(await redis.incrby('concurrency|192.0.2.1', -1)).toBe(-1);
    expect(await redis.incr('concurrency|192.0.2.1')).toBe(0);
    expect(await redis.set('concurrency|192.0.2.1', 1)).toBe('OK');
    expect(await redis.expire('concurrency|192.0.2.1', 180)).toBe(1);
    expect(await redis.incr('concurrency|192.0.2.1')).toBe(2);
    expect(await redis.incrby('concurrency|192.0.2.1', -1)).toBe(1);

    // rate_conn: a field for each connection, stale ones taken out, and twice the interval to live.
    const [key, intervalS] = ['rate_conn:192.0.2.1', 60];
    const connect = async () => {
      await redis.hincrby(key, String(wallMs), 1);
      await redis.expire(key, intervalS * 2);
      const stamps = await redis.hgetall(key);
      const stale = Object.keys(stamps).filter((stamp) => Number(stamp) < wallMs - intervalS * 1000);
      if (stale.length > 0) expect(await redis.hdel(key, ...stale)).toBe(stale.length);
      return Object.keys(stamps).length - stale.length;
    };
    const counts = [];
    for (let i = 0; i < 12; i++) {
      counts.push(await connect());
      wallMs += 15_000;
    }
    expect(counts).toEqual([1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5]);

    // rate_rcpt and its like, rate_rcpt_host_enforce.
    expect(await redis.incr('rate_rcpt:a@example.com')).toBe(1);
    await redis.expire('rate_rcpt:a@example.com', 300);
    expect(await redis.get('rate_rcpt_host:192.0.2.1')).toBeNull();

    // outbound: one field, taken back when a delivery ends.
    const out = 'outbound-rate:example.com';
    expect(await redis.hincrby(out, 'TOTAL', 1)).toBe(1);
    await redis.expire(out, 300);
    expect(await redis.hincrby(out, 'TOTAL', 1)).toBe(2);
    expect(await redis.hincrby(out, 'TOTAL', -1)).toBe(1);
    expect(await redis.quit()).toBe('OK');
  });
});

describe('transactions', () => {
  it('run in one piece, with an error in its place', async () => {
    const results = await redis.multi().set('a', 'x').incr('a').get('a').pttl('a').exec();
    expect(results).toMatchObject([
      [null, 'OK'],
      [{ message: 'ERR value is not an integer or out of range' }],
      [null, 'x'],
      [null, -1],
    ]);
  });

  it('are refused as a whole when a command in them is', async () => {
    await expect(redis.multi().set('a', 'x').call('hset', 'a', 'b', 'c').exec()).rejects.toThrow('EXECABORT');
    expect(await redis.get('a')).toBeNull();
    expect(await raw('EXEC\r\nDISCARD\r\nMULTI\r\nMULTI\r\nDISCARD\r\nPING\r\n', 106)).toBe(
      '-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n+OK\r\n-ERR MULTI calls can not be nested\r\n+OK\r\n+PONG\r\n',
    );
  });
});

describe('limits', () => {
  it('rate-limiter-flexible consumes, refuses, rewards, blocks, reads and deletes', async () => {
    const limiter = new RateLimiterRedis({ storeClient: redis, keyPrefix: 'rl', points: 3, duration: 60 });
    const remaining = [];
    for (let i = 0; i < 3; i++) remaining.push((await limiter.consume('1.2.3.4')).remainingPoints);
    expect(remaining).toEqual([2, 1, 0]);
    const refusal = await limiter.consume('1.2.3.4').catch((error) => error);
    expect(refusal).toBeInstanceOf(RateLimiterRes);
    expect(refusal).toMatchObject({ consumedPoints: 4, msBeforeNext: 60_000 });
    expect(await limiter.reward('1.2.3.4', 2)).toMatchObject({ consumedPoints: 2 });
    expect(await limiter.penalty('1.2.3.4', 1)).toMatchObject({ consumedPoints: 3 });
    wallMs += 20_000;
    expect(await limiter.get('1.2.3.4')).toMatchObject({ consumedPoints: 3, msBeforeNext: 40_000 });
    await limiter.block('1.2.3.4', 600);
    expect(await limiter.get('1.2.3.4')).toMatchObject({ consumedPoints: 4, msBeforeNext: 600_000 });
    expect(await limiter.delete('1.2.3.4')).toBe(true);
    expect(await limiter.get('1.2.3.4')).toBeNull();
    wallMs += 60_000;
    expect(await limiter.consume('1.2.3.4')).toMatchObject({ remainingPoints: 2 });
  });

  it('a key without an end gets one from the script, and the script is known by its hash then', async () => {
    await redis.set('rl:a', '7');
    const limiter = new RateLimiterRedis({ storeClient: redis, keyPrefix: 'rl', points: 10, duration: 5 });
    expect(await limiter.consume('a')).toMatchObject({ consumedPoints: 8, msBeforeNext: 5_000 });
    const lua = (limiter as unknown as { _incrTtlLuaScript: string })._incrTtlLuaScript;
    const hash = createHash('sha1').update(lua).digest('hex');
    expect(await redis.script('EXISTS', hash, 'f'.repeat(40))).toEqual([1, 0]);
    expect(await redis.evalsha(hash, 1, 'rl:a', 1, 5)).toEqual([9, 5_000]);
    await expect(redis.evalsha('f'.repeat(40), 1, 'k', 1, 5)).rejects.toThrow('NOSCRIPT');
  });

  it('CL.THROTTLE asks the shared throttles, in the order in which it was asked', async () => {
    const asked: unknown[] = [];
    throttles = {
      take: async (key, rate, quantity) => {
        asked.push([key, rate, quantity]);
        await new Promise((resolve) => setImmediate(resolve));
        return { isLimited: quantity > 1, remaining: 14, retryAfterS: quantity > 1 ? 3 : -1, resetAfterS: 2 };
      },
    };
    const replies = Promise.all([
      redis.call('CL.THROTTLE', 'user', '15', '30', '60'),
      redis.ping(),
      redis.call('CL.THROTTLE', 'user', '15', '30', '60', '5'),
    ]);
    expect(await replies).toEqual([[0, 16, 14, -1, 2], 'PONG', [1, 16, 14, 3, 2]]);
    expect(asked[1]).toEqual(['user', { maxBurst: 15, count: 30, periodS: 60 }, 5]);
    await expect(redis.call('CL.THROTTLE', 'user', '15', '0', '60')).rejects.toThrow('ERR max_burst');
  });

  it('commands behind CL.THROTTLE go on while it waits, and all are answered in their order', async () => {
    const decide = heldThrottles();
    const replies: unknown[] = [];
    const note = (reply: unknown) => replies.push(reply);
    void redis.call('CL.THROTTLE', 'a', '0', '1', '60').then(note);
    void redis.set('k', 'v').then(note);
    void redis.call('CL.THROTTLE', 'b', '0', '1', '60').then(note);
    void redis.get('k').then(note);
    const other = await open();
    await expect.poll(() => decide.size).toBe(2);
    expect(await other.get('k')).toBe('v');
    other.disconnect();
    decide.get('b')!();
    expect(replies).toEqual([]);
    decide.get('a')!();
    const decided = [0, 1, 0, -1, 60];
    await expect.poll(() => replies).toEqual([decided, 'OK', decided, 'v']);
  });

  it('R7 of a client that asks on and on only so many wait, and the rest when these are answered', async () => {
    const decide = heldThrottles();
    const all = Array.from({ length: 100 }, (_, i) => redis.call('CL.THROTTLE', `k${i}`, '0', '1', '60'));
    await expect.poll(() => decide.size).toBe(32);
    await expect.poll(() => sockets[0]!.isPaused()).toBe(true);
    for (let i = 0; i < 100; i++) {
      await expect.poll(() => decide.has(`k${i}`)).toBe(true);
      expect(decide.size).toBeLessThanOrEqual(32 + i);
      decide.get(`k${i}`)!();
    }
    expect(await Promise.all(all)).toHaveLength(100);
  });

  it('R7 replies held behind one that is awaited are bounded in bytes', async () => {
    const decide = heldThrottles();
    await redis.set('big', 'x'.repeat(200 * 1024));
    const replies = [
      redis.call('CL.THROTTLE', 'a', '0', '1', '60'),
      ...Array.from({ length: 9 }, () => redis.get('big')),
      redis.call('CL.THROTTLE', 'b', '0', '1', '60'),
    ];
    await expect.poll(() => sockets[0]!.isPaused()).toBe(true);
    expect([...decide.keys()]).toEqual(['a']);
    decide.get('a')!();
    await expect.poll(() => decide.has('b')).toBe(true);
    decide.get('b')!();
    expect(await Promise.all(replies)).toHaveLength(11);
  });

  it('each reply has the version of its command, a transaction is not overtaken, and QUIT ends after all', async () => {
    const decide = heldThrottles();
    const words = (...all: string[]) =>
      `*${all.length}\r\n${all.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
    const throttle = (key: string) => words('CL.THROTTLE', key, '0', '1', '60');
    const sent = [
      throttle('a'),
      words('GET', 'none'),
      words('HELLO', '3'),
      words('GET', 'none'),
      words('MULTI'),
      throttle('b'),
      words('INCR', 'n'),
      words('EXEC'),
      words('INCR', 'n'),
      words('QUIT'),
    ];
    const received = raw(sent.join(''), 200);
    for (const key of ['b', 'a']) {
      await expect.poll(() => decide.has(key)).toBe(true);
      decide.get(key)!();
    }
    const text = await received;
    const decided = '*5\r\n:0\r\n:1\r\n:0\r\n:-1\r\n:60\r\n';
    expect(text.startsWith(`${decided}$-1\r\n%`)).toBe(true);
    expect(text.endsWith(`_\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n${decided}:1\r\n:2\r\n+OK\r\n`)).toBe(true);
  });

  it('CL.THROTTLE says what is missing where no throttles are shared', async () => {
    await expect(redis.call('CL.THROTTLE', 'user', '15', '30', '60')).rejects.toThrow(
      'shared_named_throttles',
    );
  });
});
