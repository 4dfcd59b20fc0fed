import { describe, expect, it } from 'vitest';
import { scopesWithPaths } from '../../../src/config/schema/lookup.ts';
import { resolve, type Target } from '../../../src/config/scopes.ts';
import { checkText, codes, settingsOf } from './checked.ts';

/** The value of an option for a target, and the scope it comes from. */
function effectiveValue(text: string, option: string, target: Target): string {
  const { tree } = checkText(text);
  const [outermost] = Object.keys(target);
  const schema = [...scopesWithPaths()]
    .flatMap((scope) => scope.schema.options)
    .find(({ name, paths }) => name === option && paths?.some((path) => path.split('::')[0] === outermost));
  if (tree === undefined || schema === undefined)
    throw new Error('the text is not valid or the option unknown');
  const { value, scope } = resolve(tree, schema, target);
  const shown =
    typeof value === 'object' && 'count' in value ? `${value.count}/${value.periodSeconds}` : String(value);
  return `${shown} of ${scope === undefined ? 'default' : [scope.path, scope.instance].join(' ').trim()}`;
}

describe('the cluster scope', () => {
  it('ID-13 is one for each process: opened again it is the same, and it has no second instance', () => {
    const twice = settingsOf('cluster { nodename = a }\ncluster { cluster_group = fleet }');
    expect([twice.nodename, twice.clusterGroup]).toEqual(['a', 'fleet']);
    expect(codes(checkText('cluster { nodename = a }\ncluster "two" { nodename = b }'))).toContain(
      'CFG-2003',
    );
  });
});

describe('CONF-5.2 CONF-13.2 the worked example', () => {
  const text = `
    message_expiration = 86400
    Domain "example.com" { message_expiration = 120 }
    Binding "example3" { Domain "anotherexample.com" { message_expiration = 86400 } }
    Binding "example2" { message_expiration = 7200  Domain "example.com" { message_expiration = 86400 } }
  `;
  const expiration = (binding: string, domain: string) =>
    effectiveValue(text, 'message_expiration', { binding, domain });

  it('a binding without the option leaves it to the global domain, then to the global scope', () => {
    expect(expiration('example3', 'example.com')).toBe('120 of domain example.com');
    expect(expiration('example3', 'anotherexample.com')).toBe('86400 of binding::domain anotherexample.com');
    expect(expiration('example3', 'third.org')).toBe('86400 of global');
  });

  it('a binding with the option comes before the global domain', () => {
    expect(expiration('example2', 'anotherexample.com')).toBe('7200 of binding example2');
    expect(expiration('example2', 'example.com')).toBe('86400 of binding::domain example.com');
  });

  it('eval of a scope that does not exist answers with the fallback', () => {
    expect(expiration('nowhere', 'example.com')).toBe('120 of domain example.com');
  });
});

/**
 * Each row of the table: with all steps set the first counts; take it away and the next counts; and so on to the
 * default.
 */
function expectOrder(
  option: string,
  steps: readonly (readonly [stanza: (assignment: string) => string, origin: string])[],
  target: Target,
  rest: string,
) {
  for (let first = 0; first <= steps.length; first += 1) {
    const assignments = steps
      .slice(first)
      .map(([stanza], index) => stanza(`${option} = ${first + index + 1}`));
    const origin = steps[first]?.[1];
    const expected = origin === undefined ? rest : `${first + 1} of ${origin}`;
    expect(effectiveValue(assignments.join('\n'), option, target).replace('/1 of', ' of')).toBe(expected);
  }
}

