/**
 * Sums of open sessions at each node, against the connection tables of all kernels (R1). Only while nobody connects and
 * nobody leaves: sessions that a fault cut off may still end by themselves, so both are looked at until they agree.
 */
import { parseSockets, sumOf, type Table } from '../../../../examples/three-relays/truth.ts';
import { type NodeProcess, sameCounts } from '../../../integration/cluster/fleet.ts';
import { frontPort } from '../configuration.ts';

export interface SumsSeen {
  readonly isRight: boolean;
  readonly open: number;
  readonly text: string;
}

/** `tables`: `/proc/net/tcp` of each machine. */
export function truthOf(tables: readonly string[]): Table {
  return sumOf(tables.map((text) => parseSockets(text).accepted.get(frontPort) ?? new Map()));
}

export async function compareSums(truth: Table, nodes: readonly NodeProcess[]): Promise<SumsSeen> {
  const sums = await Promise.all(nodes.map(async (node) => ({ node: node.name, sum: await node.inbound() })));
  const wrong = sums.filter(({ sum }) => !sameCounts(sum, truth));
  const text = [
    `the kernels hold ${textOf(truth)}`,
    ...wrong.map(({ node, sum }) => `${node} says ${textOf(sum)}`),
  ];
  const open = [...truth.values()].reduce((total, count) => total + count, 0);
  return { isRight: wrong.length === 0, open, text: text.join('; ') };
}

function textOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([address, count]) => `${address} ${count}`).join(' ') || 'nothing';
}
