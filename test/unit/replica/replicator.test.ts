/** Replicators of one object among themselves: batches, joins, leaves, restarts, snapshots under traffic. */
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/core/address.ts';
import { changeCount } from '../../../src/core/replica/changes.ts';
import type { SharedMessage } from '../../../src/core/replica/messages.ts';
import { chunkWindow } from '../../../src/core/replica/row-receiver.ts';
import type { View } from '../../../src/core/view.ts';
import { Cluster, contents, expectWholeRows, type Node, type NodeOptions } from './cluster.ts';

function clusterOf(size: number, options: NodeOptions = {}): { cluster: Cluster; nodes: Node[] } {
  const cluster = new Cluster();
  const nodes = Array.from({ length: size }, () => cluster.add(options));
  cluster.view();
  cluster.settle();
  return { cluster, nodes };
}

/** Numbers of keys in the batches a node has sent. */
function batchSizes(node: Node): number[] {
  return node.sent.flatMap((message) => (message.kind === 'batch' ? [changeCount(message.changes)] : []));
}

function chunks(node: Node): (SharedMessage & { kind: 'snapshot-chunk' })[] {
  return node.sent.filter((message) => message.kind === 'snapshot-chunk');
}

/** Many addresses, so that rows are exchanged in slices. */
function fill(node: Node, keys: number): void {
  for (let i = 0; i < keys; i++) node.table.increment((0x0a000000 + i * 7) | 0);
}

describe.each(['inbound_cidr', 'outbound_domains'] as const)('members that leave together (%s)', (type) => {
  const keysEach = 4_000;

  function filled() {
    const { cluster, nodes } = clusterOf(5, { type });
    for (const node of nodes)
      for (let i = 0; i < keysEach; i++)
        node.table.increment(type === 'inbound_cidr' ? (0x0a000000 + i * 7) | 0 : `d${i}.example`);
    cluster.rest();
    const [a, ...others] = nodes as [Node, ...Node[]];
    const total = () => Object.values(contents(a.table)).reduce((sum, count) => sum + count, 0);
    expect(total()).toBe(5 * keysEach);
    return { cluster, a, others, total };
  }

  it('REP-4.5 P4 as much is taken out at once as one turn has time for, the rest in slices', () => {
    const { cluster, a, others, total } = filled();
    for (const node of others) cluster.remove(node);
    cluster.view([a]);
    expect(total()).toBe(3 * keysEach);
    expect(a.replicator.hasWork).toBe(true);
    a.table.increment(type === 'inbound_cidr' ? '192.0.2.1' : 'new.example');
    cluster.settle();
    expect(total()).toBe(keysEach + 1);
    expect(a.replicator.stats.origins).toEqual([]);
  });

  it('REP-18.8 P4 a life that ends takes out what the others counted in steps, also what came meanwhile', () => {
    const { a, total } = filled();
    a.replicator.forgetMembers();
    const work = a.replicator.rest();
    let steps = 0;
    while (!work.next().done)
      if (++steps === 3) a.table.increment(type === 'inbound_cidr' ? '192.0.2.1' : 'new.example');
    expect(steps).toBeGreaterThan(10);
    expect(total()).toBe(keysEach + 1);
    expect([a.replicator.stats.origins, a.replicator.hasWork]).toEqual([[], false]);
  });
});

