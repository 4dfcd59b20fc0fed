/** Event tables that are replicated: sums at rest are what was counted, whoever comes, goes or is not heard. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddress, parsePrefix } from '../../../src/core/address.ts';
import type { StreamDefinition } from '../../../src/core/series/cell.ts';
import { addressKey } from '../../../src/core/series/stream-key.ts';
import { hits, minutes, type Node, Nodes } from './nodes.ts';

const key = (address: string) => addressKey(parseAddress(address)!);
const prefix = (text: string) => parsePrefix(text)!;
const connects: StreamDefinition = { id: 'connect', keyType: 'address', intervalS: 60, count: 20 };

function three(): { nodes: Nodes; a: Node; b: Node; c: Node } {
  const nodes = new Nodes();
  const [a, b, c] = [nodes.add(), nodes.add(), nodes.add()];
  nodes.view();
  nodes.rest();
  return { nodes, a, b, c };
}

describe('an event table', () => {
  it('REP-9.14 REP-8.8 own counts are there at once, those of others when they were sent', () => {
    const { nodes, a, b, c } = three();
    a.table.add(hits.id, 'x', 2);
    b.table.add(hits.id, 'x', 3);
    expect([a.sum('x'), b.sum('x'), c.sum('x')]).toEqual([2, 3, 0]);
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), c.sum('x')]).toEqual([5, 5, 5]);
    expect(a.table.sum(hits.id, 60, 0, 5, 'x', 'local')).toBe(2);
  });

  it('REP-9.9 fractions and negative amounts leave nothing behind when they add up to nothing', () => {
    const { nodes, a, b } = three();
    a.table.add(hits.id, 'x', 0.1);
    nodes.rest();
    a.table.add(hits.id, 'x', 0.2);
    b.table.add(hits.id, 'y', -1.5);
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), a.sum('y')]).toEqual([0.3, 0.3, -1.5]);
    a.table.add(hits.id, 'x', -0.3);
    nodes.rest();
    expect(b.sum('x')).toBe(0);
    expect(new Map(b.table.entries(hits.id, 60, 0))).toEqual(new Map([['y', -1.5]]));
  });

  it('REP-4.8 REP-22.8 a lost batch is noticed and the sum is exact again; repeats change nothing', () => {
    const { nodes, a, b, c } = three();
    a.table.add(hits.id, 'x', 7);
    a.replicator.flush();
    nodes.under.push(...nodes.under);
    nodes.under = nodes.under.filter(({ to }) => to !== c);
    nodes.settle();
    expect([b.sum('x'), c.sum('x')]).toEqual([7, 0]);
    nodes.rest();
    expect([b.sum('x'), c.sum('x')]).toEqual([7, 7]);
    expect(b.replicator.verify().every(({ verdict }) => verdict === 'match')).toBe(true);
  });

  it('REP-4.5 what a member had counted stays when it has left, until it is too old', () => {
    const { nodes, a, b, c } = three();
    c.table.add(hits.id, 'x', 4);
    nodes.rest();
    nodes.remove(c);
    nodes.view();
    nodes.rest();
    expect([a.sum('x'), b.sum('x')]).toEqual([4, 4]);
    nodes.nowMs += 6 * 60_000;
    nodes.upkeep();
    expect(a.sum('x')).toBe(0);
    expect([...a.table.entries(hits.id, 60, 6)]).toEqual([]);
  });

  it('REP-4.7 REP-22.9 each side of a partition goes on with its own; after it, sums are exact', () => {
    const { nodes, a, b, c } = three();
    for (const { table } of nodes.present) table.add(hits.id, 'x');
    nodes.rest();
    c.linkUp = false;
    c.replicator.linkChanged(false);
    nodes.view([a, b]);
    nodes.view([c]);
    a.table.add(hits.id, 'x', 10);
    c.table.add(hits.id, 'x', 100);
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), c.sum('x')]).toEqual([13, 13, 103]);
    c.linkUp = true;
    c.replicator.linkChanged(true);
    nodes.view();
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), c.sum('x')]).toEqual([113, 113, 113]);
  });

  it('REP-8.9 who joins gets the windows of the others only with snapshots', () => {
    const { nodes, a } = three();
    a.table.add(hits.id, 'x', 5);
    nodes.rest();
    nodes.nowMs += 60_000;
    const [filled, empty] = [nodes.add(), nodes.add({ hasSnapshots: false })];
    nodes.view();
    nodes.rest();
    expect([filled.sum('x'), empty.sum('x')]).toEqual([5, 0]);
    nodes.nowMs += 60_000;
    a.table.add(hits.id, 'x');
    nodes.rest();
    expect([filled.sum('x'), empty.sum('x')]).toEqual([6, 1]);
    expect(empty.replicator.verify().every(({ verdict }) => verdict === 'match')).toBe(true);
  });

  it('REP-9.17 a new life that takes over what the last one counted counts it once, here and there', () => {
    const { nodes, a, b, c } = three();
    c.table.add(hits.id, 'x', 4);
    nodes.rest();
    nodes.remove(c);
    const minute = Math.floor(nodes.nowMs / 60_000);
    const next = nodes.add({ name: c.name });
    next.table.takeOver(
      hits,
      [c.self],
      [
        [minute, 'x', 4],
        [minute - 6, 'x', 50],
      ],
    );
    next.table.add(hits.id, 'x', 1);
    nodes.view();
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), next.sum('x')]).toEqual([5, 5, 5]);
    nodes.view([a, b]);
    nodes.view([next]);
    nodes.view();
    nodes.rest();
    expect([a.sum('x'), next.sum('x')]).toEqual([5, 5]);
  });

  it('CMD-17 a process that joins again under a new incarnation counts what it had once', () => {
    const { nodes, a, b, c } = three();
    c.table.add(hits.id, 'x', 4);
    b.table.add(hits.id, 'x', 1);
    nodes.rest();
    const again = nodes.reset(c);
    nodes.view();
    again.table.add(hits.id, 'x', 2);
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), again.sum('x')]).toEqual([7, 7, 7]);
    const once = nodes.reset(again);
    nodes.view();
    nodes.rest();
    expect([a.sum('x'), b.sum('x'), once.sum('x')]).toEqual([7, 7, 7]);
  });

  it('REP-9.15 who never defined a series makes it; one with keys of another type is left out, told once', () => {
    const { nodes, a } = three();
    const bare = nodes.add({ isDefined: false });
    const other = nodes.add({ isDefined: false });
    other.table.define({ ...hits, keyType: 'ipv4' }, minutes, true);
    nodes.view();
    a.table.add(hits.id, 'x', 2);
    nodes.rest();
    a.table.add(hits.id, 'x');
    nodes.rest();
    expect(bare.sum('x')).toBe(3);
    expect(other.sum('x')).toBe(0);
    expect(other.clashes.map(({ id }) => id)).toEqual([hits.id]);
    expect(other.replicator.verify().every(({ verdict }) => verdict !== 'differ')).toBe(true);
  });

  it('REP-9.16 where windows are shorter than the way to the others, a rule in effect sees the own node only', () => {
    const { nodes, a, b } = three();
    const short: StreamDefinition = { id: 'series:1,60:quick', keyType: 'text', intervalS: 1, count: 60 };
    for (const { table } of nodes.present) table.define(short, [{ sizeS: 1, count: 60 }], true);
    const current = (node: Node) => node.table.sum(short.id, 1, 0, 0, 'x');
    const seen: number[] = [];
    for (let second = 0; second < 5; second++) {
      a.table.add(short.id, 'x', 1);
      b.table.add(short.id, 'x', 10);
      seen.push(current(a));
      nodes.nowMs += 1_000;
      nodes.rest();
    }
    expect(seen).toEqual([1, 1, 1, 1, 1]);
    // It has come in the end, in windows that are over.
    expect(a.table.sum(short.id, 1, 1, 59, 'x')).toBe(55);
  });

  it('REP-8.10 receivers sum up in windows of their own', () => {
    const nodes = new Nodes();
    const [a, b] = [nodes.add(), nodes.add()];
    a.table.define(connects, [{ sizeS: 300, count: 3 }], true);
    b.table.define(connects, [{ sizeS: 120, count: 2 }], true);
    nodes.view();
    for (let minute = 0; minute < 4; minute++) {
      a.table.add('connect', key('192.0.2.1'));
      nodes.rest();
      nodes.nowMs = Math.floor(nodes.nowMs / 60_000 + 1) * 60_000;
    }
    const all = (node: Node, sizeS: number, back: number) =>
      node.table.sum('connect', sizeS, back, back, key('192.0.2.1'));
    const minute = Math.floor(nodes.nowMs / 60_000);
    const counted = (sizeS: number, back: number) => {
      const window = Math.floor((minute * 60) / sizeS) - back;
      return [1, 2, 3, 4].filter((ago) => Math.floor(((minute - ago) * 60) / sizeS) === window).length;
    };
    expect([0, 1].map((back) => all(a, 300, back))).toEqual([0, 1].map((back) => counted(300, back)));
    expect([0, 1, 2].map((back) => all(b, 120, back))).toEqual([0, 1, 2].map((back) => counted(120, back)));
  });

  it('REP-8.3 a sum over a prefix is the sum of the addresses in it, of both families', () => {
    const nodes = new Nodes();
    const node = nodes.add();
    node.table.define(connects, minutes, true);
    for (const [i, address] of ['10.1.1.1', '10.1.2.2', '10.9.0.1', '2001:db8::1', '2001:db8:1::1'].entries())
      node.table.add('connect', key(address), 10 ** i);
    const sum = (text: string) => node.table.sum('connect', 60, 0, 0, prefix(text));
    expect(['10.0.0.0/8', '10.1.0.0/16', '10.1.2.2', '0.0.0.0/0'].map(sum)).toEqual([111, 11, 10, 111]);
    expect(['::/0', '2001:db8::/48', '2001:db8::/32'].map(sum)).toEqual([11_000, 1000, 11_000]);
    node.table.add('connect', key('10.1.0.9'), 5);
    expect(['10.1.0.0/16', '10.0.0.0/8'].map(sum)).toEqual([16, 116]);
    for (let bits = 1; bits < 32; bits++) expect(sum(`10.1.0.9/${bits}`)).toBeGreaterThanOrEqual(5);
    expect(sum('10.1.0.9/24')).toBe(5);
  });

  it('REP-4.14 a cell of a clock that is ahead counts in the current window', () => {
    const { nodes, a, b } = three();
    nodes.nowMs += 60_000;
    a.table.add(hits.id, 'x', 3);
    nodes.rest();
    nodes.nowMs -= 60_000;
    expect(b.table.sum(hits.id, 60, 0, 0, 'x')).toBe(3);
  });

  it('REP-9.18 what is no key, no amount or of no series is refused, and counts nothing', () => {
    const { nodes, a } = three();
    a.table.define({ ...connects, keyType: 'ipv4' }, minutes, true);
    for (const wrong of ['', 'a\nb', 'x'.repeat(513), 7])
      expect(() => a.table.add(hits.id, wrong)).toThrow(expect.objectContaining({ code: 'FLT-1302' }));
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(() => a.table.add(hits.id, 'x', wrong)).toThrow(expect.objectContaining({ code: 'FLT-1912' }));
    expect(() => a.table.add('connect', key('::1'))).toThrow(expect.objectContaining({ code: 'FLT-1912' }));
    expect(() => a.table.add('other', 'x')).toThrow(expect.objectContaining({ code: 'FLT-1911' }));
    nodes.rest();
    expect(a.table.stats.ownKeys).toBe(0);
  });

  it('OWN-7 what finds no room is counted under one key', () => {
    const nodes = new Nodes();
    const node = nodes.add();
    for (let i = 0; i < 100_010; i++) node.table.add(hits.id, `k${i}`);
    expect(node.sum('*')).toBe(10);
    expect(node.table.stats).toMatchObject({ rolledUp: 10, ownKeys: 100_001 });
  });

  it('REP-8.3 REP-22.7 old cells are dropped everywhere, by the word of who counted in them; counts are not taken back', () => {
    const { nodes, a, b } = three();
    b.table.define({ ...hits }, [{ sizeS: 60, count: 60 }], true);
    a.table.add(hits.id, 'x', 4);
    nodes.rest();
    nodes.nowMs += 6 * 60_000;
    a.table.add(hits.id, 'y', 1);
    nodes.upkeep();
    nodes.rest();
    expect(a.table.stats).toMatchObject({ ownKeys: 1 });
    expect(b.table.row(a.self).size).toBe(1);
    expect(b.sum('x', 0, 60)).toBe(4);
    expect(b.replicator.verify().every(({ verdict }) => verdict === 'match')).toBe(true);
    expect(b.replicator.stats.differences).toBe(0);
  });

  it('REP-8.3 a cell that is dropped with changes in it that were never sent leaves nothing pending', () => {
    const { nodes, a, b } = three();
    a.table.add(hits.id, 'x', 4);
    nodes.nowMs += 6 * 60_000;
    nodes.upkeep();
    a.replicator.flush();
    expect(a.table.pending).toBe(0);
    expect(a.table.digest).toMatchObject({ high: 0, low: 0 });
    // The clock is set back: the same cell begins anew.
    nodes.nowMs -= 6 * 60_000;
    a.table.add(hits.id, 'x', 1);
    nodes.rest();
    expect(b.sum('x')).toBe(1);
    expect(b.replicator.stats.differences).toBe(0);
  });

  it('REP-8.3 a cell that is dropped while a snapshot of it is made does not come back with the rest of it', () => {
    const { nodes, a } = three();
    for (let i = 0; i < 10_000; i++) a.table.add(hits.id, `k${i}`);
    const row = a.table.ownRow();
    const first = row.next();
    expect(first.value?.cells[0]?.keys.length).toBeGreaterThan(1000);
    nodes.nowMs += 6 * 60_000;
    nodes.upkeep();
    expect([...row].flatMap(({ cells }) => cells)).toEqual([]);
  });

  it('REP-22.8 at rest, sums are exact after any course of messages, ends and partitions', () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(
          fc.constant('add' as const),
          fc.nat(3),
          fc.nat(3),
          fc.integer({ min: -3, max: 5 }),
        ),
      },
      { weight: 6, arbitrary: fc.tuple(fc.constantFrom('deliver' as const, 'lose' as const), fc.nat(9)) },
      {
        weight: 2,
        arbitrary: fc.tuple(
          fc.constantFrom(
            'flush' as const,
            'step' as const,
            'reset' as const,
            'split' as const,
            'view' as const,
            'end' as const,
            'drop' as const,
          ),
          fc.nat(3),
        ),
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const nodes = new Nodes();
        const series: StreamDefinition = { ...hits, id: 'long', count: 1000 };
        const [a] = [nodes.add(), nodes.add(), nodes.add()];
        for (const { table } of nodes.present) table.define(series, [{ sizeS: 86_400, count: 3 }], true);
        nodes.view();
        nodes.rest();
        const truth = new Map<string, number>();
        for (const [what, n, ...rest] of steps) {
          const node = nodes.present[n % nodes.present.length]!;
          if (what === 'add') {
            const [k, by] = [`k${rest[0]}`, rest[1]!];
            node.table.add('long', k, by / 4);
            truth.set(k, (truth.get(k) ?? 0) + by / 4);
          } else if (what === 'deliver') nodes.deliver(n);
          else if (what === 'lose') nodes.under.splice(n, 1);
          else if (what === 'flush') node.replicator.flush();
          else if (what === 'step') node.replicator.step();
          else if (what === 'split') nodes.view([node]);
          else if (what === 'view') nodes.view();
          else if (what === 'drop') nodes.nowMs += 60_000;
          else if (what === 'reset') nodes.reset(node);
          else if (node !== a && nodes.present.length > 2) {
            nodes.view();
            nodes.rest();
            nodes.remove(node);
          }
        }
        nodes.view();
        nodes.rest();
        for (const { table, replicator } of nodes.present) {
          for (const [k, sum] of truth) expect(table.sum('long', 86_400, 0, 3, k)).toBe(sum);
          expect(replicator.verify().map(({ verdict }) => verdict)).toEqual(
            nodes.present.slice(1).map(() => 'match'),
          );
        }
      }),
      { numRuns: 200 },
    );
  });
});
