import { describe, expect, it } from 'vitest';
import { Findings } from '../../../src/config/finding.ts';
import { parseSource } from '../../../src/config/parser.ts';
import {
  bool,
  destination,
  dictionaryOf,
  duration,
  int,
  ip,
  level,
  listOf,
  mode,
  type OptionType,
  oneOf,
  rate,
  text,
} from '../../../src/config/schema/option.ts';
import { Source } from '../../../src/config/source.ts';
import { nearest } from '../../../src/config/suggest.ts';
import { readValue } from '../../../src/config/values.ts';
import { parseDestination } from '../../../src/core/logs/destination.ts';

/** What a value is read as, or the codes of what is wrong with it. */
function read(type: OptionType, written: string): unknown {
  const findings = new Findings();
  const [item] = parseSource(new Source('test', `x = ${written}`), findings, { strict: false });
  const value = item?.kind === 'assignment' ? readValue(type, item.value, findings) : undefined;
  return findings.hasErrors ? findings.list().map(({ code }) => code) : value;
}

describe('CONF-4 types', () => {
  it('quoting never changes a value', () => {
    for (const written of ['0', '"0"', "'0'"]) expect(read(int(0), written)).toBe(0);
    for (const written of ['0640', '"0640"']) expect(read(mode, written)).toBe(0o640);
  });

  it('CFG-2101 booleans are ten words in any case', () => {
    for (const word of ['on', 'TRUE', 'Yes', 'enabled', '1']) expect(read(bool, word)).toBe(true);
    for (const word of ['off', 'False', 'NO', 'disabled', '0']) expect(read(bool, word)).toBe(false);
    for (const word of ['2', 'y', '""', 'constructor']) expect(read(bool, word)).toEqual(['CFG-2101']);
  });

  it('CFG-2102 whole numbers are decimal, also with a leading zero; nothing else is a number', () => {
    expect(read(int(-1), '-1')).toBe(-1);
    expect(read(int(0), '010')).toBe(10);
    for (const written of ['1.5', '0x10', '10k', '""', '1e3', '--1'])
      expect(read(int(0), written)).toEqual(['CFG-2102']);
    expect(read(duration(0), '0.25')).toBe(0.25);
    expect(read(duration(0), '.5')).toBe(0.5);
    for (const written of ['1,5', '1e3', 'Infinity', 'NaN', '.'])
      expect(read(duration(0), written)).toEqual(['CFG-2102']);
  });

  it('CFG-2103 ranges hold at both ends', () => {
    expect(read(int(1, 5), '1')).toBe(1);
    expect(read(int(1, 5), '5')).toBe(5);
    expect(read(int(1, 5), '0')).toEqual(['CFG-2103']);
    expect(read(int(1, 5), '6')).toEqual(['CFG-2103']);
    expect(read(int(0), '9'.repeat(30))).toEqual(['CFG-2103']);
  });

  it('CFG-2104 modes are octal', () => {
    expect(read(mode, '4755')).toBe(0o4755);
    for (const written of ['0o640', '8', '017777', 'rw']) expect(read(mode, written)).toEqual(['CFG-2104']);
  });

  it('CFG-2106 rates are N or N/S (replication 7.1, 7.2)', () => {
    expect(read(rate, '5')).toEqual({ count: 5, periodSeconds: 1 });
    expect(read(rate, '"60/3"')).toEqual({ count: 60, periodSeconds: 3 });
    expect(read(rate, '"60/3,burst=2"')).toEqual({ count: 60, periodSeconds: 3, burst: 2 });
    expect(read(rate, '"0/60"')).toEqual({ count: 0, periodSeconds: 60 });
    expect(read(rate, '"1/31536000"')).toEqual({ count: 1, periodSeconds: 31_536_000 });
    for (const written of ['""', '-1', '1.5', '"5/0"', '"5/"', '"/5"', '"5 / 1"', '"1/31536001"', '5s']) {
      expect(read(rate, written)).toEqual(['CFG-2106']);
    }
  });

  it('CFG-2107 words count without case, levels also by number', () => {
    expect(read(oneOf(['release', 'keep']), 'KEEP')).toBe('keep');
    expect(read(level, 'Error')).toBe('error');
    expect(read(level, '5')).toBe('critical');
    expect(read(level, '6')).toEqual(['CFG-2107']);
  });

  it('replication 3.6: parameters are trimmed, with case, without doubles and empty words', () => {
    const type: OptionType = { kind: 'words', words: ['snapshot', 'connect'] };
    expect(read(type, '" connect ;;snapshot; connect"')).toEqual(['connect', 'snapshot']);
    expect(read(type, '"Connect"')).toEqual(['CFG-2107']);
  });

  it('CFG-2108 a list of nothing is a value, and one value is a list with a warning', () => {
    expect(read(listOf(text), '( )')).toEqual([]);
    expect(read(listOf(text), 'a')).toEqual(['a']);
    expect(read(listOf(text), '[ a = b ]')).toEqual(['CFG-2108']);
    expect(read(dictionaryOf(text), '( a )')).toEqual(['CFG-2108']);
    expect(read(text, '( a )')).toEqual(['CFG-2108']);
  });

  it('CFG-2109 of a key that stands twice the last one counts; keys keep case and order', () => {
    expect(read(dictionaryOf(text), '[ B = 1 a = 2 B = 3 b = 4 ]')).toEqual(
      new Map([
        ['B', '3'],
        ['a', '2'],
        ['b', '4'],
      ]),
    );
  });

  it('CFG-2110 all spellings of an IPv6 address are one', () => {
    for (const written of ['2001:DB8:0::1', '2001:db8::0:1', '"2001:0db8:0:0:0:0:0:1"']) {
      expect(read(ip, written)).toBe('2001:db8::1');
    }
    expect(read(ip, '::ffff:10.0.0.1')).toBe('::ffff:a00:1');
    for (const written of ['010.0.0.1', '10.0.0', '1', 'fe80::1%eth0', '10.0.0.1/32']) {
      expect(read(ip, written)).toEqual(['CFG-2110']);
    }
  });

  it('CFG-2112 endpoints in all their forms', () => {
    const type: OptionType = { kind: 'endpoint', hostNames: false };
    expect(read(type, '*:25')).toEqual({ host: '*', port: 25 });
    expect(read(type, ':65535')).toEqual({ host: '*', port: 65_535 });
    expect(read(type, '10.0.0.1:25')).toEqual({ host: '10.0.0.1', port: 25 });
    expect(read(type, '"[*]:25"')).toEqual({ host: '::', port: 25 });
    expect(read(type, '"[::0]:25"')).toEqual({ host: '::', port: 25 });
    expect(read(type, '"[2001:DB8::1]:25"')).toEqual({ host: '2001:db8::1', port: 25 });
    expect(read(type, '/tmp/2025')).toEqual({ path: '/tmp/2025' });
    for (const written of [
      '10.0.0.1',
      '25',
      'localhost:25',
      '10.0.0.1:25,200',
      '::1:25',
      '10.0.0.1:65536',
      '""',
    ]) {
      expect(read(type, written)).toEqual(['CFG-2112']);
    }
    expect(read({ kind: 'endpoint', hostNames: true }, 'Mail.example:25')).toEqual({
      host: 'mail.example',
      port: 25,
    });
  });

  it('CFG-2110 host names are no addresses that went wrong', () => {
    const host: OptionType = { kind: 'host', any: true };
    expect(['*', 'Mx.example', '10.0.0.1'].map((text) => read(host, text))).toEqual([
      '*',
      'Mx.example',
      '10.0.0.1',
    ]);
    for (const written of ['10.0.0.256', '1.2.3', '-a', '"a b"', '""'])
      expect(read(host, written)).toEqual(['CFG-2110']);
    expect(read({ kind: 'host', any: false }, '*')).toEqual(['CFG-2110']);
  });

  it('bus servers become URLs with a port; what stands before @ is kept', () => {
    const type: OptionType = { kind: 'server' };
    expect(read(type, 'localhost')).toBe('nats://localhost:4222');
    expect(read(type, '127.0.0.1:4809')).toBe('nats://127.0.0.1:4809');
    expect(read(type, '"TLS://[2001:DB8::1]:5222/"')).toBe('tls://[2001:db8::1]:5222');
    expect(read(type, '"nats://u:p@h:1"')).toBe('nats://u:p@h:1');
    for (const written of ['""', '"nats://"', '"nats://a b"', ':4222', '"a:b:c"'])
      expect(read(type, written)).toEqual(['CFG-2112']);
  });
});

