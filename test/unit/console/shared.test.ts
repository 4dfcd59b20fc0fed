import { describe, expect, it } from 'vitest';
import type { SharedRow } from '../../../src/core/shared-object.ts';
import { fakeNode, fakeObject, row, type } from './fake-node.ts';

const treeRows = [
  '10.0.0.0/8 31',
  '10.0.0.0/24 31',
  '10.0.0.0/25 4',
  '10.0.0.103/32 4',
  '10.0.0.160/27 27',
  '10.0.0.176/29 27',
  '10.0.0.180/31 27',
  '10.0.0.180/32 14',
  '10.0.0.181/32 13',
].map(row);
const domainRows = ['aol.com 1', 'bellsouth.net 4', 'hotmail.com 26', 'yahoo.com 30'].map(row);

/** Knows the rows of everybody, of relay-0-1 and of relay-0-2, who has sent nothing. */
const inboundCidr = fakeObject({
  name: 'inbound_cidr',
  rows: (from, under) => {
    const batches: Record<string, SharedRow[][]> = {
      global:
        under === undefined
          ? [treeRows.slice(0, 4), [], treeRows.slice(4)]
          : [treeRows.filter(({ key }) => key.startsWith('10.0.0.18'))],
      'relay-0-1': [[row('10.0.0.180/32 4')]],
      '#ec1-12137#relay-0-1': [[row('10.0.0.180/32 4')]],
      'relay-0-2': [],
    };
    return batches[from ?? 'global'];
  },
});
const outboundDomains = fakeObject({
  name: 'outbound_domains',
  kind: 'gauge table',
  rows: () => [domainRows],
});
const unsnapped = fakeObject({ name: 'plain', snapped: false });
const facts = fakeNode({
  sharedObjects: () => [inboundCidr, fakeObject({ name: 'outbound_cidr' }), outboundDomains, unsnapped],
});
const typed = (line: string) => type(line, facts);
const linesOf = async (line: string) =>
  (await typed(line)).text
    .split('\n')
    .slice(1, -1)
    .map((each) => each.trim());

describe('cluster shared list', () => {
  it('CMD-19 REP-18.2 REP-22.1 byte for byte, in configuration order', async () => {
    expect((await typed('cluster shared list')).text).toBe(`Currently managed objects:
                  inbound_cidr [lazy, cidrtree w/ snapshots]
                 outbound_cidr [lazy, cidrtree w/ snapshots]
              outbound_domains [lazy, gauge table w/ snapshots]
                         plain [lazy, cidrtree]
`);
  });

  it('REP-18.2 nothing after the heading when there are none', async () => {
    expect((await type('cluster shared list')).text).toBe('Currently managed objects:\n');
  });

  it('REP-18.2 in JSON and XML', async () => {
    const one = fakeNode({ sharedObjects: () => [outboundDomains] });
    expect(JSON.parse((await type('json cluster shared list', one)).text)).toEqual({
      objects: [{ name: 'outbound_domains', kind: 'gauge table', lazy: true, snapshots: true }],
    });
    expect((await type('xml cluster shared list', one)).text).toBe(
      '<SharedObjects><Object><Name>outbound_domains</Name><Kind>gauge table</Kind><Lazy>true</Lazy><Snapshots>true</Snapshots></Object></SharedObjects>\n',
    );
  });
});

