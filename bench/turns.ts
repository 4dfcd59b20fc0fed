/**
 * P4 for all that is shared: the longest turn of the event loop of a node while keys of tables, caches, gauge caches, series
 * and shared throttles are passed on to a joiner, are fetched anew after a reset, make room for others, and expire, or go with
 * the node that counted them. Two whole nodes on one real NATS server.
 */
import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { type KeyKind, keyKinds, LimitsNode } from './limits-node.ts';
import type { Benchmark, Figure } from './report.ts';

const sizes = [1_000, 20_000, 200_000];
const askMs = 50;
/** Throttles have no snapshot: a joiner and the others tell each other what was granted. */
const settleMs = 2_000;
/** In which expired keys of gauge caches and old cells of series are taken out once, and a little more. */
const upkeepMs = 75_000;

const namesOfKinds: Record<KeyKind, string> = {
  tables: 'cidrtree and gauge table',
  cache: 'replicated cache',
  counts: 'gauge cache and series',
  throttles: 'shared throttles',
};

type Pair = readonly [holder: LimitsNode, joiner: LimitsNode];

export async function figuresFor(kind: KeyKind, keys: number): Promise<Figure[]> {
  const { url } = await startNatsServer();
  const nodes: LimitsNode[] = [];
  const start = async (name: string) => {
    const node = await LimitsNode.start({ name, url, most: keys });
    nodes.push(node);
    return node;
  };
  try {
    const holder = await start('relay-1');
    await holder.joined(1);
    await holder.ask('fill', { kind, from: 0, to: keys });
    await holder.ask('longestTurnMs', undefined);
    const pair = [holder, await start('relay-2')] as const;
    await pair[1].joined(2);
    await arrived(kind, pair);
    const figure = async (what: string, measured: readonly LimitsNode[] = pair): Promise<Figure> => ({
      goal: 'P4',
      what: `longest turn, ${namesOfKinds[kind]}: ${what}`,
      size: `${keys.toLocaleString('en-US')} keys`,
      value: Math.max(...(await Promise.all(measured.map((node) => node.ask('longestTurnMs', undefined))))),
      unit: 'ms',
      target: { value: 10 },
    });
    const figures = [await figure('a joiner')];
    await pair[1].ask('reset', undefined);
    await Promise.all(pair.map((node) => node.joined(2)));
    await arrived(kind, pair);
    figures.push(await figure('cluster reset'));
    if (kind === 'tables') {
      await left(kind, pair);
      nodes.shift();
      return [...figures, await figure('the other node leaves', [pair[1]])];
    }
    await holder.ask('fill', { kind, from: keys, to: 2 * keys });
    figures.push(await figure('as many new keys push out the others'));
    await gone(kind, pair);
    figures.push(await figure('expiry'));
    return figures;
  } finally {
    await Promise.all(nodes.map((node) => node.end()));
    await stopNatsServers();
  }
}

async function arrived(kind: KeyKind, [holder, joiner]: Pair): Promise<void> {
  if (kind === 'throttles') return pause(settleMs);
  while ((await joiner.ask('keys', kind)) < (await holder.ask('keys', kind))) await pause(askMs);
}

/** The holder goes, and all that it had counted. */
async function left(kind: KeyKind, [holder, joiner]: Pair): Promise<void> {
  await holder.end();
  while ((await joiner.ask('keys', kind)) > 0) await pause(askMs);
}

async function gone(kind: KeyKind, pair: Pair): Promise<void> {
  // What was removed is remembered for an hour, so the keys never come to nothing.
  if (kind === 'counts') return pause(upkeepMs);
  for (const node of pair) while ((await node.ask('keys', kind)) > 0) await pause(askMs);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export const turnsBenchmark: Benchmark = {
  name: 'turns',
  goals: ['P4'],
  about:
    'tables, caches, gauges, series and throttles of up to 200,000 keys: a joiner, a reset, eviction, expiry, a leave',
  meaning:
    'the longest turn of the event loop of two whole nodes, in processor time of the main thread, garbage collection ' +
    'included, while a joiner gets all keys of the other node and gets them once more after `cluster reset`, while as many new ' +
    'ones are counted there and push the others out, and while all of them expire; those of tables go when the other node ' +
    'leaves. What pushes out is called fifty times in a turn.',
  run: async () => {
    const figures: Figure[] = [];
    for (const kind of keyKinds) for (const size of sizes) figures.push(...(await figuresFor(kind, size)));
    return figures;
  },
};
