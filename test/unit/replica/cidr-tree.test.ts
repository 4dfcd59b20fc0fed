/** Dumps of CIDR trees: the golden texts, the structure, the order, and that they are made in slices. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, formatPrefix, type Ipv6, maskWord, parsePrefix } from '../../../src/core/address.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { CidrTable } from '../../../src/core/replica/cidr-table.ts';
import { finish } from '../../../src/core/replica/work.ts';
import { lines } from './cluster.ts';

const self = 'a'.repeat(32) as Incarnation;

function tableOf(live: Record<string, number>, idle: readonly string[] = []): CidrTable {
  const table = new CidrTable({ self, maxKeys: 1_000_000, seed: 1 });
  for (const [address, count] of Object.entries(live)) table.increment(address, count);
  for (const address of idle) {
    table.increment(address);
    table.decrement(address);
  }
  return table;
}

const goldenA = `     31                         10.0.0.0/8
     31                         10.0.0.0/24
      4                         10.0.0.0/25
      4                         10.0.0.103/32
     27                         10.0.0.160/27
     27                         10.0.0.176/29
     27                         10.0.0.180/31
     14                         10.0.0.180/32
     13                         10.0.0.181/32
`;

const goldenB = `      5                         10.0.0.0/8
      5                         10.0.0.0/24
      5                         10.0.0.160/27
      5                         10.0.0.176/29
      5                         10.0.0.180/31
      4                         10.0.0.180/32
      1                         10.0.0.181/32
`;

const goldenC = `      7                         10.0.0.0/8
      7                         10.0.0.0/24
      3                         10.0.0.103/32
      4                         10.0.0.160/27
      4                         10.0.0.180/31
      2                         10.0.0.180/32
      2                         10.0.0.181/32
`;

const relay1 = {
  live: { '10.0.0.180': 4, '10.0.0.181': 1 },
  idle: ['10.0.0.103', '10.0.0.165', '10.0.0.177', '10.200.0.1'],
};
const relay2 = {
  live: { '10.0.0.103': 3, '10.0.0.180': 2, '10.0.0.181': 2 },
  idle: ['10.0.0.165', '10.200.0.1'],
};

describe('golden dumps', () => {
  it('REP-5.8 REP-22.1 golden case A', () => {
    const table = tableOf({ '10.0.0.103': 4, '10.0.0.180': 14, '10.0.0.181': 13 }, [
      '10.0.0.9',
      '10.0.0.165',
      '10.0.0.177',
      '10.200.0.1',
    ]);
    expect(lines(table)).toBe(goldenA);
  });

  it('REP-5.9 REP-22.1 golden cases B and C', () => {
    expect(lines(tableOf(relay1.live, relay1.idle))).toBe(goldenB);
    expect(lines(tableOf(relay2.live, relay2.idle))).toBe(goldenC);
  });

  it('REP-5.7 a node with the rows of others shows its own branches in its own view', () => {
    const table = tableOf(relay1.live, relay1.idle);
    const other = 'b'.repeat(32) as Incarnation;
    table.addRow(other);
    const source = tableOf({ '10.0.0.103': 3, '10.0.0.180': 12, '10.0.0.9': 1, '192.0.2.1': 2 });
    for (const changes of { [Symbol.iterator]: () => source.ownRow() }) table.applyToRow(other, changes);
    expect(lines(table, self)).toBe(goldenB);
    expect(lines(table)).toContain('     23                         0.0.0.0/0\n');
  });

  it("REP-5.7 the view of another node has the branches of that node's history", () => {
    const table = new CidrTable({ self, maxKeys: 1_000_000, seed: 7 });
    const origin = 'b'.repeat(32) as Incarnation;
    table.addRow(origin);
    const source = tableOf(relay2.live);
    for (const address of relay2.idle) source.increment(address);
    for (const changes of { [Symbol.iterator]: () => source.ownRow() }) table.applyToRow(origin, changes);
    source.takeChanges(100);
    for (const address of relay2.idle) source.decrement(address);
    table.applyToRow(origin, source.takeChanges(100)!);
    expect(lines(table, origin)).toBe(goldenC);
    expect(lines(table)).toBe(goldenC);
    expect(lines(table, self)).toBe('');
  });

  it('REP-5.10 wide counts push the rest right; REP-5.11 the top prints as 0.0.0.0/0', () => {
    expect(lines(tableOf({ '1.2.3.4': 123_456_789, '200.0.0.1': 1 }))).toBe(
      `123456790                         0.0.0.0/0
123456789                         1.2.3.4/32
      1                         200.0.0.1/32
`,
    );
  });

  it('REP-5.10 nothing is printed when everything is 0', () => {
    expect(lines(tableOf({}, ['10.0.0.1', '10.0.0.2', '2001:db8::1']))).toBe('');
  });

  it('REP-5.6 all IPv4 before all IPv6, each by network and then length; REP-5.3 mapped addresses are IPv4', () => {
    const table = tableOf({
      '2001:db8::1': 1,
      '2001:DB8:0:0::2': 2,
      '::ffff:10.0.0.1': 3,
      '9.9.9.9': 4,
      'fe80::1': 5,
    });
    expect(lines(table)).toBe(
      `      7                         8.0.0.0/6
      4                         9.9.9.9/32
      3                         10.0.0.1/32
      8                         ::/0
      3                         2001:db8::/126
      1                         2001:db8::1/128
      2                         2001:db8::2/128
      5                         fe80::1/128
`,
    );
  });
});

/** The tree as the rule defines it, in the plainest way: every prefix where two leaves part, and every leaf. */
function plainTree(leaves: ReadonlyMap<string, number>): string[] {
  const prefixes = [...leaves.keys()].map((key) => parsePrefix(key)!);
  const nodes = new Set<string>(leaves.keys());
  const bitsOf = (address: number | Ipv6) =>
    (typeof address === 'number' ? [address] : [...address])
      .map((word) => (word >>> 0).toString(2).padStart(32, '0'))
      .join('');
  for (const [i, a] of prefixes.entries()) {
    for (const b of prefixes.slice(i + 1)) {
      if (typeof a.address !== typeof b.address) continue;
      const [left, right] = [bitsOf(a.address), bitsOf(b.address)];
      let bits = 0;
      while (bits < left.length && left[bits] === right[bits]) bits++;
      const { address } = a;
      const masked =
        typeof address === 'number'
          ? maskWord(address, bits)
          : (address.map((word, at) => maskWord(word, bits - at * 32)) as unknown as Ipv6);
      nodes.add(formatPrefix(masked, bits));
    }
  }
  const sumOf = (node: string) => {
    const top = parsePrefix(node)!;
    let sum = 0;
    for (const [key, count] of leaves) {
      const leaf = parsePrefix(key)!;
      if (typeof leaf.address !== typeof top.address || leaf.bits < top.bits) continue;
      if (bitsOf(leaf.address).slice(0, top.bits) === bitsOf(top.address).slice(0, top.bits)) sum += count;
    }
    return sum;
  };
  const order = (node: string) => {
    const { address, bits } = parsePrefix(node)!;
    return `${typeof address === 'number' ? 4 : 6} ${bitsOf(address)} ${String(bits).padStart(3, '0')}`;
  };
  return [...nodes]
    .sort((a, b) => (order(a) < order(b) ? -1 : 1))
    .map((node) => ({ node, sum: sumOf(node) }))
    .filter(({ sum }) => sum > 0)
    .map(({ node, sum }) => `${node} ${sum}`);
}

