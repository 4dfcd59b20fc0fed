/** The outbound connection caps of replication section 6, against counts given as plain maps. */
import { describe, expect, test } from 'vitest';
import {
  type OutboundCapSettings,
  OutboundCaps,
  type OutboundCounts,
  type OutboundScope,
  type OutboundStanza,
  uncountedCaps,
} from '../../../src/core/outbound-caps.ts';
import type { OutboundObject } from '../../../src/core/outbound-settings.ts';

const cidr: OutboundObject = { name: 'outbound_cidr', type: 'outbound_cidr', bindingGroup: undefined };
const domains: OutboundObject = {
  name: 'outbound_domains',
  type: 'outbound_domains',
  bindingGroup: undefined,
};
const pairs: OutboundObject = {
  name: 'outbound_binding_domains',
  type: 'outbound_binding_domains',
  bindingGroup: undefined,
};
const allObjects = [cidr, domains, pairs];

type Counts = Readonly<Record<string, number>>;
interface Given {
  readonly stanzas: readonly OutboundStanza[];
  readonly groups?: Readonly<Record<string, string>>;
  readonly objects?: readonly OutboundObject[];
  readonly own?: Counts;
  readonly rows?: Counts;
  /** `<object> <domain or address>`, or `<object>` for its total. */
  readonly cluster?: Counts;
}

const attempt = {
  binding: 'b1',
  domain: 'example.com',
  host: 'mx.example.com',
  ips: ['192.0.2.1', '192.0.2.2'],
};

function stanza(scope: OutboundScope, limits: OutboundStanza['limits']): OutboundStanza {
  return { scope, limits };
}

function settingsOf({ stanzas, groups = {}, objects = allObjects }: Given): OutboundCapSettings {
  return { stanzas, groupOfBinding: new Map(Object.entries(groups)), objects };
}

function decide(given: Given, asked: Partial<typeof attempt> & { group?: string } = {}) {
  const { own = {}, rows = {}, cluster = {} } = given;
  const counts: OutboundCounts = {
    own: (sum) => own[sum] ?? 0,
    rows: (sum) => rows[sum] ?? 0,
    domain: (object, domain) => cluster[`${object} ${domain}`] ?? 0,
    address: (object, address) => cluster[`${object} ${address}`] ?? 0,
    total: (object) => cluster[object] ?? 0,
  };
  return new OutboundCaps(settingsOf(given)).decide(counts, { ...attempt, ...asked });
}

const allowed = { allowed: true };