describe('LOG-2 destinations', () => {
  it('join the subscribers of both forms', () => {
    expect(parseDestination('jlog:///var/log/x=>a,b?subscribers=c,a&when=end')).toMatchObject({
      scheme: 'jlog',
      path: '/var/log/x',
      subscribers: ['a', 'b', 'c'],
    });
    expect(read(destination, '"CLUSTER:///x=>master"')).toMatchObject({
      scheme: 'cluster',
      subscribers: ['master'],
    });
  });

  it('of programs keep their arguments, percent-decoded', () => {
    const parsed = parseDestination('pipe:///bin/cat?arg1=%2Dv&env1=A=b');
    expect(parsed).toMatchObject({ path: '/bin/cat' });
    expect(typeof parsed === 'object' && [...parsed.parameters]).toEqual([
      ['arg1', '-v'],
      ['env1', 'A=b'],
    ]);
    expect(parseDestination('pipe:///x?a=%')).toContain('percent');
  });
});

describe('CFG-2319 what stands behind %', () => {
  const format = (written: string) => read({ kind: 'format' }, `'${written}'`);
  const pattern = (written: string) => read({ kind: 'destination', pattern: true }, `'${written}'`);

  it('in formats of custom_logger', () => {
    const all = '%A%b%g%B%BI%c%C%CI%d%H%h{X-A}%i%m@%M%r@%R%n%N%p%P%PG%s%S%t%t{%Y}%T%T{3}%U%vctx_mess{v}%%';
    expect(format(all)).toBe(all);
    for (const written of ['%', '%q', '%h', '%h{X', '%vctx_mess', 'a %i %é'])
      expect(format(written)).toEqual(['CFG-2319']);
  });

  it('LOG-10.3 in the pattern of Logs', () => {
    expect(pattern('/%Y/%m/%d/%{l}/%{s}/%{n}.%Ey%Od%%')).toMatchObject({ scheme: 'file' });
    for (const written of ['/%', '/%{', '/%{l', '/%{L}', '/%{ll}', '/%q', '/%E', '/%Eq'])
      expect(pattern(written)).toEqual(['CFG-2319']);
  });
});

describe('suggestions', () => {
  it('are the nearest words, at most three, and none when nothing is near', () => {
    const known = ['if_down_limit', 'if_check_interval', 'interface', 'class', 'glass', 'grass', 'brass'];
    expect(nearest('if_down_limt', known)).toEqual(['if_down_limit']);
    expect(nearest('IF_CEHCK_INTERVAL', known)).toEqual(['if_check_interval']);
    expect(nearest('lass', known)).toEqual(['class', 'glass']);
    expect(nearest('xlass', ['class', 'glass', 'flass', 'slass'])).toHaveLength(3);
    expect(nearest('zzz', known)).toEqual([]);
    expect(nearest('x'.repeat(1_000_000), known)).toEqual([]);
  });
});
