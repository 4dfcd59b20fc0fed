/**
 * P1: counting one connection and comparing the cluster-wide count with a cap, at three sizes; the same with the cap of a
 * netblock. Each operation takes any of the addresses with the same probability, which is the worst that can happen to the
 * caches of the processor.
 *
 * The median is that of groups of 16 operations, because a clock costs as much as the operation; the 99th percentile
 * is of single operations and contains the clock.
 */
import type { Incarnation } from '../src/core/identity.ts';
import { CidrTable } from '../src/core/replica/cidr-table.ts';
import { SeededRandom } from '../test/sim/seeded-random.ts';
import { measureLimiters } from './other-limiters.ts';
import { type Benchmark, type Figure, percentile } from './report.ts';

const sizes = [10_000, 100_000, 1_000_000];
const operations = 2_000_000;
const group = 16;
const addressesPerNetblock = 16;
const cap = 1_000_000;
/** Keys in the sequence that is also given to others. */
const sharedOperations = 100_000;

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

/** The same with the address as text, as a socket gives it and as others take it. */
export function countAndCheckText(size: number): Speed {
  const keys = randomKeys(size);
  const table = filledTable(keys);
  const texts = Array.from(sequenceOf(keys, sharedOperations), textOf);
  const indices = Int32Array.from({ length: operations }, (_, i) => i % texts.length);
  return speedOf((index) => table.increment(texts[index]!) > cap, indices);
}

function textOf(key: number): string {
  return [key >>> 24, (key >>> 16) & 255, (key >>> 8) & 255, key & 255].join('.');
}

/** Sixteen addresses in each of many netblocks, which lie anywhere. */
function randomKeys(size: number): Int32Array {
  const random = new SeededRandom(size);
  const keys = new Int32Array(size);
  for (let i = 0; i < size; i += addressesPerNetblock) {
    const network = (random.next() * 2 ** 32) & 0xffff_ff00;
    for (let host = 0; host < addressesPerNetblock; host++)
      keys[i + host] = network | (host * 16 + random.below(16));
  }
  return keys;
}

function sequenceOf(keys: Int32Array, length = operations): Int32Array {
  const random = new SeededRandom(1);
  return Int32Array.from({ length }, () => keys[random.below(keys.length)]!);
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

type Measure = (size: number) => Speed;

function sizeName(keys: number): string {
  return `10^${Math.log10(keys)} keys`;
}

/** Without a limit the figure only explains another. */
function figuresOf(what: string, measure: Measure, p50LimitNs?: number): Figure[] {
  return sizes.flatMap((keys): Figure[] => {
    const { p50Ns, p99Ns, perSecond } = measure(keys);
    const figure = { goal: 'P1', size: sizeName(keys), unit: 'ns' } as const;
    return [
      { ...figure, what: `${what}, p50`, value: p50Ns, ...(p50LimitNs && { target: { value: p50LimitNs } }) },
      { ...figure, what: `${what}, p99`, value: p99Ns, ...(p50LimitNs && { target: { value: 1000 } }) },
      {
        ...figure,
        what: `${what}, throughput`,
        value: perSecond / 1e6,
        unit: 'M/s',
        better: 'more',
        ...(p50LimitNs === 100 && { target: { value: 5 } }),
      },
    ];
  });
}

/** One row for each of the others, on the same sequence of keys. */
async function besideOthers(keys: number): Promise<Figure[]> {
  const { p50Ns } = countAndCheckText(keys);
  const others = await measureLimiters(Array.from(sequenceOf(randomKeys(keys), sharedOperations), textOf));
  return others.map(
    ({ name, nanoseconds }): Figure => ({
      goal: 'P1',
      what: 'count an address given as text and check a cap, p50',
      size: sizeName(keys),
      value: p50Ns,
      unit: 'ns',
      peer: { name, value: nanoseconds },
    }),
  );
}

export const tablesBenchmark: Benchmark = {
  name: 'tables',
  goals: ['P1'],
  about: 'counting and checking caps on one core, beside Redis and rate-limiter-flexible',
  meaning:
    'one increment of `inbound_cidr` and the comparison of the cluster-wide sum with a cap, in one ' +
    'process, on random IPv4 addresses. p50 is that of groups of 16 operations, p99 of single ones with ' +
    'the clock in it. Others count the same sequence of keys; theirs are means of a run, and over Redis ' +
    'they pay a round trip to loopback. Rows with batches contain the work of taking 100 changed keys ' +
    'every hundredth time.',
  run: async () => {
    const figures = [
      ...figuresOf('count an address and check a cluster-wide cap', countAndCheck, 100),
      ...figuresOf('the same with the changes taken for batches of 100', countCheckAndTake),
      ...figuresOf('count an address and check the cap of its /24', countAndCheckNetblock, 300),
    ];
    for (const keys of sizes) figures.push(...(await besideOthers(keys)));
    return figures;
  },
};
