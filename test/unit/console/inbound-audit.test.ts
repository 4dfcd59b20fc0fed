/** The inbound_audit commands: exact texts, effects and every error (replication 10). */
import { describe, expect, it } from 'vitest';
import type { Prefix } from '../../../src/core/address.ts';
import { AuditSeries } from '../../../src/core/series/audit-series.ts';
import { InboundAudit } from '../../../src/core/series/inbound-audit.ts';
import { Journal } from '../../../src/core/series/journal.ts';
import { type Node, Nodes } from '../series/nodes.ts';
import { fakeNode, type as typed } from './fake-node.ts';

function countsOf(nodes: Nodes, node: Node, monitors = [{ sizeS: 1800, count: 4 }]) {
  const audit = new InboundAudit(node.table, {
    monitors,
    shared: new Set(['connect']),
    nowMs: () => nodes.nowMs,
    notShared: () => {},
  });
  const series = new AuditSeries({
    table: () => node.table,
    tables: () => [node.table],
    journal: new Journal(),
  });
  return {
    audit,
    series,
    show: async function* (prefix: Prefix) {
      yield* audit.show(prefix);
    },
    all: async function* () {
      yield* audit.all();
    },
    load: async (name: string, file: string) => {
      series.addKey(series.named(name), file, 1);
      return 1;
    },
  };
}

function consoleOf(monitors?: { sizeS: number; count: number }[]) {
  const nodes = new Nodes();
  const [a, b] = [nodes.add(), nodes.add()];
  nodes.view();
  nodes.rest();
  nodes.nowMs = 1_699_999_200_000;
  const counts = countsOf(nodes, a, monitors);
  const others = countsOf(nodes, b, monitors);
  const facts = fakeNode({ counts: () => counts });
  const say = async (line: string) => (await typed(`inbound_audit ${line}`, facts)).text;
  return { nodes, counts, others, facts, say };
}