describe('cluster shared show', () => {
  it('CMD-19 REP-18.3, REP-5.8, REP-5.10 the global view of a tree, byte for byte', async () => {
    expect(
      (await typed('cluster shared show inbound_cidr')).text,
    ).toBe(`lazy, snapped cidrtree 'inbound_cidr', view 'global'
     31                         10.0.0.0/8
     31                         10.0.0.0/24
      4                         10.0.0.0/25
      4                         10.0.0.103/32
     27                         10.0.0.160/27
     27                         10.0.0.176/29
     27                         10.0.0.180/31
     14                         10.0.0.180/32
     13                         10.0.0.181/32
`);
  });

  it('REP-18.4 one node by its name or its private name', async () => {
    const text = `lazy, snapped cidrtree 'inbound_cidr', view '#ec1-12137#relay-0-1'
      4                         10.0.0.180/32
`;
    expect((await typed('cluster shared show inbound_cidr from relay-0-1')).text).toBe(text);
    expect((await typed('cluster shared show inbound_cidr FROM #ec1-12137#relay-0-1')).text).toBe(text);
  });

  it('REP-5.13 a gauge table, byte for byte; REP-5.17 the singular is echoed as typed', async () => {
    expect(
      (await typed('cluster shared show outbound_domain from relay-0-1')).text,
    ).toBe(`lazy, snapped gauge table 'outbound_domain', view '#ec1-12137#relay-0-1'
                                                     aol.com:            1
                                               bellsouth.net:            4
                                                 hotmail.com:           26
                                                   yahoo.com:           30
`);
    expect((await typed('cluster shared show outbound_domains')).text).toMatch(
      /^lazy, snapped gauge table 'outbound_domains', view 'global'\n/,
    );
  });

  it('REP-5.17 an object that is really called outbound_domain goes before the alias', async () => {
    const both = fakeNode({
      sharedObjects: () => [outboundDomains, fakeObject({ name: 'outbound_domain', snapped: false })],
    });
    expect((await type('cluster shared show outbound_domain', both)).text).toBe(
      "lazy, cidrtree 'outbound_domain', view 'global'\n",
    );
  });

  it('REP-5.10 wider counts push the prefix right; REP-5.13 longer keys are not cut', async () => {
    const key = `${'a'.repeat(63)}.org`;
    const wide = fakeNode({
      sharedObjects: () => [
        fakeObject({ name: 'tree', rows: () => [[row('10.0.0.1/32 123456789')]] }),
        fakeObject({
          name: 'table',
          kind: 'gauge table',
          rows: () => [[{ key, count: 12_345_678_901_234 }]],
        }),
      ],
    });
    expect((await type('cluster shared show tree', wide)).text.split('\n')[1]).toBe(
      `123456789${' '.repeat(25)}10.0.0.1/32`,
    );
    expect((await type('cluster shared show table', wide)).text.split('\n')[1]).toBe(`${key}:12345678901234`);
  });

  it('REP-5.10, REP-18.5 without rows the header stands alone', async () => {
    expect((await typed('cluster shared show inbound_cidr from relay-0-2')).text).toBe(
      "lazy, snapped cidrtree 'inbound_cidr', view '#ec1-12137#relay-0-2'\n",
    );
  });

  it('REP-18.7 a throttle table shows what is used of how much in how long a window', async () => {
    const rows = [{ key: 'newsletters', count: 40, rate: { units: 100, windowS: 60 } }];
    const object = fakeObject({ name: 'OBTM', kind: 'throttle table', rows: () => [rows] });
    const node = fakeNode({ sharedObjects: () => [object] });
    expect((await type('cluster shared show OBTM', node)).text).toBe(
      `lazy, snapped throttle table 'OBTM', view 'global'
                                                 newsletters:       40/100 per 60 s
`,
    );
    expect(JSON.parse((await type('json cluster shared show OBTM', node)).text).rows).toEqual([
      { key: 'newsletters', count: 40, units: 100, windowS: 60 },
    ]);
    expect((await type('xml cluster shared show OBTM', node)).text).toContain(
      '<Row><Key>newsletters</Key><Count>40</Count><Units>100</Units><Window>60</Window></Row>',
    );
  });

  it('REP-18.3 an object without snapshots', async () => {
    expect((await typed('cluster shared show plain')).text).toBe("lazy, cidrtree 'plain', view 'global'\n");
  });

  it.each([
    ['cluster shared show nothing', "no such shared object 'nothing'\n", 1],
    ['cluster shared show Inbound_Cidr', "no such shared object 'Inbound_Cidr'\n", 1],
    ['cluster shared show inbound_cidr from nobody', "no view of 'inbound_cidr' from node 'nobody'\n", 1],
    ['cluster shared show', 'usage: cluster shared list | cluster shared show <object> [from <node>]\n', 4],
    ['cluster shared list x', 'usage: cluster shared list | cluster shared show <object> [from <node>]\n', 4],
  ])('REP-18.5 REP-22.10 %s', async (line, text, status) => {
    expect(await typed(line)).toMatchObject({ text, status });
  });

  it.each([
    'from',
    'from a from b',
    'min',
    'min -1',
    'min 1.5',
    'min x',
    'top 0',
    'top 10001',
    'nearby 1',
    'json json',
    `key ${'x'.repeat(1001)}`,
  ])('CMD-20 show with the clauses %j prints its usage', async (clauses) => {
    const { text, status } = await typed(`cluster shared show inbound_cidr ${clauses}`);
    expect(text).toBe(
      'usage: cluster shared show <object> [from <node>] [under <prefix>] [key <pattern>] [min <count>] [top <rows>] [json]\n',
    );
    expect(status).toBe(4);
  });

  it('REP-21.6 min leaves out smaller counts', async () => {
    expect(await linesOf('cluster shared show outbound_domains min 26')).toEqual([
      'hotmail.com:           26',
      'yahoo.com:           30',
    ]);
    expect(await linesOf('cluster shared show outbound_domains min 31')).toEqual([]);
  });

  it('REP-21.6 top shows the largest first; of a tree only addresses', async () => {
    expect(await linesOf('cluster shared show outbound_domains top 2')).toEqual([
      'yahoo.com:           30',
      'hotmail.com:           26',
    ]);
    const addresses = await linesOf('cluster shared show inbound_cidr top 2');
    expect(addresses.map((line) => line.split(/\s+/))).toEqual([
      ['14', '10.0.0.180/32'],
      ['13', '10.0.0.181/32'],
    ]);
  });

  it('REP-21.6 top keeps the dump order of equal counts and what a plain sort would keep, over many batches', async () => {
    const rows = Array.from({ length: 5000 }, (_, index) =>
      row(`10.0.${index >> 8}.${index & 255}/32 ${(index * 7919) % 50}`),
    );
    const batches = Array.from({ length: 50 }, (_, index) => rows.slice(index * 100, index * 100 + 100));
    const many = fakeNode({ sharedObjects: () => [fakeObject({ name: 'many', rows: () => batches })] });
    const { text } = await type('json cluster shared show many top 120', many);
    expect(JSON.parse(text).rows).toEqual(rows.toSorted((a, b) => b.count - a.count).slice(0, 120));
  });

  it.each([
    ['*.com', ['aol.com', 'hotmail.com', 'yahoo.com']],
    ['*o*.com', ['aol.com', 'hotmail.com', 'yahoo.com']],
    ['?ol.com', ['aol.com']],
    ['*south*', ['bellsouth.net']],
    ['aol.com', ['aol.com']],
    ['aol', []],
    ['*', ['aol.com', 'bellsouth.net', 'hotmail.com', 'yahoo.com']],
    ['"*.c?m*"', ['aol.com', 'hotmail.com', 'yahoo.com']],
  ])('REP-21.6 key %s', async (pattern, keys) => {
    const lines = await linesOf(`cluster shared show outbound_domains key ${pattern}`);
    expect(lines.map((line) => line.split(':')[0])).toEqual(keys);
  });

  it('REP-21.6 a hostile pattern takes no exponential time', async () => {
    const long = fakeNode({
      sharedObjects: () => [
        fakeObject({ name: 'long', kind: 'gauge table', rows: () => [[{ key: 'a'.repeat(300), count: 1 }]] }),
      ],
    });
    expect((await type(`cluster shared show long key ${'a*'.repeat(100)}b`, long)).status).toBe(0);
  });

  it('REP-21.6 under keeps one prefix, for trees only', async () => {
    expect(await linesOf('cluster shared show inbound_cidr under 10.0.0.180/31 min 14')).toHaveLength(2);
    expect(await typed('cluster shared show outbound_domains under 10.0.0.0/8')).toMatchObject({
      text: "'outbound_domains' is a gauge table: 'under' needs prefixes as keys\n",
      status: 1,
    });
    expect(await typed('cluster shared show inbound_cidr under 10.0.0.0/33')).toMatchObject({
      text: "'10.0.0.0/33' is no prefix such as 10.0.0.0/24\n",
      status: 1,
    });
  });

  it('REP-21.6 the example of the rule: under, top and json behind the command', async () => {
    const { text } = await typed('cluster shared show inbound_cidr under 10.0.0.180/31 top 1 json');
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toEqual({
      object: 'inbound_cidr',
      kind: 'cidrtree',
      lazy: true,
      snapshots: true,
      view: 'global',
      rows: [{ key: '10.0.0.180/32', count: 14 }],
    });
  });

  it('a node may be called json', async () => {
    const odd = fakeNode({
      sharedObjects: () => [fakeObject({ name: 'odd', rows: (from) => (from === 'json' ? [] : undefined) })],
    });
    expect((await type('cluster shared show odd from json', odd)).text).toBe(
      "lazy, snapped cidrtree 'odd', view '#ec1-12137#json'\n",
    );
  });

  it('CON-12 show in XML and in JSON', async () => {
    expect((await typed('xml cluster shared show inbound_cidr from relay-0-1')).text).toBe(
      '<SharedObject name="inbound_cidr" kind="cidrtree" view="#ec1-12137#relay-0-1"><Row><Key>10.0.0.180/32</Key><Count>4</Count></Row></SharedObject>\n',
    );
    const { rows } = JSON.parse((await typed('json cluster shared show inbound_cidr')).text);
    expect(rows).toEqual(treeRows);
  });

  it('CON-7 a table of 100,000 rows comes in parts', async () => {
    const batch = Array.from({ length: 1000 }, (_, index) => row(`10.0.0.${index}/32 1`));
    const big = fakeNode({
      sharedObjects: () => [fakeObject({ name: 'big', rows: () => new Array(100).fill(batch) })],
    });
    const { parts, text } = await type('cluster shared show big', big);
    expect(parts.length).toBeGreaterThan(100);
    expect(text.split('\n')).toHaveLength(100_002);
  });
});

