/**
 * The sockets for Redis clients beside a real redis-server: the same client, the same commands on the same keys, over
 * TCP on loopback, against a node that is alone and one that has two others.
 *
 * Redis of Debian has no CL.THROTTLE: beside it stands what programs do instead, the script of rate-limiter-flexible.
 */
import type { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { SeededRandom } from '../test/sim/seeded-random.ts';
import { startNodes } from './limits-node.ts';
import { clientOf, RedisServer } from './redis-server.ts';
import { type Figure, percentile } from './report.ts';

const sizes = [1_000, 20_000, 200_000];
const clusters = [1, 3];
/** Counters take an entry of the cache each, and one more; keys that are set come beside them. */
const most = 1_000_000;
const singles = 2_000;
const pipelineLength = 500;
const pipelined = 50_000;

interface Command {
  readonly name: string;
  one(redis: Redis, key: string): Promise<unknown>;
  many(redis: Redis, keys: readonly string[]): Promise<unknown>;
  /** What a client of Redis does for the same end, where that is another command. */
  readonly onRedis?: Pick<Command, 'name' | 'one' | 'many'>;
}

const limiters = new WeakMap<Redis, RateLimiterRedis>();

function consume(redis: Redis, key: string): Promise<unknown> {
  let limiter = limiters.get(redis);
  if (!limiter) {
    limiter = new RateLimiterRedis({ storeClient: redis, points: 1e6, duration: 3600 });
    limiters.set(redis, limiter);
  }
  return limiter.consume(key);
}

const commands: readonly Command[] = [
  {
    name: 'INCR',
    one: (redis, key) => redis.incr(key),
    many: (redis, keys) => inPipeline(redis, keys, (pipeline, key) => pipeline.incr(key)),
  },
  {
    name: 'SET EX NX',
    one: (redis, key) => redis.set(`s:${key}`, '1', 'EX', 60, 'NX'),
    many: (redis, keys) =>
      inPipeline(redis, keys, (pipeline, key) => pipeline.set(`s:${key}`, '1', 'EX', 60, 'NX')),
  },
  {
    name: 'CL.THROTTLE',
    one: (redis, key) => redis.call('CL.THROTTLE', key, 999_999, 1_000_000, 3600),
    many: (redis, keys) =>
      inPipeline(redis, keys, (pipeline, key) => pipeline.call('CL.THROTTLE', key, 999_999, 1_000_000, 3600)),
    onRedis: {
      name: 'rate-limiter-flexible on Redis',
      one: consume,
      many: (redis, keys) => Promise.all(keys.map((key) => consume(redis, key))),
    },
  },
];

type Pipeline = ReturnType<Redis['pipeline']>;

function inPipeline(
  redis: Redis,
  keys: readonly string[],
  add: (pipeline: Pipeline, key: string) => unknown,
): Promise<unknown> {
  const pipeline = redis.pipeline();
  for (const key of keys) add(pipeline, key);
  return pipeline.exec();
}

interface Speed {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly perSecond: number;
}

/** By command and size. */
type Speeds = ReadonlyMap<string, Speed>;

export async function redisFigures(): Promise<Figure[]> {
  const server = await RedisServer.start();
  const theirs = await server.client();
  const { url } = await startNatsServer();
  try {
    const speeds = await measure(theirs, ({ onRedis, ...command }) => onRedis ?? command);
    const figures: Figure[] = [];
    for (const size of clusters) {
      const nodes = await startNodes(url, size, most);
      const ours = clientOf(nodes[0]!.port);
      try {
        figures.push(...figuresOf(await measure(ours, (command) => command), speeds, size));
      } finally {
        ours.disconnect();
        await Promise.all(nodes.map((node) => node.end()));
      }
    }
    return figures;
  } finally {
    await server.end();
    await stopNatsServers();
  }
}

async function measure(
  redis: Redis,
  used: (command: Command) => Pick<Command, 'one' | 'many'>,
): Promise<Speeds> {
  const speeds = new Map<string, Speed>();
  for (const command of commands)
    for (const size of sizes)
      speeds.set(`${command.name} ${size}`, await speedOf(redis, used(command), size));
  return speeds;
}

async function speedOf(
  redis: Redis,
  { one, many }: Pick<Command, 'one' | 'many'>,
  size: number,
): Promise<Speed> {
  const random = new SeededRandom(size);
  const keys = Array.from({ length: size }, (_, i) => `k${size}:${i}`);
  const inParts = async (sequence: readonly string[]) => {
    for (let at = 0; at < sequence.length; at += pipelineLength)
      await many(redis, sequence.slice(at, at + pipelineLength));
  };
  await inParts(keys);
  const sequence = Array.from({ length: pipelined }, () => random.pick(keys));
  const startedMs = performance.now();
  await inParts(sequence);
  const perSecond = (pipelined / (performance.now() - startedMs)) * 1000;
  const latenciesUs = new Float64Array(singles);
  for (let i = 0; i < singles; i++) {
    const singleMs = performance.now();
    await one(redis, random.pick(keys));
    latenciesUs[i] = (performance.now() - singleMs) * 1000;
  }
  latenciesUs.sort();
  return { p50Us: percentile(latenciesUs, 0.5), p99Us: percentile(latenciesUs, 0.99), perSecond };
}

function figuresOf(ours: Speeds, theirs: Speeds, nodes: number): Figure[] {
  const where = nodes === 1 ? 'a node alone' : `one of ${nodes} nodes`;
  return commands.flatMap(({ name, onRedis }) =>
    sizes.flatMap((size): Figure[] => {
      const [own, other] = [ours.get(`${name} ${size}`)!, theirs.get(`${name} ${size}`)!];
      const what = (figure: string) => `${name} at ${where}, ${figure}`;
      const peer = (value: number) => ({ name: onRedis?.name ?? 'Redis', value });
      const each = { goal: '', size: `${size.toLocaleString('en-US')} keys` } as const;
      return [
        { ...each, what: what('p50'), value: own.p50Us, unit: 'us', peer: peer(other.p50Us) },
        { ...each, what: what('p99'), value: own.p99Us, unit: 'us', peer: peer(other.p99Us) },
        {
          ...each,
          what: what('pipelined'),
          value: own.perSecond / 1000,
          unit: 'k/s',
          better: 'more',
          peer: peer(other.perSecond / 1000),
        },
      ];
    }),
  );
}
