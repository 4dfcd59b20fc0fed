/** Keys of Redis clients over a replicated cache: counts that two nodes begin at once, that end, and that come back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeySpace } from '../../../src/core/cache/key-space.ts';
import { Cluster, type Node } from './cluster.ts';

function keySpaces(count: number, options: Parameters<Cluster['add']>[0] & { maxShares?: number } = {}) {
  const cluster = new Cluster();
  let generations = 0;
  const spaces = Array.from({ length: count }, () => {
    const node = cluster.add(options);
    return new KeySpace(node.cache, {
      unique: () => (++generations).toString(16),
      wallMs: () => 1_800_000_000_000 + cluster.nowMs,
      ...options,
    });
  });
  cluster.view();
  cluster.settle();
  return { cluster, spaces, nodes: cluster.nodes as readonly Node[] };
}

describe('keys of Redis clients', () => {
  it('REP-21.3 counts that two nodes begin at the same moment add up, whichever entry wins', () => {
    const { cluster, spaces } = keySpaces(3);
    const [a, b, c] = spaces as [KeySpace, KeySpace, KeySpace];
    expect([a.add('k', 1, 60_000), a.add('k', 1), b.add('k', 5, 60_000)]).toEqual([1, 2, 5]);
    cluster.rest(4);
    expect([a.get('k'), b.get('k'), c.get('k')]).toEqual(['7', '7', '7']);
    expect(c.add('k', -3)).toBe(4);
    cluster.rest(2);
    expect(a.get('k')).toBe('4');
  });

  it('REP-22.9 counts of both sides of a partition add up after it heals', () => {
    const { cluster, spaces, nodes } = keySpaces(2);
    for (const node of nodes) node.linkUp = false;
    for (let i = 0; i < 30; i++) {
      spaces[0]!.add('k', 1, 3_600_000);
      spaces[1]!.add('k', 2, 3_600_000);
      cluster.rest(1);
    }
    for (const node of nodes) {
      node.linkUp = true;
      node.replicator.linkChanged(false);
      node.replicator.linkChanged(true);
    }
    cluster.rest(10);
    expect(spaces.map((space) => space.get('k'))).toEqual(['90', '90']);
  });

  it('REP-13.7 a count ends with the time of its key at every node, and nothing of it comes back', () => {
    const { cluster, spaces, nodes } = keySpaces(2);
    for (const space of spaces) space.add('k', 4, 10_000);
    cluster.rest(11);
    expect(spaces.map((space) => space.get('k'))).toEqual([undefined, undefined]);
    expect(nodes.map(({ cache }) => cache.size)).toEqual([0, 0]);
    expect(spaces[0]!.add('k', 1, 10_000)).toBe(1);
    cluster.rest(4);
    expect(spaces[1]!.get('k')).toBe('1');
  });

  it('a count ends when another node sets or deletes the key', () => {
    const { cluster, spaces } = keySpaces(2);
    const [a, b] = spaces as [KeySpace, KeySpace];
    a.add('set', 4);
    a.add('deleted', 4);
    a.add('text', 1);
    cluster.rest(10);
    b.set('set', '100');
    b.delete('deleted');
    b.set('text', 'some');
    expect(b.add('deleted', 1)).toBe(1);
    expect(b.add('set', 1)).toBe(101);
    cluster.rest(4);
    expect(['set', 'deleted', 'text'].map((key) => a.get(key))).toEqual(['101', '1', 'some']);
    expect(a.add('text', 1)).toBeUndefined();
  });

  it('a count ends when another node deletes the key a moment after it began', () => {
    const { cluster, spaces } = keySpaces(3);
    for (const space of spaces) space.add('k', 10, 60_000);
    cluster.rest(2);
    spaces[0]!.delete('k');
    cluster.rest(1);
    expect(spaces[2]!.add('k', 1, 60_000)).toBe(1);
    cluster.rest(4);
    expect(spaces.map((space) => space.get('k'))).toEqual(['1', '1', '1']);
  });

  it('a number set where there was none goes on as a count, also when two nodes set it at once', () => {
    const { cluster, spaces } = keySpaces(2);
    for (const space of spaces) {
      expect(space.set('k', '0', { ttlMs: 60_000, only: 'absent' })).toBe(true);
      space.add('k', 3);
    }
    cluster.rest(4);
    expect(spaces.map((space) => space.get('k'))).toEqual(['6', '6']);
    expect(spaces[0]!.set('k', '0', { only: 'absent' })).toBe(false);
    expect(spaces[1]!.ttlMs('k')).toBeLessThanOrEqual(60_000);
    expect(spaces[1]!.ttlMs('k')).toBeGreaterThan(50_000);
  });

  it('another time to live keeps the count', () => {
    const { cluster, spaces } = keySpaces(2);
    spaces[0]!.add('k', 3);
    cluster.rest(4);
    spaces[1]!.expire('k', 5_000);
    spaces[0]!.add('k', 1);
    cluster.rest(4);
    expect(spaces.map((space) => space.get('k'))).toEqual(['4', '4']);
    cluster.rest(2);
    expect(spaces[0]!.has('k')).toBe(false);
  });

  it('R7 another time to live keeps what was counted, also at a node that counted in more keys than it remembers', () => {
    const { cluster, spaces } = keySpaces(2, { maxShares: 1 });
    const [a, b] = spaces as [KeySpace, KeySpace];
    for (const key of ['here', 'there', 'last']) a.add(key, 3, 10_000);
    for (const key of ['hash here', 'hash there', 'last hash']) {
      a.addToField(key, 'f', 4);
      a.expire(key, 10_000);
    }
    cluster.rest(4);
    for (const [space, where] of [
      [a, 'here'],
      [b, 'there'],
    ] as const)
      for (const key of [where, `hash ${where}`]) expect(space.expire(key, 60_000)).toBe(true);
    cluster.rest(30);
    for (const space of spaces) {
      expect(['here', 'there', 'last'].map((key) => space.get(key))).toEqual(['3', '3', undefined]);
      expect(['hash here', 'hash there'].map((key) => space.field(key, 'f'))).toEqual([4, 4]);
    }
    b.expire('there', 0);
    cluster.rest(60);
    expect(a.get('there')).toBe('3');
  });

  it('counts stay whole numbers, and nobody forges one', () => {
    const { spaces } = keySpaces(1);
    const [space] = spaces as [KeySpace];
    expect(space.add('k', Number.MAX_SAFE_INTEGER)).toBe(Number.MAX_SAFE_INTEGER);
    expect(space.add('k', 1)).toBeUndefined();
    space.set('float', '1.5');
    expect(space.add('float', 1)).toBeUndefined();
    expect(() => space.set('forged', '\0#1:5:0')).toThrow(/FLT-2002|does not fit/);
  });
});

describe('hashes of Redis clients', () => {
  const fieldsOf = (spaces: readonly KeySpace[]) =>
    spaces.map((space) => Object.fromEntries(space.fields('h')));

  it('REP-21.3 always: fields add up over all nodes, whoever began the hash, and whenever it got more time', () => {
    const operation = fc.record({
      node: fc.nat(2),
      field: fc.constantFrom('a', 'b', 'c'),
      by: fc.integer({ min: -5, max: 5 }),
      ttlMs: fc.option(fc.constantFrom(0, 600_000, 900_000)),
      restS: fc.constantFrom(0, 0, 1),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 20 }), (operations) => {
        const { cluster, spaces } = keySpaces(3);
        const expected: Record<string, number> = {};
        for (const { node, field, by, ttlMs, restS } of operations) {
          spaces[node]!.addToField('h', field, by);
          if (ttlMs !== null) spaces[node]!.expire('h', ttlMs);
          expected[field] = (expected[field] ?? 0) + by;
          if (restS > 0) cluster.rest(restS);
        }
        cluster.rest(6);
        expect(fieldsOf(spaces)).toEqual([expected, expected, expected]);
      }),
    );
  });

  it('REP-22.9 fields of both sides of a partition add up after it heals', () => {
    const { cluster, spaces, nodes } = keySpaces(2);
    for (const node of nodes) node.linkUp = false;
    for (const [i, space] of spaces.entries()) {
      space.addToField('h', 'both', i + 1);
      space.addToField('h', `only ${i}`, 1);
      space.expire('h', 600_000);
    }
    cluster.rest(30);
    for (const node of nodes) {
      node.linkUp = true;
      node.replicator.linkChanged(false);
      node.replicator.linkChanged(true);
    }
    cluster.rest(10);
    const sums = { both: 3, 'only 0': 1, 'only 1': 1 };
    expect(fieldsOf(spaces)).toEqual([sums, sums]);
  });

  it('a field that is deleted is so at every node, and begins anew; with the last one the hash goes', () => {
    const { cluster, spaces, nodes } = keySpaces(3);
    const [a, b, c] = spaces as [KeySpace, KeySpace, KeySpace];
    for (const space of spaces) for (const field of ['old', 'new']) space.addToField('h', field, 1);
    cluster.rest(4);
    expect(c.deleteFields('h', ['old', 'none'])).toBe(1);
    cluster.rest(4);
    expect(fieldsOf(spaces)).toEqual([{ new: 3 }, { new: 3 }, { new: 3 }]);
    expect(a.addToField('h', 'old', 5)).toBe(5);
    cluster.rest(4);
    expect(b.field('h', 'old')).toBe(5);
    expect(b.deleteFields('h', ['old', 'new'])).toBe(2);
    cluster.rest(4);
    expect(spaces.map((space) => space.type('h'))).toEqual([undefined, undefined, undefined]);
    expect(nodes.map(({ cache }) => cache.size)).toEqual([0, 0, 0]);
  });

  it('REP-13.7 a hash ends at every node when its time is over or somebody deletes it, and nothing of it stays', () => {
    const { cluster, spaces, nodes } = keySpaces(2);
    const [a, b] = spaces as [KeySpace, KeySpace];
    a.addToField('h', 'f', 1);
    b.addToField('h', 'f', 2);
    cluster.rest(4);
    b.expire('h', 10_000);
    cluster.rest(11);
    expect(fieldsOf(spaces)).toEqual([{}, {}]);
    expect(a.addToField('h', 'f', 7)).toBe(7);
    cluster.rest(20);
    expect(fieldsOf(spaces)).toEqual([{ f: 7 }, { f: 7 }]);
    b.delete('h');
    cluster.rest(4);
    expect(a.type('h')).toBeUndefined();
    expect(nodes.map(({ cache }) => cache.size)).toEqual([0, 0]);
  });

  it('fields outlive no more than one more time of their hash, and never end before it', () => {
    const { cluster, spaces } = keySpaces(2);
    const [a, b] = spaces as [KeySpace, KeySpace];
    a.addToField('h', 'f', 1);
    for (let i = 0; i < 10; i++) {
      (i % 2 === 0 ? a : b).expire('h', 10_000);
      cluster.rest(8);
    }
    expect(fieldsOf(spaces)).toEqual([{ f: 1 }, { f: 1 }]);
  });

  it('more time for a hash does not write its fields each time', () => {
    const { cluster, spaces, nodes } = keySpaces(1);
    const [space] = spaces as [KeySpace];
    space.addToField('h', 'first', 1);
    space.expire('h', 120_000);
    for (let i = 0; i < 100; i++) {
      space.addToField('h', `f${i}`, 1);
    }
    cluster.rest(10);
    const before = nodes[0]!.contents.map(({ key, time }) => `${key} ${JSON.stringify(time)}`);
    space.expire('h', 120_000);
    const after = nodes[0]!.contents.map(({ key, time }) => `${key} ${JSON.stringify(time)}`);
    expect(after.filter((entry) => !before.includes(entry))).toHaveLength(1);
  });

  it('a key is a counter or a hash, whatever two nodes begin at once', () => {
    const { cluster, spaces } = keySpaces(2);
    const [a, b] = spaces as [KeySpace, KeySpace];
    a.add('h', 5);
    b.addToField('h', 'f', 1);
    expect([a.addToField('h', 'f', 1), b.add('h', 1)]).toEqual([undefined, undefined]);
    cluster.rest(4);
    expect(a.type('h')).toBe(b.type('h'));
    expect([a.get('h'), fieldsOf([a])]).toEqual([b.get('h'), fieldsOf([b])]);
  });
});