describe('node-local caps', () => {
  test('REP-6.1 max_outbound_connections is 32 for one binding and one domain when nobody sets it', () => {
    expect(decide({ stanzas: [], own: { 'pair b1::example.com': 31 } })).toEqual(allowed);
    expect(decide({ stanzas: [], own: { 'pair b1::example.com': 32 } })).toEqual({
      allowed: false,
      limit: 'max_outbound_connections',
      value: 32,
      count: 32,
      scope: 'default',
    });
  });

  test('REP-6.1 max_outbound_connections falls back group::binding::domain, binding::domain, group::domain, binding, group, domain, global', () => {
    const scopes: OutboundScope[] = [
      { group: 'g', binding: 'b1', domain: 'example.com' },
      { binding: 'b1', domain: 'example.com' },
      { group: 'g', domain: 'example.com' },
      { group: 'g', binding: 'b1' },
      { binding: 'b1' },
      { group: 'g' },
      { domain: 'example.com' },
      {},
    ];
    for (let first = 0; first < scopes.length; first += 1) {
      const stanzas = scopes
        .map((scope, index) => stanza(scope, { max_outbound_connections: index + 1 }))
        .slice(first)
        .reverse();
      const own = { 'pair b1::example.com': 1000 };
      expect(decide({ stanzas, groups: { b1: 'g' }, own })).toMatchObject({
        allowed: false,
        value: first + 1,
      });
    }
  });

  test('REP-6.1 max_outbound_connections of a Host stanza counts the host, and without it nothing falls back', () => {
    const own = { 'host mx.example.com': 5 };
    expect(decide({ stanzas: [stanza({}, { max_outbound_connections: 5 })], own })).toEqual(allowed);
    const stanzas = [stanza({ host: 'MX.example.com' }, { max_outbound_connections: 5 })];
    expect(decide({ stanzas, own })).toMatchObject({
      allowed: false,
      count: 5,
      scope: 'host MX.example.com',
    });
    expect(decide({ stanzas, own }, { host: 'mx2.example.com' })).toEqual(allowed);
  });

  test('REP-6.1 server_max_outbound_connections limits node, group and binding, each by its own count', () => {
    const stanzas = [
      stanza({}, { server_max_outbound_connections: 30, server_reserve_outbound_connections: 0 }),
      stanza({ group: 'g' }, { server_max_outbound_connections: 20 }),
      stanza({ group: 'g', binding: 'b1' }, { server_max_outbound_connections: 10 }),
    ];
    const given = { stanzas, groups: { b1: 'g' } };
    expect(decide({ ...given, own: { all: 29, 'group g': 19, 'binding b1': 9 } })).toEqual(allowed);
    expect(decide({ ...given, own: { all: 30 } })).toMatchObject({ value: 30, scope: 'global' });
    expect(decide({ ...given, own: { 'group g': 20 } })).toMatchObject({
      value: 20,
      scope: 'binding_group g',
    });
    expect(decide({ ...given, own: { 'binding b1': 10 } })).toMatchObject({
      limit: 'server_max_outbound_connections',
      value: 10,
      scope: 'binding_group g::binding b1',
    });
  });

  test('REP-6.11 the reserve above 75000 serves only a domain that has no connection yet', () => {
    expect(decide({ stanzas: [], own: { all: 75_199 } })).toEqual(allowed);
    expect(decide({ stanzas: [], own: { all: 75_200 } })).toMatchObject({ value: 75_200, scope: 'default' });
    const known = { 'domain example.com': 1 };
    expect(decide({ stanzas: [], own: { all: 74_999, ...known } })).toEqual(allowed);
    expect(decide({ stanzas: [], own: { all: 75_000, ...known } })).toMatchObject({ value: 75_000 });
  });

  test('REP-6.10 limit 0 blocks, also with a reserve; -1 and unset never do', () => {
    for (const limit of ['max_outbound_connections', 'server_max_outbound_connections'] as const) {
      expect(decide({ stanzas: [stanza({}, { [limit]: 0 })] })).toMatchObject({
        allowed: false,
        limit,
        value: 0,
      });
      const own = { all: 1e9, 'pair b1::example.com': 31 };
      const unlimited = stanza({}, { server_max_outbound_connections: -1, [limit]: -1 });
      expect(decide({ stanzas: [unlimited], own })).toEqual(allowed);
    }
  });
});

