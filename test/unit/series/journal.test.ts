/** What is to be written of series, by key, and which of their files are kept. */
import { describe, expect, it } from 'vitest';
import { finish } from '../../../src/core/replica/work.ts';
import { Journal } from '../../../src/core/series/journal.ts';
import { planUpkeep } from '../../../src/core/series/journal-upkeep.ts';

describe('a journal', () => {
  const amounts = (journal: Journal) =>
    journal.take().map(({ series, keyType, amounts }) => [series, keyType, ...amounts]);

  it('REP-11.1 REP-11.5 adds up until it is taken, and begins anew; series without counts are not in it', () => {
    const journal = new Journal();
    journal.add('spam', 'ipv4', 1, 2);
    journal.add('spam', 'ipv4', 1, 3);
    journal.add('virus', 'text', 'x', 1);
    journal.add('virus', 'text', 'x', -1);
    expect(amounts(journal)).toEqual([['spam', 'ipv4', [1, 5]]]);
    expect(amounts(journal)).toEqual([]);
  });

  it('REP-11.1 has one page for each name: addresses of all kinds go together, other keys do not fit', () => {
    const journal = new Journal();
    journal.add('spam', 'ipv4', 1, 2);
    journal.add('spam', 'address', 2, 3);
    journal.add('spam', 'ipv4', 1, 1);
    journal.add('spam', 'text', 'x', 7);
    expect(amounts(journal)).toEqual([['spam', 'address', [1, 3], [2, 3]]]);
    expect(journal.refused).toBe(1);
  });

  it('REP-11.6 a name that no file can have is refused, not tried for ever', () => {
    const journal = new Journal();
    journal.add('ä'.repeat(100), 'ipv4', 1, 2);
    expect(amounts(journal)).toEqual([]);
    expect(journal.refused).toBe(1);
  });

  it('REP-11.5 what could not be written is in the next files, with what came since', () => {
    const journal = new Journal();
    journal.add('spam', 'ipv4', 1, 2);
    const [page] = journal.take();
    journal.add('spam', 'ipv4', 1, 5);
    finish(journal.putBack(page!));
    expect(amounts(journal)).toEqual([['spam', 'ipv4', [1, 7]]]);
  });
});

describe('the files that are kept', () => {
  const all = { series: undefined, retentionDays: 30, plainDays: 0 };
  const noon = Date.parse('2008-06-05T12:00:00Z');

  it('REP-11.8 what is older than the retention goes, what is from before today is compressed once', () => {
    const names = [
      'spam.20080605T120000',
      'spam.20080605T000001',
      'spam.20080605T000000',
      'spam.20080604T120000.gz',
      'spam.20080506T000001',
      'spam.20080506T000000',
      'spam.20080401T000000.gz',
      'spam.20080401T000000.new',
      'as_logger.state',
      'notes.txt',
    ];
    expect(planUpkeep(names, all, noon)).toEqual({
      compress: ['spam.20080605T000000', 'spam.20080506T000001'],
      remove: ['spam.20080506T000000', 'spam.20080401T000000.gz'],
    });
  });

  it('REP-11.8 series that are named, files that stay plain for days or for ever', () => {
    const names = ['spam.20080601T120000', 'virus.20080601T120000', 'a%2Fb.20080604T120000'];
    const plan = (more: object) => planUpkeep(names, { ...all, ...more }, noon);
    expect(plan({ series: ['spam', 'a/b'], retentionDays: 3 })).toEqual({
      compress: ['a%2Fb.20080604T120000'],
      remove: ['spam.20080601T120000'],
    });
    expect(plan({ plainDays: 3 }).compress).toEqual(['spam.20080601T120000', 'virus.20080601T120000']);
    expect(plan({ plainDays: undefined }).compress).toEqual([]);
  });
});
