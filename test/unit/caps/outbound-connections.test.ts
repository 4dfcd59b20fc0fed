/** Counting outbound connections, and deciding from these counts, against a list of all open connections. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Incarnation } from '../../../src/core/identity.ts';
import type { OutboundCapSettings, OutboundStanza } from '../../../src/core/outbound-caps.ts';
import {
  type OutboundConnection,
  OutboundConnections,
  type OutboundRowTable,
  type OutboundTable,
} from '../../../src/core/outbound-connections.ts';
import type { OutboundObject } from '../../../src/core/outbound-settings.ts';
import { CidrTable } from '../../../src/core/replica/cidr-table.ts';
import { spellingOf } from '../../../src/core/replica/gauge-key.ts';
import { GaugeTable } from '../../../src/core/replica/gauge-table.ts';
import { finish, type Work } from '../../../src/core/replica/work.ts';

/** A shared object of two nodes in one process: both change it, both see the sum. */
class FakeTable implements OutboundRowTable {
  readonly counts = new Map<string, number>();
  readonly #listeners: ((key: string, by: number) => void)[] = [];

  increment(key: string): void {
    this.#change(key, 1);
  }

  decrement(key: string): void {
    this.#change(key, -1);
  }

  count(key: string): number {
    if (!key.endsWith('/0')) return this.counts.get(key) ?? 0;
    const family = key.startsWith('::') ? ':' : '.';
    return [...this.counts].reduce(
      (sum, [address, count]) => sum + (address.includes(family) ? count : 0),
      0,
    );
  }

  entries(): Iterable<readonly [string, number]> {
    return this.counts.entries();
  }

  onChange(listener: (key: string, by: number) => void): () => void {
    this.#listeners.push(listener);
    return () => this.#listeners.splice(this.#listeners.indexOf(listener), 1);
  }

  #change(key: string, by: number): void {
    const count = this.count(key) + by;
    if (count < 0) throw new Error(`${key} fell below zero`);
    if (count === 0) this.counts.delete(key);
    else this.counts.set(key, count);
    for (const listener of this.#listeners) listener(key, by);
  }
}

const objects: OutboundObject[] = [
  { name: 'outbound_cidr', type: 'outbound_cidr', bindingGroup: undefined },
  { name: 'outbound_domains', type: 'outbound_domains', bindingGroup: undefined },
  { name: 'outbound_binding_domains', type: 'outbound_binding_domains', bindingGroup: undefined },
  { name: 'outbound_cidr_bulk', type: 'outbound_cidr', bindingGroup: 'bulk' },
  { name: 'outbound_domains_bulk', type: 'outbound_domains', bindingGroup: 'bulk' },
];

function setUp(stanzas: readonly OutboundStanza[] = []) {
  const settings: OutboundCapSettings = { stanzas, groupOfBinding: new Map([['b1', 'bulk']]), objects };
  const tables = new Map(objects.map(({ name }) => [name, new FakeTable()]));
  const rows = tables.get('outbound_binding_domains') as FakeTable;
  const node = () => new OutboundConnections(settings, tables, rows);
  const shown = () =>
    Object.fromEntries([...tables].map(([name, { counts }]) => [name, Object.fromEntries(counts)]));
  return { tables, shown, here: node(), there: node(), node };
}

describe('what a connection is counted under', () => {
  test('REP-5.16 REP-6.7 in every object, and in those of its binding group', () => {
    const { here, shown } = setUp();
    const bulk = { binding: 'b1', domain: 'Example.COM.', host: 'MX.example.com', address: '192.0.2.1' };
    const other = { binding: 'b2', domain: 'bücher.example', address: '2001:db8::1' };
    here.opened(bulk);
    here.opened(bulk);
    here.opened(other);
    expect(shown()).toEqual({
      outbound_cidr: { '192.0.2.1': 2, '2001:db8::1': 1 },
      outbound_domains: { 'example.com': 2, 'xn--bcher-kva.example': 1 },
      outbound_binding_domains: {
        'b1::example.com': 2,
        '@host::MX.example.com': 2,
        'b2::xn--bcher-kva.example': 1,
      },
      outbound_cidr_bulk: { '192.0.2.1': 2 },
      outbound_domains_bulk: { 'example.com': 2 },
    });
    expect([here.closed(bulk), here.closed(bulk), here.closed(other)]).toEqual([true, true, true]);
    expect(Object.values(shown())).toEqual([{}, {}, {}, {}, {}]);
  });

  test('REP-4.11 a connection closed once too often changes nothing', () => {
    const { here, there, shown } = setUp();
    const connection = { binding: 'b1', domain: 'example.com', address: '192.0.2.1' };
    there.opened(connection);
    expect(here.closed(connection)).toBe(false);
    expect(shown()).toMatchObject({ outbound_cidr: { '192.0.2.1': 1 } });
    expect(here.mayConnect(connection)).toEqual({ allowed: true });
  });

  test.each([
    { address: 'mx.example.com' },
    { address: '192.0.2.0/24' },
    { binding: 'b:1' },
    { domain: '' },
    { domain: 'two\nlines' },
    { host: 'x'.repeat(600) },
  ])('REP-5.2 what is no key is an error and counts nothing: %j', (wrong) => {
    const { here, shown } = setUp();
    const connection = { binding: 'b1', domain: 'example.com', address: '192.0.2.1', ...wrong };
    expect(() => here.opened(connection)).toThrow('not an address, a prefix or a key');
    expect(Object.values(shown())).toEqual([{}, {}, {}, {}, {}]);
    expect(here.closed(connection)).toBe(false);
  });

  test('REP-6.7 a domain may be an IPv6 literal: the first :: ends the binding', () => {
    const { here } = setUp([{ scope: { binding: 'b2' }, limits: { scope_max_outbound_connections: 1 } }]);
    const connection = { binding: 'b2', domain: '[ipv6:2001:db8::1]', address: '2001:db8::1' };
    here.opened(connection);
    expect(here.mayConnect(connection)).toMatchObject({ allowed: false, scope: 'binding b2' });
  });

  test('a node that starts late knows the rows that are already there', () => {
    const { there, node } = setUp([{ scope: {}, limits: { cluster_scope_max_outbound_connections: 1 } }]);
    const connection = { binding: 'b2', domain: 'example.com', address: '192.0.2.1' };
    there.opened(connection);
    const late = node();
    expect(late.mayConnect(connection)).toMatchObject({ allowed: false, count: 1 });
    there.closed(connection);
    expect(late.mayConnect(connection)).toEqual({ allowed: true });
  });
});

