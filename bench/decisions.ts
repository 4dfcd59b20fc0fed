/**
 * Decisions of throttles in the process that asks for them: named throttles of one node, and shared ones of a node that is
 * alone and of one that has two others, where another node keeps the account of two throttles in three.
 */
import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { type DecisionOrder, type LimitsNode, startNodes } from './limits-node.ts';
import { measureLimiters } from './other-limiters.ts';
import { type Figure, percentile } from './report.ts';

const sizes = [100, 1_000, 20_000];
const comparedKeys = 50_000;

export async function decisionFigures(): Promise<Figure[]> {
  const others = await measureLimiters(Array.from({ length: comparedKeys }, (_, i) => `k${i % 1_000}`));
  const nanosecondsOf = (name: string) => others.find((other) => other.name === name)!.nanoseconds;
  const [memory, redis] = ['rate-limiter-flexible in memory', 'rate-limiter-flexible on Redis'] as const;
  const peers: Peers = {
    local: { name: memory, nanoseconds: nanosecondsOf(memory) },
    shared: { name: redis, nanoseconds: nanosecondsOf(redis) },
  };
  const { url } = await startNatsServer();
  try {
    const figures: Figure[] = [];
    for (const count of [1, 3]) {
      const nodes = await startNodes(url, count, sizes.at(-1)!);
      try {
        const where = count === 1 ? 'a node alone' : `one of ${count} nodes`;
        if (count === 1) figures.push(...(await figuresOf(nodes[0]!, 'local', 'one node', peers)));
        figures.push(...(await figuresOf(nodes[0]!, 'shared', where, peers)));
      } finally {
        await Promise.all(nodes.map((node) => node.end()));
      }
    }
    return figures;
  } finally {
    await stopNatsServers();
  }
}

type Peers = Record<DecisionOrder['of'], { readonly name: string; readonly nanoseconds: number }>;

async function figuresOf(
  node: LimitsNode,
  of: DecisionOrder['of'],
  where: string,
  peers: Peers,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  const { name, nanoseconds } = peers[of];
  for (const throttles of sizes) {
    const { latenciesUs, perSecond } = await node.ask('decide', { of, throttles });
    latenciesUs.sort();
    const figure = { goal: '', size: `${throttles.toLocaleString('en-US')} throttles` } as const;
    const what = (text: string) => `a decision of a ${of} throttle at ${where}, ${text}`;
    figures.push(
      {
        ...figure,
        what: what('one at a time, p50'),
        value: percentile(latenciesUs, 0.5),
        unit: 'us',
        peer: { name, value: nanoseconds / 1000 },
      },
      { ...figure, what: what('one at a time, p99'), value: percentile(latenciesUs, 0.99), unit: 'us' },
      { ...figure, what: what('many at a time'), value: perSecond / 1000, unit: 'k/s', better: 'more' },
    );
  }
  return figures;
}
