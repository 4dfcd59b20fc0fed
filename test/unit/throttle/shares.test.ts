import { describe, expect, it } from 'vitest';
import { partitionMs, Shares } from '../../../src/core/throttle/shares.ts';
import { Network, type Node } from './network.ts';

const rate = { units: 11, windowS: 1 };
const full = ['a', 'b', 'c', 'd', 'e'];

/** What each has in the window after the loss. */
function shares(
  present: readonly string[],
  left: readonly string[] = [],
  of: readonly string[] = full,
): number[] {
  const shares = new Shares();
  shares.viewInstalled(of, [], 0, 0);
  shares.viewInstalled(present, left, 0, 500);
  expect(shares.most('share', present[0]!, rate, 0)).toBe(shares.isSmaller ? 0 : Number.POSITIVE_INFINITY);
  return present.map((node) => shares.most('share', node, rate, 1));
}

const all = Number.POSITIVE_INFINITY;

describe('shares of a limit', () => {
  it('REP-7.21 the side with more than half keeps all, members of the other have their part', () => {
    expect(shares(['a', 'd', 'e'])).toEqual([all, all, all]);
    expect(shares(['b', 'c'])).toEqual([2, 2]);
    expect(shares(['a', 'c'])).toEqual([3, 2]);
  });

  it('REP-7.21 of two halves the one with the first name keeps all', () => {
    expect(shares(['a', 'd'], [], ['a', 'b', 'c', 'd'])).toEqual([all, all]);
    expect(shares(['b', 'c'], [], ['a', 'b', 'c', 'd'])).toEqual([3, 3]);
  });

  it('REP-7.21 who leaves with a goodbye does not count any more', () => {
    expect(shares(['b', 'c'], ['a', 'd', 'e'])).toEqual([all, all]);
    expect(shares(['d', 'e'], ['a'])).toEqual([3, 2]);
  });

  it('REP-7.21 two losses one after the other count together', () => {
    const smaller = new Shares();
    smaller.viewInstalled(full, [], 0, 0);
    smaller.viewInstalled(['a', 'b', 'c'], [], 1000, 1000);
    expect(smaller.isSmaller).toBe(false);
    smaller.viewInstalled(['a', 'b'], [], 2000, 2000);
    expect(smaller.isSmaller).toBe(true);
    smaller.viewInstalled(['a', 'b', 'd'], [], 3000, 3000);
    expect(smaller.isSmaller).toBe(false);
  });

  it('REP-7.21 who comes after the loss has its part too, in the same windows and for as long', () => {
    const former = new Shares();
    former.viewInstalled(full, [], 0, 0);
    former.viewInstalled(['d', 'e'], [], 500, 500);
    const newcomer = new Shares();
    newcomer.viewInstalled(['e'], [], 70_000, 70_000);
    expect(newcomer.most('share', 'e', rate, 70)).toBe(all);
    newcomer.viewInstalled(['d', 'e'], [], 71_000, 71_000);
    newcomer.heard(former.lost(71_000), 71_000, 71_000);
    expect(newcomer.lost(71_000)).toEqual(former.lost(71_000));
    for (const window of [0, 1, 71]) {
      for (const name of ['d', 'e'])
        expect(newcomer.most('share', name, rate, window)).toBe(former.most('share', name, rate, window));
    }
    expect(newcomer.most('share', 'e', rate, 71)).toBe(2);
    expect(newcomer.expire(partitionMs + 499, partitionMs + 499)).toBe(false);
    expect(newcomer.expire(partitionMs + 500, partitionMs + 500)).toBe(true);
  });

  it('REP-7.21 what is said of the lost is believed of nobody who is here, nor of more than a cluster can have', () => {
    const shares = new Shares();
    shares.viewInstalled(['a', 'b'], [], 0, 0);
    shares.heard(
      [
        { node: 'a', forMs: 0 },
        { node: 'c', forMs: partitionMs },
      ],
      0,
      0,
    );
    expect(shares.lost(0)).toEqual([]);
    const many = Array.from({ length: 5000 }, (_, i) => ({ node: `x${i}`, forMs: 0 }));
    shares.heard(many, 0, 0);
    expect(shares.lost(0)).toHaveLength(1022);
    shares.viewInstalled(['a', 'b', 'x0'], [], 10, 10);
    expect(shares.lost(10)).toHaveLength(1021);
  });

  it('REP-7.21 after 300 s the smaller side counts as a cluster of its own', () => {
    const smaller = new Shares();
    smaller.viewInstalled(full, [], 0, 0);
    smaller.viewInstalled(['b', 'c'], [], 1000, 1000);
    expect(smaller.expire(partitionMs + 999, partitionMs + 999)).toBe(false);
    expect(smaller.expire(partitionMs + 1000, partitionMs + 1000)).toBe(true);
    expect(smaller.most('share', 'b', rate, 400)).toBe(all);
    expect(smaller.expire(partitionMs + 2000, partitionMs + 2000)).toBe(false);
  });

  it('REP-21.7 policies: open goes on with all, closed stops', () => {
    for (const [policy, most] of [
      ['open', all],
      ['closed', 0],
    ] as const) {
      const shares = new Shares();
      shares.viewInstalled(full, [], 0, 0);
      shares.viewInstalled(['b', 'c'], [], 0, 500);
      expect(shares.most(policy, 'b', rate, 1)).toBe(most);
    }
  });
});