test('REP-6.9 the real tables serve as they are', () => {
  const self = 'a'.repeat(32) as Incarnation;
  const addresses = new CidrTable({ self, maxKeys: 100, seed: 1 });
  const rows = new GaugeTable({ self, maxKeys: 100, spelling: spellingOf('outbound_binding_domains') });
  const tables = new Map<string, OutboundTable>([
    ['outbound_cidr', addresses],
    ['outbound_binding_domains', rows],
  ]);
  const stanzas: OutboundStanza[] = [
    { scope: {}, limits: { cluster_server_max_outbound_connections: 3 } },
    { scope: { binding: 'b2' }, limits: { cluster_server_max_outbound_connections: 2 } },
  ];
  const outbound = new OutboundConnections({ stanzas, groupOfBinding: new Map(), objects }, tables, rows);
  const one = { binding: 'b2', domain: 'Example.com', host: 'MX.example.com', address: '192.0.2.1' };
  const two = { binding: 'b3', domain: 'example.com', address: '2001:db8::1' };
  for (const connection of [one, one, two]) outbound.opened(connection);
  expect(Object.fromEntries(rows.entries())).toEqual({
    'b2::example.com': 2,
    'b3::example.com': 1,
    '@host::MX.example.com': 2,
  });
  expect(outbound.mayConnect(one)).toMatchObject({ value: 2, count: 2, scope: 'binding b2' });
  expect(outbound.mayConnect(two)).toMatchObject({ value: 3, count: 3, scope: 'global' });
  outbound.closed(one);
  expect(outbound.mayConnect(one)).toEqual({ allowed: true });
});

/** Every cap with what it counts, stated over the list of open connections. */
interface Modelled {
  readonly stanza: OutboundStanza;
  readonly applies: (to: OutboundConnection) => boolean;
  readonly counts: (to: OutboundConnection, open: Open) => boolean;
}
type Open = OutboundConnection & { readonly node: 'here' | 'there' };
const inBulk = ({ binding }: OutboundConnection) => binding === 'b1';
const french = '/^(wanadoo|orange)\\.fr$/';
const isFrench = ({ domain }: OutboundConnection) => domain.endsWith('.fr');
const here = ({ node }: Open) => node === 'here';
const always = () => true;

const modelled: readonly Modelled[] = [
  {
    stanza: { scope: { group: 'bulk' }, limits: { scope_max_outbound_connections: 5 } },
    applies: inBulk,
    counts: (_, open) => here(open) && inBulk(open),
  },
  {
    stanza: { scope: { domain: french }, limits: { scope_max_outbound_connections: 4 } },
    applies: isFrench,
    counts: (_, open) => here(open) && isFrench(open),
  },
  {
    stanza: {
      scope: { group: 'bulk', domain: french },
      limits: { cluster_scope_max_outbound_connections: 4 },
    },
    applies: (to) => inBulk(to) && isFrench(to),
    counts: (_, open) => inBulk(open) && isFrench(open),
  },
  {
    stanza: { scope: { host: '/^mx/' }, limits: { cluster_scope_max_outbound_connections: 6 } },
    applies: ({ host }) => host !== undefined,
    counts: (_, { host }) => host !== undefined,
  },
  {
    stanza: { scope: { binding: 'b2' }, limits: { cluster_server_max_outbound_connections: 6 } },
    applies: ({ binding }) => binding === 'b2',
    counts: (_, { binding }) => binding === 'b2',
  },
  {
    stanza: {
      scope: {},
      limits: { cluster_server_max_outbound_connections: 12, max_outbound_connections: 2 },
    },
    applies: always,
    counts: always,
  },
];

