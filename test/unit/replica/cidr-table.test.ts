/** The CIDR tree as a table: against a plain map, at its limits, when it is full, and over time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Address,
  addressBits,
  formatAddress,
  formatPrefix,
  type Ipv6,
  maskWord,
  type Prefix,
  parseAddress,
} from '../../../src/core/address.ts';
import type { Incarnation } from '../../../src/core/identity.ts';
import { CidrTable } from '../../../src/core/replica/cidr-table.ts';
import type { Changes } from '../../../src/core/replica/messages.ts';
import { finish, type Work } from '../../../src/core/replica/work.ts';

const self = 'a'.repeat(32) as Incarnation;
const other = 'b'.repeat(32) as Incarnation;
const max = Number.MAX_SAFE_INTEGER;

function newTable(maxKeys = 1_000_000, seed = 5): CidrTable {
  return new CidrTable({ self, maxKeys, seed });
}

/** A row with these counts, as changes of another node. */
function changesOf(counts: readonly (readonly [Address, number])[]): Changes {
  const source = newTable();
  for (const [address, count] of counts) source.increment(address, count);
  return source.takeChanges(1_000_000)!;
}

function prefixOf(address: Address, bits: number): Prefix {
  if (typeof address === 'number') return { address: maskWord(address, bits), bits };
  return { address: address.map((word, at) => maskWord(word, bits - at * 32)) as unknown as Ipv6, bits };
}

const ipv4 = fc.oneof(
  fc.nat(255).map((host) => 0x0a000000 | host),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
);
const ipv6 = fc
  .tuple(fc.constantFrom(0x20010db8, -1), fc.nat(1), fc.constantFrom(0, 1 << 31), fc.nat(7))
  .map((words) => words as Ipv6);
const address: fc.Arbitrary<Address> = fc.oneof(ipv4, ipv6);

interface Step {
  readonly do: 'increment' | 'decrement' | 'set' | 'remote' | 'watch' | 'take';
  readonly address: Address;
  readonly by: number;
  readonly bits: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('increment', 'increment', 'decrement', 'set', 'remote', 'watch', 'take'),
  address,
  by: fc.oneof(fc.nat(4), fc.constantFrom(max, max - 1)),
  bits: fc.nat(128),
});

/** Counts as BigInt, which never round. */
class Model {
  readonly own = new Map<string, { address: Address; count: bigint }>();
  readonly remote = new Map<string, { address: Address; count: bigint }>();

  set(row: Map<string, { address: Address; count: bigint }>, address: Address, count: bigint): void {
    row.set(formatAddress(address), { address, count });
  }

  get(row: Map<string, { address: Address; count: bigint }>, address: Address): bigint {
    return row.get(formatAddress(address))?.count ?? 0n;
  }

  sum(rows: readonly Map<string, { address: Address; count: bigint }>[], prefix: Prefix): number {
    let sum = 0n;
    const wanted = formatPrefix(prefix.address, prefix.bits);
    for (const row of rows) {
      for (const { address, count } of row.values()) {
        if (typeof address !== typeof prefix.address) continue;
        const within = prefixOf(address, prefix.bits);
        if (formatPrefix(within.address, within.bits) === wanted) sum += count;
      }
    }
    return sum > BigInt(max) ? max : Number(sum);
  }
}

