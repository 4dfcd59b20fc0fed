/**
 * P1: counting one connection and comparing the cluster-wide count with a cap, at three sizes; the same with the cap of a
 * netblock. Addresses are drawn from all IPv4 addresses, which is the worst that can happen to the caches.
 *
 * The median is that of groups of 16 operations, because a clock costs as much as the operation; the 99th percentile
 * is of single operations and contains the clock.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Redis } from 'ioredis';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { Incarnation } from '../src/core/identity.ts';
import { CidrTable } from '../src/core/replica/cidr-table.ts';
import { SeededRandom } from '../test/sim/seeded-random.ts';
import { type Benchmark, type Figure, percentile, renderFigures } from './report.ts';

const sizes = [10_000, 100_000, 1_000_000];
const operations = 2_000_000;
const group = 16;
const cap = 1_000_000;
const peerOperations = 100_000;
const redisOperations = 5_000;

export interface Speed {
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly perSecond: number;
}

/** Returns how many were over the cap, so that nothing can be optimised away. */
type Operation = (key: number) => boolean;

/** A table that counts `keys` addresses, some of them twice, with nothing left to send. */
function filledTable(keys: Int32Array): CidrTable {
  const table = new CidrTable({ self: 'a'.repeat(32) as Incarnation, maxKeys: 2_000_000, seed: 0x5eed });
  for (const key of keys) table.increment(key);
  while (table.pending > 0) table.takeChanges(8192);
  return table;
}

export function countAndCheck(size: number): Speed {
  const keys = randomKeys(size);
  const table = filledTable(keys);
  return speedOf((key) => table.increment(key) > cap, sequenceOf(keys));
}

/** As in a running node: every hundredth changed key, the changes are taken out to be sent. */
export function countCheckAndTake(size: number): Speed {
  const keys = randomKeys(size);
  const table = filledTable(keys);
  table.onPending = () => {
    if (table.pending >= 100) table.takeChanges(100);
  };
  return speedOf((key) => table.increment(key) > cap, sequenceOf(keys));
}

export function countAndCheckNetblock(size: number): Speed {
  const keys = randomKeys(size);
  const table = filledTable(keys);
  table.watchPrefix('10.0.0.0/24');
  const netblock = { address: 0, bits: 24 };
  const operation = (key: number) => {
    table.increment(key);
    netblock.address = key & 0xffff_ff00;
    return table.count(netblock) > cap;
  };
  return speedOf(operation, sequenceOf(keys));
}

/** The same with the address as text, as a socket gives it. */
export function countAndCheckText(size: number): Speed {
  const keys = randomKeys(size);
  const table = filledTable(keys);
  const texts = Array.from(keys.subarray(0, 100_000), (key) =>
    [key >>> 24, (key >>> 16) & 255, (key >>> 8) & 255, key & 255].join('.'),
  );
  const random = new SeededRandom(1);
  const indices = Int32Array.from({ length: operations }, () => random.below(texts.length));
  return speedOf((index) => table.increment(texts[index]!) > cap, indices);
}

function randomKeys(size: number): Int32Array {
  const random = new SeededRandom(size);
  return Int32Array.from({ length: size }, () => (random.next() * 2 ** 32) | 0);
}

function sequenceOf(keys: Int32Array): Int32Array {
  const random = new SeededRandom(1);
  return Int32Array.from({ length: operations }, () => keys[random.below(keys.length)]!);
}

function speedOf(operation: Operation, sequence: Int32Array): Speed {
  let over = 0;
  for (const key of sequence.subarray(0, operations / 4)) if (operation(key)) over++;
  const startedMs = performance.now();
  for (let i = 0; i < sequence.length; i++) if (operation(sequence[i]!)) over++;
  const perSecond = (sequence.length / (performance.now() - startedMs)) * 1000;
  const groups = new Float64Array(50_000);
  for (let i = 0, at = 0; i < groups.length; i++) {
    const groupMs = performance.now();
    for (let end = at + group; at < end; at++) if (operation(sequence[at]!)) over++;
    groups[i] = ((performance.now() - groupMs) / group) * 1e6;
  }
  const singles = new Float64Array(200_000);
  for (let i = 0; i < singles.length; i++) {
    const singleMs = performance.now();
    if (operation(sequence[i]!)) over++;
    singles[i] = (performance.now() - singleMs) * 1e6;
  }
  if (over > sequence.length * 2) throw new Error('the caps are wrong');
  return { p50Ns: percentile(groups.sort(), 0.5), p99Ns: percentile(singles.sort(), 0.99), perSecond };
}