describe('scope_max_outbound_connections and its cluster form', () => {
  const cases: { scope: OutboundScope; sum: string; label: string }[] = [
    { scope: {}, sum: 'all', label: 'global' },
    { scope: { group: 'g' }, sum: 'group g', label: 'binding_group g' },
    { scope: { binding: 'b1' }, sum: 'binding b1', label: 'binding b1' },
    { scope: { domain: 'example.com' }, sum: 'domain example.com', label: 'domain example.com' },
    {
      scope: { group: 'g', domain: 'example.com' },
      sum: 'group-domain g example.com',
      label: 'binding_group g::domain example.com',
    },
    { scope: { host: 'mx.example.com' }, sum: 'host mx.example.com', label: 'host mx.example.com' },
  ];

  test.each(cases)('REP-6.4 on this node: $label limits "$sum"', ({ scope, sum, label }) => {
    const given = { stanzas: [stanza(scope, { scope_max_outbound_connections: 7 })], groups: { b1: 'g' } };
    expect(decide({ ...given, own: { [sum]: 6 }, rows: { [sum]: 99 } })).toEqual(allowed);
    expect(decide({ ...given, own: { [sum]: 7 } })).toEqual({
      allowed: false,
      limit: 'scope_max_outbound_connections',
      value: 7,
      count: 7,
      scope: label,
    });
  });

  test.each(cases.slice(1))(
    'REP-6.4 in the cluster: $label limits the rows of "$sum"',
    ({ scope, sum, label }) => {
      const given = {
        stanzas: [stanza(scope, { cluster_scope_max_outbound_connections: 7 })],
        groups: { b1: 'g' },
      };
      expect(decide({ ...given, rows: { [sum]: 6 } })).toEqual(allowed);
      expect(decide({ ...given, rows: { [sum]: 7 } })).toMatchObject({ count: 7, scope: label });
    },
  );

  test('REP-6.4 global means what cluster_server_max means: the root sum of outbound_cidr', () => {
    const stanzas = [stanza({}, { cluster_scope_max_outbound_connections: 7 })];
    expect(decide({ stanzas, cluster: { outbound_cidr: 7 } })).toMatchObject({ allowed: false, count: 7 });
    expect(decide({ stanzas, rows: { all: 9 }, cluster: { outbound_cidr: 6 } })).toEqual(allowed);
    expect(decide({ stanzas, objects: [pairs], rows: { all: 9 } })).toMatchObject({
      allowed: false,
      count: 9,
    });
  });

  test('REP-6.4 a domain in a binding means what max and cluster_max mean there', () => {
    const scope = { binding: 'b1', domain: 'example.com' };
    const local = [stanza(scope, { scope_max_outbound_connections: 4 })];
    expect(decide({ stanzas: local, own: { 'domain example.com': 9 } })).toEqual(allowed);
    expect(decide({ stanzas: local, own: { 'pair b1::example.com': 4 } })).toMatchObject({
      allowed: false,
      count: 4,
    });
    const wide = [stanza(scope, { cluster_scope_max_outbound_connections: 4 })];
    expect(decide({ stanzas: wide, cluster: { 'outbound_domains example.com': 4 } })).toMatchObject({
      count: 4,
    });
  });

  test('REP-6.6 every stanza on the path is enforced, not only the most specific', () => {
    const stanzas = [
      stanza({}, { cluster_scope_max_outbound_connections: 10 }),
      stanza({ domain: 'example.com' }, { cluster_scope_max_outbound_connections: 100 }),
    ];
    expect(
      decide({ stanzas, rows: { 'domain example.com': 1 }, cluster: { outbound_cidr: 10 } }),
    ).toMatchObject({
      allowed: false,
      scope: 'global',
    });
  });
});

