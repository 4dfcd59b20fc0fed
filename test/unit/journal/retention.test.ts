/** Subscribers, what is kept for them, limits of growth, full disks (spec: logging 2, 5, 6, 11). */
import { beforeAll, describe, expect, it } from 'vitest';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import type { JournalFiles } from '../../../src/journal/files.ts';
import { formatId } from '../../../src/journal/layout.ts';
import { bytesOf, newPath, type Opened, open, readAll, texts } from './journals.ts';
import { SimulatedDisk } from './simulated-disk.ts';

let files: JournalFiles;
beforeAll(async () => {
  files = await openDiskFiles();
});

/** Four records in a segment. */
async function filled(
  path: string,
  count: number,
  options: Partial<Parameters<typeof open>[0]> = {},
): Promise<Opened> {
  const journal = await open({ path, files, create: { unitLimit: 100 }, ...options });
  for (let n = 0; n < count; n++) await journal.append(Buffer.from(`line ${n}\n`.padStart(10)));
  return journal;
}

const segmentsIn = (path: string): string[] =>
  Object.keys(bytesOf(path)).filter((name) => /^[0-9a-f]{8}$/.test(name));

describe('subscribers', () => {
  it('R6 LOG-6 are added at the beginning, the end, a record, or where another one stands, and never twice', async () => {
    const journal = await filled(newPath(), 6);
    expect(formatId(await journal.addSubscriber('begin'))).toBe('00000000:00000000');
    expect(formatId(await journal.addSubscriber('end', 'end'))).toBe('00000001:00000002');
    expect(formatId(await journal.addSubscriber('there', { segment: 0, marker: 3 }))).toBe(
      '00000000:00000003',
    );
    expect(formatId(await journal.addSubscriber('copy', { copyOf: 'there' }))).toBe('00000000:00000003');
    expect(texts(await readAll(journal, 'copy'))).toEqual(['   line 3\n', '   line 4\n', '   line 5\n']);
    await expect(journal.addSubscriber('copy')).rejects.toMatchObject({ code: 'FLT-2214' });
    await expect(journal.reader('nobody')).rejects.toMatchObject({ code: 'FLT-2208' });
    await expect(journal.removeSubscriber('nobody')).rejects.toMatchObject({ code: 'FLT-2208' });
    await expect(journal.addSubscriber('x'.repeat(127))).rejects.toMatchObject({ code: 'FLT-2210' });
    await expect(journal.addSubscriber('')).rejects.toMatchObject({ code: 'FLT-2210' });
    await journal.close();
  });

  it('R6 of the URI are added at each open and never removed', async () => {
    const path = newPath();
    await (await filled(path, 6, { subscribers: ['master'] })).close();
    const journal = await open({ path, files, subscribers: ['westmgr'], subscribersStart: 'end' });
    expect(await journal.subscribers()).toEqual(
      new Map([
        ['master', { segment: 0, marker: 0 }],
        ['westmgr', { segment: 1, marker: 2 }],
      ]),
    );
    await journal.close();
  });

  it('R6 LOG-6 a segment is kept until the slowest has passed it; removing that one frees it at once', async () => {
    const path = newPath();
    const journal = await filled(path, 14, { subscribers: ['fast', 'slow'] });
    await readAll(journal, 'fast', true);
    expect(segmentsIn(path)).toHaveLength(4);
    await journal.removeSubscriber('slow');
    expect(segmentsIn(path)).toEqual(['00000003']);
    await journal.removeSubscriber('fast');
    expect(segmentsIn(path)).toEqual(['00000003']);
    await journal.close();
  });

  it('R6 LOG-6 without subscribers nothing is deleted, and clean keeps the current segment', async () => {
    const path = newPath();
    const journal = await filled(path, 14);
    expect(segmentsIn(path)).toHaveLength(4);
    expect(await journal.clean()).toEqual([0, 1, 2]);
    expect(segmentsIn(path)).toEqual(['00000003']);
    await journal.close();
  });

  it('R6 LOG-6 a checkpoint may go back as far as there are segments, never ahead of the data', async () => {
    const journal = await filled(newPath(), 6, { subscribers: ['master', 'other'] });
    const reader = await journal.reader('master');
    await reader.checkpoint({ segment: 1, marker: 1 });
    await reader.checkpoint({ segment: 0, marker: 2 });
    expect(texts(await readAll(journal, 'master'))).toHaveLength(4);
    for (const id of [
      { segment: 0, marker: 5 },
      { segment: 1, marker: 3 },
      { segment: 2, marker: 0 },
    ])
      await expect(reader.checkpoint(id)).rejects.toMatchObject({ code: 'FLT-2209' });
    await reader.close();
    await journal.close();
  });

  it('R6 LOG-6 an interval never spans two segments, and the step to the next one frees the one before', async () => {
    const path = newPath();
    const journal = await filled(path, 6, { subscribers: ['master'] });
    const reader = await journal.reader('master');
    expect((await reader.interval()).count).toBe(4);
    await reader.checkpoint({ segment: 0, marker: 4 });
    expect(segmentsIn(path)).toHaveLength(2);
    expect(await reader.interval()).toEqual({
      after: { segment: 1, marker: 0 },
      last: { segment: 1, marker: 2 },
      count: 2,
    });
    expect(segmentsIn(path)).toEqual(['00000001']);
    await reader.close();
    await journal.close();
  });

  it('R6 reading on behind what was handed out moves no checkpoint and frees nothing', async () => {
    const path = newPath();
    const journal = await filled(path, 10, { subscribers: ['master'] });
    const reader = await journal.reader('master');
    while ((await reader.next()).length > 0);
    expect(segmentsIn(path)).toHaveLength(3);
    reader.rewind();
    expect((await reader.next())[0]!.id).toEqual({ segment: 0, marker: 1 });
    await reader.close();
    await journal.close();
  });
});

