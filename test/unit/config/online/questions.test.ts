import { describe, expect, it } from 'vitest';
import { Findings } from '../../../../src/config/finding.ts';
import { doneText, type Wish, wishToSet, wishToUnset } from '../../../../src/config/online/change-words.ts';
import { evaluate, get, locate, show, showRecursive } from '../../../../src/config/online/questions.ts';
import { parseSource } from '../../../../src/config/parser.ts';
import { showAll } from '../../../../src/config/show.ts';
import { Source } from '../../../../src/config/source.ts';
import { changedBy, checkedText, treeOf } from './tree.ts';

/** The example of CONF-5.2. */
const expiration = `
message_expiration = 86400
Domain example.com { message_expiration = 120 }
Binding example2 { message_expiration = 7200  Domain example.com { message_expiration = 86400 } }
Binding example3 { Domain anotherexample.com { message_expiration = 86400 } }
`;
const listeners = `
Relay_Hosts = ( 127.0.0.0/8 10.10.10.0/24 )
ESMTP_Listener {
  Listen ":25" { Enable = TRUE }
  Listen "[::]:2525" { }
  Peer "10.0.0.0/8" { listener_sessions = 4 }
}
cluster { logs = [ a = /b  c.d = "/e f" ]  nodename = relay-7 }
`;
const { tree } = checkedText(expiration).result;
const root = checkedText(listeners).result.tree;

describe('config get and eval', () => {
  it('CMD-3 CONF-10 get: the value of the scope itself, in the canonical spelling, further in for an inner scope', () => {
    expect(get(tree, ['MESSAGE_expiration'])).toEqual({ isDone: true, text: 'Message_Expiration = 86400\n' });
    expect(get(tree, ['Domain', 'Example.COM', 'message_expiration'])?.text).toBe(
      '        Message_Expiration = 120\n',
    );
    expect(get(tree, ['blackhole'])).toEqual({
      isDone: true,
      text: "Option 'Blackhole' is not set in scope ''.\n",
    });
    expect(get(root, ['esmtp_listener', 'listen', '*:25', 'upstream'])?.text).toBe(
      "Option 'Upstream' is not set in scope 'Esmtp_Listener::Listen:*\\:25:'.\n",
    );
  });

  it('CMD-3 CONF-10 eval falls back to wider scopes and to the default', () => {
    expect(evaluate(tree, ['blackhole'])?.text).toBe('Blackhole = 0\n');
    expect(evaluate(tree, ['suspend_delivery'])?.text).toBe('Suspend_Delivery = 0\n');
    expect(evaluate(tree, ['cluster', 'if_down_limit'])?.text).toBe('        If_Down_Limit = 4\n');
    expect(evaluate(tree, ['cluster', 'nodename'])?.text).toBe(
      "Option 'Nodename' is not set in scope 'Cluster::'.\n",
    );
  });

  it.each([
    [['Binding', 'example3', 'Domain', 'example.com'], '120'],
    [['Binding', 'example3', 'Domain', 'other.org'], '86400'],
    [['Binding', 'example2', 'Domain', 'anotherexample.com'], '7200'],
    [['Binding', 'example2', 'Domain', 'example.com'], '86400'],
    [['Binding', 'nobody'], '86400'],
  ])('CONF-5.2 eval of %j, declared or not, is %s', (path, value) => {
    expect(evaluate(tree, [...path, 'message_expiration'])?.text.trim()).toBe(
      `Message_Expiration = ${value}`,
    );
  });

  it('CONF-12 eval --explain names the place that counts and those looked at before', () => {
    const words = ['--explain', 'Binding', 'example3', 'Domain', 'example.com', 'message_expiration'];
    expect(evaluate(tree, words)?.text).toBe(`        Message_Expiration = 120
  set at /etc/main.conf:3:43
  looked in binding_group::binding::domain: no such scope
  looked in binding::domain: no such scope
  looked in binding_group::domain: no such scope
  looked in binding_group::binding: no such scope
  looked in binding: not set
  looked in binding_group: no such scope
  looked in domain: set in Domain:example.com:
`);
  });

  it('CONF-10 a word that is neither an option nor a scope is refused with the nearest one', () => {
    expect(get(tree, ['cluster', 'if_down_limt'])).toEqual({
      isDone: false,
      text: "'if_down_limt' is neither an option nor a scope of scope 'cluster' (did you mean 'if_down_limit'?)\n",
    });
    expect(get(tree, ['cluster'])).toBeUndefined();
    expect(evaluate(tree, ['blackhole', 'more'])).toBeUndefined();
  });
});