describe('CONF-5.2 CONF-13.2 fallback, row by row', () => {
  it('outbound by domain, for a binding inside a group', () => {
    expectOrder(
      'outbound_throttle_messages',
      [
        [
          (a) => `Binding_Group g { Binding b { Domain d.org { ${a} } } }`,
          'binding_group::binding::domain d.org',
        ],
        [(a) => `Binding_Group g { Domain d.org { ${a} } }`, 'binding_group::domain d.org'],
        [(a) => `Binding_Group g { Binding b { ${a} } }`, 'binding_group::binding b'],
        [(a) => `Binding_Group g { ${a} }`, 'binding_group g'],
        [(a) => `Domain d.org { ${a} }`, 'domain d.org'],
        [(a) => a, 'global'],
      ],
      { binding_group: 'g', binding: 'b', domain: 'd.org' },
      'undefined of default',
    );
  });

  it('outbound by domain, for a binding outside of groups, which is in group default', () => {
    expectOrder(
      'outbound_throttle_connections',
      [
        [(a) => `Binding b { Domain d.org { ${a} } }`, 'binding::domain d.org'],
        [(a) => `Binding_Group default { Domain d.org { ${a} } }`, 'binding_group::domain d.org'],
        [(a) => `Binding b { ${a} }`, 'binding b'],
        [(a) => `Binding_Group default { ${a} }`, 'binding_group default'],
        [(a) => `Domain d.org { ${a} }`, 'domain d.org'],
        [(a) => a, 'global'],
      ],
      { binding_group: 'default', binding: 'b', domain: 'd.org' },
      'undefined of default',
    );
  });

  it('cluster_max_outbound_connections: hosts before domains, never in a group', () => {
    expectOrder(
      'cluster_max_outbound_connections',
      [
        [(a) => `Binding b { Host mx.org { ${a} } }`, 'binding::host mx.org'],
        [(a) => `Host mx.org { ${a} }`, 'host mx.org'],
        [(a) => `Binding b { Domain d.org { ${a} } }`, 'binding::domain d.org'],
        [(a) => `Binding b { ${a} }`, 'binding b'],
        [(a) => `Domain d.org { ${a} }`, 'domain d.org'],
        [(a) => a, 'global'],
      ],
      { binding: 'b', domain: 'd.org', host: 'mx.org' },
      '-1 of default',
    );
  });

  it('max_outbound_connections in a host scope falls back to nothing: unset it is -1', () => {
    const elsewhere = 'max_outbound_connections = 5\nBinding b { max_outbound_connections = 6 }';
    const target = { binding: 'b', domain: 'd.org' };
    expect(effectiveValue(elsewhere, 'max_outbound_connections', target)).toBe('6 of binding b');
    expect(effectiveValue(elsewhere, 'max_outbound_connections', { ...target, host: 'mx.org' })).toBe(
      '-1 of default',
    );
    const stated = `${elsewhere}\nHost mx.org { max_outbound_connections = 7 }`;
    expect(effectiveValue(stated, 'max_outbound_connections', { ...target, host: 'mx.org' })).toBe(
      '7 of host mx.org',
    );
    expect(effectiveValue('', 'max_outbound_connections', target)).toBe('32 of default');
  });

  it('pathways', () => {
    expectOrder(
      'inbound_throttle_messages',
      [
        [(a) => `Pathway_Group g { Pathway p { ${a} } }`, 'pathway_group::pathway p'],
        [(a) => `Pathway_Group g { ${a} }`, 'pathway_group g'],
        [(a) => a, 'global'],
      ],
      { pathway_group: 'g', pathway: 'p' },
      'undefined of default',
    );
  });

  it('listeners: peers of the Listen, the Listen, peers of the listener, the listener, its pathway', () => {
    expectOrder(
      'service_sessions',
      [
        [
          (a) => `ESMTP_Listener { Listen ":25" { Peer "10.0.0.0/8" { ${a} } } }`,
          'esmtp_listener::listen::peer 10.0.0.0/8',
        ],
        [(a) => `ESMTP_Listener { Listen ":25" { ${a} } }`, 'esmtp_listener::listen :25'],
        [(a) => `ESMTP_Listener { Peer "10.1.0.0/16" { ${a} } }`, 'esmtp_listener::peer 10.1.0.0/16'],
        [(a) => `ESMTP_Listener { ${a} }`, 'esmtp_listener'],
        [(a) => `Pathway p { ${a} }`, 'pathway p'],
      ],
      { esmtp_listener: '', listen: '*:25', peer: '10.1.2.3', pathway: 'p' },
      '0 of default',
    );
  });

  it('Logs of the manager', () => {
    expectOrder(
      'max_open',
      [
        [(a) => `Logs { Manager m { Node n { ${a} } } }`, 'logs::manager::node n'],
        [(a) => `Logs { Manager m { ${a} } }`, 'logs::manager m'],
        [(a) => `Logs { Node n { ${a} } }`, 'logs::node n'],
        [(a) => `Logs { ${a} }`, 'logs'],
      ],
      { logs: '', manager: 'm', node: 'n' },
      '512 of default',
    );
  });
});