describe('sending changes', () => {
  it('REP-22.4 99 changes wait for max_delay, the 100th sends them at once', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a] = nodes as [Node];
    for (let i = 0; i < 99; i++) a.table.increment(`10.0.0.${i}`);
    expect(a.changesPending).toBe(1);
    expect(batchSizes(a)).toEqual([]);
    cluster.nowMs += 999;
    a.replicator.flushDue();
    expect(batchSizes(a)).toEqual([]);
    cluster.nowMs += 1;
    a.replicator.flushDue();
    expect(batchSizes(a)).toEqual([99]);
    for (let i = 0; i < 100; i++) a.table.increment(`10.0.1.${i}`);
    expect(batchSizes(a)).toEqual([99, 100]);
  });

  it('REP-4.2 a burst on one key is one change, with its last value', () => {
    const { nodes } = clusterOf(2);
    const [a] = nodes as [Node];
    for (let i = 0; i < 500; i++) a.table.increment('10.0.0.1');
    a.replicator.flush();
    expect(batchSizes(a)).toEqual([1]);
    expect(a.sent.at(-1)).toMatchObject({ sequence: 1, changes: { v4Values: Float64Array.of(500) } });
  });

  it('a key that is back at the value that was sent is not sent again', () => {
    const { nodes } = clusterOf(2);
    const [a] = nodes as [Node];
    a.table.increment('10.0.0.1');
    a.table.decrement('10.0.0.1');
    a.table.increment('10.0.0.2');
    a.replicator.flush();
    expect(batchSizes(a)).toEqual([1]);
    a.table.increment('10.0.0.2');
    a.table.decrement('10.0.0.2');
    a.replicator.flush();
    expect(batchSizes(a)).toEqual([1]);
  });

  it('REP-4.1 max_delay 0 sends the changes of one turn together at its end', () => {
    const { cluster, nodes } = clusterOf(2, { maxDelayMs: 0 });
    const [a, b] = nodes as [Node, Node];
    a.table.increment('10.0.0.1');
    a.table.increment('10.0.0.2');
    expect(batchSizes(a)).toEqual([]);
    expect(a.changesPending).toBe(1);
    expect(a.replicator.flushDueMs).toBe(cluster.nowMs);
    a.replicator.flushDue();
    expect(batchSizes(a)).toEqual([2]);
    cluster.settle();
    expect(b.table.count('10.0.0.1')).toBe(1);
  });

  it('what one turn cannot send goes out in the next ones', () => {
    const { cluster, nodes } = clusterOf(2, { maxPending: 1_000_000 });
    const [a, b] = nodes as [Node, Node];
    fill(a, 100_000);
    a.replicator.flush();
    expect(a.table.pending).toBeGreaterThan(0);
    expect(a.replicator.hasWork).toBe(true);
    cluster.settle();
    expect(a.table.pending).toBe(0);
    expect(Math.max(...batchSizes(a))).toBe(8192);
    expect(b.table.count('0.0.0.0/0')).toBe(100_000);
    expect(b.replicator.stats.gaps).toBe(0);
  });

  it('REP-4.5 who ends sends all of it at once', () => {
    const { nodes } = clusterOf(2, { maxPending: 1_000_000 });
    const [a] = nodes as [Node];
    fill(a, 100_000);
    // The rest of a flush is under way.
    a.replicator.flush();
    a.replicator.flushAll();
    expect(a.table.pending).toBe(0);
    expect(batchSizes(a).reduce((sum, size) => sum + size)).toBe(100_000);
  });

  it('REP-4.15 nothing is kept while the link is down; afterwards the state comes by snapshot', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    a.linkUp = false;
    a.replicator.linkChanged(false);
    a.table.increment('10.0.0.1', 5);
    a.replicator.flush();
    expect(a.table.pending).toBe(0);
    expect(a.replicator.standing).toBe('alone');
    a.linkUp = true;
    a.replicator.linkChanged(true);
    cluster.beat();
    cluster.beat();
    cluster.settle();
    expect(b.table.count('10.0.0.1')).toBe(5);
    expect(chunks(a).length).toBeGreaterThan(0);
  });
});