/** Microseconds that a count and check take with the limiter in this process. */
async function memoryLimiterNs(): Promise<number> {
  const limiter = new RateLimiterMemory({ points: cap, duration: 0 });
  const keys = Array.from({ length: 10_000 }, (_, i) => `10.0.${i >>> 8}.${i & 255}`);
  for (const key of keys) await limiter.consume(key);
  const startedMs = performance.now();
  for (let i = 0; i < peerOperations; i++) await limiter.consume(keys[i % keys.length]!);
  return ((performance.now() - startedMs) / peerOperations) * 1e6;
}

/** The same with a counter in Redis, one after the other over a socket of the file system. */
async function redisNs(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'flotilla-bench-'));
  const path = join(directory, 'redis.sock');
  const server = spawn(
    'redis-server',
    ['--port', '0', '--unixsocket', path, '--save', '', '--dir', directory],
    {
      stdio: 'ignore',
    },
  );
  const redis = new Redis({ path, retryStrategy: () => 20, maxRetriesPerRequest: null });
  redis.on('error', () => {});
  try {
    await redis.ping();
    const startedMs = performance.now();
    for (let i = 0; i < redisOperations; i++) await redis.incr(`10.0.0.${i & 255}`);
    return ((performance.now() - startedMs) / redisOperations) * 1e6;
  } finally {
    redis.disconnect();
    server.kill();
    rmSync(directory, { recursive: true, force: true });
  }
}

function figuresOf(
  what: string,
  limitNs: number | undefined,
  measure: (size: number) => Speed,
  redis?: number,
): Figure[] {
  return sizes.flatMap((keys) => {
    const { p50Ns, p99Ns, perSecond } = measure(keys);
    const size = `10^${Math.log10(keys)} keys`;
    const figure = { goal: 'P1', size, unit: 'ns' } as const;
    return [
      {
        ...figure,
        what: `${what}, p50`,
        value: p50Ns,
        ...(limitNs ? { target: { value: limitNs, better: 'less' as const } } : {}),
        ...(redis ? { peer: { name: 'Redis INCR', value: redis } } : {}),
      },
      { ...figure, what: `${what}, p99`, value: p99Ns, target: { value: 1000, better: 'less' as const } },
      {
        ...figure,
        what: `${what}, throughput`,
        value: perSecond / 1e6,
        unit: 'M/s',
        ...(limitNs === 100 ? { target: { value: 5, better: 'more' as const } } : {}),
      },
    ];
  });
}

export const tablesBenchmark: Benchmark = {
  name: 'tables',
  goals: ['P1'],
  about: 'counting and checking caps on one core, at three sizes, beside a limiter in memory and Redis',
  run: async () => {
    const [limiter, redis] = [await memoryLimiterNs(), await redisNs()];
    const texts = figuresOf('count an address given as text and check a cap', undefined, countAndCheckText);
    return [
      ...figuresOf('count an address and check a cluster-wide cap', 100, countAndCheck, redis),
      ...figuresOf('the same with the changes taken for batches of 100', undefined, countCheckAndTake),
      ...figuresOf('count an address and check the cap of its /24', 300, countAndCheckNetblock),
      ...texts.map((figure) =>
        figure.unit === 'ns' && figure.what.endsWith('p50')
          ? { ...figure, peer: { name: 'rate-limiter-flexible in memory', value: limiter } }
          : figure,
      ),
    ];
  },
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.stdout.write(`${renderFigures(await tablesBenchmark.run())}\n`);
