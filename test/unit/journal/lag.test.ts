/** What is behind a subscriber, for people (logging 13). */
import { beforeAll, expect, it } from 'vitest';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import type { JournalFiles } from '../../../src/journal/files.ts';
import { clock, newPath, open, readAll } from './journals.ts';

let files: JournalFiles;
beforeAll(async () => {
  files = await openDiskFiles();
});

it('13 lag is exact where somebody has read, and its records unknown where nobody has', async () => {
  const journal = await open({ path: newPath(), files, create: { unitLimit: 100 }, subscribers: ['a', 'b'] });
  for (let n = 0; n < 10; n++) await journal.append(Buffer.from(`line ${n}\n`.padStart(10)), 1e15 + n);
  // Four records of 26 bytes in each full segment.
  expect(await journal.lag({ segment: 0, marker: 0 })).toEqual({
    bytes: 260,
    records: undefined,
    oldestUs: 1e15,
  });
  await readAll(journal, 'a', true);
  expect(await journal.lag({ segment: 0, marker: 0 })).toMatchObject({ bytes: 260 });
  expect(await journal.lag({ segment: 0, marker: 3 })).toMatchObject({ bytes: 182, oldestUs: 1e15 + 3 });
  expect(await journal.lag({ segment: 1, marker: 4 })).toEqual({ bytes: 52, records: 2, oldestUs: 1e15 + 8 });
  expect(await journal.lag({ segment: 2, marker: 2 })).toEqual({ bytes: 0, records: 0, oldestUs: undefined });
  expect(await journal.bounds()).toEqual({
    first: { segment: 0, marker: 1 },
    last: { segment: 2, marker: 2 },
  });
  await journal.close();
});

it('9.2 what readers see is on the disk after syncWritten, also while more is being appended', async () => {
  const journal = await open({ path: newPath(), files, subscribers: ['a'] });
  let told = 0;
  const unwatch = journal.onWritten(() => told++);
  journal.appendLazy(Buffer.from('1\n'));
  await new Promise<void>((resolve) => clock.after(1, resolve));
  await journal.syncWritten();
  expect(told).toBe(1);
  unwatch();
  await journal.append(Buffer.from('2\n'));
  expect(told).toBe(1);
  await journal.close();
});
