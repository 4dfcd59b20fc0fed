/** The audit functions: windows, smoothing, ranges, scopes and every error. */
import { describe, expect, it } from 'vitest';
import { parsePrefix } from '../../../src/core/address.ts';
import { type AuditEvent, InboundAudit } from '../../../src/core/series/inbound-audit.ts';
import type { Monitor } from '../../../src/core/series/stream-totals.ts';
import { type Node, Nodes } from './nodes.ts';

const ip = '10.0.0.1';
const five: Monitor = { sizeS: 300, count: 6 };
const one: Monitor = { sizeS: 60, count: 1 };
const all: readonly AuditEvent[] = ['connect', 'reception', 'rejection'];

function auditOf(nodes: Nodes, node: Node, monitors = [five, one], shared = all) {
  const warnings: AuditEvent[] = [];
  const audit = new InboundAudit(node.table, {
    monitors,
    shared: new Set(shared),
    nowMs: () => nodes.nowMs,
    notShared: (event) => warnings.push(event),
  });
  return { audit, warnings };
}

function alone(monitors = [five, one], shared = all) {
  const nodes = new Nodes();
  const node = nodes.add();
  // A window of 300 s begins.
  nodes.nowMs = 1_699_999_800_000;
  return { nodes, node, ...auditOf(nodes, node, monitors, shared) };
}