const connection: fc.Arbitrary<OutboundConnection> = fc.record(
  {
    binding: fc.constantFrom('b1', 'b2', 'b3'),
    domain: fc.constantFrom('orange.fr', 'wanadoo.fr', 'example.com'),
    host: fc.constantFrom('mx1.example.com', 'mx2.example.com'),
    address: fc.constantFrom('192.0.2.1', '2001:db8::1'),
  },
  { requiredKeys: ['binding', 'domain', 'address'] },
);
const step = fc.record({
  node: fc.constantFrom('here' as const, 'there' as const),
  connection,
  closes: fc.boolean(),
});

test('REP-6.10 a connection is denied exactly when an applicable limit is reached by the open connections it counts', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), connection, (steps, wanted) => {
      const nodes = setUp(modelled.map(({ stanza }) => stanza));
      let open: Open[] = [];
      for (const { node, connection, closes } of steps) {
        const same = open.find((other) => other.node === node && sameConnection(other, connection));
        if (closes && same !== undefined) {
          open = open.filter((other) => other !== same);
          nodes[node].closed(connection);
        } else {
          open.push({ ...connection, node });
          nodes[node].opened(connection);
        }
      }
      const isPair = (other: Open) => other.binding === wanted.binding && other.domain === wanted.domain;
      const reached = modelled.some(({ stanza, applies, counts }) => {
        const { max_outbound_connections: _, ...limits } = stanza.limits;
        const count = open.filter((other) => counts(wanted, other)).length;
        return applies(wanted) && Object.values(limits).some((limit) => count >= limit);
      });
      const pairReached = open.filter((other) => here(other) && isPair(other)).length >= 2;
      expect(nodes.here.mayConnect(wanted).allowed).toBe(!(reached || pairReached));
    }),
    { numRuns: 500 },
  );
});

function sameConnection(a: OutboundConnection, b: OutboundConnection): boolean {
  return a.binding === b.binding && a.domain === b.domain && a.host === b.host && a.address === b.address;
}

test('REP-6 with very many rows other caps hold when all are summed up for them, with what came and went meanwhile', () => {
  const { here, there } = setUp([{ scope: {}, limits: { scope_max_outbound_connections: 9_000 } }]);
  const to = (i: number) => ({ binding: 'b2', domain: `mx${i}.example.com`, address: '192.0.2.1' });
  const rows = 4_000;
  for (let i = 0; i < rows; i++) (i % 2 === 0 ? here : there).opened(to(i));
  const works: Work[] = [];
  here.onWork = (work) => void works.push(work);
  const limit = (most: number) => ({
    stanzas: [{ scope: { domain: '/^mx/' }, limits: { cluster_scope_max_outbound_connections: most } }],
    groupOfBinding: new Map<string, string>(),
  });
  here.configure(limit(1));
  here.configure(limit(rows));
  works[0]!.next();
  works[1]!.next();
  // One that is copied already, one that is not, and a new one.
  here.closed(to(0));
  there.closed(to(rows - 1));
  here.opened(to(rows));
  expect(here.mayConnect(to(7))).toEqual({ allowed: true });
  for (const work of works) finish(work);
  expect(here.mayConnect(to(7))).toEqual({ allowed: true });
  here.opened(to(7));
  expect(here.mayConnect(to(7))).toMatchObject({ allowed: false, value: rows, count: rows });
});

test('REP-6 other caps hold for what is open, here and elsewhere, and it is counted down as it was counted up', () => {
  const { here, there, shown } = setUp([{ scope: {}, limits: { scope_max_outbound_connections: 9 } }]);
  const connection = { binding: 'b2', domain: 'mx1.example.com', address: '192.0.2.1' };
  here.opened(connection);
  here.opened({ ...connection, domain: 'mx2.example.com' });
  there.opened({ ...connection, domain: 'mx3.example.com' });
  const limit = (
    option: 'scope_max_outbound_connections' | 'cluster_scope_max_outbound_connections',
    most: number,
  ) => ({
    stanzas: [{ scope: { domain: '/^mx/' }, limits: { [option]: most } }],
    groupOfBinding: new Map<string, string>(),
  });
  here.configure(limit('scope_max_outbound_connections', 2));
  expect(here.mayConnect(connection)).toMatchObject({ allowed: false, count: 2 });
  here.configure(limit('cluster_scope_max_outbound_connections', 3));
  expect(here.mayConnect(connection)).toMatchObject({ allowed: false, count: 3 });
  here.configure(limit('scope_max_outbound_connections', 3));
  expect(here.mayConnect(connection)).toEqual({ allowed: true });
  here.closed(connection);
  here.closed({ ...connection, domain: 'mx2.example.com' });
  there.closed({ ...connection, domain: 'mx3.example.com' });
  expect(Object.values(shown())).toEqual([{}, {}, {}, {}, {}]);
});