describe('regular expressions', () => {
  const french = '/^(wanadoo|orange)\\.fr$/';

  test('REP-6.5 scope_max: matching domains share one count', () => {
    const stanzas = [stanza({ domain: french }, { scope_max_outbound_connections: 10 })];
    const own = { [`shared scope_max_outbound_connections domain ${french}`]: 10 };
    expect(decide({ stanzas, own }, { domain: 'orange.fr' })).toMatchObject({ allowed: false, count: 10 });
    expect(decide({ stanzas, own })).toEqual(allowed);
  });

  test('REP-6.5 max: each matching domain has its own count', () => {
    const stanzas = [stanza({ domain: french }, { max_outbound_connections: 10 })];
    const own = { 'pair b1::orange.fr': 10 };
    expect(decide({ stanzas, own }, { domain: 'orange.fr' })).toMatchObject({ allowed: false, value: 10 });
    expect(decide({ stanzas, own }, { domain: 'WANADOO.fr.' })).toEqual(allowed);
  });

  test('REP-6.5 a plain stanza goes before any expression, expressions go in order, each option for itself', () => {
    const stanzas = [
      stanza({ domain: '/fr$/' }, { max_outbound_connections: 1, scope_max_outbound_connections: 2 }),
      stanza({ domain: french }, { max_outbound_connections: 3 }),
      stanza({ domain: 'orange.fr' }, { max_outbound_connections: 4 }),
    ];
    const own = { 'pair b1::orange.fr': 9, 'pair b1::wanadoo.fr': 9 };
    expect(decide({ stanzas, own }, { domain: 'orange.fr' })).toMatchObject({
      value: 4,
      scope: 'domain orange.fr',
    });
    expect(decide({ stanzas, own }, { domain: 'wanadoo.fr' })).toMatchObject({
      value: 1,
      scope: 'domain /fr$/',
    });
    const caps = new OutboundCaps(settingsOf({ stanzas }));
    expect(caps.sumsOf('b1::orange.fr')).toContain('shared scope_max_outbound_connections domain /fr$/');
  });

  test('REP-6.5 a domain that a plain stanza limits is not in the shared count', () => {
    const stanzas = [
      stanza({ domain: french }, { scope_max_outbound_connections: 10 }),
      stanza({ domain: 'orange.fr' }, { scope_max_outbound_connections: 4 }),
    ];
    const caps = new OutboundCaps(settingsOf({ stanzas }));
    const shared = `shared scope_max_outbound_connections domain ${french}`;
    expect(caps.sumsOf('b1::orange.fr')).not.toContain(shared);
    expect(caps.sumsOf('b1::wanadoo.fr')).toContain(shared);
    expect(caps.sumsOf('@host::wanadoo.fr')).not.toContain(shared);
  });

  test('REP-6.5 an expression in a group or binding shares the count of that group or binding only', () => {
    const option = 'scope_max_outbound_connections';
    const stanzas = [
      stanza({ group: 'g', domain: french }, { [option]: 10 }),
      stanza({ binding: 'b2', domain: french }, { [option]: 10 }),
      stanza({ host: '/^mx/' }, { [option]: 10 }),
    ];
    const caps = new OutboundCaps(settingsOf({ stanzas, groups: { b1: 'g' } }));
    const shared = (row: string) => caps.sumsOf(row).filter((sum) => sum.startsWith('shared'));
    expect(shared('b1::orange.fr')).toEqual([`shared ${option} binding_group g::domain ${french}`]);
    expect(shared('b2::orange.fr')).toEqual([`shared ${option} binding b2::domain ${french}`]);
    expect(shared('b3::orange.fr')).toEqual([]);
    expect(shared('@host::mx1.orange.fr')).toEqual([`shared ${option} host /^mx/`]);
  });

  test('REP-6.5 the cluster option of an expression in a binding counts its domains over all bindings, as cluster_max', () => {
    const option = 'cluster_scope_max_outbound_connections';
    const caps = new OutboundCaps(
      settingsOf({ stanzas: [stanza({ binding: 'b2', domain: french }, { [option]: 1 })] }),
    );
    expect(caps.sumsOf('b1::orange.fr')).toContain(`shared ${option} binding b2::domain ${french}`);
  });
});

describe('cluster_max_outbound_connections', () => {
  const option = 'cluster_max_outbound_connections';

  test('REP-6.3 the value for the domain: binding::domain, binding, domain, global, most specific first', () => {
    const scopes: OutboundScope[] = [
      { binding: 'b1', domain: 'example.com' },
      { binding: 'b1' },
      { domain: 'example.com' },
      {},
    ];
    for (let first = 0; first < scopes.length; first += 1) {
      const stanzas = scopes.map((scope, index) => stanza(scope, { [option]: index + 1 })).slice(first);
      const cluster = { 'outbound_domains example.com': 1000 };
      expect(decide({ stanzas, cluster })).toMatchObject({ limit: option, value: first + 1, count: 1000 });
    }
  });

  test('REP-6.3 the value for the host: binding::host before host, and beside it the value for the domain', () => {
    const host = { host: 'mx.example.com' };
    const stanzas = [
      stanza({ binding: 'b1', ...host }, { [option]: 5 }),
      stanza(host, { [option]: 2 }),
      stanza({}, { [option]: 3 }),
    ];
    const rows = { 'host mx.example.com': 4 };
    expect(decide({ stanzas, rows })).toEqual(allowed);
    expect(decide({ stanzas: stanzas.slice(1), rows })).toMatchObject({ value: 2, count: 4 });
    expect(decide({ stanzas, rows, cluster: { 'outbound_domains example.com': 3 } })).toMatchObject({
      value: 3,
    });
  });

  test('REP-6.2 a group, or a binding inside one, cannot set it', () => {
    const stanzas = [
      stanza({ group: 'g' }, { [option]: 0 }),
      stanza({ group: 'g', binding: 'b1' }, { [option]: 0 }),
    ];
    expect(decide({ stanzas, groups: { b1: 'g' } })).toEqual(allowed);
  });

  test('REP-6.8 compared with the domain over all bindings, or with the object of the group of the binding', () => {
    const stanzas = [stanza({}, { [option]: 5 })];
    const ofGroup: OutboundObject = { name: 'od_g', type: 'outbound_domains', bindingGroup: 'g' };
    const objects = [domains, ofGroup];
    const cluster = { 'outbound_domains example.com': 9, 'od_g example.com': 4 };
    expect(decide({ stanzas, objects, cluster })).toMatchObject({ count: 9 });
    expect(decide({ stanzas, objects, cluster, groups: { b1: 'g' } })).toEqual(allowed);
    expect(decide({ stanzas, objects, cluster }, { group: 'g' })).toEqual(allowed);
  });

  test('REP-6.8 in host scope: the host row, or the addresses of the host in outbound_cidr', () => {
    const stanzas = [stanza({ host: 'mx.example.com' }, { [option]: 5 })];
    const cluster = {
      'outbound_cidr 192.0.2.1': 2,
      'outbound_cidr 192.0.2.2': 3,
      'outbound_cidr 192.0.2.3': 50,
    };
    expect(decide({ stanzas, cluster, rows: { 'host mx.example.com': 6 } })).toMatchObject({ count: 6 });
    expect(decide({ stanzas, cluster, objects: [cidr] })).toMatchObject({ allowed: false, count: 5 });
  });
});