function play(steps: readonly Step[]): void {
  const table = newTable();
  const model = new Model();
  table.addRow(other);
  for (const step of steps) {
    const { address, by } = step;
    const before = model.get(model.own, address);
    const bits = Math.min(step.bits, addressBits(address));
    if (step.do === 'increment') {
      const after = before + BigInt(by) > BigInt(max) ? BigInt(max) : before + BigInt(by);
      model.set(model.own, address, after);
      const total = table.increment(address, by);
      expect(total).toBe(model.sum([model.own, model.remote], prefixOf(address, addressBits(address))));
    } else if (step.do === 'decrement') {
      model.set(model.own, address, before > BigInt(by) ? before - BigInt(by) : 0n);
      table.decrement(address, by);
    } else if (step.do === 'set') {
      model.set(model.own, address, BigInt(by));
      table.set(address, by);
    } else if (step.do === 'remote') {
      model.set(model.remote, address, BigInt(by));
      table.applyToRow(other, setTo(address, by));
    } else if (step.do === 'watch') table.watchPrefix(prefixOf(address, bits));
    else table.takeChanges(by % 5);
    const prefix = prefixOf(address, bits);
    expect(table.count(prefix)).toBe(model.sum([model.own, model.remote], prefix));
    expect(table.count(prefix, self)).toBe(model.sum([model.own], prefix));
    expect(table.count(prefix, other)).toBe(model.sum([model.remote], prefix));
  }
  for (const { address } of [...model.own.values(), ...model.remote.values()].slice(0, 3)) {
    for (let bits = 0; bits <= addressBits(address); bits++) {
      const prefix = prefixOf(address, bits);
      expect(table.count(prefix)).toBe(model.sum([model.own, model.remote], prefix));
    }
  }
}

/** "My count for this address is n", 0 included. */
function setTo(address: Address, count: number): Changes {
  const changes = changesOf([[address, 1]]);
  changes.v4Values.fill(count);
  changes.v6Values.fill(count);
  return changes;
}

describe('a CIDR table', () => {
  it('REP-5.1 REP-22.2 counts as a plain map does, for every prefix length, whatever is watched', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60, size: 'max' }), play), { numRuns: 200 });
  });

  it('REP-5.2 takes any spelling of an address, and masks host bits of a prefix', () => {
    const table = newTable();
    table.increment('2001:DB8:0:0::1');
    table.increment('2001:db8::1');
    table.increment('::ffff:10.0.0.1', 3);
    expect(table.count('2001:0db8::0001')).toBe(2);
    expect(table.count('10.0.0.1')).toBe(3);
    expect(table.count('10.0.0.99/24')).toBe(3);
    expect(table.count('::ffff:10.0.0.0/120')).toBe(3);
    expect(table.count('::/0')).toBe(2);
  });

  it('REP-5.2 what is no address, prefix or count is an error, and nothing changes', () => {
    const table = newTable();
    table.increment('10.0.0.1');
    for (const key of [
      '',
      '10.0.0',
      '10.0.0.256',
      '010.0.0.1',
      '10.0.0.1/24',
      ':::',
      'aol.com',
      '1:2:3:4:5:6:7:8:9',
    ])
      expect(() => table.increment(key)).toThrow(expect.objectContaining({ code: 'FLT-1302' }));
    for (const prefix of ['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/-1', '2001:db8::/129', '/8'])
      expect(() => table.count(prefix)).toThrow(expect.objectContaining({ code: 'FLT-1302' }));
    for (const count of [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])
      expect(() => table.increment('10.0.0.1', count)).toThrow(expect.objectContaining({ code: 'FLT-1304' }));
    expect(() => table.count('10.0.0.1', other)).toThrow(expect.objectContaining({ code: 'FLT-1303' }));
    expect([...table.entries()]).toEqual([['10.0.0.1', 1]]);
  });

  it('REP-4.10 beyond 2^53-1 a count stays there and counts an overflow', () => {
    const table = newTable();
    table.set('10.0.0.1', max);
    expect(table.increment('10.0.0.1', 2)).toBe(max);
    expect(table.stats.overflows).toBe(1);
    table.decrement('10.0.0.1');
    expect(table.count('10.0.0.1')).toBe(max - 1);
  });

  it('REP-4.11 a release below zero stops at zero, counts an anomaly, and makes no other share smaller', () => {
    const table = newTable();
    table.addRow(other);
    table.applyToRow(other, changesOf([[0x0a000001, 5]]));
    table.increment('10.0.0.1', 2);
    table.decrement('10.0.0.1', 3);
    table.decrement('10.0.0.9');
    expect(table.count('10.0.0.1')).toBe(5);
    expect(table.stats.anomalies).toBe(2);
  });

  it('REP-5.5 an idle address stays for 300 s and is gone after the passes of 360 s', () => {
    const table = newTable();
    table.addRow(other);
    table.applyToRow(other, changesOf([[0x0a000002, 1]]));
    table.applyToRow(other, setTo(0x0a000002, 0));
    table.increment('10.0.0.1');
    table.decrement('10.0.0.1');
    table.increment('10.0.0.3');
    table.takeChanges(100);
    for (let pass = 0; pass < 5; pass++) finish(table.upkeep());
    expect(table.stats.keys).toBe(3);
    finish(table.upkeep());
    expect(table.stats.keys).toBe(1);
    expect([...table.dump()].flat()).toEqual([{ key: '10.0.0.3/32', count: 1 }]);
  });

  it('REP-5.5 an idle address that is used again begins a new 300 s', () => {
    const table = newTable();
    const use = () => {
      table.increment('10.0.0.1');
      table.decrement('10.0.0.1');
      table.takeChanges(100);
    };
    use();
    for (let pass = 0; pass < 5; pass++) finish(table.upkeep());
    use();
    for (let pass = 0; pass < 5; pass++) finish(table.upkeep());
    expect(table.stats.keys).toBe(1);
  });

  it('a prefix length watched in the middle of traffic counts right from the first moment', () => {
    const table = newTable();
    const key = (i: number) => (Math.imul(i, 0x9e3779b1) & 0xffffff) | 0x0a000000;
    for (let i = 0; i < 40_000; i++) table.increment(key(i));
    const pending: Work[] = [];
    table.onWork = (work) => pending.push(work);
    table.watchPrefix('10.0.0.0/12');
    expect(pending).toHaveLength(1);
    const sums = () =>
      Array.from({ length: 16 }, (_, block) =>
        table.count({ address: 0x0a000000 | (block << 20), bits: 12 }),
      );
    const plain = () => {
      const blocks = new Array<number>(16).fill(0);
      for (const [text, count] of table.entries()) blocks[Number(text.split('.')[1]) >> 4]! += count;
      return blocks;
    };
    for (let i = 40_000, work = pending[0]!; !work.next().done; i++) {
      table.increment(key(i));
      table.decrement(key(i - 20_000));
      if (i % 16 === 0) expect(sums()).toEqual(plain());
    }
    expect(sums()).toEqual(plain());
  });
});

