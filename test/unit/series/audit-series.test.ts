/** Named series: definition, adding, reading, what is saved and written, and every error. */
import { describe, expect, it } from 'vitest';
import { AuditSeries, type ReplicateMode, seriesTypes } from '../../../src/core/series/audit-series.ts';
import { EventTable } from '../../../src/core/series/event-table.ts';
import { Journal } from '../../../src/core/series/journal.ts';
import {
  compareKeys,
  journalLines,
  journalName,
  parseJournalName,
  parseSaved,
  savedLines,
} from '../../../src/core/series/series-file.ts';
import { type Node, Nodes } from './nodes.ts';

const ip = '10.0.0.1';

function seriesOf(nodes: Nodes, node: Node) {
  const local = new EventTable({
    self: node.self,
    maxKeys: 1000,
    hasSnapshots: true,
    nowMs: () => nodes.nowMs,
    clash: () => {},
  });
  const journal = new Journal();
  const series = new AuditSeries({
    table: (mode: ReplicateMode) => (mode === 'cluster' ? node.table : local),
    tables: () => [node.table, local],
    journal,
  });
  return { series, journal, local };
}

function alone() {
  const nodes = new Nodes();
  const node = nodes.add({ isDefined: false });
  return { nodes, node, ...seriesOf(nodes, node) };
}

function two() {
  const nodes = new Nodes();
  const [a, b] = [nodes.add({ isDefined: false }), nodes.add({ isDefined: false })];
  nodes.view();
  nodes.rest();
  return { nodes, a: seriesOf(nodes, a).series, b: seriesOf(nodes, b).series };
}

const code = (name: string) => expect.objectContaining({ code: name });

