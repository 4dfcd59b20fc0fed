/**
 * R4: a slot of a limit of two that one node gives back, while another waits for it: from the call that gives it back to
 * the answer of the call that waits. Whole nodes in processes of their own on one real NATS server; who gives and who
 * waits changes each time, and so does the node that keeps the account.
 *
 * The reference: KumoMTA asks again each 3 seconds for a lease that other nodes hold (crates/throttle, as published).
 */
import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { type LimitsNode, startNodes } from './limits-node.ts';
import { type Figure, percentile } from './report.ts';

const sizes = [3, 5, 8];
const limits = ['a', 'b', 'c', 'd', 'e'];
const handovers = 100;
const slots = 2;
/** For the one that waits to be in the queue. */
const queueMs = 4;
const pollMs = 3_000;

export async function slotFigures(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const size of sizes) {
    const { url } = await startNatsServer();
    const nodes = await startNodes(url, size, 1_000);
    try {
      const latenciesMs: number[] = [];
      for (const name of limits) latenciesMs.push(...(await handOver(name, nodes)));
      const sorted = latenciesMs.sort((a, b) => a - b);
      const figure = (what: string, fraction: number): Figure => ({
        goal: 'R4',
        what: `a slot given back is granted to another node that waits, ${what}`,
        size: `${size} nodes`,
        value: percentile(sorted, fraction),
        unit: 'ms',
        target: { value: 10 },
        peer: { name: 'poll of KumoMTA', value: pollMs },
      });
      figures.push(figure('p50', 0.5), figure('p99', 0.99));
    } finally {
      await Promise.all(nodes.map((node) => node.end()));
      await stopNatsServers();
    }
  }
  return figures;
}

/** Each node in turn gives back what it has held longest, and the next one that holds none waits for it. */
async function handOver(name: string, nodes: readonly LimitsNode[]): Promise<number[]> {
  const order = { name, slots };
  const node = (turn: number) => nodes[turn % nodes.length]!;
  for (let turn = 0; turn < slots; turn++) await node(turn).ask('waitForSlot', order);
  const latenciesMs: number[] = [];
  for (let turn = 0; turn < handovers; turn++) {
    const granted = node(turn + slots).ask('waitForSlot', order);
    await new Promise((resolve) => setTimeout(resolve, queueMs));
    const givenUs = await node(turn).ask('giveBackSlot', name);
    latenciesMs.push(((await granted) - givenUs) / 1000);
  }
  return latenciesMs;
}
