/**
 * P3: memory that one node needs for each (IPv4 key, node), and bytes on the wire for each changed key of a full batch, at
 * three sizes. Memory is the growth of heap and array buffers after a full garbage collection.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { encodeSharedMessage } from '../src/bus/shared-codec.ts';
import type { Incarnation } from '../src/core/identity.ts';
import { CidrTable } from '../src/core/replica/cidr-table.ts';
import { SeededRandom } from '../test/sim/seeded-random.ts';
import type { Benchmark, Figure } from './report.ts';

const sizes = [10_000, 100_000, 1_000_000];
const nodes = 4;
const batchKeys = 8192;
const self = '1'.repeat(32) as Incarnation;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function memoryBytes(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function newTable(seed: number): CidrTable {
  return new CidrTable({ self, maxKeys: 2_000_000, seed });
}

/** Counts `keys` addresses; those of different streams are different. */
function fill(table: CidrTable, keys: number, stream: string): void {
  const random = new SeededRandom(keys, stream);
  for (let i = 0; i < keys; i++) table.increment((random.next() * 2 ** 32) | 0);
}

/** In a function of its own, so that the sender's table is garbage afterwards. */
function addRow(table: CidrTable, node: number, keys: number, stream: string): void {
  const origin = String(node).repeat(32) as Incarnation;
  const sender = newTable(node);
  fill(sender, keys, stream);
  table.addRow(origin);
  for (const changes of { [Symbol.iterator]: () => sender.ownRow() }) table.applyToRow(origin, changes);
}

/** Bytes for each (key, node) in a node that knows the rows of three others. */
export function bytesPerKeyAndNode(keys: number, sameKeys: boolean): number {
  // Code that runs for the first time allocates, too.
  addRow(newTable(1), 2, keys / 10, 'own');
  const before = memoryBytes();
  const table = newTable(1);
  fill(table, keys, 'own');
  while (table.pending > 0) table.takeChanges(batchKeys);
  for (let node = 2; node <= nodes; node++) addRow(table, node, keys, sameKeys ? 'own' : `node ${node}`);
  const bytes = memoryBytes() - before;
  if (table.count('0.0.0.0/0') !== keys * nodes) throw new Error('the sum is wrong');
  return bytes / (keys * nodes);
}

export function wireBytesPerKey(keys: number): number {
  const table = newTable(1);
  fill(table, keys, 'own');
  const changes = table.takeChanges(batchKeys)!;
  const message = {
    kind: 'batch',
    object: 'inbound_cidr',
    type: 'inbound_cidr',
    from: self,
    sequence: 1,
  } as const;
  return encodeSharedMessage({ ...message, changes }).length / changes.v4Values.length;
}

function figuresOf(what: string, limit: number, measure: (keys: number) => number): Figure[] {
  return sizes.map((keys) => ({
    goal: 'P3',
    what,
    size: `10^${Math.log10(keys)} keys`,
    value: measure(keys),
    unit: 'B',
    target: { value: limit },
  }));
}

export const memoryBenchmark: Benchmark = {
  name: 'memory',
  goals: ['P3'],
  about: `memory for each key and node with ${nodes} nodes, bytes on the wire for each key`,
  meaning:
    'growth of heap and array buffers of one node that holds its own row and those of three others, for ' +
    'each key and node, once with the same keys in all rows and once with different ones; and the bytes ' +
    'of a full batch for each key in it.',
  run: async () => [
    ...figuresOf('memory for each IPv4 key and node, all nodes count the same keys', 64, (keys) =>
      bytesPerKeyAndNode(keys, true),
    ),
    ...figuresOf('memory for each IPv4 key and node, each node counts others', 64, (keys) =>
      bytesPerKeyAndNode(keys, false),
    ),
    ...figuresOf('wire bytes for each IPv4 key in a full batch', 8, wireBytesPerKey),
  ],
};