/** Five nodes cut in 3 and 2, after 4 units of the running window are used. */
function cut(): { network: Network; larger: Node[]; smaller: Node[] } {
  const network = new Network(5, { partition: 'share' });
  for (const node of network.nodes) node.create('a', '11/1');
  for (const node of network.nodes.slice(1)) node.take('a');
  network.settle();
  const sides = { larger: network.nodes.slice(0, 3), smaller: network.nodes.slice(3) };
  network.propose(sides.larger);
  network.propose(sides.smaller);
  network.settle();
  return { network, ...sides };
}

function takeAll(network: Network, nodes: readonly Node[]): void {
  for (let i = 0; i < 12; i++) for (const node of nodes) node.take('a');
  network.settle();
}

describe('shared throttles in a partition', () => {
  it('REP-7.21 in the window of the cut the smaller side has what it was granted, then its parts', () => {
    const { network, larger, smaller } = cut();
    takeAll(network, network.nodes);
    expect([...network.allowed('a').values()]).toEqual([11]);
    network.nowMs += 1000;
    takeAll(network, network.nodes);
    expect([...network.allowed('a', larger).values()]).toEqual([9, 11]);
    expect(smaller.map((node) => [...network.allowed('a', [node]).values()])).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it.each([3, 4])(
    'REP-7.21 when node %i of the smaller side begins anew, nobody there has more than its part',
    (ended) => {
      const { network, smaller } = cut();
      const former = network.all[ended]!;
      const [stays] = smaller.filter((node) => node !== former);
      network.kill(former);
      network.propose([stays!]);
      network.settle();
      const begun = network.add({ partition: 'share', name: former.process.node });
      const side = [stays!, begun];
      network.propose(side);
      network.settle();
      network.nowMs += 1000;
      // Some of their accounts are kept by the one, some by the other.
      for (const id of ['b', 'c', 'd', 'e', 'f', 'g']) {
        for (const node of side) node.create(id, '11/1');
        for (let i = 0; i < 12; i++) for (const node of side) node.take(id);
        network.settle();
        expect(side.map((node) => network.most(id, [node]))).toEqual([2, 2]);
      }
    },
  );

  it('REP-7.21 after the heal there is one account again, with what both sides had', () => {
    const { network } = cut();
    network.nowMs += 1000;
    takeAll(network, network.nodes.slice(3));
    network.propose();
    network.settle();
    takeAll(network, network.nodes);
    expect([...network.allowed('a').values()]).toEqual([4, 11]);
  });

  it('REP-7.21 after 300 s the smaller side has all', () => {
    const { network, smaller } = cut();
    network.pass(partitionMs + 4000);
    takeAll(network, smaller);
    expect([...network.allowed('a', smaller).values()].at(-1)).toBe(11);
  });

  it('REP-7.21 what was refused in a long window is granted when the 300 s are over', () => {
    const network = new Network(3, { partition: 'share' });
    for (const node of network.nodes) node.create('a', '4/3600');
    const smaller = network.nodes.slice(2);
    network.propose(network.nodes.slice(0, 2));
    network.propose(smaller);
    network.settle();
    smaller[0]!.tarpit('a');
    network.pass(partitionMs - 2000);
    expect(network.most('a')).toBe(0);
    network.pass(7000);
    expect(network.most('a')).toBe(1);
  });
});
