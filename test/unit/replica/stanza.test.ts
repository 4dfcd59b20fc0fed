/** The `Replicate` stanza (replication 3), and the options of section 6 and 15 that go with shared objects. */
import { describe, expect, it } from 'vitest';
import { subjects } from '../../../src/bus/subjects.ts';
import { renderFinding } from '../../../src/config/report.ts';
import { tableKindOf } from '../../../src/core/replica/create-table.ts';
import type { NodeSettings, ReplicaSettings } from '../../../src/core/settings.ts';
import { replicaTypes } from '../../../src/core/settings.ts';
import { checkText, codes, settingsOf } from '../config/checked.ts';

function objectsOf(stanzas: string, around = ''): readonly ReplicaSettings[] {
  return settingsOf(`${around}\ncluster {\n${stanzas}\n}`).replicate;
}

/** Name and effective type of each object. */
function typesOf(stanzas: string, around?: string): Record<string, string> {
  return Object.fromEntries(objectsOf(stanzas, around).map(({ name, type }) => [name, type]));
}

/** What an operator reads: one text for each finding. */
function told(text: string): string[] {
  return checkText(text).findings.map((finding) => renderFinding(finding));
}

describe('the Replicate stanza', () => {
  it('REP-1.2 REP-3.1 one stanza makes one object of its name, in the order written', () => {
    const objects = objectsOf('Replicate "outbound_cidr" {}\nReplicate "inbound_cidr" { max_delay = 0.05 }');
    expect(objects.map(({ name, maxDelayMs }) => [name, maxDelayMs])).toEqual([
      ['outbound_cidr', 1000],
      ['inbound_cidr', 50],
    ]);
  });

  it('REP-3.1 the entry of version 2 is an object named as its type', () => {
    expect(objectsOf('replicate [ type = "inbound_cidr" ]')).toEqual(
      objectsOf('Replicate "inbound_cidr" {}'),
    );
  });

  it('REP-3.2 an = behind Replicate is a syntax error', () => {
    expect(codes(checkText('cluster { Replicate = "inbound_cidr" {} }'))).toEqual(['CFG-1102']);
  });

  it('REP-1.3 REP-2.1 each of the ten type words is a class, and those that count connections have their kind', () => {
    const stanzas = replicaTypes.map((type) => `Replicate "n_${type}" { class = "${type}" }`).join('\n');
    const caches = 'Datasource "n_cache" {}';
    expect(typesOf(stanzas, caches)).toEqual(
      Object.fromEntries(replicaTypes.map((type) => [`n_${type}`, type])),
    );
    expect(replicaTypes).toHaveLength(10);
    expect(
      ['inbound_cidr', 'outbound_cidr', 'outbound_domains', 'outbound_binding_domains'].map((type) =>
        tableKindOf(type as ReplicaSettings['type']),
      ),
    ).toEqual(['cidrtree', 'cidrtree', 'gauge table', 'gauge table']);
  });

  it('REP-3.3 the type is class, else type, else the name; class and type must not disagree', () => {
    expect(
      typesOf(
        'Replicate "OBTM" {}\nReplicate "a" { type = "OBTC" }\nReplicate "b" { class = "OBTC" }\n' +
          'Replicate "outbound_cidr" { class = "inbound_cidr" }\nReplicate "c" { type = "OBTM" class = "OBTM" }',
      ),
    ).toEqual({ OBTM: 'OBTM', a: 'OBTC', b: 'OBTC', outbound_cidr: 'inbound_cidr', c: 'OBTM' });
    const [message] = told('cluster { Replicate "x" { type = "OBTM" class = "OBTC" } }');
    expect(message).toContain("Replicate 'x' has type 'OBTM' and class 'OBTC'");
  });

  it('REP-3.4 a class of its own next to the plain object, for one binding group', () => {
    const objects = objectsOf(
      'Replicate "outbound_cidr" {}\nReplicate "outbound_cidr_foo" { class = "outbound_cidr" binding_group = "foo" }',
      'Binding_Group "foo" {}',
    );
    expect(objects.map(({ name, type, bindingGroup }) => [name, type, bindingGroup])).toEqual([
      ['outbound_cidr', 'outbound_cidr', undefined],
      ['outbound_cidr_foo', 'outbound_cidr', 'foo'],
    ]);
  });

  it('REP-3.5 caches are named as their Datasource, and there may be many', () => {
    const caches = 'Replicate "one" { type = "cache" }\nReplicate "two" { type = "cache" }';
    expect(typesOf(caches, 'Datasource "one" {}\nDatasource "two" {}')).toEqual({
      one: 'cache',
      two: 'cache',
    });
    const findings = checkText(`Datasource "one" {}\ncluster {\n${caches}\n}`).findings;
    expect(findings.map(({ code, line }) => [code, line])).toEqual([['CFG-2305', 4]]);
  });

  it('REP-3.6 words of parameters are trimmed, and counted once; empty ones are ignored, capitals are not', () => {
    const words = (text: string) => `Replicate "metrics" { parameters = "${text}" }`;
    expect(objectsOf(words(' connect ;reception;; connect; '))[0]?.parameters).toEqual([
      'connect',
      'reception',
    ]);
    expect(codes(checkText(`cluster { ${words('Connect')} }`))).toEqual(['CFG-2107']);
  });

  it('REP-3.7 a known word where it means nothing draws a warning and no error', () => {
    const inPlace: Record<string, readonly string[]> = {
      snapshot: ['cache', 'metrics', 'eccmgr_metrics'],
      connect: ['metrics', 'eccmgr_metrics'],
      audit_series: ['metrics', 'eccmgr_metrics'],
      gauge_cache: ['metrics', 'eccmgr_metrics'],
    };
    for (const [word, types] of Object.entries(inPlace)) {
      for (const type of replicaTypes) {
        const result = checkText(
          `Datasource "x" {}\ncluster { Replicate "x" { class = "${type}" parameters = "${word}" } }`,
        );
        const severities = result.findings.map(({ code, severity }) => `${code} ${severity}`);
        expect([type, word, severities]).toEqual([
          type,
          word,
          types.includes(type) ? [] : ['CFG-2304 warning'],
        ]);
        expect(result.settings).toBeDefined();
      }
    }
  });

  it('REP-3.9 metrics without parameters replicate nothing, with a warning', () => {
    for (const type of ['metrics', 'eccmgr_metrics']) {
      const result = checkText(`cluster { Replicate "${type}" {} }`);
      expect(result.findings).toMatchObject([{ code: 'CFG-2304', severity: 'warning' }]);
      expect(result.findings[0]?.message).toBe(`'${type}' replicates nothing without parameters`);
      expect(result.settings?.replicate[0]?.parameters).toEqual([]);
    }
  });

  it.each([
    ['an unknown option', 'Replicate inbound_cidr { colour = red }', ['colour']],
    ['an unknown type word', 'Replicate x { type = outbound }', ['type', 'outbound']],
    ['an unknown class', 'Replicate x { class = outbound }', ['class', 'outbound']],
    ['a name that is no type', 'Replicate inbound_cdr {}', ['inbound_cdr', 'type']],
    [
      'an unknown word of parameters',
      'Replicate metrics { parameters = "bounce" }',
      ['parameters', 'bounce'],
    ],
    ['max_delay below its range', 'Replicate OBTM { max_delay = -1 }', ['max_delay', '-1']],
    ['max_delay above its range', 'Replicate OBTM { max_delay = 3601 }', ['max_delay', '3601']],
    ['max_pending below its range', 'Replicate OBTM { max_pending = 0 }', ['max_pending', '0']],
    ['max_pending above its range', 'Replicate OBTM { max_pending = 1000001 }', ['max_pending', '1000001']],
    ['max_size of what is no cache', 'Replicate OBTM { max_size = 5 }', ['max_size', 'OBTM']],
    ['max_size 0', 'Replicate there { type = cache max_size = 0 }', ['max_size', '0']],
    ['binding_group of a type without', 'Replicate OBTM { binding_group = foo }', ['binding_group', 'OBTM']],
    ['an unknown binding group', 'Replicate outbound_cidr { binding_group = fo }', ['binding_group', 'fo']],
    ['a cache without Datasource', 'Replicate elsewhere { type = cache }', ['elsewhere']],
    ['a name given twice', 'Replicate OBTM {} Replicate OBTM {}', ['OBTM', 'twice']],
  ])('REP-3.10 REP-22.10 refuses the whole configuration: %s', (_, stanzas, named) => {
    const text = `Binding_Group foo {}\nDatasource there {}\ncluster {\n${stanzas}\n}`;
    const result = checkText(text);
    expect(result.settings).toBeUndefined();
    expect(result.findings.map(({ severity, line }) => `${severity} ${line}`)).toEqual(['error 4']);
    const [message] = told(text);
    for (const word of named) expect(message).toContain(word);
  });

  it.each([
    ['max_delay', ['0', '3600', '0.25'], 'maxDelayMs', [0, 3_600_000, 250]],
    ['max_pending', ['1', '1000000'], 'maxPending', [1, 1_000_000]],
  ] as const)('REP-3.10 the ends of the range of %s are in it', (option, values, setting, expected) => {
    const given = values.map((value) => objectsOf(`Replicate OBTM { ${option} = ${value} }`)[0]?.[setting]);
    expect(given).toEqual(expected);
  });
});