describe('config show and locate', () => {
  it('CMD-3 CONF-10 show: scopes folded, then options, in file order', () => {
    expect(show(root, ['ESMTP_Listener'])?.text).toBe(
      'Listen ":25" { ... }\nListen "[::]:2525" { ... }\nPeer "10.0.0.0/8" { ... }\n',
    );
    expect(show(root, ['cluster'])?.text).toBe(
      'Logs = [\n    a = "/b"\n    c.d = "/e f"\n]\nNodename = relay-7\n',
    );
    expect(show(root, ['cluster', 'nodename'])?.text).toBe('        Nodename = relay-7\n');
  });

  it('CMD-3 CONF-10 showrecurse: unfolded, two columns a level', () => {
    expect(showRecursive(root, [])?.text).toBe(`Esmtp_Listener {
  Listen ":25" {
    Enable = TRUE
  }
  Listen "[::]:2525" {
  }
  Peer "10.0.0.0/8" {
    Listener_Sessions = 4
  }
}
Cluster {
  Logs = [
      a = "/b"
      c.d = "/e f"
  ]
  Nodename = relay-7
}
Relay_Hosts = (
    "127.0.0.0/8"
    "10.10.10.0/24"
)
`);
  });

  it('CONF-13 showrecurse reads back as the same configuration', () => {
    for (const each of [tree, root]) {
      const again = checkedText(showAll(each, 'written')).result.tree;
      expect(showAll(again, 'written')).toBe(showAll(each, 'written'));
    }
  });

  it('CONF-8.7 a stanza that is not there fails', () => {
    expect(show(root, ['Logs'])).toEqual({ isDone: false, text: "There is no scope 'Logs::'.\n" });
  });

  it('CMD-3 CONF-10 locate: each scope of that kind with its path; an expression looks at its name', () => {
    expect(locate(root, ['listen'])?.text).toBe(
      'Listen ":25"\n  is at Esmtp_Listener::Listen:\\:25:\nListen "[::]:2525"\n  is at Esmtp_Listener::Listen:[\\:\\:]\\:2525:\n',
    );
    expect(locate(root, ['Listen', '^:25$'])?.text).toBe(
      'Listen ":25"\n  is at Esmtp_Listener::Listen:\\:25:\n',
    );
    expect(locate(root, ['Datasource'])?.text).toBe('');
    expect(locate(root, ['Lissen'])?.text).toBe("'Lissen' is not a scope\n");
    expect(locate(root, ['Listen', '('])?.isDone).toBe(false);
    expect(locate(root, [])).toBeUndefined();
  });
});

describe('config set and unset', () => {
  const started = checkedText(expiration);
  const done = (verb: 'set' | 'unset', ...words: string[]) => {
    const wish = verb === 'set' ? wishToSet(words) : wishToUnset(started.result.tree, words);
    const changed = changedBy(started, [verb, ...words]);
    return doneText(wish as Wish, treeOf(changed).tree);
  };

  it('CMD-3 CONF-10 set echoes name and value, with or without the equals sign', () => {
    expect(done('set', 'suspend_delivery', 'enabled')).toBe('Suspend_Delivery = enabled\n');
    expect(done('set', 'Domain', 'example.com', 'message_expiration', '=', '7')).toBe(
      'Message_Expiration = 7\n',
    );
    expect(done('set', 'hostname', 'a # b')).toBe('Hostname = "a # b"\n');
  });

  it('CONF-10 lists and dictionaries take several lines; their brackets may touch what they hold', () => {
    const list = 'Relay_Hosts = (\n    "127.0.0.0/8"\n    x\n  )\n';
    expect(done('set', 'relay_hosts', '=', '(', '127.0.0.0/8', 'x', ')')).toBe(list);
    expect(done('set', 'relay_hosts', '(127.0.0.0/8', 'x)')).toBe(list);
    expect(done('set', 'relay_hosts', '()')).toBe('Relay_Hosts = ( )\n');
    const entries = 'Logs = [\n    a = "/b"\n    c = d#e\n  ]\n'.replace('d#e', '"d#e"');
    expect(done('set', 'cluster', 'logs', '=', '[', 'a', '=', '/b', 'c=', 'd#e', ']')).toBe(entries);
    expect(done('set', 'cluster', 'logs', '[a=/b', 'c', '=d#e]')).toBe(entries);
  });

  it('CMD-3 CONF-10 unset says what counts then', () => {
    expect(done('unset', 'Domain', 'example.com', 'message_expiration')).toBe(
      '"Message_Expiration" has been unset. Effective value is now:\n        Message_Expiration = 86400\n',
    );
  });

  it('CONF-10 unset of a scope empties it and those in it; the global scope is refused, and what is not set', () => {
    const root = treeOf(changedBy(started, ['unset', 'Binding', 'example2'])).tree;
    expect(showAll(root.child('binding', 'example2')!)).toBe('Domain "example.com" {\n}\n');
    const refused = (...words: string[]) => wishToUnset(started.result.tree, words);
    expect(refused()).toEqual({ isDone: false, text: 'The global scope cannot be unset.\n' });
    expect(refused('blackhole')).toEqual({
      isDone: false,
      text: "Option 'Blackhole' is not set in scope ''.\n",
    });
    expect(refused('Binding', 'x')).toEqual({ isDone: false, text: "There is no scope 'Binding:x:'.\n" });
  });

  it('CONF-10 what does not fit is found as in a file, with its place in the line', () => {
    const { findings } = changedBy(started, ['set', 'Binding', 'a b', 'message_expiration', 'x']);
    const typed = findings.filter(({ file }) => file === 'console');
    expect(typed.map(({ file, column, code }) => [file, column, code])).toEqual([
      ['console', 9, 'CFG-2303'],
      ['console', 38, 'CFG-2102'],
    ]);
  });

  it('CONF-5.1 a stanza that may be declared once may be changed', () => {
    const cluster = checkedText('cluster { Topology "10.1.0.0/16" { interface = a } }');
    const { findings, tree: now } = changedBy(cluster, [
      'set',
      'cluster',
      'Topology',
      '10.1.0.0/16',
      'interface',
      'b',
    ]);
    expect(findings).toEqual([]);
    expect(showAll(now!)).toContain('Interface = b');
  });

  it('CONF-10 a text that was typed reads back as it was, whatever it holds', () => {
    for (const text of ['a"b', "it's", 'a\\b', 'a b', '#x', 'a=b', '{', 'x\ny', '', '“q”']) {
      const wish = wishToSet(['hostname', text]) as Wish;
      const change = wish.change as { value: string };
      const [item] = parseSource(new Source('x', `hostname = ${change.value}`), new Findings(), {
        strict: false,
      });
      expect(item?.kind === 'assignment' && item.value.kind === 'scalar' && item.value.text).toBe(text);
    }
  });
});
