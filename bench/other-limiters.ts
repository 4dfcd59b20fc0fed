/**
 * Peers of P1: what it costs others to count a key and compare it with a limit, on a given sequence of keys. Redis is a
 * real server on loopback, without persistence.
 */
import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import { RedisServer } from './redis-server.ts';
import { median } from './report.ts';

export interface Limiter {
  readonly name: string;
  /** For one count and check; median of several runs. */
  readonly nanoseconds: number;
}

const rounds = 3;
const roundTrips = 2_000;
const localOperations = 50_000;
const pipelineLength = 1_000;
const points = 1_000_000;

/** `keys`: at least 50,000. */
export async function measureLimiters(keys: readonly string[]): Promise<Limiter[]> {
  const server = await RedisServer.start();
  try {
    const redis = await server.client();
    const onRedis = new RateLimiterRedis({ storeClient: redis, points, duration: 3600 });
    const inMemory = new RateLimiterMemory({ points, duration: 3600 });
    const short = keys.slice(0, roundTrips);
    const long = keys.slice(0, localOperations);
    return [
      await limiter(
        'Redis INCR, one at a time',
        short,
        oneByOne((key) => redis.incr(key)),
      ),
      await limiter('Redis INCR, pipelined', long, (sequence) => pipelined(redis, sequence)),
      await limiter(
        'rate-limiter-flexible on Redis',
        short,
        oneByOne((key) => onRedis.consume(key)),
      ),
      await limiter(
        'rate-limiter-flexible in memory',
        long,
        oneByOne((key) => inMemory.consume(key)),
      ),
    ];
  } finally {
    await server.end();
  }
}

type Work = (keys: readonly string[]) => Promise<void>;

async function limiter(name: string, keys: readonly string[], work: Work): Promise<Limiter> {
  await work(keys);
  const runs: number[] = [];
  while (runs.length < rounds) {
    const startedMs = performance.now();
    await work(keys);
    runs.push(((performance.now() - startedMs) / keys.length) * 1e6);
  }
  return { name, nanoseconds: median(runs) };
}

function oneByOne(count: (key: string) => Promise<unknown>): Work {
  return async (keys) => {
    for (const key of keys) await count(key);
  };
}

async function pipelined(redis: Redis, keys: readonly string[]): Promise<void> {
  for (let at = 0; at < keys.length; at += pipelineLength) {
    const pipeline = redis.pipeline();
    for (const key of keys.slice(at, at + pipelineLength)) pipeline.incr(key);
    await pipeline.exec();
  }
}