/** Addresses that are close to each other, so that branches are deep, and a few far away. */
const ipv4 = fc.oneof(
  fc.nat(63).map((host) => 0x0a000000 | host),
  fc.nat(0xffff).map((host) => 0x0a000000 | host),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
);
const ipv6 = fc
  .tuple(fc.constantFrom(0x20010db8, 0), fc.nat(3), fc.constantFrom(0, -1), fc.nat(15))
  .map((words) => words as Ipv6);
const counts = fc.array(fc.tuple(fc.oneof(ipv4, ipv6), fc.nat(3)), { maxLength: 40, size: 'max' });

describe('the tree', () => {
  it('REP-5.4 nodes are the leaves and the prefixes where two of them part, with the sum below each', () => {
    fc.assert(
      fc.property(counts, (entries) => {
        const table = new CidrTable({ self, maxKeys: 1_000_000, seed: 3 });
        const leaves = new Map<string, number>();
        for (const [address, count] of entries) {
          const bits = typeof address === 'number' ? 32 : 128;
          table.increment(address, count + 1);
          table.decrement(address);
          const key = formatPrefix(address, bits);
          leaves.set(key, (leaves.get(key) ?? 0) + count);
        }
        const printed = [...table.dump()].flat().map(({ key, count }) => `${key} ${count}`);
        expect(printed).toEqual(plainTree(leaves));
      }),
      { numRuns: 300 },
    );
  });

  it('REP-21.6 `under` shows what lies in one prefix, as the whole tree shows it', () => {
    const table = tableOf({
      '10.0.0.1': 1,
      '10.0.0.130': 2,
      '10.0.0.131': 3,
      '10.1.0.0': 4,
      '2001:db8::1': 5,
    });
    expect([...table.dump(undefined, '10.0.0.0/24')].flat()).toEqual([
      { key: '10.0.0.0/24', count: 6 },
      { key: '10.0.0.1/32', count: 1 },
      { key: '10.0.0.130/31', count: 5 },
      { key: '10.0.0.130/32', count: 2 },
      { key: '10.0.0.131/32', count: 3 },
    ]);
    expect([...table.dump(undefined, '2001:db8::/32')].flat()).toEqual([
      { key: '2001:db8::1/128', count: 5 },
    ]);
    expect(() => table.dump(undefined, '10.0.0.0/33')).toThrow(/FLT|prefix/);
  });
});