describe('a CIDR table that is full', () => {
  it('REP-21.10 idle addresses make room first, then the coldest roll up into their netblock', () => {
    const table = newTable(100);
    for (let i = 0; i < 50; i++) {
      table.increment(0x0a000000 | i);
      table.decrement(0x0a000000 | i);
    }
    table.takeChanges(1000);
    for (let i = 0; i < 100; i++) table.increment(0x0b000000 | i);
    expect(table.stats).toMatchObject({ rolledUp: 0, ownKeys: 100 });
    finish(table.upkeep());
    for (let i = 0; i < 90; i++) table.increment(0x0b000000 | i);
    for (let i = 0; i < 10; i++) table.increment(0x0c000000 | i);
    expect(table.stats.rolledUp).toBe(10);
    // The ten that were not touched since the pass.
    expect(table.count('11.0.0.90/32')).toBe(0);
    expect(table.count('11.0.0.89/32')).toBe(2);
    expect(table.count('11.0.0.0/24')).toBe(190);
    expect(table.count('11.0.0.0/8')).toBe(190);
    expect(table.count('0.0.0.0/0')).toBe(200);
  });

  it('REP-21.10 the netblock is a leaf of the dump, and goes to the other nodes', () => {
    const table = newTable(4);
    for (const host of [1, 2, 3, 4]) table.increment(`10.0.0.${host}`, host);
    table.increment('10.0.0.5', 9);
    table.increment('192.0.2.1');
    expect([...table.dump()].flat()).toEqual([
      { key: '0.0.0.0/0', count: 20 },
      { key: '10.0.0.0/24', count: 19 },
      { key: '10.0.0.0/29', count: 16 },
      // 10.0.0.1 and 10.0.0.2 are idle leaves now.
      { key: '10.0.0.0/30', count: 3 },
      { key: '10.0.0.2/31', count: 3 },
      { key: '10.0.0.3/32', count: 3 },
      { key: '10.0.0.4/31', count: 13 },
      { key: '10.0.0.4/32', count: 4 },
      { key: '10.0.0.5/32', count: 9 },
      { key: '192.0.2.1/32', count: 1 },
    ]);
    expect(Object.fromEntries(table.entries())).toMatchObject({ '10.0.0.0/24': 3 });
    const receiver = newTable();
    receiver.addRow(other);
    receiver.applyToRow(other, table.takeChanges(100)!);
    expect(Object.fromEntries(receiver.entries())).toEqual(Object.fromEntries(table.entries()));
    expect(receiver.row(other).digest).toMatchObject(digestOf(table));
  });

  it('REP-21.10 closing a connection of an address that was rolled up counts its netblock down', () => {
    const table = newTable(2);
    table.increment('2001:db8::1');
    table.increment('2001:db8::2');
    table.increment('2001:db8::3', 5);
    table.increment('2001:db8::4', 5);
    expect(table.count('2001:db8::/64')).toBe(12);
    expect(table.count('2001:db8::/48')).toBe(12);
    table.decrement('2001:db8::1');
    table.decrement('2001:db8::2');
    expect(table.count('2001:db8::/64')).toBe(10);
    expect(table.stats.anomalies).toBe(0);
    table.decrement('2001:db8::1');
    expect(table.stats.anomalies).toBe(1);
    expect(table.count('2001:db8::/64')).toBe(10);
  });

  it('REP-21.10 a spray of addresses never holds more than the bound and what waits to be sent', () => {
    const table = newTable(1000);
    table.onPending = () => {
      if (table.pending >= 100) table.takeChanges(100);
    };
    for (let i = 0; i < 50_000; i++) {
      const key = Math.imul(i, 0x9e3779b1) & 0xffff;
      table.increment(0x0a000000 | key);
      // Half of them stay open.
      if (i % 2 === 0) table.decrement(0x0a000000 | key);
    }
    expect(table.count('10.0.0.0/8')).toBe(25_000);
    // Addresses, and the 256 netblocks they lie in.
    expect(table.stats.keys).toBeLessThanOrEqual(1000 + 100 + 64 + 256);
    expect(table.stats.refused).toBe(0);
  });

  it('REP-21.10 when the netblocks are full, too, the coldest are counted together: nothing is refused', () => {
    const table = newTable(3);
    for (let net = 0; net < 10; net++) expect(table.increment(0x0a000001 | (net << 8))).toBe(1);
    // Three addresses, three netblocks, and all the rest.
    expect(table.stats.ownKeys).toBeLessThanOrEqual(7);
    expect(table.count('0.0.0.0/24')).toBeGreaterThan(0);
    expect(table.count('0.0.0.0/0')).toBe(10);
    while (table.pending > 0) table.takeChanges(100);
    for (let host = 2; host < 40; host++) expect(table.increment('192.0.2.1')).toBe(host - 1);
    for (let net = 0; net < 10; net++) table.decrement(0x0a000001 | (net << 8));
    expect(table.count('0.0.0.0/0')).toBe(38);
    expect(table.stats).toMatchObject({ anomalies: 0, refused: 0 });
  });

  it('REP-21.10 the sum over everything is exact however small the table is', () => {
    const key = fc.oneof(
      fc.nat(1_000).map((n): Address => Math.imul(n, 0x01000193)),
      fc.nat(1_000).map((n): Address => [0x20010db8, n & 15, n >> 4, n]),
    );
    const step = fc.tuple(
      fc.constantFrom('open', 'open', 'close', 'send', 'upkeep'),
      key,
      fc.integer({ min: 1, max: 9 }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200, size: 'max' }),
        fc.integer({ min: 1, max: 8 }),
        (steps, maxKeys) => {
          const table = newTable(maxKeys);
          const open: [Address, number][] = [];
          for (const [action, address, by] of steps) {
            if (action === 'open') {
              expect(table.increment(address, by)).toBeGreaterThanOrEqual(by);
              open.push([address, by]);
            } else if (action === 'close') {
              for (const [closed, count] of open.splice(by, 1)) table.decrement(closed, count);
            } else if (action === 'send') table.takeChanges(by);
            else finish(table.upkeep());
            const sum = open.reduce((total, [, count]) => total + count, 0);
            expect(table.count('0.0.0.0/0') + table.count('::/0')).toBe(sum);
          }
          for (const [address, count] of open) table.decrement(address, count);
          expect(table.count('0.0.0.0/0') + table.count('::/0')).toBe(0);
          expect(table.stats).toMatchObject({ anomalies: 0, ownKeys: 0 });
        },
      ),
      { numRuns: 300 },
    );
  });

  it('REP-21.10 keys of other nodes do not push out own ones', () => {
    const table = newTable(10);
    for (let i = 0; i < 10; i++) table.increment(0x0a000000 | i);
    table.addRow(other);
    table.applyToRow(other, changesOf(Array.from({ length: 50 }, (_, i) => [0x0b000000 | i, 1] as const)));
    expect(table.stats.rolledUp).toBe(0);
    expect(table.count('0.0.0.0/0')).toBe(60);
  });
});