describe('inbound_audit', () => {
  it('REP-10.2 REP-22.1 golden text of help', async () => {
    const { say } = consoleOf();
    expect(await say('help')).toBe(`show ip <ip[/mask]>
    Display verbose statistics for the specified ip or cidr block
delete_ip <ip> <series> <parameters>
    Delete an IP from a defined named series
count_cidr <ip[/mask]> <series> <parameters> <period_start> <period_end>
    Count a CIDR in a named series
add <series> <parameters> <ip> <increment>
    Add a value to a CIDR in a named series
subtract <series> <parameters> <ip> <decrement>
    Subtract a value from a CIDR in a named series
show all
    Display verbose statistics for all domains as a CSV list
load <series> <filename>
    Load a series from a file.  The the filename can be omitted if
    the file has the same name as the series
`);
  });

  it('REP-10.3 REP-10.4 REP-22.1 golden text of show ip: of all nodes where the word is replicated', async () => {
    const { nodes, counts, others, say } = consoleOf();
    counts.audit.count('connect', '10.0.0.1', 20);
    others.audit.count('connect', '10.200.0.1', 10);
    counts.audit.count('reception', '10.0.0.2', 1697);
    others.audit.count('reception', '10.0.0.2', 5);
    nodes.rest();
    const zeros = (title: string, from: number) =>
      [0, 1, 2, 3, 4]
        .slice(from)
        .map((window) => `${title} 1800/${window}: 0\n`)
        .join('');
    expect(await say('show ip 10.0.0.0/8')).toBe(
      `Connections 1800/0: 30\n${zeros('Connections', 1)}Receptions 1800/0: 1697\n${zeros('Receptions', 1)}${zeros('Rejections', 0)}`,
    );
    expect((await say('show ip 10.0.0.1')).split('\n')[0]).toBe('Connections 1800/0: 20');
    expect((await say('show ip ::/0')).split('\n')[0]).toBe('Connections 1800/0: 0');
  });

  it('REP-10.1 the name of an instance behind the module is ignored', async () => {
    const { facts, say } = consoleOf();
    expect((await typed('inbound_audit:inbound_audit1 show ip 10.0.0.1', facts)).text).toBe(
      await say('show ip 10.0.0.1'),
    );
  });

  it('REP-10.7 show all is CSV, sorted by address', async () => {
    const { nodes, counts, say } = consoleOf();
    counts.audit.count('connect', '10.0.0.10');
    counts.audit.count('rejection', '10.0.0.2', 2);
    counts.audit.count('connect', '2001:db8::1', 3);
    nodes.nowMs += 1_800_000;
    counts.audit.count('connect', '10.0.0.2', 4);
    expect(await say('show all')).toBe(
      'ip,type,size,window,count\n10.0.0.2,Connections,1800,0,4\n10.0.0.2,Rejections,1800,1,2\n' +
        '10.0.0.10,Connections,1800,1,1\n2001:db8::1,Connections,1800,1,3\n',
    );
  });

  it('REP-10.5 REP-10.6 add, subtract, delete_ip say nothing, count_cidr the bare sum; load counts entries', async () => {
    const { counts, say } = consoleOf();
    counts.series.define('spam', 'cidr', 60, 5);
    counts.series.define('words', 'string', 60, 5);
    expect(await say('add spam 60,5 10.0.0.1 5')).toBe('');
    expect(await say('subtract spam 60,5 10.0.0.1 1.5')).toBe('');
    expect(await say('add spam 60,5 10.0.0.9 1')).toBe('');
    expect(await say('count_cidr 10.0.0.0/24 spam 60,5 0 4')).toBe('4.5\n');
    expect(await say('delete_ip 10.0.0.1 spam 60,5')).toBe('');
    expect(await say('count_cidr 10.0.0.0/24 spam 60,5 0 0')).toBe('1\n');
    expect(await say('add words 60,5 free 2')).toBe('');
    expect(await say('count_cidr free words 60,5 0 0')).toBe('2\n');
    expect(await say('load words')).toBe('loaded 1 entries into words\n');
    expect(await say('load words other')).toBe('loaded 1 entries into words\n');
  });

  it('REP-10.8 REP-22.10 without monitors, and with wrong arguments', async () => {
    const { counts, facts } = consoleOf();
    expect(await consoleOf([]).say('show ip 10.0.0.1')).toBe('no monitors configured\n');
    counts.series.define('spam', 'cidr', 60, 5);
    const usage = (syntax: string) => `usage: inbound_audit ${syntax}\n`;
    const add = usage('add <series> <parameters> <ip> <increment>');
    const count = usage('count_cidr <ip[/mask]> <series> <parameters> <period_start> <period_end>');
    for (const [line, syntax] of [
      ['show ip 10.0.0.300', usage('show ip <ip[/mask]>')],
      ['show ip', usage('show ip <ip[/mask]>')],
      ['add none 60,5 10.0.0.1 1', add],
      ['add spam 60,6 10.0.0.1 1', add],
      ['add spam 60 10.0.0.1 1', add],
      ['add spam 60,5 ::1 1', add],
      ['add spam 60,5 10.0.0.1 x', add],
      ['add spam 60,5 10.0.0.1', add],
      ['count_cidr 10.0.0.0/24 spam 60,5 0 5', count],
      ['count_cidr 10.0.0.0/24 spam 60,5 2 1', count],
      ['count_cidr 10.0.0.0/33 spam 60,5 0 0', count],
      ['load none', usage('load <series> [<filename>]')],
    ] as const) {
      const { text, status } = await typed(`inbound_audit ${line}`, facts);
      expect(text).toMatch(/^error: .+\n/);
      expect(text.endsWith(syntax)).toBe(true);
      expect(status).toBe(1);
    }
    expect((await typed('inbound_audit show all')).text).toContain('error: the node has not started');
  });
});