describe('members come and go', () => {
  it('REP-22.3 sums are the sum of the rows; a dead node takes its row with it; its next life starts empty', () => {
    const { cluster, nodes } = clusterOf(3);
    const [a, b, c] = nodes as [Node, Node, Node];
    a.table.increment('10.0.0.1', 1);
    b.table.increment('10.0.0.1', 2);
    c.table.increment('10.0.0.1', 4);
    cluster.rest();
    for (const { table } of nodes) expect(table.count('10.0.0.1')).toBe(7);
    expect(a.table.count('10.0.0.1', c.incarnation)).toBe(4);

    cluster.remove(c);
    cluster.view();
    for (const { table } of [a, b]) expect(table.count('10.0.0.1')).toBe(3);

    const again = cluster.add({ node: c.process.node });
    again.table.increment('10.0.0.1', 8);
    cluster.view();
    cluster.rest();
    for (const { table } of [a, b, again]) expect(table.count('10.0.0.1')).toBe(11);
    expect(() => a.table.count('10.0.0.1', c.incarnation)).toThrow(/no view/i);
    expect(a.table.count('10.0.0.1', again.incarnation)).toBe(8);
  });

  it('REP-4.6 a younger life of a node replaces the older one, though its end was not seen', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, old] = nodes as [Node, Node];
    old.table.increment('10.0.0.1', 4);
    cluster.rest();
    const young = cluster.add({ node: old.process.node });
    young.table.increment('10.0.0.1', 1);
    cluster.view([a, old, young]);
    cluster.settle();
    expect(a.table.count('10.0.0.1')).toBe(1);
  });

  it('REP-4.13 managers have no row and are asked for none', () => {
    const { cluster, nodes } = clusterOf(1);
    const [a] = nodes as [Node];
    const manager = { ...a.process, incarnation: 'f'.repeat(32), type: 'Manager', node: 'barca' };
    const view = {
      id: { epoch: 9, coordinator: a.incarnation, nonce: 0 },
      members: [a.process, manager],
    } as View;
    a.replicator.viewInstalled(view);
    expect(a.replicator.standing).toBe('alone');
    expect(a.sent).toEqual([]);
    expect(cluster.under).toEqual([]);
  });

  it('REP-22.9 a partition shows each side its own sum, the heal the exact sum of both', () => {
    const { cluster, nodes } = clusterOf(3);
    const [a, b, c] = nodes as [Node, Node, Node];
    for (const { table } of nodes) table.increment('10.0.0.1');
    cluster.rest();
    cluster.view([a, b]);
    cluster.view([c]);
    a.table.increment('10.0.0.1', 10);
    c.table.increment('10.0.0.1', 100);
    cluster.rest();
    expect([a, b, c].map(({ table }) => table.count('10.0.0.1'))).toEqual([12, 12, 101]);
    cluster.view();
    cluster.rest();
    expect([a, b, c].map(({ table }) => table.count('10.0.0.1'))).toEqual([113, 113, 113]);
  });

  it('messages of processes outside the view change nothing', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    cluster.view([a]);
    b.table.increment('10.0.0.1');
    b.replicator.flush();
    cluster.settle();
    expect(a.table.count('10.0.0.1')).toBe(0);
    expect(a.replicator.stats.drops).toBe(1);
  });

  it('REP-4.5 a large row is taken out in slices; each key counts in full or not at all in between', () => {
    const { cluster, nodes } = clusterOf(2, { maxPending: 1_000_000 });
    const [a, b] = nodes as [Node, Node];
    fill(a, 70_000);
    cluster.rest();
    cluster.remove(a);
    cluster.view();
    expect(b.replicator.hasWork).toBe(true);
    expect(() => b.table.count('0.0.0.0/0', a.incarnation)).toThrow();
    const sums: number[] = [];
    while (b.replicator.hasWork) {
      sums.push(b.table.count('0.0.0.0/0'));
      b.replicator.step();
    }
    expect(sums[0]).toBe(70_000);
    expect(sums).toEqual([...sums].sort((left, right) => right - left));
    expect(b.table.count('0.0.0.0/0')).toBe(0);
    expect(contents(b.table)).toEqual({});
  });

  /** b is in the middle of exchanging a large row of a, and holds back a batch until that is done. */
  function exchanging(): { cluster: Cluster; a: Node; b: Node } {
    const { cluster, nodes } = clusterOf(2, { maxPending: 1_000_000 });
    const [a, b] = nodes as [Node, Node];
    fill(a, 70_000);
    a.replicator.flush();
    cluster.settle();
    b.table.increment('192.0.2.1');
    a.table.increment('192.0.2.1');
    a.replicator.flush();
    cluster.under = [];
    cluster.beat();
    cluster.beat();
    while (b.replicator.stats.origins[0]?.state !== 'exchanging') {
      a.replicator.step();
      cluster.deliver();
      if (b.replicator.stats.origins[0]?.state === 'fetching') b.replicator.step();
    }
    a.table.increment('192.0.2.2');
    a.replicator.flush();
    while (cluster.under.length > 0) cluster.deliver();
    b.replicator.step();
    expect(b.replicator.hasWork).toBe(true);
    return { cluster, a, b };
  }

  it('P4 while a large row is being exchanged, others get theirs from here', () => {
    const { cluster, b } = exchanging();
    const joiner = cluster.add();
    cluster.view();
    while (cluster.under.length > 0) cluster.deliver();
    const before = chunks(b).length;
    b.replicator.step();
    expect(b.replicator.stats.origins[0]?.state).toBe('exchanging');
    expect(chunks(b).length).toBeGreaterThan(before);
    cluster.settle();
    expect(joiner.table.count('192.0.2.1', b.incarnation)).toBe(1);
  });

  it('a member that leaves while its large row is being exchanged leaves nothing behind', () => {
    const { cluster, b } = exchanging();
    cluster.view([b]);
    cluster.settle();
    expect(contents(b.table)).toEqual({ '192.0.2.1': 1 });
    expect(b.table.count('0.0.0.0/0')).toBe(1);
  });

  it('nor does one that comes back in the meantime: its row is there once', () => {
    const { cluster, a, b } = exchanging();
    cluster.view([b]);
    cluster.view();
    cluster.rest();
    expect(b.table.count('0.0.0.0/0')).toBe(70_003);
    expect(contents(b.table, a.incarnation)).toEqual(contents(a.table, a.incarnation));
    cluster.view([b]);
    cluster.settle();
    expect(contents(b.table)).toEqual({ '192.0.2.1': 1 });
  });
});