describe('cluster_server_max_outbound_connections', () => {
  const option = 'cluster_server_max_outbound_connections';

  test('REP-6.9 global: the root sum of outbound_cidr; binding: the rows of the binding', () => {
    expect(decide({ stanzas: [stanza({}, { [option]: 5 })], cluster: { outbound_cidr: 5 } })).toMatchObject({
      limit: option,
      count: 5,
      scope: 'global',
    });
    const stanzas = [stanza({ binding: 'b1' }, { [option]: 5 })];
    expect(decide({ stanzas, rows: { 'binding b1': 5 }, cluster: { outbound_cidr: 90 } })).toMatchObject({
      count: 5,
    });
  });

  test('REP-6.9 group: the object of the group, else the rows of its bindings', () => {
    const given = { stanzas: [stanza({ group: 'g' }, { [option]: 5 })], groups: { b1: 'g' } };
    const ofGroup: OutboundObject = { name: 'oc_g', type: 'outbound_cidr', bindingGroup: 'g' };
    expect(decide({ ...given, rows: { 'group g': 6 } })).toMatchObject({ count: 6 });
    const counts = { rows: { 'group g': 6 }, cluster: { oc_g: 4 } };
    expect(decide({ ...given, ...counts, objects: [...allObjects, ofGroup] })).toEqual(allowed);
  });
});

test('REP-6.10 local limits are tested before cluster limits', () => {
  const stanzas = [stanza({}, { cluster_server_max_outbound_connections: 0, max_outbound_connections: 0 })];
  expect(decide({ stanzas })).toMatchObject({ limit: 'max_outbound_connections' });
});

test('REP-6.13 without the object a cluster cap holds for the own count, and is reported at load', () => {
  const limits = {
    cluster_max_outbound_connections: 3,
    cluster_server_max_outbound_connections: 30,
    cluster_scope_max_outbound_connections: 300,
  };
  const stanzas = [
    stanza({}, limits),
    stanza({ host: 'mx.example.com' }, { cluster_max_outbound_connections: 3 }),
  ];
  const given = { stanzas, objects: [] };
  expect(decide({ ...given, own: { 'domain example.com': 3 } })).toMatchObject({ value: 3, count: 3 });
  expect(decide({ ...given, own: { all: 30 } })).toMatchObject({ value: 30, count: 30 });
  expect(decide({ ...given, own: { 'host mx.example.com': 3 } })).toMatchObject({ value: 3 });
  expect(decide({ ...given, rows: { all: 999 }, cluster: { outbound_cidr: 999 } })).toEqual(allowed);
  expect(uncountedCaps(settingsOf(given))).toEqual([
    { limit: 'cluster_max_outbound_connections', scope: 'global', needs: 'outbound_domains' },
    { limit: 'cluster_server_max_outbound_connections', scope: 'global', needs: 'outbound_cidr' },
    { limit: 'cluster_scope_max_outbound_connections', scope: 'global', needs: 'outbound_binding_domains' },
  ]);
  expect(uncountedCaps(settingsOf({ stanzas }))).toEqual([]);
});
