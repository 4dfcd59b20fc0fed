/** What nodes that share an object see of each other, and how far a cap can be passed meanwhile. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutboundConnections } from '../../../src/core/outbound-connections.ts';
import type { SharedMessage } from '../../../src/core/replica/messages.ts';
import { Cluster, contents, type Node, type NodeOptions } from './cluster.ts';

function clusterOf(size: number, options: NodeOptions = {}): { cluster: Cluster; nodes: Node[] } {
  const cluster = new Cluster();
  const nodes = Array.from({ length: size }, () => cluster.add(options));
  cluster.view();
  cluster.rest();
  return { cluster, nodes };
}

function batches(node: Node): (SharedMessage & { kind: 'batch' })[] {
  return node.sent.filter((message) => message.kind === 'batch');
}

describe('counts of several nodes', () => {
  it('REP-4.3 own changes count at once, those of others as last received', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    expect(a.table.increment('10.0.0.1', 3)).toBe(3);
    expect(a.table.count('10.0.0.0/8')).toBe(3);
    expect(b.table.count('10.0.0.1')).toBe(0);
    expect(b.table.increment('10.0.0.1')).toBe(1);
    a.replicator.flush();
    cluster.settle();
    expect([a, b].map(({ table }) => table.count('10.0.0.1'))).toEqual([3, 4]);
    a.table.decrement('10.0.0.1', 2);
    expect([a, b].map(({ table }) => table.count('10.0.0.1'))).toEqual([1, 4]);
    cluster.rest();
    expect([a, b].map(({ table }) => table.count('10.0.0.1'))).toEqual([2, 2]);
  });

  it('REP-1.5 the global view is the combination of the views of all members, each of one private name', () => {
    const { cluster, nodes } = clusterOf(3);
    for (const [i, { table }] of nodes.entries()) {
      table.increment('10.0.0.1', i + 1);
      table.increment(`10.0.1.${i}`);
    }
    cluster.rest();
    for (const { table } of nodes) {
      const views = nodes.map(({ incarnation }) => contents(table, incarnation));
      expect(views).toEqual(nodes.map((_, i) => ({ '10.0.0.1': i + 1, [`10.0.1.${i}`]: 1 })));
      expect(contents(table)).toEqual({ '10.0.0.1': 6, '10.0.1.0': 1, '10.0.1.1': 1, '10.0.1.2': 1 });
    }
  });

  it('REP-4.9 a batch says what the counts are, so that repeating it changes nothing', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    a.table.increment('10.0.0.1', 5);
    a.replicator.flush();
    a.table.increment('10.0.0.1', 2);
    a.replicator.flush();
    const values = batches(a).map(({ changes }) => [...changes.v4Values]);
    expect(values).toEqual([[5], [7]]);
    cluster.settle();
    for (const { changes } of [...batches(a), batches(a)[1]!]) b.table.applyToRow(a.incarnation, changes);
    expect(b.table.count('10.0.0.1')).toBe(7);
  });

  it('REP-1.1 REP-4.13 a manager counts nothing and has no view', () => {
    const { cluster, nodes } = clusterOf(2);
    const [a, b] = nodes as [Node, Node];
    b.table.increment('10.0.0.1');
    const view = cluster.view();
    const members = view.members.map((process) =>
      process === b.process ? ({ ...process, type: 'Manager' } as const) : process,
    );
    a.replicator.viewInstalled({ ...view, members });
    cluster.rest();
    expect(() => a.table.count('10.0.0.1', b.incarnation)).toThrow(/no view/i);
    expect(a.table.count('10.0.0.1')).toBe(0);
  });

  it('REP-4.17 messages of one sender come in order, those of several in any: nothing is missed', () => {
    const change = fc.record({ node: fc.nat(2), key: fc.nat(4), count: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (changes, choices) => {
        const { cluster, nodes } = clusterOf(3);
        const snapshots = nodes.map(({ replicator }) => replicator.stats.snapshotsReceived);
        for (const { node, key, count } of changes) {
          nodes[node]!.table.set(`10.0.0.${key}`, count);
          nodes[node]!.replicator.flush();
        }
        while (cluster.under.length > 0) {
          const { to, message } = cluster.under[choices.next().value! % cluster.under.length]!;
          cluster.deliver(
            cluster.under.findIndex((parcel) => parcel.to === to && parcel.message.from === message.from),
          );
        }
        for (const [i, { table, replicator }] of nodes.entries()) {
          expect(contents(table)).toEqual(contents(nodes[0]!.table));
          expect(replicator.stats).toMatchObject({ gaps: 0, snapshotsReceived: snapshots[i] });
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    [[], 'inbound_cidr', '10.0.0.1'],
    [['snapshot'], 'inbound_cidr', '10.0.0.1'],
    [[], 'outbound_domains', 'example.com'],
    [['snapshot'], 'outbound_domains', 'example.com'],
  ] as const)('REP-3.8 with parameters %j an object of type %s has snapshots', (parameters, type, key) => {
    const { cluster, nodes } = clusterOf(1, { type, parameters });
    const [a] = nodes as [Node];
    a.table.increment(key, 4);
    a.replicator.flush();
    const joiner = cluster.add({ type, parameters });
    cluster.view();
    cluster.rest();
    expect(joiner.table.count(key)).toBe(4);
    expect(joiner.replicator.stats.snapshotsReceived).toBe(1);
  });
});

describe('a cap over several nodes', () => {
  const cap = 5;
  const connection = { binding: 'b', domain: 'example.com', address: '192.0.2.1' };

  /** Each node counts in its table of one cluster, as a node does. */
  function relays(size: number): { cluster: Cluster; outbound: OutboundConnections[] } {
    const { cluster, nodes } = clusterOf(size, { type: 'outbound_domains' });
    const name = 'outbound_domains';
    const settings = {
      stanzas: [{ scope: {}, limits: { cluster_max_outbound_connections: cap } }],
      groupOfBinding: new Map(),
      objects: [{ name, type: name, bindingGroup: undefined }] as const,
    };
    const outbound = nodes.map(({ table }) => new OutboundConnections(settings, new Map([[name, table]])));
    return { cluster, outbound };
  }

  /** Opens what is allowed; returns how many. */
  function openAll(outbound: OutboundConnections): number {
    let opened = 0;
    for (; outbound.mayConnect(connection).allowed; opened++) outbound.opened(connection);
    return opened;
  }

  it('REP-6.12 is passed at most by what nodes open before they hear of each other', () => {
    const { cluster, outbound } = relays(3);
    const [a, b, c] = outbound as [OutboundConnections, OutboundConnections, OutboundConnections];
    a.opened(connection);
    a.opened(connection);
    cluster.rest();
    // Neither has heard of what the other opened: each stops at the cap as it sees it.
    expect([openAll(a), openAll(b)]).toEqual([3, 3]);
    cluster.rest();
    for (const node of [a, b, c]) {
      expect(node.mayConnect(connection)).toMatchObject({ allowed: false, value: cap, count: 8 });
      expect(openAll(node)).toBe(0);
    }
  });

  it('REP-6.12 nothing is closed to get back under it, and nothing opened until enough was closed', () => {
    const { cluster, outbound } = relays(2);
    const [a, b] = outbound as [OutboundConnections, OutboundConnections];
    expect([openAll(a), openAll(b)]).toEqual([5, 5]);
    cluster.rest();
    for (let open = 10; open > cap - 1; open--) {
      expect(b.mayConnect(connection)).toMatchObject({ allowed: false, count: open });
      (open % 2 === 0 ? a : b).closed(connection);
      cluster.rest();
    }
    expect([a, b].map((node) => node.mayConnect(connection).allowed)).toEqual([true, true]);
  });
});
