/** Formats of custom_logger (spec: logging 3). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseCustomFormat, parseSanitizer } from '../../../src/core/logs/custom-format.ts';
import { checkText, settingsOf } from '../config/checked.ts';

const timeUs = 1_700_000_000_123_456;
const record = {
  messageId: 'id',
  batchId: 'batch',
  connectionId: 'conn',
  sender: 'info@sender.com',
  recipient: 'bob@example.com',
  domain: 'mx.example.com',
  address: '10.0.0.1',
  bytes: 266,
  protocol: 'esmtp',
  group: 'g',
  binding: 'b',
  pathwayGroup: 'pg',
  pathway: 'p',
  retries: 3,
  queuedS: 1.23456,
  stage: 5,
  stageText: 'MAIL FROM',
  text: '552 no',
  classCode: 10,
  className: 'Invalid Recipient',
  user: 'u',
  authentication: 'plain',
  headers: { subject: 'Hello' },
  context: { v: 'w' },
  connectionContext: { c: 'd' },
};

function filled(format: string, { isHighResolution = false, sanitize = '' } = {}): string {
  const parsed = parseCustomFormat(format);
  const sanitizer = parseSanitizer(sanitize);
  if (typeof parsed === 'string' || typeof sanitizer === 'string') throw new Error('not a format');
  const zone = { at: () => ({ offsetS: 3600, name: 'CET' }) };
  return parsed(timeUs, record, { zone, isHighResolution, sanitize: sanitizer });
}

describe('LOG-3 custom_logger', () => {
  it('fills every letter, and takes the longest item there is', () => {
    expect(filled('%A|%b|%g|%B|%BI|%c|%C|%CI|%d|%H|%h{Subject}')).toBe(
      'plain|b|g|266|batch|Invalid Recipient|10|conn|mx.example.com|10.0.0.1|Hello',
    );
    expect(filled('%i|%m|%M|%r|%R|%n|%N|%p|%P|%PG|%s|%S')).toBe(
      'id|info|sender.com|bob|example.com|552 no|3|esmtp|p|pg|MAIL FROM|5',
    );
    expect(filled('%t|%T|%T{4}|%U|%vctx_mess{v}|%vctx_conn{c}|%%|%vctx_mess{none}')).toBe(
      '1700000000|1.23|1.2346|u|w|d|%|',
    );
  });

  it('writes times in the zone of the machine, with microseconds where they are wanted', () => {
    expect(filled('%t{%Y-%m-%d %H:%M:%S %Z}')).toBe('2023-11-14 23:13:20 CET');
    expect(filled('%t %t{%T|%S|%M}', { isHighResolution: true })).toBe(
      '1700000000123456 23:13:20.123456|20.123456|13',
    );
  });

  it('CFG-2319 says which letter it does not know', () => {
    expect(parseCustomFormat('%i %q')).toBe("unknown format letter '%q'");
    expect(parseCustomFormat('%h{x')).toBe("unknown format letter '%h'");
    expect(parseCustomFormat('%')).toBe("unknown format letter '%'");
  });

  it('knows every letter that docs/guides/logging.md lists, which are all there are; its example is valid', () => {
    const guide = readFileSync(join(import.meta.dirname, '../../../docs/guides/logging.md'), 'utf8');
    const rows = guide.split('\n').filter((line) => line.startsWith('| `%'));
    const letters = rows.flatMap((row) => [...row.matchAll(/`(%[^`]+)`/g)].map(([, letter = '']) => letter));
    const known = 'A b g B BI c C CI d H h i m M r R n N p P PG s S t t T T U vctx_mess vctx_conn %';
    expect(letters.map((letter) => letter.slice(1).replace(/\{.*/, '')).sort()).toEqual(
      known.split(' ').sort(),
    );
    for (const letter of letters) {
      const format = letter.replace('{N}', '{3}').replace('{FORMAT}', '{%Y}');
      expect([letter, typeof parseCustomFormat(format)]).toEqual([letter, 'function']);
    }
    const example = /^custom_logger "billing"[\s\S]*?^\}/m.exec(guide)?.[0] ?? '';
    expect(checkText(example).findings).toEqual([]);
    expect(settingsOf(example).logging.loggers[0]).toMatchObject({ kind: 'custom_logger', name: 'billing' });
  });

  it('sanitizes values and not the text between', () => {
    expect(filled('A %s', { sanitize: 'tr/AL/al/' })).toBe('A MaIl FROM');
    const sanitize = parseSanitizer('special_characters non_printable');
    expect(typeof sanitize === 'string' ? sanitize : sanitize('a"b\n')).toBe('a\\"b10');
    expect(parseSanitizer('lower')).toContain("'lower'");
  });
});