/** The digest of a row with the same content, made from scratch. */
function digestOf(table: CidrTable): { high: number; low: number } {
  const row = table.blankRow();
  for (const changes of { [Symbol.iterator]: () => table.ownRow() }) row.apply(changes);
  const { high, low } = row.digest;
  return { high, low };
}

describe('sums of a prefix length, while they are being made', () => {
  it.each([3_000, 20_000, 66_000])('REP-5.2 follow every change of %i addresses', (keys) => {
    const table = newTable();
    const key = (i: number) => 0x0a000000 | (Math.imul(i, 0x9e3779b1) >>> 12) | 0;
    for (let i = 0; i < keys; i++) table.increment(key(i));
    const works: Work[] = [];
    table.onWork = (work) => works.push(work);
    table.watchPrefix('0.0.0.0/18');
    let i = 0;
    for (const work of works) {
      for (const _ of work) {
        for (const end = i + 40; i < end; i++) {
          table.increment(key(i), 3);
          table.decrement(key(keys - 1 - i));
        }
      }
    }
    const sums = new Map<number, number>();
    for (const [address, count] of table.entries()) {
      const network = (parseAddress(address) as number) >>> 14;
      sums.set(network, (sums.get(network) ?? 0) + count);
    }
    for (const [network, sum] of sums)
      expect(table.count({ address: (network << 14) | 0, bits: 18 })).toBe(sum);
  });
});

