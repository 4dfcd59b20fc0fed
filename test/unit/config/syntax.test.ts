import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Findings } from '../../../src/config/finding.ts';
import { parseSource } from '../../../src/config/parser.ts';
import { printItems } from '../../../src/config/print.ts';
import { decodeText, Source } from '../../../src/config/source.ts';
import type { Assignment, Include, Item, Scalar, Stanza, Value } from '../../../src/config/syntax-tree.ts';
import { fuzzConfiguration } from '../../fuzz/configuration.fuzz.ts';
import { checkFiles, checkText, codes } from './checked.ts';
import { shapeOf } from './shape.ts';

function parse(text: string): { items: Item[]; codes: string[] } {
  const findings = new Findings();
  const items = parseSource(new Source('test', text), findings, { strict: false });
  return { items, codes: findings.list().map(({ line, column, code }) => `${line}:${column} ${code}`) };
}

/** The value of the first assignment. */
function value(text: string): unknown {
  const { items, codes: wrong } = parse(text);
  expect(wrong).toEqual([]);
  return JSON.parse(shapeOf(items)[0] ?? '')[2];
}

describe('CONF-2 lexical rules', () => {
  it('comments: # to the end of the line, /* */ without nesting; inside of a word # ends it and /* is text', () => {
    expect(shapeOf(parse('# a\n/* x /* y */ a = b#c\nd = /* z\n*/ e').items)).toEqual([
      '["a","=","b"]',
      '["d","=","e"]',
      'end',
    ]);
    expect(value('uri = digest:///opt/*')).toBe('digest:///opt/*');
    expect(value('a = "# no /* comment"')).toBe('# no /* comment');
  });

  it('white space only separates: several statements may share a line, a value may stand on the next', () => {
    const { items } = parse('node a { mta_id = 1  votes = 1 } logs [ x = /y ]\nformat =\n  "%b"\nempty { }');
    expect(shapeOf(items)).toEqual([
      '["node","a"]',
      '["mta_id","=","1"]',
      '["votes","=","1"]',
      'end',
      '["logs","=",{"entries":[["x","/y"]]}]',
      '["format","=","%b"]',
      '["empty",null]',
      'end',
      'end',
    ]);
  });

  it('escapes: five of them in double quotes, any other backslash stays; none in single quotes', () => {
    expect(value(String.raw`a = "\"\\\n\r\t\w+\.fr$"`)).toBe('"\\\n\r\t\\w+\\.fr$');
    expect(value(String.raw`a = '\n "x" \'`)).toBe(String.raw`\n "x" \ `.trimEnd());
  });

  it('strings may span lines and keep them', () => {
    expect(value('query = "SELECT a\n  FROM b"')).toBe('SELECT a\n  FROM b');
  });

  it('barewords hold / : * and commas inside', () => {
    expect(value('hosts = ( 127.0.0.0/8 10.0.0.1:25,200 *.example.com )')).toEqual([
      '127.0.0.0/8',
      '10.0.0.1:25,200',
      '*.example.com',
    ]);
  });

  it('CONF-3.1 names may have hyphens and a colon; values may be called include', () => {
    expect(shapeOf(parse('NAS-IP-Address = 1\nhook:init = include\nDomain include { }').items)).toEqual([
      '["NAS-IP-Address","=","1"]',
      '["hook:init","=","include"]',
      '["Domain","include"]',
      'end',
      'end',
    ]);
  });

  it('a byte-order mark, Windows line ends and a missing last line end are no matter', () => {
    expect(checkText('\ufeffpidfile = a\r\nlog_hires_timestamp = true').counts).toEqual({
      errors: 0,
      warnings: 0,
      notices: 0,
    });
    expect(checkText('\ufeffhostnam = a').findings[0]).toMatchObject({ line: 1, column: 1 });
  });

  it('CFG-1101 invalid UTF-8 is an error outside of comments only', () => {
    const bytes = (text: string) => Uint8Array.from([...text].map((char) => char.charCodeAt(0)));
    const result = checkFiles({ 'm.conf': bytes('# caf\xe9\nhostname = "caf\xe9" /* \xff */\n') });
    expect(result.findings.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual([
      '2:12 CFG-1101',
    ]);
    expect(decodeText(bytes('a\ufffdb'.replace('\ufffd', '\xef\xbf\xbd')))).toBe('a\ufffdb');
    expect(codes(checkText('pidfile = "\ufffd"'))).toEqual([]);
  });

  it('CFG-1101 quotes that do not pair up: the string over several lines is suspected', () => {
    const [finding] = checkText('hostname = "a\npidfile = "b"\n').findings.filter(
      ({ code }) => code === 'CFG-1101',
    );
    expect(finding?.hint).toBe('perhaps the string that begins in line 1 lacks its closing quote');
  });
});

describe('recovery after an error', () => {
  it.each([
    ['the statement after a stray word', 'x y z\nhostname = a', '["hostname","=","a"]'],
    ['the statement after a forgotten )', 'x = ( a b\nhostname = a', '["hostname","=","a"]'],
    ['the scope after a forgotten ]', 'x = [ a = b\nBinding "c" {\n}', '["Binding","c"]'],
    ['the inside of a scope with a wrong =', 'Replicate = "x" {\n hostname = a }', '["hostname","=","a"]'],
    ['the inside of braces nobody named', '= {\n hostname = a\n}\nafter = b', '["after","=","b"]'],
    ['what follows an attribute of 2.2', 'Binding b <c="d"> { hostname = a }', '["hostname","=","a"]'],
    ['a statement after one without value', 'pidfile =\nhostname = a', '["hostname","=","a"]'],
  ])('understands %s', (_, text, line) => {
    const { items, codes: wrong } = parse(text);
    expect(wrong.length).toBeGreaterThan(0);
    expect(shapeOf(items)).toContain(line);
  });

  it('goes on behind the line of an unterminated string, and blames no bracket that it may have swallowed', () => {
    expect(parse('a = "x }\nb ( c )\n').codes).toEqual(['1:5 CFG-1101', '2:3 CFG-1102']);
    expect(parse('cluster { a = "x }\n').codes).toEqual(['1:15 CFG-1101']);
    expect(parse('cluster { a = ( b /* x } )\n').codes).toEqual(['1:19 CFG-1101']);
  });

  it('one mistake gives one finding', () => {
    for (const text of [
      'a = “b”',
      'a = ( b , c )',
      'a = ( b ]',
      'a = [ b = c )',
      'a = (b\nc = d',
      'Replicate = "x" { }',
      'a 5\nb = 1',
      'x = 1;',
      '} a = b',
    ]) {
      expect(parse(text).codes, text).toHaveLength(1);
    }
  });
});

describe('CONF-13.1 robustness', () => {
  it('empty text, empty scope, only comments', () => {
    for (const text of ['', '\n\n', '# nothing', '/* */', 'cluster { }', 'cluster{}'])
      expect(codes(checkText(text))).toEqual([]);
  });

  it('a binary named as the file is one finding', () => {
    const bytes = Uint8Array.from({ length: 4096 }, (_, index) => (index * 7) % 256);
    const result = checkFiles({ 'm.conf': bytes });
    expect(result.findings.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual([
      '1:1 CFG-1101',
    ]);
  });

  it('port 65535 and endpoints of IPv6', () => {
    expect(codes(checkText('ESMTP_Listener { Listen ":65535" { } Listen "[2001:db8::1]:25" { } }'))).toEqual(
      [],
    );
  });

  it('a string of a megabyte', () => {
    const long = 'x'.repeat(1 << 20);
    expect(checkText(`hostname = "${long}"`).tree?.get('hostname')?.value).toBe(long);
    expect(codes(checkText(`hostname = "${long}`))).toEqual(['CFG-1101']);
  });

  it('10,000 nested scopes, closed and not, parse, print and parse again', () => {
    const nested = `${'a "b" {\n'.repeat(10_000)}x = 1 ${'}'.repeat(10_000)}`;
    const { items, codes: wrong } = parse(nested);
    expect(wrong).toEqual([]);
    expect(shapeOf(parse(printItems(items)).items)).toEqual(shapeOf(items));
    expect(checkText(nested).findings.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual([
      '1:1 CFG-2001',
    ]);
    expect(checkText('cluster { a {\n'.repeat(10_000)).counts.errors).toBe(20_000);
    expect(codes(checkText(`x = ${'( '.repeat(10_000)}`)).slice(0, 2)).toEqual(['CFG-1102', 'CFG-1105']);
  });

  it('every prefix of a valid text gives findings within it, and nothing throws', () => {
    const text = `hostname = "a\\"b" # c
/* d */ cluster { logs = [ a.b = /x "c d" = '/y' ]  servers = ( "nats://h" b )
  include "nothing.conf" Replicate "inbound_cidr" { max_delay = 0.5 } }
ESMTP_Listener { Listen "[::1]:25" { Peer "10.0.0.0/8" { } } } Domain "/^(ä|🚢)$/" { }`;
    for (let end = 0; end <= text.length; end += 1) {
      for (const { span, line, column } of checkText(text.slice(0, end)).findings) {
        expect(span.end).toBeLessThanOrEqual(end);
        expect(line >= 1 && column >= 1).toBe(true);
      }
    }
  });
});

describe('CONF-13.1 what is printed reads the same, for any tree', () => {
  const span = new Source('none', '').span(0, 0);
  const scalar = (text: string): Scalar => ({ kind: 'scalar', text, quote: '"', span });
  const words = [
    'a',
    'include',
    'x y',
    '',
    '"',
    "'",
    '\\',
    '\\n',
    '\n',
    '\r\n',
    '\t',
    '#',
    '/*',
    '{',
    '=',
    '10.0.0.0/8',
    ',',
    'a;',
    '<a',
    '“b”',
    '🚢',
  ];
  const scalars = fc
    .tuple(
      fc.oneof(
        fc.constantFrom(...words),
        fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
      ),
      fc.boolean(),
    )
    .map(([text, isBare]): Scalar => ({ ...scalar(text), quote: isBare ? undefined : '"' }));
  const values: fc.Arbitrary<Value> = fc.oneof(
    scalars,
    fc.array(scalars, { maxLength: 4 }).map((items): Value => ({ kind: 'list', items, span })),
    fc
      .array(fc.record({ key: scalars, value: scalars }), { maxLength: 3 })
      .map((entries): Value => ({ kind: 'dictionary', entries, span })),
  );
  const names = fc
    .stringMatching(/^[A-Za-z_][A-Za-z0-9_:-]{0,8}$/)
    .filter((text) => !/^(readonly_)?include$/i.test(text))
    .map((text) => ({ text, span }));
  const { items } = fc.letrec<{ item: Item; items: Item[] }>((tie) => ({
    item: fc.oneof(
      { depthSize: 'small' },
      fc
        .record({ name: names, value: values })
        .map((parts): Assignment => ({ kind: 'assignment', ...parts })),
      fc
        .record({ readonly: fc.boolean(), target: scalars })
        .map((parts): Include => ({ kind: 'include', span, ...parts })),
      fc
        .record({ name: names, instance: fc.option(scalars, { nil: undefined }), items: tie('items') })
        .map((parts): Stanza => ({ kind: 'stanza', body: undefined, ...parts })),
    ),
    items: fc.array(tie('item'), { maxLength: 4 }),
  }));

  it('always', () => {
    fc.assert(
      fc.property(items, (tree) => {
        const again = parse(printItems(tree));
        expect(again.codes).toEqual([]);
        expect(shapeOf(again.items)).toEqual(shapeOf(tree));
      }),
      { numRuns: 500 },
    );
  });
});

describe('R7 fuzz', () => {
  it('20,000 random and mutated configurations: nothing throws, hangs or grows', () => {
    const summary = fuzzConfiguration(20_000, 20_240_307);
    expect(summary.valid).toBeGreaterThan(1000);
    expect(summary.invalid).toBeGreaterThan(1000);
  }, 120_000);
});
