/** Replicated caches among a few nodes: batches, joining, comparing, room, flush, and convergence whatever is lost. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Comparison } from '../../../src/core/cache/comparison.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { Cluster, type Node, type NodeOptions } from './cluster.ts';

function clusterOf(count: number, options: NodeOptions = {}): { cluster: Cluster; nodes: Node[] } {
  const cluster = new Cluster();
  for (let i = 0; i < count; i++) cluster.add(options);
  cluster.view();
  cluster.settle();
  return { cluster, nodes: cluster.nodes };
}

const sentBy = (node: Node, kind: string) => node.sent.filter((message) => message.kind === kind);

describe('a replicated cache among nodes', () => {
  it('REP-22.4 writes leave after max_delay, or when max_pending keys wait; one key once', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    for (let i = 0; i < 99; i++) a.cache.set(`k${i % 50}`, `${i}`);
    a.replicator.flushDue();
    expect(sentBy(a, 'cache-batch')).toHaveLength(0);
    cluster.nowMs += 1_000;
    a.replicator.flushDue();
    expect(sentBy(a, 'cache-batch')).toMatchObject([{ sequence: 1, entries: { length: 50 } }]);
    cluster.settle();
    expect(b.values).toEqual(a.values);
    for (let i = 0; i < 100; i++) a.cache.set(`l${i}`, 'v');
    expect(sentBy(a, 'cache-batch')).toHaveLength(2);
  });

  it('REP-13.13 large values leave in several messages, and not all in one turn', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    for (let i = 0; i < 20; i++) a.cache.set(`k${i}`, 'x'.repeat(200_000));
    a.replicator.flush();
    expect(sentBy(a, 'cache-batch')).toHaveLength(2);
    cluster.settle();
    expect(sentBy(a, 'cache-batch')).toHaveLength(20);
    expect(b.cache.size).toBe(20);
  });

  it('REP-22.5 a joiner gets everything with its remaining time to live, from the most senior member', () => {
    const { cluster, nodes } = clusterOf(2, { maxSize: 5_000 });
    const before = sentBy(nodes[1]!, 'cache-chunk').length;
    for (let i = 0; i < 3_000; i++) nodes[0]!.cache.set(`k${i}`, `${i}`, i === 7 ? 60_000 : 0);
    cluster.rest(2);
    cluster.nowMs += 10_000;
    const joiner = cluster.add({ maxSize: 5_000 });
    cluster.view();
    expect(joiner.replicator.standing).toBe('partial');
    cluster.settle();
    expect(joiner.replicator.standing).toBe('whole');
    expect(joiner.contents).toEqual(nodes[0]!.contents);
    expect(joiner.cache.ttlMs('k7')).toBe(48_000);
    expect(sentBy(nodes[0]!, 'cache-chunk').length).toBeGreaterThan(2);
    expect(sentBy(nodes[1]!, 'cache-chunk')).toHaveLength(before);
  });

  it('REP-22.5 a joiner asks the next member when the first is silent', () => {
    const { cluster, nodes } = clusterOf(2);
    nodes[0]!.cache.set('k', 'v');
    cluster.rest(2);
    const before = sentBy(nodes[1]!, 'cache-chunk').length;
    const joiner = cluster.add();
    cluster.view();
    cluster.under = [];
    cluster.nowMs += 3_000;
    joiner.replicator.tick();
    cluster.settle();
    expect(joiner.values).toEqual({ k: 'v' });
    expect(sentBy(nodes[1]!, 'cache-chunk')).toHaveLength(before + 1);
  });

  it('REP-22.5 without snapshot a joiner lacks old keys, gets updated ones, and a gap is only counted', () => {
    const { cluster, nodes } = clusterOf(2, { snapshot: false });
    const [a, b] = nodes as [Node, Node];
    a.cache.set('old', '1');
    cluster.rest(2);
    const joiner = cluster.add({ snapshot: false });
    cluster.view();
    a.cache.set('new', '2');
    cluster.rest(20);
    expect(joiner.values).toEqual({ new: '2' });
    expect(joiner.replicator.digest).toBeUndefined();
    a.cache.set('lost', '3');
    a.replicator.flush();
    cluster.under = [];
    a.cache.set('next', '4');
    cluster.rest(20);
    expect(b.values).toEqual({ old: '1', new: '2', next: '4' });
    expect(b.replicator.stats).toMatchObject({ gaps: 1, fetches: 0 });
  });

  it('REP-4.8 a lost batch is noticed by the next one, and what it held is fetched', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    cluster.rest(10);
    a.cache.set('first', '0');
    a.replicator.flush();
    cluster.settle();
    a.cache.set('lost', '1');
    a.replicator.flush();
    cluster.under = [];
    a.cache.set('next', '2');
    a.replicator.flush();
    cluster.settle();
    expect(b.values).toEqual({ first: '0', lost: '1', next: '2' });
  });

  it('REP-4.8 a lost batch that nothing follows is noticed by the digests', () => {
    const { cluster, nodes } = clusterOf(3);
    cluster.rest(10);
    nodes[2]!.cache.set('k', 'v');
    nodes[2]!.replicator.flush();
    cluster.under = [];
    cluster.rest(10);
    for (const node of nodes) expect(node.values).toEqual({ k: 'v' });
  });

  it('REP-4.8 digests that always differ because of writes under way make fetches rarer and rarer', () => {
    const other = '0123456789abcdef0123456789abcdef' as Incarnation;
    const comparison = new Comparison(3_000);
    comparison.membersChanged([other]);
    for (let nowMs = 0; nowMs < 300_000; nowMs += 200) {
      comparison.beat(other, false, nowMs);
      if (comparison.begin(nowMs)) comparison.chunk(0, true, nowMs);
    }
    expect(comparison.completed).toBeGreaterThan(3);
    expect(comparison.completed).toBeLessThan(10);
  });

  it('REP-4.8 after the link was down, what was missed is fetched without waiting for a difference', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    cluster.rest(10);
    b.linkUp = false;
    b.replicator.linkChanged(false);
    a.cache.set('k', 'v');
    a.replicator.flush();
    cluster.settle();
    expect(b.values).toEqual({});
    b.linkUp = true;
    b.replicator.linkChanged(true);
    cluster.settle();
    expect(b.values).toEqual({ k: 'v' });
  });

  it('REP-13.9 what is fetched takes no room from what is there', () => {
    const { cluster, nodes } = clusterOf(1);
    const small = cluster.add({ maxSize: 4 });
    for (let i = 0; i < 8; i++) nodes[0]!.cache.set(`k${i}`, 'v');
    for (let i = 0; i < 4; i++) small.cache.set(`own${i}`, 'v');
    cluster.view();
    cluster.settle();
    expect(Object.keys(small.values)).toEqual(['own0', 'own1', 'own2', 'own3']);
    expect(small.replicator.digest).toBeUndefined();
  });

  it('REP-22.9 both sides of a partition are equal after the heal', () => {
    const { cluster, nodes } = clusterOf(3);
    const [a, b, c] = nodes as [Node, Node, Node];
    a.cache.set('both', '1');
    cluster.rest(2);
    c.linkUp = false;
    c.replicator.linkChanged(false);
    cluster.view([a, b]);
    cluster.view([c]);
    a.cache.set('left', '2');
    a.cache.set('both', '3');
    cluster.rest(2);
    c.cache.set('right', '4');
    c.cache.delete('both');
    cluster.rest(2);
    c.linkUp = true;
    c.replicator.linkChanged(true);
    cluster.view();
    cluster.rest();
    for (const { values } of nodes) expect(values).toEqual({ left: '2', right: '4' });
  });

  it('REP-13.9 a full cache takes no part in comparisons until there is room again', () => {
    const { cluster, nodes } = clusterOf(1);
    const small = cluster.add({ maxSize: 4 });
    const [a] = nodes as [Node];
    for (let i = 0; i < 8; i++) a.cache.set(`k${i}`, 'v', i < 6 ? 30_000 : 0);
    cluster.view();
    cluster.rest(20);
    expect(small.cache.size).toBe(4);
    expect(small.replicator.digest).toBeUndefined();
    expect(a.replicator.verify()).toEqual([{ origin: small.process.incarnation, verdict: 'unknown' }]);
    expect(sentBy(small, 'cache-compare').length).toBeLessThan(3);
    cluster.rest(40);
    expect(small.contents).toEqual(a.contents);
    expect(small.replicator.digest).toBeDefined();
  });

  it('REP-14.6 a flush stays on this node: what it dropped does not come back by comparing', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    a.cache.set('k', 'v');
    cluster.rest(2);
    b.cache.flush().next();
    cluster.rest(30);
    expect(b.values).toEqual({});
    expect(a.values).toEqual({ k: 'v' });
    a.cache.set('k', 'w');
    cluster.rest(2);
    expect(b.values).toEqual({ k: 'w' });
  });

  it('REP-13.6 writes of a node whose clock is too far ahead are refused, and the node is named', () => {
    const cluster = new Cluster();
    const a = cluster.add({ skewMs: 120_000 });
    const b = cluster.add();
    cluster.view();
    a.cache.set('k', 'v');
    cluster.rest(2);
    expect(b.values).toEqual({});
    expect(new Set(b.clocksAhead)).toEqual(new Set([a.process.incarnation]));
    expect(b.replicator.stats.refused).toBeGreaterThan(0);
  });

  it('REP-3.12 a message of another type is dropped', () => {
    const { nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    b.replicator.receive({
      kind: 'cache-credit',
      object: 'mycache',
      type: 'metrics',
      from: a.process.incarnation,
      session: 1,
      index: 0,
    });
    expect(b.replicator.stats.drops).toBe(1);
  });
});

const node = fc.nat(3);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom('set', 'delete', 'short'),
      node,
      index: fc.nat(5),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('flush', 'tick', 'work', 'cut', 'mend', 'join', 'end'),
      node,
      index: fc.constant(0),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constantFrom('deliver', 'lose', 'repeat'), node, index: fc.nat(9) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('beat', 'view'), node, index: fc.constant(0) }),
  },
);

function play(
  skewsMs: readonly number[],
  steps: readonly { do: string; node: number; index: number }[],
): Cluster {
  const cluster = new Cluster();
  for (const skewMs of skewsMs) cluster.add({ skewMs, maxPending: 3 });
  cluster.view();
  steps.forEach(({ do: what, node, index }, number) => {
    const at = cluster.nodes[node % cluster.nodes.length]!;
    const key = `k${index}`;
    const actions: Record<string, () => void> = {
      set: () => at.cache.set(key, `value ${number}`),
      short: () => at.cache.set(key, `value ${number}`, 3_000),
      delete: () => at.cache.delete(key),
      flush: () => at.replicator.flush(),
      work: () => at.replicator.step(),
      tick: () => {
        cluster.nowMs += 700;
        at.replicator.tick();
      },
      cut: () => {
        at.linkUp = false;
        at.replicator.linkChanged(false);
      },
      mend: () => {
        at.linkUp = true;
        at.replicator.linkChanged(true);
      },
      join: () => {
        if (cluster.nodes.length < 4) cluster.add({ maxPending: 3 });
      },
      end: () => {
        if (cluster.nodes.length > 2) cluster.remove(at);
      },
      deliver: () => cluster.deliver(index),
      lose: () => cluster.lose(index),
      repeat: () => cluster.repeat(index),
      beat: () => cluster.beat(),
      view: () => {
        const linked = cluster.nodes.filter(({ linkUp }) => linkUp);
        if (linked.length > 0) cluster.view(linked);
        for (const cut of cluster.nodes.filter(({ linkUp }) => !linkUp)) cluster.view([cut]);
      },
    };
    actions[what]!();
  });
  for (const node of cluster.nodes) {
    node.linkUp = true;
    node.replicator.linkChanged(true);
  }
  cluster.view();
  cluster.rest();
  return cluster;
}

describe('convergence of caches', () => {
  it('REP-22.8 caches are equal again after any loss, repetition, reordering, cut, join, leave and skew', () => {
    const skew = fc.integer({ min: -2_000, max: 2_000 });
    fc.assert(
      fc.property(
        fc.tuple(skew, skew, skew),
        fc.array(step, { maxLength: 100, size: 'max' }),
        (skews, steps) => {
          const { nodes } = play(skews, steps);
          for (const node of nodes) {
            expect(node.contents).toEqual(nodes[0]!.contents);
            expect(node.replicator.standing).toBe('whole');
            expect(node.replicator.verify().map(({ verdict }) => verdict)).not.toContain('differ');
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
