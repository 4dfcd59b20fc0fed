/** Answers from a directory of journals: which files are read, and what becomes of those that cannot be. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCidrQuery } from '../../../src/core/series/cidr-query.ts';
import { Journal } from '../../../src/core/series/journal.ts';
import { Journals } from '../../../src/node/journals.ts';
import { systemClock } from '../../../src/node/system-clock.ts';

let directory: string;
let journals: Journals;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-journals-'));
  journals = new Journals(directory, systemClock);
});

afterEach(() => rmSync(directory, { recursive: true }));

function journal(series: string, lines: string, type = 'cidr'): string {
  return `#audit_series v1 ${series} ${type} 20080605T120000 20080605T121500\n${lines}`;
}

function put(name: string, content: string | Uint8Array): void {
  writeFileSync(join(directory, name), content);
}

async function ask(
  text: string,
  format?: 'text' | 'json',
): Promise<readonly [text: string, problem: string | undefined]> {
  const parsed = parseCidrQuery(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  const pieces = journals.ask(parsed.query, format);
  let all = '';
  for (;;) {
    const { value, done } = await pieces.next();
    if (done) return [all, value];
    all += value;
  }
}

describe('journals', () => {
  it('REP-12.3 lists series by name with the stamps of the first and last file', async () => {
    put('virus.20080605T121500', journal('virus', ''));
    put('spam.20080605T123000', journal('spam', ''));
    put('spam.20080605T121500.gz', gzipSync(journal('spam', '')));
    put('a%2Fb.20080605T121500', journal('a%2Fb', ''));
    put('spam.20080605T124500.new', journal('spam', ''));
    expect(await ask('show available')).toEqual([
      'a/b : 20080605T121500 => 20080605T121500\nspam : 20080605T121500 => 20080605T123000\nvirus : 20080605T121500 => 20080605T121500\n',
      undefined,
    ]);
  });

  it('REP-11.8 REP-12.4 reads compressed files, and one that is there twice once', async () => {
    put('spam.20080605T121500', journal('spam', '10.0.0.1\t2\n'));
    put('spam.20080605T121500.gz', gzipSync(journal('spam', '10.0.0.1\t2\n')));
    put('spam.20080605T123000.gz', gzipSync(journal('spam', '10.0.0.1\t3\n')));
    expect(await ask('show count for 10.0.0.0/8 in spam')).toEqual([
      '10.0.0.1/32        :         5\n',
      undefined,
    ]);
  });

  it('REP-21.9 in JSON: rows with their columns, series, files, and what was wrong', async () => {
    put('spam.20080605T121500', journal('spam', '10.0.0.1\t2\n10.0.0.2\t3.5\n'));
    put('virus.20080605T121500', journal('virus', '10.0.0.1\t1\n'));
    const said = async (text: string) => JSON.parse((await ask(text, 'json'))[0]);
    expect(await said('show count for 10.0.0.0/8 in spam,virus')).toEqual({
      columns: ['spam', 'virus'],
      rows: [
        { block: '10.0.0.1/32', counts: [2, 1] },
        { block: '10.0.0.2/32', counts: [3.5, 0] },
      ],
    });
    expect(await said('show count for 10.0.0.0/8 in union(spam,virus) aggregate')).toEqual({
      columns: ['union(spam,virus)'],
      rows: [{ block: '10.0.0.0/8', counts: [6.5] }],
    });
    expect(await said('show count for 10.0.0.0/8 in none')).toEqual({
      columns: ['none'],
      rows: [],
      error: 'no data',
    });
    expect(await said('show available')).toEqual({
      series: [
        { name: 'spam', first: '20080605T121500', last: '20080605T121500' },
        { name: 'virus', first: '20080605T121500', last: '20080605T121500' },
      ],
    });
    expect(await said('cache details')).toEqual({
      files: [`${directory}/spam.20080605T121500`, `${directory}/virus.20080605T121500`],
    });
  });

  it('REP-21.9 live: what is in no file yet is added, and counts once when it is written meanwhile', async () => {
    const question = 'show count for 10.0.0.0/8 in spam';
    put('spam.20080605T121500', journal('spam', '10.0.0.1\t2\n'));
    expect(await ask(`${question} live`)).toEqual([
      '',
      'only the console of a node or manager knows live counts',
    ]);
    const counts = new Journal();
    counts.add('spam', 'ipv4', 0x0a000001, 5);
    counts.add('spam', 'ipv4', 0x0a000002, 1);
    counts.add('other', 'ipv4', 0x0a000001, 9);
    counts.add('words', 'text', 'spam', 9);
    journals = new Journals(directory, systemClock, () => {
      const { pages } = counts;
      // The end of the period comes, and its file is there before the directory is read.
      put('spam.29990605T121500', journal('spam', '10.0.0.1\t5\n10.0.0.2\t1\n'));
      return pages;
    });
    expect(await ask(`${question} live`)).toEqual([
      '10.0.0.1/32        :         7\n10.0.0.2/32        :         1\n',
      undefined,
    ]);
    rmSync(join(directory, 'spam.29990605T121500'));
    expect((await ask(question))[0]).toBe('10.0.0.1/32        :         2\n');
    const unwritten = new Journals(join(directory, 'nothing'), systemClock, () => counts.pages);
    journals = unwritten;
    expect((await ask(`${question} live aggregate`))[0]).toBe('10.0.0.0/8         :         6\n');
  });

  it('REP-12.9 lists the files that answers were made of', async () => {
    put('spam.20080605T121500', journal('spam', '10.0.0.1\t2\n'));
    put('spam.20080605T123000', journal('spam', '10.0.0.1\t2\n'));
    put('virus.20080605T121500', journal('virus', '10.0.0.1\t2\n'));
    await ask('show count for 10.0.0.0/8 in spam');
    expect(await ask('cache details')).toEqual([
      `$VAR1 = [\n          '${directory}/spam.20080605T121500',\n          '${directory}/spam.20080605T123000'\n        ];\n`,
      undefined,
    ]);
  });

  it('REP-12.8 says that there is no data', async () => {
    put('words.20080605T121500', journal('words', '10.0.0.1\t2\n', 'string'));
    expect(await ask('show count for 10.0.0.0/8 in spam')).toEqual(['', 'no data']);
    expect(await ask('show count for 10.0.0.0/8 in words')).toEqual(['', 'no data']);
    rmSync(join(directory, 'words.20080605T121500'));
    expect(await ask('show available')).toEqual(['', 'no data']);
  });

  it('REP-12.8 counts what can be read, and names what cannot', async () => {
    put('spam.20080605T121500', journal('spam', '10.0.0.1\t2\nhere\tthere\n10.0.0.1\n10.0.0.1\tmany\n'));
    put('spam.20080605T123000', 'something else\n10.0.0.1\t2\n');
    expect(await ask('show count for 10.0.0.0/8 in spam')).toEqual([
      '10.0.0.1/32        :         2\n',
      `${directory}/spam.20080605T123000: not a journal of a series`,
    ]);
    put('spam.20080605T123000.gz', 'not compressed');
    rmSync(join(directory, 'spam.20080605T123000'));
    const [, problem] = await ask('show count for 10.0.0.0/8 in spam');
    expect(problem).toContain('spam.20080605T123000.gz: incorrect header');
    rmSync(join(directory, 'spam.20080605T123000.gz'));
    mkdirSync(join(directory, 'spam.20080605T123000'));
    expect((await ask('show count for 10.0.0.0/8 in spam'))[1]).toContain('EISDIR');
  });

  it('REP-12.8 names a directory that is not there', async () => {
    const [text, problem] = await (async () => {
      journals = new Journals(join(directory, 'none'), systemClock);
      return ask('show available');
    })();
    expect(text).toBe('');
    expect(problem).toContain('ENOENT');
  });
});