describe('cluster shared verify and stats', () => {
  const origin = '#ec1-12137#relay-0-1';
  const watched = fakeNode({
    sharedObjects: () => [
      fakeObject({
        name: 'inbound_cidr',
        verify: () => [
          { origin, verdict: 'match' },
          { origin: '#ec1-48616#relay-0-2', verdict: 'differ' },
        ],
        stats: {
          keys: 9,
          ownKeys: 4,
          pending: 3,
          oldestPendingMs: 420,
          batchesSent: 10,
          batchesReceived: 17,
          snapshotsSent: 1,
          snapshotsReceived: 2,
          gaps: 1,
          origins: [{ origin, state: 'whole', keys: 5, sequence: 17, lastMessageAgeMs: 1250 }],
        },
      }),
      fakeObject({
        name: 'outbound_domains',
        kind: 'gauge table',
        verify: () => [{ origin, verdict: 'unknown' }],
      }),
    ],
  });

  it('REP-21.5 stats of other kinds of objects print their figures as they are called', async () => {
    const stats = { keys: 3, pending: 0, drops: 1, origins: [], waitingCallers: 7 };
    const object = { ...fakeObject({ name: 'OBTM', kind: 'throttle table' }), stats: () => stats };
    const node = fakeNode({ sharedObjects: () => [object] });
    expect((await type('cluster shared stats', node)).text).toBe(
      'OBTM\n\t[keys: 3, pending: 0, drops: 1, waiting callers: 7]\n',
    );
    expect((await type('xml cluster shared stats', node)).text).toContain(
      '<Waiting_Callers>7</Waiting_Callers>',
    );
  });

  it('REP-21.4 verify prints object, origin and verdict', async () => {
    expect((await type('cluster shared verify', watched)).text).toBe(
      `                  inbound_cidr #ec1-12137#relay-0-1 match
                  inbound_cidr #ec1-48616#relay-0-2 differ
              outbound_domains #ec1-12137#relay-0-1 unknown
`,
    );
    expect((await type('cluster shared verify outbound_domain', watched)).text).toBe(
      '              outbound_domains #ec1-12137#relay-0-1 unknown\n',
    );
    expect(JSON.parse((await type('json cluster shared verify outbound_domains', watched)).text)).toEqual({
      rows: [{ object: 'outbound_domains', origin, verdict: 'unknown' }],
    });
    expect((await type('xml cluster shared verify outbound_domains', watched)).text).toBe(
      `<SharedVerify><Row><Object>outbound_domains</Object><Origin>${origin}</Origin><Verdict>unknown</Verdict></Row></SharedVerify>\n`,
    );
  });

  it('REP-21.5 stats prints lag and losses', async () => {
    expect((await type('cluster shared stats inbound_cidr', watched)).text).toBe(`inbound_cidr
\t[keys: 9, own 4, rolled up 0, refused 0]
\t[anomalies: 0 below zero, 0 overflows]
\t[pending: 3 changes, oldest 0.4 s]
\t[sent: 10 batches, 1 snapshots]
\t[received: 17 batches, 2 snapshots, 1 gaps, 0 differences, 0 drops]
\t[from '#ec1-12137#relay-0-1': whole, 5 keys, batch 17, 1.3 s ago]
`);
    expect((await type('cluster shared stats', watched)).text).toContain(
      '\noutbound_domains\n\t[keys: 0, own 0, ',
    );
    expect(
      JSON.parse((await type('json cluster shared stats inbound_cidr', watched)).text).objects[0],
    ).toMatchObject({
      name: 'inbound_cidr',
      keys: 9,
      origins: [{ origin, state: 'whole', keys: 5, sequence: 17, lastMessageAgeMs: 1250 }],
    });
    expect((await type('xml cluster shared stats inbound_cidr', watched)).text).toContain(
      '<Batches_Sent>10</Batches_Sent>',
    );
    expect((await type('xml cluster shared stats inbound_cidr', watched)).text).toContain(
      '<Row><Origin>#ec1-12137#relay-0-1</Origin><State>whole</State>',
    );
  });

  it.each(['verify', 'stats'])('CMD-20 errors of %s', async (word) => {
    expect(await type(`cluster shared ${word} nothing`, watched)).toMatchObject({
      text: "no such shared object 'nothing'\n",
      status: 1,
    });
    expect(await type(`cluster shared ${word} a b`, watched)).toMatchObject({
      text: `usage: cluster shared ${word} [<object>]\n`,
      status: 4,
    });
  });
});
