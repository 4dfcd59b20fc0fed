/** Gauge tables: the golden text, spelling of keys, a model, the bound, changes told to others. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Incarnation } from '../../../src/core/identity.ts';
import { noChanges } from '../../../src/core/replica/changes.ts';
import { spellingOf } from '../../../src/core/replica/gauge-key.ts';
import { GaugeTable, otherKeys } from '../../../src/core/replica/gauge-table.ts';
import type { Changes } from '../../../src/core/replica/messages.ts';
import { finish } from '../../../src/core/replica/work.ts';
import type { ReplicaType } from '../../../src/core/settings.ts';
import { lines } from './cluster.ts';

const self = 'a'.repeat(32) as Incarnation;
const other = 'b'.repeat(32) as Incarnation;
const max = Number.MAX_SAFE_INTEGER;

function newTable(type: ReplicaType = 'outbound_domains', maxKeys = 1_000_000): GaugeTable {
  return new GaugeTable({ self, maxKeys, spelling: spellingOf(type) });
}

function setTo(entries: Record<string, number>): Changes {
  return {
    ...noChanges,
    textKeys: Object.keys(entries),
    textValues: Float64Array.from(Object.values(entries)),
  };
}

describe('a gauge table', () => {
  it('REP-5.13 REP-22.1 golden case', () => {
    const table = newTable();
    table.increment('yahoo.com', 30);
    table.increment('hotmail.com', 26);
    table.increment('aol.com');
    table.increment('bellsouth.net', 4);
    table.increment('example.org');
    table.decrement('example.org');
    expect(lines(table)).toBe(
      `                                                     aol.com:            1
                                               bellsouth.net:            4
                                                 hotmail.com:           26
                                                   yahoo.com:           30
`,
    );
    const long = 'x'.repeat(70);
    table.increment(long);
    expect(lines(table)).toContain(`\n${long}:            1\n`);
  });

  it('REP-5.12 one domain is one key: lower case, no trailing dot, ASCII form', () => {
    const table = newTable();
    for (const domain of ['aol.com', 'AOL.com', 'aol.com.', 'Bücher.example', 'xn--bcher-kva.example'])
      table.increment(domain);
    expect(Object.fromEntries(table.entries())).toEqual({ 'aol.com': 3, 'xn--bcher-kva.example': 2 });
    expect(table.count('Aol.Com.')).toBe(3);
  });

  it('REP-6.7 of a pair the domain is respelt, of an MX host nothing', () => {
    const table = newTable('outbound_binding_domains');
    table.increment('Relay1::AOL.com.');
    table.increment('@host::MX1.AOL.com.');
    expect(Object.fromEntries(table.entries())).toEqual({ '@host::MX1.AOL.com.': 1, 'Relay1::aol.com': 1 });
  });

  it('REP-5.2 what is no key or count is an error, and nothing changes', () => {
    const table = newTable();
    for (const key of ['', 'a\nb', 'a\u0000', '\ud800', 'x'.repeat(513), 42 as never])
      expect(() => table.increment(key)).toThrow(expect.objectContaining({ code: 'FLT-1302' }));
    expect(() => table.increment('aol.com', -1)).toThrow(expect.objectContaining({ code: 'FLT-1304' }));
    expect(() => table.count('aol.com', other)).toThrow(expect.objectContaining({ code: 'FLT-1303' }));
    expect(() => table.watchPrefix()).toThrow(expect.objectContaining({ code: 'FLT-1302' }));
    expect([...table.entries()]).toEqual([]);
  });

  it('REP-4.10 REP-4.11 stops at 2^53-1 and at 0, and counts both', () => {
    const table = newTable();
    table.addRow(other);
    table.applyToRow(other, setTo({ 'aol.com': max }));
    table.set('aol.com', max);
    expect(table.increment('aol.com')).toBe(max);
    table.applyToRow(other, setTo({ 'aol.com': 0 }));
    expect(table.count('aol.com')).toBe(max);
    table.decrement('aol.com', max);
    table.decrement('aol.com');
    expect(table.count('aol.com')).toBe(0);
    expect(table.stats).toMatchObject({ overflows: 1, anomalies: 1 });
  });

  it('REP-22.2 counts as a plain map does, and tells every change of a sum', () => {
    const keys = ['a.com', 'b.com', 'c.com', 'd.com'];
    const step = fc.record({
      do: fc.constantFrom('increment', 'decrement', 'set', 'remote', 'take', 'upkeep'),
      key: fc.constantFrom(...keys),
      by: fc.nat(4),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const table = newTable();
        table.addRow(other);
        const own = new Map<string, number>();
        const remote = new Map<string, number>();
        const told = new Map<string, number>();
        table.onChange((key, by) => told.set(key, (told.get(key) ?? 0) + by));
        for (const { do: action, key, by } of steps) {
          const before = own.get(key) ?? 0;
          if (action === 'increment') own.set(key, before + by);
          if (action === 'decrement') own.set(key, Math.max(0, before - by));
          if (action === 'set') own.set(key, by);
          if (action === 'remote') remote.set(key, by);
          if (action === 'remote') table.applyToRow(other, setTo({ [key]: by }));
          else if (action === 'take') table.takeChanges(by);
          else if (action === 'upkeep') finish(table.upkeep());
          else table[action](key, by);
          for (const key of keys) {
            const sum = (own.get(key) ?? 0) + (remote.get(key) ?? 0);
            expect(table.count(key)).toBe(sum);
            expect(table.count(key, self)).toBe(own.get(key) ?? 0);
            expect(table.count(key, other)).toBe(remote.get(key) ?? 0);
            expect(told.get(key) ?? 0).toBe(sum);
          }
        }
        while (table.pending > 0) table.takeChanges(3);
        const row = table.blankRow();
        for (const changes of { [Symbol.iterator]: () => table.ownRow() }) row.apply(changes);
        expect(table.digest).toMatchObject({ high: row.digest.high, low: row.digest.low });
        expect(table.stats.keys).toBe(keys.filter((key) => table.count(key) > 0).length);
      }),
      { numRuns: 200 },
    );
  });

  it('REP-21.10 keys beyond the bound are counted under * and counted down there', () => {
    const table = newTable('outbound_domains', 2);
    for (const domain of ['a.com', 'b.com', 'c.com', 'd.com', 'a.com']) table.increment(domain);
    expect(Object.fromEntries(table.entries())).toEqual({ 'a.com': 2, 'b.com': 1, [otherKeys]: 2 });
    table.decrement('c.com');
    table.decrement('d.com');
    table.decrement('d.com');
    expect(Object.fromEntries(table.entries())).toEqual({ 'a.com': 2, 'b.com': 1 });
    expect(table.stats).toMatchObject({ anomalies: 1, rolledUp: 2 });
  });

  it('REP-21.10 a cap on a key that found no room sees all that is counted under *, so it closes', () => {
    const table = newTable('outbound_domains', 1);
    table.increment('a.com');
    table.addRow(other);
    table.applyToRow(other, setTo({ 'b.com': 3 }));
    expect(table.increment('b.com')).toBe(4);
    expect(table.increment('b.com')).toBe(5);
    expect(table.increment('c.com')).toBe(3);
    expect(['a.com', 'b.com', 'c.com', 'd.com', otherKeys].map((key) => table.count(key))).toEqual([
      1, 6, 3, 3, 3,
    ]);
    expect(table.count('b.com', self)).toBe(0);
    for (const domain of ['b.com', 'b.com', 'c.com']) table.decrement(domain);
    expect(['a.com', 'b.com', 'c.com'].map((key) => table.count(key))).toEqual([1, 3, 0]);
    expect(table.stats.anomalies).toBe(0);
  });

  it('REP-18.6 a dump shows one moment, though the table changes between the slices', () => {
    const table = newTable();
    for (let i = 0; i < 20_000; i++) table.increment(`domain-${i}.example`, i + 1);
    const expected = lines(table);
    const dump = table.dump();
    const rows = [...(dump.next().value ?? [])];
    let slices = 0;
    for (const part of dump) {
      rows.push(...part);
      table.increment(`new-${slices}.example`);
      table.increment(`domain-${slices}.example`);
      table.set(`domain-${19_999 - slices}.example`, 0);
      table.takeChanges(2);
      table.increment(`domain-${19_999 - slices}.example`);
      slices++;
    }
    expect(slices).toBeGreaterThan(20);
    expect(rows.map(({ key, count }) => `${key.padStart(60)}:${String(count).padStart(13)}\n`).join('')).toBe(
      expected,
    );
    finish(table.upkeep());
  });
});