describe('the inbound audit', () => {
  it('REP-8.12 REP-22.7 golden case of the smoothed form', () => {
    const { nodes, audit } = alone();
    audit.count('reception', ip, 40);
    nodes.nowMs += 375_000;
    audit.count('reception', ip, 10);
    expect(audit.smoothed('reception', ip, 0)).toBe(40);
    expect(audit.during('reception', ip)).toBe(10);
    nodes.nowMs += 1_000;
    expect(audit.smoothed('reception', ip, 0)).toBe(39);
  });

  it('REP-8.3 REP-8.4 REP-22.7 at a boundary the windows shift, and the oldest one goes', () => {
    const { nodes, audit } = alone();
    const shown = () =>
      [...audit.show(parsePrefix('10.0.0.0/8')!)].slice(0, 7).map((line) => Number(line.split(': ')[1]));
    for (let window = 0; window < 7; window++) {
      audit.count('connect', ip, 2 ** window);
      if (window < 6) nodes.nowMs += 300_000;
    }
    expect(shown()).toEqual([64, 32, 16, 8, 4, 2, 1]);
    nodes.nowMs += 299_999;
    expect(shown()).toEqual([64, 32, 16, 8, 4, 2, 1]);
    nodes.nowMs += 1;
    nodes.upkeep();
    expect(shown()).toEqual([0, 64, 32, 16, 8, 4, 2]);
    nodes.nowMs -= 300_000;
    expect(shown()).toEqual([64, 32, 16, 8, 4, 2, 0]);
  });

  it('REP-8.13 REP-8.16 REP-22.7 sums over ranges of windows, of an address or a netblock', () => {
    const { nodes, audit } = alone();
    for (const by of [1, 10, 100]) {
      audit.count('connect', ip, by);
      audit.count('connect', '10.0.0.200', 1000 * by);
      if (by < 100) nodes.nowMs += 300_000;
    }
    expect(audit.during('connect', ip, { start: 1, end: 2 })).toBe(11);
    expect(audit.during('connect', ip, { monitor: '300,6', start: 1 })).toBe(10);
    expect(audit.during('connect', ip, { mask: 24 })).toBe(100_100);
    expect(audit.audit('connect', '300,6', { startv: 1, endv: 2 }, ip)).toBe(11);
    expect(audit.audit('connect', '300,6', { startv: 2 }, ip)).toBe(1);
    expect(audit.audit('connect', '300,6', '10.0.0.0/24', ip)).toBe(100_100);
    expect(audit.audit('connect', '300,6', '/25', ip)).toBe(100);
    expect(audit.audit('rejection', '300,6', { endv: 5 }, ip)).toBe(0);
  });

  it('REP-8.1 REP-8.11 REP-8.14 REP-8.15 of all nodes where it is shared; else of this one, and a warning, once', () => {
    const nodes = new Nodes();
    const [a, b] = [nodes.add(), nodes.add()];
    const here = auditOf(nodes, a, [five], ['connect']);
    const there = auditOf(nodes, b, [five], ['connect']);
    nodes.view();
    for (const event of all) {
      here.audit.count(event, '2001:db8::1', 1);
      there.audit.count(event, '2001:db8::1', 2);
    }
    nodes.rest();
    const { audit, warnings } = here;
    expect(audit.smoothed('connect', '2001:db8::1', 0)).toBe(1);
    expect(audit.smoothed('connect', '2001:db8::1', 0, 128, true)).toBe(3);
    expect(audit.during('connect', '2001:db8::9', { mask: 64, isCluster: true })).toBe(3);
    expect(audit.audit('reception', '300,6', { cluster: true }, '2001:db8::1')).toBe(1);
    expect(audit.during('reception', '2001:db8::1', { isCluster: true })).toBe(1);
    expect(warnings).toEqual(['reception']);
    expect([...audit.show(parsePrefix('::/0')!)]).toContain('Connections 300/0: 3\n');
    expect([...audit.show(parsePrefix('::/0')!)]).toContain('Receptions 300/0: 1\n');
  });

  it('REP-8.5 at a boundary many small windows drop less at once than few big ones', () => {
    const { nodes, audit } = alone([
      { sizeS: 60, count: 6 },
      { sizeS: 300, count: 2 },
    ]);
    nodes.nowMs = Math.ceil(nodes.nowMs / 300_000) * 300_000;
    for (let minute = 0; minute < 10; minute++) {
      audit.count('connect', ip, 10);
      nodes.nowMs += 60_000;
    }
    const small = () => audit.during('connect', ip, { monitor: '60,6', start: 0, end: 5 });
    const big = () => audit.during('connect', ip, { monitor: '300,2', start: 0, end: 1 });
    // The eleventh minute begins, and the third window of five minutes.
    expect([small(), big()]).toEqual([50, 50]);
    nodes.nowMs -= 1;
    expect([small(), big()]).toEqual([60, 100]);
  });

  it('REP-10.3 REP-10.8 golden case of show', () => {
    const { audit } = alone([{ sizeS: 1800, count: 1 }]);
    audit.count('connect', ip, 30);
    expect([...audit.show(parsePrefix('10.0.0.0/8')!)].join('')).toBe(
      'Connections 1800/0: 30\nConnections 1800/1: 0\nReceptions 1800/0: 0\nReceptions 1800/1: 0\n' +
        'Rejections 1800/0: 0\nRejections 1800/1: 0\n',
    );
    expect([...alone([]).audit.show(parsePrefix('10.0.0.0/8')!)]).toEqual(['no monitors configured\n']);
  });

  it('REP-8.10 cells are minutes, unless windows are made of less or there were too many', () => {
    const nodes = new Nodes();
    const node = nodes.add();
    const grain = (monitors: Monitor[]) => {
      auditOf(nodes, node, monitors).audit.count('connect', ip);
      const blocks = [...node.table.ownRow()].flatMap(({ cells }) => cells);
      return blocks.find(({ definition }) => definition.id === 'connect')!.definition.intervalS;
    };
    expect(grain([five])).toBe(60);
    expect(grain([five, { sizeS: 90, count: 3 }])).toBe(30);
    expect(grain([{ sizeS: 86_400, count: 30 }])).toBe(86_400);
  });

  it('REP-8.17 REP-22.10 what is wrong is named', () => {
    const { audit } = alone();
    const { during, smoothed } = {
      during: (query: Parameters<InboundAudit['during']>[2]) => () => audit.during('connect', ip, query),
      smoothed: (index: number, mask?: number) => () => audit.smoothed('connect', ip, index, mask),
    };
    expect(smoothed(2)).toThrow(/monitor/);
    expect(smoothed(0, 33)).toThrow(/mask/);
    expect(() => audit.smoothed('connect', undefined, 0)).toThrow(/no live session/);
    expect(() => audit.smoothed('connect', '10.0.0.300', 0)).toThrow(/address/);
    expect(() => audit.smoothed('connect', '::1', 0, 129)).toThrow(/mask/);
    expect(during({ monitor: '300,7' })).toThrow(/monitor/);
    expect(during({ start: 6 })).toThrow(/period_start/);
    expect(during({ end: 6 })).toThrow(/period_end/);
    expect(during({ start: 2, end: 1 })).toThrow(/period_end/);
    expect(() => audit.audit('connect', '9,9', ip)).toThrow(/monitor/);
    expect(() => audit.audit('connect', '300,6', { endv: -1 }, ip)).toThrow(/endv/);
    expect(() => audit.audit('connect', '300,6', 'x')).toThrow(/cidr/);
    expect(() => audit.audit('connect', '300,6')).toThrow(/cidr/);
  });
});