describe('the digest of the own row', () => {
  it('REP-21.4 is that of a row with the same content, whatever the order and history', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(address, fc.nat(5)), { maxLength: 60 }), fc.nat(60), (sets, maxKeys) => {
        const table = newTable(maxKeys + 1);
        for (const [key, count] of sets) {
          table.set(key, count);
          if (count === 3) table.takeChanges(7);
        }
        while (table.pending > 0) table.takeChanges(7);
        expect({ ...table.digest }).toMatchObject(digestOf(table));
      }),
      { numRuns: 300 },
    );
  });

  it('tells rows apart that differ in one value, one key, or in who counts what', () => {
    const digests = new Set<string>();
    const contents: [Address, number][][] = [
      [],
      [[1, 1]],
      [[1, 2]],
      [[2, 1]],
      [[1, 2 ** 33 + 1]],
      [[[0, 0, 0, 1], 1]],
      [
        [1, 2],
        [2, 1],
      ],
      [
        [1, 1],
        [2, 2],
      ],
    ];
    for (const entries of contents) {
      const table = newTable();
      for (const [key, count] of entries) table.set(key, count);
      table.takeChanges(100);
      digests.add(`${table.digest.high}.${table.digest.low}`);
    }
    expect(digests.size).toBe(contents.length);
  });
});