describe('named series', () => {
  it('REP-9.1 REP-9.3 each type has its keys, and a count stays for interval times windows', () => {
    const { nodes, series } = alone();
    const keys = { cidr: ip, cidr_ipv6: '2001:db8::1', string: 'any event' };
    for (const type of seriesTypes) {
      series.define(type, type, 20, 3);
      series.add(type, keys[type]);
    }
    const sums = () => seriesTypes.map((type) => series.count(type, { key: keys[type], endv: 2 }));
    nodes.nowMs += 59_999;
    expect(sums()).toEqual([1, 1, 1]);
    nodes.nowMs += 1;
    expect(sums()).toEqual([0, 0, 0]);
  });

  it('REP-9.10 REP-9.8 REP-9.11 windows shift, sums go over ranges, prefixes and the current address', () => {
    const { nodes, series } = alone();
    series.define('spam', 'cidr', 60, 3);
    series.add('spam', { key: ip, count: 2 });
    nodes.nowMs += 60_000;
    series.add('spam', '10.0.0.9');
    series.add('spam', {}, ip);
    expect(series.count('spam', { key: '10.0.0.0/24', startv: 0, endv: 1 })).toBe(4);
    expect(series.count('spam', { key: '/24', startv: 1 }, ip)).toBe(2);
    expect(series.count('spam', ip)).toBe(1);
    expect(series.count('spam', {}, ip)).toBe(1);
    series.addTo('spam', '60,3', { count: 5, ip });
    expect(series.during('spam', '60,3', { end: 1, mask: 32, ip })).toBe(8);
    expect(series.during('spam', '60,4', { ip })).toBe(0);
    expect(series.during('never', '60,1', { ip })).toBe(0);
    series.add('spam', { key: ip, count: -3.5 });
    expect(series.count('spam', ip)).toBe(2.5);
  });

  it('REP-9.7 what a policy adds: how much, for whom, told to whom, and whether it is written to files', () => {
    const nodes = new Nodes();
    const both = [nodes.add({ isDefined: false }), nodes.add({ isDefined: false })] as const;
    nodes.view();
    nodes.rest();
    const [here, there] = [seriesOf(nodes, both[0]), seriesOf(nodes, both[1])];
    here.series.addTo('own', '60,2', {}, ip);
    here.series.addTo('own', '60,2', { count: 4, ip: '10.0.0.2' }, ip);
    here.series.addTo('all', '60,2', { count: 3, replicate: 'cluster', serialize: true }, ip);
    nodes.rest();
    const sums = ['own', 'all'].map((name) =>
      [here, there].map(({ series }) => series.during(name, '60,2', { mask: 24, ip })),
    );
    expect(sums).toEqual([
      [5, 0],
      [3, 3],
    ]);
    expect([here.journal.take().length, there.journal.take().length]).toEqual([1, 0]);
  });

  it('REP-16.3 REP-16.4 REP-16.5 adaptive delivery has its sums over all nodes and the last seconds', () => {
    const { nodes, a, b } = two();
    const pair = { key: 'b1:example.com' };
    const complaints = { key: 'b1:example.com:fbl:abuse' };
    for (const node of [a, b]) {
      node.define('OBTM_Series', 'string', 3, 20, { replicate: 'cluster' });
      node.define('FBL_stats', 'string', 14_400, 6, { replicate: 'cluster', persist: true });
    }
    for (const node of [a, b]) node.add('OBTM_Series', { ...pair, count: 2 });
    for (const node of [a, b]) node.add('FBL_stats', complaints);
    nodes.rest();
    b.add('OBTM_Series', pair);
    nodes.nowMs += 3_000;
    const during = (seconds: number) => b.count('OBTM_Series', { ...pair, endv: seconds / 3 - 1 });
    expect([during(3), during(6), during(60)]).toEqual([0, 1, 5]);
    nodes.nowMs += 60_000;
    expect(during(60)).toBe(0);
    expect([a.count('FBL_stats', { ...complaints, endv: 5 }), a.count('FBL_stats', pair)]).toEqual([2, 0]);
  });

  it('REP-9.2 a policy makes a series by adding to it, one for each monitor', () => {
    const { series } = alone();
    series.addTo('greet', '60,1', {}, ip);
    series.addTo('greet', '300,2', { count: 4 }, ip);
    series.addTo('greet', '60,1', { ip: '2001:db8::1' });
    expect(series.during('greet', '60,1', {}, ip)).toBe(1);
    expect(series.during('greet', '300,2', {}, ip)).toBe(4);
    expect(series.during('greet', '60,1', { mask: 32 }, '2001:db8::1')).toBe(1);
  });

  it('REP-9.4 none counts for itself, cluster together; who never defined a series reads it by name and monitor', () => {
    const { nodes, a, b } = two();
    for (const node of [a, b]) node.define('fbl', 'string', 60, 2, { replicate: 'cluster' });
    for (const node of [a, b]) node.define('own', 'string', 60, 2);
    a.add('fbl', { key: 'x', count: 1.5 });
    b.add('fbl', 'x');
    a.add('own', 'x');
    a.addTo('seen', '60,2', { ip, replicate: 'cluster' });
    nodes.rest();
    expect([a.count('fbl', 'x'), b.count('fbl', 'x'), b.count('own', 'x')]).toEqual([2.5, 2.5, 0]);
    expect(b.during('seen', '60,2', { ip })).toBe(1);
    expect(b.remove('fbl', 'x')).toBe(true);
    nodes.rest();
    expect([a.count('fbl', 'x'), b.count('fbl', 'x')]).toEqual([0, 0]);
    expect(b.remove('fbl', 'x')).toBe(false);
  });

  it('REP-9.6 defining twice does nothing, defining otherwise is an error', () => {
    const { series } = alone();
    series.define('spam', 'cidr', 60, 3);
    series.add('spam', ip);
    series.define('spam', 'cidr', 60, 3, { persist: false });
    expect(series.count('spam', ip)).toBe(1);
    expect(() => series.define('spam', 'cidr', 60, 4)).toThrow(code('FLT-1912'));
    expect(() => series.define('spam', 'string', 60, 3)).toThrow(code('FLT-1912'));
    expect(() => series.define('spam', 'cidr', 60, 3, { serialize: true })).toThrow(code('FLT-1912'));
  });

  it('REP-9.18 REP-22.10 every error names what is wrong', () => {
    const { series } = alone();
    series.define('four', 'cidr', 60, 3);
    series.define('six', 'cidr_ipv6', 60, 3);
    series.define('text', 'string', 60, 3);
    for (const call of [
      () => series.add('none', ip),
      () => series.count('none', ip),
      () => series.remove('none', ip),
      () => series.of('none', '60,3'),
    ])
      expect(call).toThrow(code('FLT-1911'));
    for (const call of [
      () => series.define('x', 'other' as 'cidr', 60, 3),
      () => series.define('x', 'cidr', 0, 3),
      () => series.define('x', 'cidr', 60, 10_001),
      () => series.define('x', 'cidr', 1.5, 3),
      () => series.define('x', 'cidr', 60, 3, { replicate: 'all' as 'none' }),
      () => series.addTo('x', '60', {}, ip),
      () => series.addTo('x', '60,0', {}, ip),
      () => series.addTo('x', '60,1'),
      () => series.add('four', '::1'),
      () => series.add('six', ip),
      () => series.add('four', 'no address'),
      () => series.add('four'),
      () => series.add('text', {}, ip),
      () => series.add('four', { key: ip, count: Number.NaN }),
      () => series.count('four', '2001:db8::/32'),
      () => series.count('six', '10.0.0.0/8'),
      () => series.count('four', { key: ip, startv: 3 }),
      () => series.count('four', { key: ip, startv: 2, endv: 1 }),
      () => series.count('text'),
      () => series.during('four', '60,3', { ip, mask: 33 }),
      () => series.during('four', '60,3', { ip, start: -1 }),
    ])
      expect(call).toThrow(code('FLT-1912'));
    expect(() => series.add('text', 'a\nb')).toThrow(code('FLT-1302'));
    expect(() => series.define('', 'cidr', 60, 3)).toThrow(code('FLT-1302'));
    expect(() => series.define('a\nb', 'cidr', 60, 3)).toThrow(code('FLT-1302'));
  });

  it('REP-9.17 what was saved is counted again by the next life, as far as its windows are not too old', () => {
    const { nodes, node, series } = alone();
    const made = series.define('kept', 'cidr', 60, 3, { persist: true });
    series.add('kept', { key: ip, count: 2.5 });
    nodes.nowMs += 120_000;
    series.add('kept', { key: '10.0.0.2', count: -1 });
    const text = [...savedLines(made.id, made.keyType, [node.self], series.ownCounts(made))].join('');
    const { series: next } = seriesOf(nodes, node);
    const again = next.define('kept', 'cidr', 60, 3, { persist: true });
    nodes.nowMs += 120_000;
    const saved = parseSaved(again.id, again.keyType, text)!;
    expect(saved.lives).toEqual([node.self]);
    const counts = [...saved.counts];
    next.restore(again, saved.lives, counts);
    expect(next.count('kept', { key: '10.0.0.2', startv: 2 })).toBe(-1);
    expect(next.count('kept', { key: ip, endv: 2 })).toBe(0);
    expect(parseSaved('series:60,4:kept', 'ipv4', text)).toBeUndefined();
    expect(parseSaved(again.id, 'ipv6', text)).toBeUndefined();
    expect([...parseSaved(again.id, 'ipv4', `${text}damaged\n1\tx\t1\n`)!.counts]).toEqual(counts);
  });

  it('REP-11.6 files have a head and lines sorted by key, and names that any file system takes', () => {
    const { series, journal } = alone();
    series.define('a/b ü', 'cidr', 60, 3, { serialize: true });
    series.add('a/b ü', '10.0.0.10');
    series.add('a/b ü', { key: '10.0.0.2', count: 3 });
    series.add('a/b ü', { key: '200.0.0.2', count: 1 });
    const [page] = journal.take();
    const endMs = Date.UTC(2008, 3, 24, 20);
    const lines = [
      ...journalLines(
        { ...page!, startMs: endMs - 60_000, endMs },
        [...page!.amounts].sort(([a], [b]) => compareKeys(a, b)),
      ),
    ];
    expect(lines.join('')).toBe(
      '#audit_series v1 a%2Fb%20%C3%BC cidr 20080424T195900 20080424T200000\n10.0.0.2\t3\n10.0.0.10\t1\n200.0.0.2\t1\n',
    );
    expect(journalName('a/b ü', endMs)).toBe('a%2Fb%20%C3%BC.20080424T200000');
    expect(parseJournalName(journalName('a/b ü', endMs))).toEqual({
      series: 'a/b ü',
      stamp: '20080424T200000',
    });
    expect(['x', 'x.2008', '../x.20080424T200000', '%zz.20080424T200000'].map(parseJournalName)).toEqual(
      Array(4).fill(undefined),
    );
    expect(journal.take()).toEqual([]);
  });
});
