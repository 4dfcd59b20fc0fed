/** What those counted who have left: members of a view all have what any of them has of it, whenever they joined. */
import { describe, expect, it } from 'vitest';
import { finish } from '../../../src/core/replica/work.ts';
import { GaugeCaches } from '../../../src/core/series/gauge-caches.ts';
import { hits, type Node, Nodes } from './nodes.ts';

function some(count: number): { nodes: Nodes; all: Node[] } {
  const nodes = new Nodes();
  const all = Array.from({ length: count }, () => nodes.add());
  nodes.view();
  nodes.rest();
  return { nodes, all };
}

function end(nodes: Nodes, ...ended: Node[]): void {
  for (const node of ended) nodes.remove(node);
  nodes.view();
  nodes.rest();
}

const sums = (nodes: Nodes, key = 'x') => nodes.present.map((node) => node.sum(key));

describe('counts of those who have left', () => {
  it('REP-8.9 REP-4.5 who joins later learns them: all say the same', () => {
    const { nodes, all } = some(3);
    for (const [i, { table }] of all.entries()) table.add(hits.id, 'x', 10 ** i);
    nodes.rest();
    end(nodes, all[2]!);
    nodes.add();
    nodes.add({ isDefined: false });
    nodes.view();
    nodes.rest();
    expect(sums(nodes)).toEqual([111, 111, 111, 111]);
    // Who knew it at first may leave, too.
    end(nodes, all[0]!, all[1]!);
    nodes.add();
    nodes.view();
    nodes.rest();
    expect(sums(nodes)).toEqual([111, 111, 111]);
    nodes.nowMs += 7 * 60_000;
    nodes.upkeep();
    nodes.rest();
    expect(sums(nodes)).toEqual([0, 0, 0]);
    expect(nodes.present.map(({ retired }) => retired.digest)).toEqual([undefined, undefined, undefined]);
  });

  it('REP-8.9 without snapshots a joiner counts only what came after its start', () => {
    const { nodes, all } = some(2);
    all[1]!.table.add(hits.id, 'x', 5);
    nodes.rest();
    nodes.nowMs += 60_000;
    end(nodes, all[1]!);
    const empty = nodes.add({ hasSnapshots: false });
    nodes.view();
    nodes.rest();
    expect([all[0]!.sum('x'), empty.sum('x')]).toEqual([5, 0]);
  });

  it('REP-4.6 REP-9.17 a node that begins anew learns what its last life had told, once', () => {
    const { nodes, all } = some(2);
    all[1]!.table.add(hits.id, 'x', 5);
    nodes.rest();
    nodes.remove(all[1]!);
    const again = nodes.add({ name: all[1]!.name });
    again.table.add(hits.id, 'x', 1);
    nodes.view();
    nodes.rest();
    expect(sums(nodes)).toEqual([6, 6]);
    // Its series is defined only now, and what it had saved is in its own row from here on.
    const minute = Math.floor(nodes.nowMs / 60_000);
    again.table.takeOver(hits, [all[1]!.self], [[minute, 'x', 7]]);
    nodes.settle();
    expect(again.sum('x')).toBe(8);
    nodes.rest();
    expect(sums(nodes)).toEqual([8, 8]);
  });

  it('REP-4.8 of a last batch that reached only one, the others hear from that one', () => {
    const { nodes, all } = some(4);
    all[3]!.table.add(hits.id, 'x', 5);
    nodes.rest();
    all[3]!.table.add(hits.id, 'x', 2);
    all[3]!.replicator.flush();
    nodes.under = nodes.under.filter(({ to }) => to === all[1]);
    nodes.settle();
    expect(sums(nodes)).toEqual([5, 7, 5, 7]);
    end(nodes, all[3]!);
    expect(sums(nodes)).toEqual([7, 7, 7]);
  });

  it('REP-4.7 REP-22.9 of two sides each may know more of those who ended meanwhile; after it, all know all', () => {
    const { nodes, all } = some(5);
    const [a, b, c, d, e] = all as [Node, Node, Node, Node, Node];
    for (const { table } of all) table.add(hits.id, 'x');
    nodes.rest();
    nodes.view([a, b, c]);
    nodes.view([d, e]);
    c.table.add(hits.id, 'x', 10);
    e.table.add(hits.id, 'x', 100);
    for (const { replicator } of [c, e]) replicator.flush();
    // What one side says does not reach the other.
    nodes.under = nodes.under.filter(({ to, message }) => [d, e].includes(to) === (message.from === e.self));
    nodes.settle();
    nodes.remove(c);
    nodes.remove(e);
    nodes.view([a, b]);
    nodes.view([d]);
    expect(sums(nodes)).toEqual([15, 15, 105]);
    nodes.view();
    nodes.rest();
    expect(sums(nodes)).toEqual([115, 115, 115]);
  });

  it('REP-9.17 what was taken over by a later life is not counted again by the word of one who was away', () => {
    const { nodes, all } = some(3);
    const [a, b, c] = all as [Node, Node, Node];
    c.table.add(hits.id, 'x', 4);
    nodes.rest();
    nodes.remove(c);
    nodes.view([a]);
    nodes.view([b]);
    const minute = Math.floor(nodes.nowMs / 60_000);
    const second = nodes.add({ name: c.name });
    second.table.takeOver(hits, [c.self], [[minute, 'x', 4]]);
    nodes.view([a, second]);
    nodes.rest();
    const lives = [...second.table.livesIn(hits.id), second.self];
    expect(lives).toEqual([c.self, second.self]);
    nodes.remove(second);
    const third = nodes.add({ name: c.name });
    third.table.takeOver(hits, lives, [[minute, 'x', 4]]);
    nodes.view([a, third]);
    nodes.rest();
    nodes.add();
    nodes.view();
    nodes.rest();
    expect(sums(nodes)).toEqual([4, 4, 4, 4]);
    // The third life ends as well.
    end(nodes, third);
    nodes.add();
    nodes.view();
    nodes.rest();
    expect(sums(nodes)).toEqual([4, 4, 4, 4]);
  });

  it('CMD-17 a process that joins again has its counts in its new life alone', () => {
    const { nodes, all } = some(3);
    all[2]!.table.add(hits.id, 'x', 4);
    nodes.rest();
    const again = nodes.reset(all[2]!);
    nodes.view([all[0]!, all[1]!]);
    nodes.rest();
    nodes.view();
    again.table.add(hits.id, 'x');
    nodes.rest();
    nodes.add();
    nodes.view();
    nodes.rest();
    expect(sums(nodes)).toEqual([5, 5, 5, 5]);
  });

  it('REP-9.12 a key that was removed does not come back with what another still had of it', () => {
    const { nodes, all } = some(4);
    const [a, b, c, d] = all as [Node, Node, Node, Node];
    d.table.add(hits.id, 'x', 4);
    d.table.add(hits.id, 'y', 4);
    nodes.rest();
    end(nodes, d);
    nodes.view([a, b]);
    nodes.view([c]);
    a.table.remove(hits.id, 'x');
    nodes.rest();
    // Whoever knew of the life without the removal tells it to one who knows of the removal only.
    const late = nodes.add();
    nodes.view([a, late]);
    nodes.rest();
    nodes.remove(a);
    nodes.remove(b);
    nodes.view([c, late]);
    nodes.rest();
    expect([sums(nodes), sums(nodes, 'y')]).toEqual([
      [0, 0],
      [4, 4],
    ]);
  });

  it('REP-22.8 of many rows, with parts that are lost or come twice, nothing is missing in the end', () => {
    const { nodes, all } = some(4);
    for (const { table } of all.slice(1)) for (let i = 0; i < 5_000; i++) table.add(hits.id, `k${i}`);
    nodes.rest();
    end(nodes, ...all.slice(1));
    nodes.add();
    nodes.view();
    for (let lost = 0; lost < 3; lost++) {
      nodes.nowMs += 2_000;
      for (const node of nodes.present)
        for (const other of nodes.present)
          if (node !== other) other.retired.beat(node.self, node.retired.digest);
      for (let part = 0; part < lost; part++) {
        nodes.under.push(...nodes.under);
        nodes.deliver();
        nodes.deliver();
      }
      nodes.under = [];
    }
    nodes.rest();
    expect(sums(nodes, 'k0')).toEqual([3, 3]);
    expect(sums(nodes, 'k4999')).toEqual([3, 3]);
  });

  it('REP-4.14 what was too old by a clock that was ahead is taken in with the next view', () => {
    const { nodes, all } = some(3);
    all[2]!.table.add(hits.id, 'x', 4);
    nodes.rest();
    end(nodes, all[2]!);
    nodes.add();
    nodes.nowMs += 7_200_000;
    nodes.view();
    nodes.rest();
    nodes.nowMs -= 7_200_000;
    expect(sums(nodes)).toEqual([4, 4, 0]);
    nodes.view();
    nodes.rest();
    expect(sums(nodes)).toEqual([4, 4, 4]);
  });

  it('REP-8.10 in windows that are longer than those of who has left, nothing counts twice', () => {
    const { nodes, all } = some(3);
    const [a, b, c] = all as [Node, Node, Node];
    a.table.define(hits, [{ sizeS: 3600, count: 3 }], true);
    const hours = () => a.table.sum(hits.id, 3600, 0, 3, 'x');
    c.table.add(hits.id, 'x', 4);
    nodes.rest();
    nodes.view([a]);
    nodes.view([b, c]);
    nodes.nowMs += 6 * 60_000;
    c.table.add(hits.id, 'x', 1);
    nodes.rest();
    nodes.remove(c);
    nodes.view([b]);
    finish(a.table.upkeep());
    nodes.view();
    nodes.rest();
    expect([hours(), b.sum('x')]).toEqual([5, 1]);
    nodes.nowMs += 5 * 3_600_000;
    nodes.upkeep();
    expect([hours(), a.table.retired.size]).toEqual([0, 0]);
  });

  it('REP-13.4 gauge caches have what those had counted who have left, too', () => {
    const { nodes, all } = some(3);
    const gaugesOf = (node: Node) => {
      const gauges = new GaugeCaches({
        shared: node.table,
        local: node.table,
        nowMs: () => nodes.nowMs,
        notShared: () => {},
      });
      gauges.define('open', 100, 0, true);
      return gauges;
    };
    const gauges = all.map(gaugesOf);
    for (const one of gauges) one.increment('open', 'x');
    nodes.rest();
    end(nodes, all[2]!);
    const joined = gaugesOf(nodes.add());
    nodes.view();
    nodes.rest();
    expect([gauges[0]!, gauges[1]!, joined].map((one) => one.get('open', 'x'))).toEqual([3, 3, 3]);
  });

  it('REP-4.13 managers learn them as well, and are not asked', () => {
    const { nodes, all } = some(2);
    all[1]!.table.add(hits.id, 'x', 5);
    nodes.rest();
    end(nodes, all[1]!);
    const manager = nodes.add({ onlyReceives: true });
    nodes.view();
    nodes.rest();
    expect(manager.sum('x')).toBe(5);
    expect(manager.retired.digest).toBeUndefined();
  });

  it('REP-8.9 a member that says nothing of them, as one of an earlier release, is asked nothing', () => {
    const { nodes, all } = some(2);
    all[1]!.table.add(hits.id, 'x', 5);
    nodes.rest();
    end(nodes, all[1]!);
    const joined = nodes.add();
    nodes.view();
    nodes.settle();
    joined.retired.beat(all[0]!.self, undefined);
    expect(nodes.under).toEqual([]);
    joined.retired.beat(all[0]!.self, all[0]!.retired.digest);
    expect(nodes.under.map(({ message }) => message.kind)).toEqual(['retired-request']);
    joined.retired.beat(all[0]!.self, all[0]!.retired.digest);
    expect(nodes.under).toHaveLength(1);
    nodes.rest();
    // At rest nobody asks any more.
    nodes.under = [];
    for (const node of nodes.present)
      for (const other of nodes.present)
        if (node !== other) other.retired.beat(node.self, node.retired.digest);
    expect(nodes.under).toEqual([]);
  });
});