describe('CONF-5.2 several instances that fit', () => {
  it('a plain domain beats every regex of its container, regexes count in order, each option by itself', () => {
    const text = `
      Domain "/fr$/" { scope_max_outbound_connections = 1  message_expiration = 11 }
      Domain "/^wanadoo/" { scope_max_outbound_connections = 2  max_outbound_connections = 22 }
      Domain "Wanadoo.FR" { message_expiration = 33 }
    `;
    const at = (option: string) => effectiveValue(text, option, { domain: 'wanadoo.fr' });
    expect(at('message_expiration')).toBe('33 of domain Wanadoo.FR');
    expect(at('scope_max_outbound_connections')).toBe('1 of domain /fr$/');
    expect(at('max_outbound_connections')).toBe('22 of domain /^wanadoo/');
    expect(effectiveValue(text, 'message_expiration', { domain: 'orange.fr.example' })).toBe(
      '604800 of default',
    );
  });

  it('a regex in a nearer container beats a plain domain further out', () => {
    const text =
      'Binding b { Domain "/./" { message_expiration = 1 } }\nDomain d.org { message_expiration = 2 }';
    expect(effectiveValue(text, 'message_expiration', { binding: 'b', domain: 'd.org' })).toBe(
      '1 of binding::domain /./',
    );
  });

  it('of peers the longest prefix that sets the option counts', () => {
    const text = `TCP_Listener {
      Peer "10.0.0.0/8" { listener_sessions = 8  service_sessions = 80 }
      Peer "10.1.0.0/16" { listener_sessions = 16 }
      Peer "::/0" { listener_sessions = 6 }
    }`;
    const at = (option: string, peer: string) =>
      effectiveValue(text, option, { tcp_listener: '', listen: ':25', peer });
    expect(at('listener_sessions', '10.1.2.3')).toBe('16 of tcp_listener::peer 10.1.0.0/16');
    expect(at('service_sessions', '10.1.2.3')).toBe('80 of tcp_listener::peer 10.0.0.0/8');
    expect(at('listener_sessions', '2001:db8::1')).toBe('6 of tcp_listener::peer ::/0');
    expect(at('listener_sessions', '11.0.0.1')).toBe('0 of default');
  });

  it('binding names keep their case, domains and option names do not', () => {
    const text = 'Binding B { MESSAGE_expiration = 1 }\nDomain D.org { message_expiration = 2 }';
    expect(effectiveValue(text, 'message_expiration', { binding: 'B' })).toBe('1 of binding B');
    expect(effectiveValue(text, 'message_expiration', { binding: 'b', domain: 'd.ORG' })).toBe(
      '2 of domain D.org',
    );
  });
});

describe('CONF-5.1 declarations of one instance', () => {
  it('merge option by option, the later one wins, lists and dictionaries are replaced whole', () => {
    const { tree } = checkText(`
      Security { user = a  group = g }
      security { user = b }
      cluster { servers = ( one two )  logs = [ a = /a ] }
      Cluster { servers = ( three )  logs = [ ] }
      ESMTP_Listener { Listen ":25" { listen_backlog = 1 } }
      ESMTP_Listener { Listen "*:25" { send_proxy = v2 } }
    `);
    const security = tree?.child('security', '');
    expect([security?.get('user')?.value, security?.get('GROUP')?.value]).toEqual(['b', 'g']);
    const cluster = tree?.child('cluster', '');
    expect(cluster?.get('servers')?.value).toEqual(['nats://three:4222']);
    expect(cluster?.get('logs')?.value).toEqual(new Map());
    const listens = tree?.child('esmtp_listener', '')?.children('listen') ?? [];
    expect(listens.map(({ settings }) => [...settings.keys()])).toEqual([['listen_backlog', 'send_proxy']]);
  });

  it('spellings of one IPv6 endpoint are one Listen', () => {
    const { tree } = checkText(
      'TCP_Listener { Listen "[::]:25" {} Listen "[0:0:0:0:0:0:0:0]:25" {} Listen "[*]:25" {} }',
    );
    expect(tree?.child('tcp_listener', '')?.children('listen').length).toBe(1);
  });
});
