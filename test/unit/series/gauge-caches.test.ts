/** Gauge caches: values of all nodes together, whoever comes, goes or is not heard; expiry, room, and every error. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { finish } from '../../../src/core/replica/work.ts';
import { EventTable } from '../../../src/core/series/event-table.ts';
import { GaugeCaches } from '../../../src/core/series/gauge-caches.ts';
import { TouchOrder } from '../../../src/core/series/touch-order.ts';
import { type Node, Nodes } from './nodes.ts';

function gaugesOf(nodes: Nodes, node: Node, isShared = true) {
  const local = new EventTable({
    self: node.self,
    maxKeys: 1000,
    hasSnapshots: true,
    nowMs: () => nodes.nowMs,
    clash: () => {},
  });
  const unshared: string[] = [];
  const gauges = new GaugeCaches({
    shared: isShared ? node.table : undefined,
    local,
    nowMs: () => nodes.nowMs,
    notShared: (name) => unshared.push(name),
  });
  return { gauges, unshared, sweep: () => finish(local.upkeep()) };
}

function group(size = 3, max = 100, ttlS = 600) {
  const nodes = new Nodes();
  const members = Array.from({ length: size }, () => nodes.add({ isDefined: false }));
  nodes.view();
  nodes.rest();
  const all = members.map((node) => gaugesOf(nodes, node));
  for (const { gauges } of all) gauges.define('open', max, ttlS, true);
  const values = (key = 'x') => all.map(({ gauges }) => gauges.get('open', key));
  return {
    nodes,
    members,
    all: all.map(({ gauges }) => gauges),
    sweeps: all.map(({ sweep }) => sweep),
    values,
  };
}

describe('gauge caches', () => {
  it('REP-13.2 REP-13.4 count together; a key begins at 0, and may go below it', () => {
    const { nodes, all, values } = group();
    expect(all[0]!.increment('open', 'x', -1)).toBe(-1);
    expect(values()).toEqual([-1, undefined, undefined]);
    nodes.rest();
    expect(all[1]!.increment('open', 'x', 1)).toBe(0);
    nodes.rest();
    expect(values()).toEqual([0, 0, 0]);
    all[2]!.increment('open', 'x', 5);
    nodes.rest();
    expect(values()).toEqual([5, 5, 5]);
  });

  it('REP-13.4 who never defined a cache makes it with the size and ttl of the sender', () => {
    const { nodes, all } = group();
    all[0]!.define('other', 7, 60, true);
    all[0]!.increment('other', 'x', 2);
    nodes.rest();
    expect(all[1]!.get('other', 'x')).toBe(2);
    const made = [...all[1]!.all].find(([name]) => name === 'other')![1];
    expect(made.definition).toMatchObject({ count: 7, intervalS: 60 });
  });

  it('REP-13.1 a key expires everywhere, so long after its last change by anybody, and begins at 0 again', () => {
    const { nodes, all, values, sweeps, members } = group();
    for (const gauges of all) gauges.increment('open', 'x', 10);
    nodes.rest();
    nodes.nowMs += 500_000;
    all[1]!.increment('open', 'x', 1);
    nodes.rest();
    nodes.nowMs += 500_000;
    expect(values()).toEqual([31, 31, 31]);
    nodes.nowMs += 100_000;
    expect(values()).toEqual([undefined, undefined, undefined]);
    expect(all[2]!.increment('open', 'x', 2)).toBe(2);
    nodes.rest();
    expect(values()).toEqual([2, 2, 2]);
    nodes.nowMs += 4_000_000;
    for (const sweep of sweeps) sweep();
    nodes.rest();
    expect(members.map(({ table }) => table.stats.keys)).toEqual([0, 0, 0]);
  });

  it('REP-13.5 a removed key is gone everywhere, also at one who was cut off, and begins at 0 again', () => {
    const { nodes, members, all, values } = group();
    const [a, b, c] = members as [Node, Node, Node];
    for (const gauges of all) gauges.increment('open', 'x', 10);
    nodes.rest();
    c.linkUp = false;
    c.replicator.linkChanged(false);
    nodes.view([a, b]);
    nodes.view([c]);
    nodes.nowMs += 1000;
    expect(all[0]!.remove('open', 'x')).toBe(true);
    expect(all[0]!.remove('open', 'x')).toBe(false);
    nodes.rest();
    expect(values()).toEqual([undefined, undefined, 30]);
    all[1]!.increment('open', 'x', 4);
    c.linkUp = true;
    c.replicator.linkChanged(true);
    nodes.view();
    nodes.rest();
    expect(values()).toEqual([4, 4, 4]);
    for (const { replicator } of members)
      expect(replicator.verify().map(({ verdict }) => verdict)).toEqual(['match', 'match']);
  });

  it('REP-13.4 what one who has left had counted stays; who comes back counts once', () => {
    const { nodes, members, all, values } = group();
    const [a, b, c] = members as [Node, Node, Node];
    for (const gauges of all) gauges.increment('open', 'x', 10);
    nodes.rest();
    nodes.view([a, b]);
    nodes.view([c]);
    all[0]!.increment('open', 'x', 1);
    all[2]!.increment('open', 'x', 2);
    nodes.rest();
    expect(values()).toEqual([31, 31, 32]);
    nodes.view();
    nodes.rest();
    expect(values()).toEqual([33, 33, 33]);
    nodes.reset(c);
    nodes.view();
    nodes.rest();
    expect(values()).toEqual([33, 33, 33]);
  });

  it('REP-13.1 when a new key does not fit, the oldest goes, everywhere', () => {
    const { nodes, all, values } = group(2, 3);
    for (const key of ['a', 'b', 'c']) all[0]!.increment('open', key, 1);
    nodes.rest();
    nodes.nowMs += 1000;
    all[1]!.increment('open', 'a', 1);
    nodes.rest();
    all[1]!.increment('open', 'd', 1);
    nodes.rest();
    expect(['a', 'b', 'c', 'd'].map((key) => values(key))).toEqual([
      [2, 2],
      [undefined, undefined],
      [1, 1],
      [1, 1],
    ]);
  });

  it('OWN-7 a flood of keys leaves no more than fit, and no more words of removals', () => {
    const { nodes, members, all } = group(2, 50, 0);
    for (let i = 0; i < 2000; i++) {
      all[i % 2]!.increment('open', `k${i}`, 1);
      if (i % 100 === 0) nodes.rest();
    }
    nodes.rest();
    for (const { table } of members) expect(table.stats.keys).toBeLessThan(2 * 50 * 5);
  });

  it('REP-13.3 without the word, a cache counts alone, and that is said once', () => {
    const nodes = new Nodes();
    const { gauges, unshared } = gaugesOf(nodes, nodes.add(), false);
    gauges.define('open', 10, 0, true);
    gauges.define('open', 99, 7, true);
    expect(gauges.increment('open', 'x', 2.5)).toBe(2.5);
    expect(gauges.get('open', 'y')).toBeUndefined();
    expect(unshared).toEqual(['open']);
    nodes.nowMs += 1e10;
    expect(gauges.get('open', 'x')).toBe(2.5);
  });

  it('REP-13.5 REP-22.10 errors', () => {
    const { all } = group(1);
    const [gauges] = all;
    const code = (name: string) => expect.objectContaining({ code: name });
    for (const [max, ttl] of [
      [0, 1],
      [1.5, 1],
      [1, -1],
      [1, 0.5],
      [5_000_000, 1],
    ])
      expect(() => gauges!.define('bad', max!, ttl!)).toThrow(code('FLT-1912'));
    expect(() => gauges!.define('', 1, 1)).toThrow(code('FLT-1302'));
    expect(() => gauges!.increment('none', 'x')).toThrow(code('FLT-1911'));
    expect(() => gauges!.get('none', 'x')).toThrow(code('FLT-1911'));
    expect(() => gauges!.remove('none', 'x')).toThrow(code('FLT-1911'));
    expect(() => gauges!.increment('open', 'a\nb')).toThrow(code('FLT-1302'));
    expect(() => gauges!.increment('open', 'x', Number.NaN)).toThrow(code('FLT-1912'));
  });

  it('REP-22.8 at rest all show the same, and with neither removals nor expiry the exact sum', () => {
    const step = fc.tuple(
      fc.constantFrom(
        'add',
        'add',
        'add',
        'deliver',
        'deliver',
        'lose',
        'flush',
        'split',
        'view',
        'wait',
        'remove',
      ),
      fc.nat(8),
      fc.nat(2),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), fc.boolean(), (steps, removes) => {
        const { nodes, members, all, values } = group(3, 100, 0);
        const truth = new Map<string, number>();
        for (const [what, n, k] of steps) {
          const key = `k${k}`;
          if (what === 'add') {
            all[n % 3]!.increment('open', key, n - 3);
            truth.set(key, (truth.get(key) ?? 0) + n - 3);
          } else if (what === 'deliver') nodes.deliver(n);
          else if (what === 'lose') nodes.under.splice(n, 1);
          else if (what === 'flush') members[n % 3]!.replicator.flush();
          else if (what === 'split') nodes.view([members[n % 3]!]);
          else if (what === 'view') nodes.view();
          else if (what === 'wait') nodes.nowMs += 1000;
          else if (removes) all[n % 3]!.remove('open', key);
        }
        nodes.view();
        nodes.rest();
        for (const [key, sum] of truth) {
          const shown = values(key);
          expect(new Set(shown).size).toBe(1);
          if (!removes) expect(shown[0]).toBe(sum);
        }
        for (const { replicator } of members)
          expect(replicator.verify().every(({ verdict }) => verdict === 'match')).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});

describe('an order of touches', () => {
  it('OWN-7 knows the key that was not touched for longest', () => {
    const order = new TouchOrder();
    const plain = new Map<string, true>();
    for (let i = 0; i < 30_000; i++) {
      const key = `k${(i * 7919) % 9000}`;
      plain.delete(key);
      if (i % 11 === 0) order.delete(key);
      else {
        order.touch(key);
        plain.set(key, true);
      }
      if (i % 100 === 0) expect(order.oldest).toBe(plain.keys().next().value);
    }
    expect(order.size).toBe(plain.size);
    expect(new Set(order.keys())).toEqual(new Set(plain.keys()));
  });
});
