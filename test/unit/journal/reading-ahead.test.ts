/** What it costs to read ahead of what was consumed, as an aggregator that catches up does (logging 9.2). */
import { expect, it } from 'vitest';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import type { JournalFile, JournalFiles } from '../../../src/journal/files.ts';
import type { LogId } from '../../../src/journal/layout.ts';
import { newPath, open } from './journals.ts';

const isSegment = (path: string): boolean => /\/[0-9a-f]{8}$/.test(path);

/** Bytes read of segments, and how many of them are open for reading. */
function counting(files: JournalFiles) {
  const seen = { bytes: 0, open: 0 };
  const counted = (file: JournalFile): JournalFile => ({
    ...file,
    read: async (into, position) => {
      const length = await file.read(into, position);
      seen.bytes += length;
      return length;
    },
    close: async () => {
      seen.open--;
      await file.close();
    },
  });
  const opened: JournalFiles = {
    ...files,
    async open(path, access) {
      const file = await files.open(path, access);
      if (!file || access !== 'read' || !isSegment(path)) return file;
      seen.open++;
      return counted(file);
    },
  };
  return { files: opened, seen };
}

it('P9 LOG-9.2 reading an interval ahead of the checkpoint scans each segment once, and holds none that is gone', async () => {
  const { files, seen } = counting(await openDiskFiles());
  const segments = 12;
  const unitLimit = 4_000;
  const journal = await open({ path: newPath(), files, subscribers: ['master'], create: { unitLimit } });
  for (let n = 0; n < 10 * segments; n++) await journal.append(Buffer.alloc(unitLimit / 10 - 16, 'x'));
  const reader = await journal.reader('master');
  seen.bytes = 0;
  const sent: LogId[] = [];
  for (let after: LogId | undefined; ; ) {
    const interval = await reader.interval(after);
    if (interval.count === 0) break;
    await reader.run(interval, unitLimit * 2);
    // Is there more? As the service asks before it answers.
    await reader.interval(interval.last);
    after = interval.last;
    sent.push(after);
    if (sent.length > 1) await reader.checkpoint(sent.shift());
  }
  for (const id of sent) await reader.checkpoint(id);
  // Looked at once, handed out once.
  expect(seen.bytes / (unitLimit * segments)).toBeLessThan(2.2);
  expect(seen.open).toBeLessThanOrEqual(2);
  await reader.close();
  expect(seen.open).toBe(0);
  await journal.close();
});
