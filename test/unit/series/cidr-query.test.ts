/** Questions to journals: the grammar, and the lines of the answer byte for byte. */
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../../src/core/address.ts';
import { CidrCounts, cidrLine } from '../../../src/core/series/cidr-counts.ts';
import { type CountQuery, parseCidrQuery, parseDate } from '../../../src/core/series/cidr-query.ts';
import { addressKey } from '../../../src/core/series/stream-key.ts';

function parsed(text: string): CountQuery {
  const result = parseCidrQuery(text);
  if (!('query' in result) || result.query.kind !== 'count') throw new Error(JSON.stringify(result));
  return result.query;
}

/** `[series, stamp, address, count]` of all journals. */
type Entry = readonly [string, string, string, number];

function answer(text: string, entries: readonly Entry[]): string {
  const counts = new CidrCounts(parsed(text));
  for (const [series, stamp, address, count] of entries) {
    const { ms } = parseDate(stamp)!;
    if (counts.concerns(series, ms)) counts.add(series, ms, addressKey(parseAddress(address)!), count);
  }
  return [...counts.rows()].map((row) => (row ? cidrLine(row) : '')).join('');
}

const stamp = '20080605T121500';
const day: readonly Entry[] = [
  ['spam', stamp, '127.0.0.1', 2],
  ['spam', stamp, '10.79.18.130', 5],
  ['spam', stamp, '10.79.18.1', 35000],
  ['spam', '20080605T123000', '10.79.18.1', 217],
  ['virus', stamp, '10.79.18.130', 7],
];

describe('answers of journals', () => {
  it('REP-12.4 REP-22.1 golden text of one series', () => {
    expect(answer('show count for 0.0.0.0/0 in spam', day)).toBe(
      '10.79.18.1/32      :     35217\n10.79.18.130/32    :         5\n127.0.0.1/32       :         2\n',
    );
  });

  it('REP-12.4 REP-22.1 golden text of several series: 0 for a missing one', () => {
    const entries: Entry[] = [['spam', stamp, '10.79.18.2', 25350]];
    const text = 'show count for 10.79.18.0/24 in spam,virus';
    expect(answer(text, entries)).toBe('10.79.18.2/32      : 25350,0\n');
    expect(answer('show count for 10.79.18.130/32 in virus , spam,none', day)).toBe(
      '10.79.18.130/32    : 7,5,0\n',
    );
  });

  it('REP-12.4 a union prints the sum', () => {
    expect(answer('show count for 10.79.18.130/32 in union(spam,virus)', day)).toBe(
      '10.79.18.130/32    :        12\n',
    );
    expect(answer('SHOW COUNT FOR 10.79.18.130 IN UNION (spam)', day)).toBe(
      '10.79.18.130/32    :         5\n',
    );
  });

  it('REP-12.4 only what lies in the netblock, rows of zeros left out', () => {
    const entries: Entry[] = [
      ['spam', stamp, '10.0.0.1', 3],
      ['spam', '20080605T123000', '10.0.0.1', -3],
      ['spam', stamp, '10.0.1.1', 3],
      ['spam', stamp, '2001:db8::1', 4],
    ];
    expect(answer('show count for 10.0.0.0/24 in spam', entries)).toBe('');
    expect(answer('show count for 2001:db8::/32 in spam', entries)).toBe('2001:db8::1/128    :         4\n');
  });

  it('REP-12.5 order by count falls, ties by address; the limit comes after', () => {
    const entries: Entry[] = [
      ['spam', stamp, '10.0.0.9', 1],
      ['spam', stamp, '10.0.0.10', 3],
      ['spam', stamp, '10.0.0.2', 3],
    ];
    const lines = (text: string) => answer(text, entries).match(/^\S+/gm);
    expect(lines('show count for 10.0.0.0/8 in spam')).toEqual([
      '10.0.0.2/32',
      '10.0.0.9/32',
      '10.0.0.10/32',
    ]);
    expect(lines('show count for 10.0.0.0/8 in spam limit 2 order by count')).toEqual([
      '10.0.0.2/32',
      '10.0.0.10/32',
    ]);
    expect(lines('show count for 10.0.0.0/8 in spam limit 0')).toBeNull();
  });

  it('REP-12.5 cidrsize groups; a range prints each size, the shorter before the longer', () => {
    const entries: Entry[] = [
      ['spam', stamp, '10.0.0.1', 1],
      ['spam', stamp, '10.0.0.2', 2],
      ['spam', stamp, '10.0.1.1', 4],
      ['spam', stamp, '200.0.0.1', 8],
    ];
    expect(answer('show count for 0.0.0.0/0 in spam cidrsize 24', entries)).toBe(
      '10.0.0.0/24        :         3\n10.0.1.0/24        :         4\n200.0.0.0/24       :         8\n',
    );
    expect(answer('show count for 10.0.0.0/8 in spam cidrsize 22 to 24', entries)).toBe(
      '10.0.0.0/22        :         7\n10.0.0.0/23        :         7\n10.0.0.0/24        :         3\n10.0.1.0/24        :         4\n',
    );
  });

  it('REP-12.6 from T120000 to T130000 picks the four files that end in that hour', () => {
    const stamps = ['T120000', 'T121500', 'T123000', 'T124500', 'T130000', 'T131500'];
    const entries = stamps.map((time, i): Entry => ['spam', `20080605${time}`, '10.0.0.1', 10 ** i]);
    const count = (clause: string) =>
      answer(`show count for 10.0.0.1/32 in spam ${clause}`, entries).slice(21);
    expect(count('from 20080605T120000 to 20080605T130000')).toBe('    11110\n');
    expect(count('since 20080605T124500')).toBe('   110000\n');
    expect(count('from 20080605T124500 to 20080605')).toBe('   110000\n');
    expect(count('')).toBe('   111111\n');
  });

  it('REP-12.6 a day has the file that ends at its last midnight, not the one of its first', () => {
    const entries: Entry[] = [
      ['spam', '20080605T000000', '10.0.0.1', 1],
      ['spam', '20080605T000100', '10.0.0.1', 10],
      ['spam', '20080606T000000', '10.0.0.2', 100],
      ['spam', '20080606T000100', '10.0.0.1', 1000],
    ];
    expect(answer('show count for 10.0.0.0/8 in spam on 20080605 aggregate', entries)).toBe(
      '10.0.0.0/8         :       110\n',
    );
    expect(answer('show count for 10.0.0.0/8 in spam from 20080605 to 20080605 aggregate', entries)).toBe(
      '10.0.0.0/8         :       110\n',
    );
    expect(answer('show count for 10.0.0.0/8 in spam aggregate daily', entries)).toBe(
      '20080604           :         1\n20080605           :       110\n20080606           :      1000\n',
    );
  });

  it('REP-12.7 a threshold keeps lines that reach it', () => {
    expect(answer('show count for 0.0.0.0/0 in spam threshold 5', day)).toBe(
      '10.79.18.1/32      :     35217\n10.79.18.130/32    :         5\n',
    );
    expect(answer('show count for 0.0.0.0/0 in spam aggregate threshold 35225', day)).toBe('');
  });

  it('REP-12.4 fractions add up', () => {
    const entries: Entry[] = [0.1, 0.2, 0.3].map((count, i) => [
      'spam',
      `20080605T12000${i}`,
      '10.0.0.1',
      count,
    ]);
    expect(answer('show count for 10.0.0.0/8 in spam', entries)).toBe('10.0.0.1/32        :       0.6\n');
  });
});