describe('snapshots', () => {
  it('REP-4.4 REP-22.5 a joiner gets the row of every member and they get its own', () => {
    const { cluster, nodes } = clusterOf(2);
    for (const [i, { table }] of nodes.entries()) table.increment('2001:db8::1', i + 1);
    cluster.rest();
    const joiner = cluster.add();
    joiner.table.increment('2001:db8::1', 10);
    cluster.view();
    expect(joiner.replicator.standing).toBe('partial');
    cluster.settle();
    expect(joiner.replicator.standing).toBe('whole');
    for (const { table } of cluster.nodes) expect(table.count('2001:db8::1')).toBe(13);
  });

  it('REP-4.18 chunks are exact as of the number they carry, though changes were waiting', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    a.table.increment('10.0.0.1');
    a.replicator.flush();
    cluster.under = [];
    a.table.increment('10.0.0.1');
    cluster.beat();
    cluster.beat();
    while (cluster.under.length > 0) cluster.deliver();
    a.replicator.step();
    a.table.decrement('10.0.0.1');
    cluster.settle();
    expectWholeRows(cluster);
    a.replicator.flush();
    cluster.settle();
    expect(b.table.count('10.0.0.1')).toBe(1);
  });

  it('a snapshot of many chunks under traffic is exact, with no more chunks under way than there is credit for', () => {
    const { cluster, nodes } = clusterOf(1, { maxPending: 50 });
    const [a] = nodes as [Node];
    fill(a, 100_000);
    const joiner = cluster.add();
    cluster.view();
    let most = 0;
    for (let round = 0; joiner.replicator.standing !== 'whole'; round++) {
      a.table.increment((0x0a000000 + (round % 1000) * 7) | 0);
      a.table.decrement((0x0a000000 + (99_999 - round) * 7) | 0);
      a.table.increment(parseAddress(`192.0.2.${round % 256}`)!);
      a.replicator.step();
      most = Math.max(
        most,
        cluster.under.filter(({ to, message }) => to === joiner && message.kind === 'snapshot-chunk').length,
      );
      for (let i = 0; i < 3; i++) cluster.deliver();
      joiner.replicator.step();
    }
    expect(chunks(a).length).toBeGreaterThan(16);
    expect(most).toBe(chunkWindow);
    cluster.rest();
    expect(contents(joiner.table)).toEqual(contents(a.table));
  });

  it('the old row stays in the sums until the new one takes its place', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    a.table.increment('10.0.0.1', 5);
    cluster.rest();
    a.table.increment('10.0.0.2', 6);
    a.replicator.flush();
    cluster.under = [];
    cluster.beat();
    cluster.beat();
    expect(b.replicator.standing).toBe('partial');
    expect(b.table.count('10.0.0.1')).toBe(5);
    cluster.settle();
    expect(contents(b.table)).toEqual({ '10.0.0.1': 5, '10.0.0.2': 6 });
  });

  it('REP-3.12 messages for an object of another type are dropped and counted', () => {
    const cluster = new Cluster();
    const [a, b] = [cluster.add(), cluster.add({ type: 'outbound_domains' })];
    cluster.view();
    b.table.increment('aol.com');
    b.replicator.flush();
    cluster.settle();
    expect(a.replicator.stats.drops).toBeGreaterThan(0);
    expect(contents(a.table)).toEqual({});
  });
});

describe('figures', () => {
  it('REP-21.5 pending changes, lag and loss are told', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    a.table.increment('10.0.0.1');
    a.table.increment('10.0.0.2');
    cluster.nowMs += 400;
    expect(a.replicator.stats).toMatchObject({ pending: 2, oldestPendingMs: 400 });
    cluster.rest();
    const { origins, ...figures } = b.replicator.stats;
    expect(figures).toMatchObject({
      pending: 0,
      batchesReceived: 1,
      snapshotsReceived: 1,
      gaps: 0,
      drops: 0,
    });
    expect(origins).toEqual([
      { origin: a.incarnation, state: 'whole', sequence: 1, keys: 2, lastMessageAgeMs: expect.any(Number) },
    ]);
  });

  it('REP-21.4 verify says match, unknown before the first beat, differ when a copy went wrong', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    a.table.increment('10.0.0.1');
    a.replicator.flush();
    cluster.settle();
    expect(b.replicator.verify()).toEqual([{ origin: a.incarnation, verdict: 'unknown' }]);
    cluster.beat();
    expect(b.replicator.verify()).toEqual([{ origin: a.incarnation, verdict: 'match' }]);
  });
});