describe('limits of growth', () => {
  it('R6 LOG-11 beyond the largest size the oldest segments go, and it is told how many records of whom are lost', async () => {
    const path = newPath();
    const limits = { maxBytes: 320, maxAgeMs: 0, action: 'drop-oldest' } as const;
    const journal = await filled(path, 22, { subscribers: ['master', 'other'], limits });
    await journal.enforceLimits();
    const left = await readAll(journal, 'master');
    const lost = journal.notices.filter(({ kind }) => kind === 'records-lost');
    expect(lost.reduce((sum, { records }) => sum + records, 0) + left.length).toBe(22);
    expect(lost[0]!.text).toContain('segment 00000000 was dropped');
    expect(lost[0]!.text).toContain("4 of 'master', 4 of 'other'");
    expect(journal.counts.lost).toBe(22 - left.length);
    expect(left.length).toBeGreaterThanOrEqual(10);
    expect(
      journal.notices.some(({ kind }) => kind === 'checkpoint-moved' || kind === 'segment-missing'),
    ).toBe(false);
    await journal.close();
  });

  it('R6 a segment goes when its newest record is older than allowed, the current one never', async () => {
    const path = newPath();
    const limits = { maxBytes: 0, maxAgeMs: 60_000, action: 'drop-oldest' } as const;
    const journal = await open({ path, files, create: { unitLimit: 100 }, subscribers: ['master'], limits });
    for (let n = 0; n < 12; n++) await journal.append(Buffer.alloc(10), (1_600_000_000 + n) * 1e6);
    for (let n = 0; n < 6; n++) await journal.append(Buffer.alloc(10));
    await journal.enforceLimits();
    expect(segmentsIn(path)).toEqual(['00000002', '00000003', '00000004']);
    await journal.close();
  });

  it('R6 LOG-11 with stop-writing appends are refused until there is room again', async () => {
    const limits = { maxBytes: 150, maxAgeMs: 0, action: 'stop-writing' } as const;
    const journal = await filled(newPath(), 8, { subscribers: ['master'], limits });
    await journal.enforceLimits();
    await expect(journal.append(Buffer.from('x'))).rejects.toMatchObject({ code: 'FLT-2213' });
    expect(journal.appendLazy(Buffer.from('x'))).toBe(false);
    expect(await readAll(journal, 'master', true)).toHaveLength(8);
    await journal.enforceLimits();
    await journal.append(Buffer.from('x'));
    await journal.close();
  });
});

describe('full disk', () => {
  it('R6 LOG-5 LOG-7 refuses the append, keeps nothing of it, and goes on when there is room', async () => {
    const disk = new SimulatedDisk();
    const journal = await open({ path: '/j', files: disk.process(), subscribers: ['master'] });
    await journal.append(Buffer.from('before'));
    disk.room = 10;
    await expect(journal.append(Buffer.from('too much'))).rejects.toMatchObject({
      code: 'FLT-2204',
      message: expect.stringContaining('ENOSPC'),
    });
    expect(disk.content('/j/00000000')).toHaveLength(22);
    journal.appendLazy(Buffer.from('nobody waits'));
    journal.appendLazy(Buffer.from('for these'));
    await journal.sync();
    expect(journal.notices).toMatchObject([{ kind: 'write-failed', records: 2 }]);
    disk.room = Number.POSITIVE_INFINITY;
    await journal.append(Buffer.from('after'));
    expect(texts(await readAll(journal, 'master'))).toEqual(['before', 'after']);
    await journal.close();
  });

  it('R6 LOG-5 LOG-7 a record whose sync fails is refused and taken out again', async () => {
    const disk = new SimulatedDisk();
    const journal = await open({ path: '/j', files: disk.process(), subscribers: ['master'] });
    await journal.append(Buffer.from('before'));
    disk.failSync = true;
    await expect(journal.append(Buffer.from('lost'))).rejects.toMatchObject({ code: 'FLT-2204' });
    await journal.append(Buffer.from('after'));
    expect(texts(await readAll(journal, 'master'))).toEqual(['before', 'after']);
    await journal.close();
  });

  it('R6 what waits for the disk is bounded', async () => {
    const journal = await open({ path: '/j', files: new SimulatedDisk().process(), maxWaitingBytes: 100 });
    const taken = [1, 2, 3, 4].map(() => journal.appendLazy(Buffer.alloc(20)));
    expect(taken).toEqual([true, true, true, false]);
    await expect(journal.append(Buffer.alloc(20))).rejects.toMatchObject({ code: 'FLT-2211' });
    await journal.sync();
    expect(journal.appendLazy(Buffer.alloc(20))).toBe(true);
    await journal.close();
  });

  it('R6 LOG-5 appends that wait together are written and synced once', async () => {
    const disk = new SimulatedDisk();
    const journal = await open({ path: '/j', files: disk.process() });
    const trace: string[] = [];
    disk.trace = trace;
    await Promise.all(Array.from({ length: 100 }, () => journal.append(Buffer.alloc(20))));
    expect(trace.filter((step) => /^(?:sync|write) \/j\/00000000/.test(step))).toHaveLength(2);
    await journal.close();
  });
});