describe('the query language', () => {
  it('REP-12.2 knows its three questions', () => {
    expect(parseCidrQuery('show available')).toEqual({ query: { kind: 'available' } });
    expect(parseCidrQuery(' cache  details\n')).toEqual({ query: { kind: 'cache' } });
    expect(parsed('show count for 10.1.2.3/8 in Spam')).toMatchObject({ series: ['Spam'], isUnion: false });
  });

  it.each([
    ['', "'show count for' is expected instead of the end"],
    ['show available now', "'now' is not expected"],
    ['show count for 10.0.0.0/33 in spam', "a netblock is expected instead of '10.0.0.0/33'"],
    ['show count for 10.0.0.0/8 spam', "'in' is expected instead of 'spam'"],
    ['show count for 10.0.0.0/8 in', 'a series is expected instead of the end'],
    ['show count for 10.0.0.0/8 in spam,', 'a series is expected instead of the end'],
    ['show count for 10.0.0.0/8 in union(spam', "')' is expected instead of the end"],
    ['show count for 10.0.0.0/8 in spam on monday', "a date is expected instead of 'monday'"],
    ['show count for 10.0.0.0/8 in spam on 20080231', "a date is expected instead of '20080231'"],
    ['show count for 10.0.0.0/8 in spam from 20080601', "'to' is expected instead of the end"],
    ['show count for 10.0.0.0/8 in spam cidrsize 33', "a number from 0 to 32 is expected instead of '33'"],
    ['show count for 10.0.0.0/8 in spam cidrsize 8 to 7', "a number from 8 to 32 is expected instead of '7'"],
    ['show count for 10.0.0.0/8 in spam limit -1', "a number is expected instead of '-1'"],
    ['show count for 10.0.0.0/8 in spam limit 1 limit 2', 'there are two clauses for the limit'],
    ['show count for 10.0.0.0/8 in spam order by name', "'order' is no clause"],
  ])('REP-12.8 says what is wrong with %j', (text, problem) => {
    expect(parseCidrQuery(text)).toEqual({ problem });
  });
});