describe('who shares an object', () => {
  it('REP-4.12 the whole cluster group, whatever the subclusters', () => {
    const nodes = ['east', 'west'].map((subcluster) =>
      settingsOf('cluster { Replicate inbound_cidr {} }', {
        environment: { EC_CONF_SEARCH_PATH: '', EC_SUB_CLUSTER: subcluster },
      }),
    );
    expect(nodes.map(({ subcluster }) => subcluster)).toEqual(['east', 'west']);
    const groupsOf = ({ clusterGroup, controlGroup }: NodeSettings) => ({ clusterGroup, controlGroup });
    const [east, west] = nodes.map(groupsOf);
    expect(subjects.shared(east!, 'inbound_cidr')).toBe(subjects.shared(west!, 'inbound_cidr'));
    expect(subjects.allShared(east!)).toBe(subjects.allShared(west!));
  });
});

describe('options of caps', () => {
  it.each([
    ['', 'cluster_max_outbound_connections', '1.5'],
    ['', 'cluster_max_outbound_connections', 'many'],
    ['', 'cluster_server_max_outbound_connections', '-2'],
    ['Domain "a.com"', 'cluster_scope_max_outbound_connections', '-2'],
    ['Binding "b"', 'server_max_outbound_connections', '-2'],
    ['Host "mx.a.com"', 'max_outbound_connections', '""'],
  ])('REP-6.14 REP-22.10 a bad value is an error: %s %s = %s', (scope, option, value) => {
    const line = `${option} = ${value}`;
    const text = scope === '' ? line : `${scope} { ${line} }`;
    expect(checkText(text).settings).toBeUndefined();
    const messages = told(text);
    expect(messages).toHaveLength(1);
    for (const word of [scope, option, value]) expect(messages[0]).toContain(word);
  });

  it.each([
    ['Binding_Group "g"', 'cluster_max_outbound_connections'],
    ['Binding_Group "g" { Binding "b"', 'cluster_max_outbound_connections'],
    ['Domain "a.com"', 'cluster_server_max_outbound_connections'],
    ['Host "mx.a.com"', 'cluster_server_max_outbound_connections'],
    ['Domain "a.com"', 'server_max_outbound_connections'],
    ['Binding "b"', 'server_reserve_outbound_connections'],
  ])('REP-6.14 REP-22.10 an option where it is not valid is an error: %s, %s', (scope, option) => {
    const text = `${scope} { ${option} = 5 ${'}'.repeat(scope.split('{').length)}`;
    const result = checkText(text);
    expect(result.settings).toBeUndefined();
    expect(result.counts.errors).toBe(1);
    const [message] = told(text);
    for (const word of [scope, option, '5']) expect(message).toContain(word);
  });

  it('REP-15.8 the reserve is an outbound option: no listener has one', () => {
    const listener = (inside: string) => `ESMTP_Listener { Listen ":25" { ${inside} } }`;
    expect(codes(checkText(listener('service_sessions = 5')))).not.toContain('CFG-2002');
    expect(codes(checkText(listener('server_reserve_outbound_connections = 5')))).toContain('CFG-2002');
    expect(codes(checkText('server_reserve_outbound_connections = 5'))).toEqual([]);
  });
});
