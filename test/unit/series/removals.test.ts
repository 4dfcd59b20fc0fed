/** Keys taken out of a series: everywhere, once, and for those too who were not there. */
import { describe, expect, it } from 'vitest';
import type { Incarnation } from '../../../src/core/identity.ts';
import { hits, Nodes } from './nodes.ts';

function three() {
  const nodes = new Nodes();
  const [a, b, c] = [nodes.add(), nodes.add(), nodes.add()];
  nodes.view();
  nodes.rest();
  return { nodes, a, b, c };
}

describe('a key that is removed', () => {
  it('REP-9.12 is gone from all windows on all nodes; what is counted later counts', () => {
    const { nodes, a, b, c } = three();
    for (const { table } of nodes.present) table.add(hits.id, 'x', 4);
    nodes.rest();
    nodes.nowMs += 60_000;
    for (const { table } of nodes.present) table.add(hits.id, 'x', 2);
    b.table.add(hits.id, 'y', 1);
    nodes.rest();
    expect(a.table.remove(hits.id, 'x')).toBe(true);
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), c.sum('x'), a.sum('y')]).toEqual([0, 0, 0, 1]);
    expect(a.table.remove(hits.id, 'x')).toBe(false);
    b.table.add(hits.id, 'x', 5);
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), c.sum('x')]).toEqual([5, 5, 5]);
    const joiner = nodes.add();
    nodes.view();
    nodes.rest();
    expect(joiner.sum('x')).toBe(5);
  });

  it('REP-9.12 does not come back with a node that was cut off, though the one that removed it has left', () => {
    const { nodes, a, b, c } = three();
    for (const { table } of nodes.present) table.add(hits.id, 'x', 4);
    nodes.rest();
    c.linkUp = false;
    c.replicator.linkChanged(false);
    nodes.view([a, b]);
    nodes.view([c]);
    nodes.nowMs += 60_000;
    a.table.remove(hits.id, 'x');
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), c.sum('x')]).toEqual([0, 0, 12]);
    nodes.remove(a);
    nodes.nowMs += 60_000;
    c.table.add(hits.id, 'x', 1);
    c.linkUp = true;
    c.replicator.linkChanged(true);
    nodes.view();
    nodes.rest();
    // What was counted after the removal is not what was removed.
    expect([b.sum('x'), c.sum('x')]).toEqual([1, 1]);
    expect(c.replicator.verify().every(({ verdict }) => verdict === 'match')).toBe(true);
  });

  it('REP-9.12 REP-9.17 does not come back with what a node had saved and takes over after it heard of the removal', () => {
    const { nodes, a, b } = three();
    const cell = Math.floor(nodes.nowMs / 60_000);
    nodes.nowMs += 1_000;
    b.table.add(hits.id, 'x', 4);
    b.table.remove(hits.id, 'x');
    nodes.rest();
    const life = 'f'.repeat(32) as Incarnation;
    a.table.takeOver(
      hits,
      [life],
      [
        [cell, 'x', 5],
        [cell, 'y', 5],
      ],
    );
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), a.sum('y'), b.sum('y')]).toEqual([0, 0, 5, 5]);
  });

  it('REP-4.13 REP-9.12 is gone for one that has no row as well, of those who left too, and it tells nobody', () => {
    const { nodes, a, b, c } = three();
    const manager = nodes.add({ name: 'manager', onlyReceives: true });
    nodes.view();
    for (const { table } of [a, b, c]) table.add(hits.id, 'x', 4);
    nodes.rest();
    nodes.remove(c);
    nodes.view();
    nodes.rest();
    expect(manager.sum('x')).toBe(12);
    const told = manager.replicator.digest;
    a.table.remove(hits.id, 'x');
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), manager.sum('x')]).toEqual([0, 0, 0]);
    expect(manager.table.pending).toBe(0);
    expect(manager.replicator.digest).toEqual(told);
  });

  it('REP-9.12 is gone from the counts of one who has left, and of a series that is not shared', () => {
    const { nodes, a, b, c } = three();
    c.table.add(hits.id, 'x', 4);
    nodes.rest();
    nodes.remove(c);
    nodes.view();
    expect(a.table.remove(hits.id, 'x')).toBe(true);
    nodes.rest();
    expect([a.sum('x'), b.sum('x')]).toEqual([0, 0]);
    a.table.define({ ...hits, id: 'own' }, [{ sizeS: 60, count: 5 }], false);
    a.table.add('own', 'x', 2);
    expect(a.table.remove('own', 'x')).toBe(true);
    expect(a.table.sum('own', 60, 0, 5, 'x')).toBe(0);
  });

  it('REP-9.12 the word of it is forgotten when nothing is kept from before it', () => {
    const { nodes, a, b } = three();
    a.table.add(hits.id, 'x', 4);
    nodes.rest();
    a.table.remove(hits.id, 'x');
    nodes.rest();
    expect(b.table.stats.ownKeys).toBe(1);
    nodes.nowMs += 7 * 60_000;
    nodes.upkeep();
    nodes.rest();
    for (const { table, replicator } of nodes.present) {
      expect(table.stats).toMatchObject({ ownKeys: 0, keys: 0 });
      expect(replicator.stats.differences).toBe(0);
    }
  });
});
