/** With very many throttles no turn of the event loop does something to all of them, and nothing is left out. */
import { describe, expect, it } from 'vitest';
import { Network, type Node } from './network.ts';

const count = 5_000;
const ids = Array.from({ length: count }, (_, i) => `t${i}`);

function turn(network: Network, node: Node): boolean {
  const { dueMs } = node.throttles;
  if (dueMs === undefined || dueMs > network.nowMs) return false;
  node.throttles.tick();
  return true;
}

describe('many throttles', () => {
  it('REP-7.14 those that nobody uses any more are forgotten some in each turn, all in the end', () => {
    const network = new Network(1, { capacity: count, expires: true });
    const [node] = network.nodes as [Node];
    for (const id of ids) node.create(id, '1/1');
    network.nowMs += 3_000;
    let left = count;
    while (turn(network, node)) {
      const { throttles } = node.throttles.stats;
      expect(left - throttles).toBeLessThanOrEqual(1024);
      left = throttles;
    }
    expect(left).toBe(0);
  });

  it('REP-7.20 reports are made and sent in pieces, and nobody grants before it has them whole', () => {
    const network = new Network(1, { capacity: count });
    const [first] = network.nodes as [Node];
    for (const id of ids) {
      first.create(id, '1/60');
      first.take(id);
    }
    const joiner = network.add({ capacity: count });
    network.propose();
    for (const node of network.nodes) node.install();
    for (const id of ids) joiner.create(id, '1/60');
    for (const id of ids) joiner.take(id);
    for (let turns = 0; !network.isSettled || network.under.length > 0; turns++) {
      expect(turns).toBeLessThan(1_000);
      const parts = network.under.filter(({ message }) => message.kind === 'report').length;
      expect(parts).toBeLessThanOrEqual(2 * 4);
      network.settle();
      for (const node of network.nodes) turn(network, node);
    }
    network.pass(200);
    expect(joiner.throttles.stats.waiting).toBe(0);
    const allowed = network.nodes.flatMap(({ allowed }) => [...allowed]);
    expect(allowed).toHaveLength(count);
    expect(allowed.every(([, units]) => units === 1)).toBe(true);
  });

  it('REP-7.14 makes room past those that are waited for, and refuses when there are too many of them', () => {
    const network = new Network(1, { capacity: 100 });
    const [node] = network.nodes as [Node];
    const name = (i: number) => `w${i}`;
    for (let i = 0; i < 99; i++) {
      node.create(name(i), '1/60');
      for (let calls = 0; calls < 2; calls++) node.tarpit(name(i));
    }
    node.create('free', '1/60');
    // Sixty-four that are waited for stand before it.
    expect(() => node.create('late', '1/60')).toThrow('are waited for');
    node.create('later', '1/60');
    expect([node.throttles.has('free'), node.throttles.has('later')]).toEqual([false, true]);
    for (let i = 0; i < 99; i++) expect(node.throttles.has(name(i))).toBe(true);
  });
});