describe('a dump of a large table', () => {
  const keys = 50_000;
  const address = (i: number) => (Math.imul(i, 0x9e3779b1) ^ 0x5bd1e995) | 0;

  it('REP-18.6 shows one moment, though the table changes between the slices', () => {
    const table = new CidrTable({ self, maxKeys: 1_000_000, seed: 9 });
    for (let i = 0; i < keys; i++) table.increment(address(i));
    const expected = lines(table);
    const dump = table.dump();
    const rows = [...(dump.next().value ?? [])];
    let slices = 0;
    for (const part of dump) {
      rows.push(...part);
      slices++;
      // Each slice meets new keys, changed keys and a pass that removes some.
      for (let i = 0; i < 50; i++) {
        table.increment(address(keys + slices * 50 + i));
        table.increment(address(slices * 50 + i));
        table.decrement(address(keys - slices * 50 - i));
      }
      if (slices % 20 === 0) finish(table.upkeep());
    }
    expect(slices).toBeGreaterThan(90);
    expect(
      rows.map(({ key, count }) => `${String(count).padStart(7)}${' '.repeat(25)}${key}\n`).join(''),
    ).toBe(expected);
  });

  it('no slice does more than a bounded part of it', () => {
    const table = new CidrTable({ self, maxKeys: 1_000_000, seed: 9 });
    for (let i = 0; i < keys; i++) table.increment(address(i));
    const sizes = [...table.dump()].map((rows) => rows.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024);
    expect(sizes.filter((size) => size === 0).length).toBeGreaterThan(50);
  });

  it('a listing shows each address once with its count', () => {
    const table = new CidrTable({ self, maxKeys: 1_000_000, seed: 9 });
    const expected = new Map<string, number>();
    for (let i = 0; i < 20_000; i++) {
      table.increment(address(i), (i % 3) + 1);
      expected.set(formatAddress(address(i)), (i % 3) + 1);
    }
    expect(new Map(table.entries())).toEqual(expected);
  });
});
