/** Journals of the C library are read, and ours have its bytes (spec: logging 4 to 6). */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import type { JournalFiles } from '../../../src/journal/files.ts';
import { formatId } from '../../../src/journal/layout.ts';
import { bytesOf, fixture, newPath, open, readAll, texts } from './journals.ts';

let files: JournalFiles;
beforeAll(async () => {
  files = await openDiskFiles();
});

const segmentsTexts = Array.from({ length: 40 }, (_, n) => {
  const number = String(n).padStart(4, '0');
  return n % 7 === 0 ? `record ${number} \n` : `record ${number} xxxxxxxx\n`;
});

describe('journals written by the C library', () => {
  it('R6 LOG-4 basic: three records with their times, all consumed by master', async () => {
    const journal = await open({ path: fixture('basic'), files });
    expect(await readAll(journal, 'master')).toEqual([]);
    await journal.addSubscriber('again');
    const records = await readAll(journal, 'again');
    expect(texts(records)).toEqual(['line 0\n', 'line 1\n', 'line 2\n']);
    expect(records.map(({ timeUs }) => timeUs)).toEqual(
      [0, 1, 2].map((n) => 1_700_000_000_123_456 + n * 1e6),
    );
    await journal.close();
  });

  it.each([
    ['master', 41],
    ['mgr2', 17],
    ['a/b c', 1],
  ])('R6 LOG-4 segments: %s has read %i of 41 records in three segments', async (subscriber, consumed) => {
    const path = fixture('segments');
    const journal = await open({ path, files });
    const all = [...segmentsTexts, ''];
    expect(texts(await readAll(journal, subscriber))).toEqual(all.slice(consumed));
    await journal.close();
  });

  it('R6 LOG-4 segments: reading all leaves the index files that the C library wrote', async () => {
    const path = fixture('segments');
    const before = bytesOf(path);
    for (const name of ['00000000.idx', '00000001.idx', '00000002.idx'])
      writeFileSync(join(path, name), 'junk, not an index');
    const journal = await open({ path, files });
    const reader = await journal.reader('a/b c');
    for (let records = await reader.next(); records.length > 0; ) records = await reader.next();
    await reader.close();
    await journal.close();
    // Another subscriber may never have come to the first record.
    expect(bytesOf(path)).toEqual(before);
  });

  it('R6 LOG-4 buffered: what the killed writer left in its buffer is in the segment, once', async () => {
    const path = fixture('buffered');
    const lines = [0, 1, 2, 3, 4].map((n) => `buffered ${n}\n`);
    for (const _ of [1, 2]) {
      const journal = await open({ path, files });
      expect(texts(await readAll(journal, 'master'))).toEqual(lines);
      await journal.close();
    }
    expect(readFileSync(join(path, 'pre_commit')).length).toBe(4100);
  });

  it('R6 LOG-4 lz4: compressed records are expanded, and new ones are compressed', async () => {
    const journal = await open({ path: fixture('lz4'), files });
    const lines = Array.from(
      { length: 10 },
      (_, n) => `compressed ${n} ${String.fromCharCode(97 + n).repeat(100)}\n`,
    );
    await journal.append(Buffer.from('one more'));
    expect(texts(await readAll(journal, 'master'))).toEqual([...lines, 'one more']);
    await journal.close();
  });

  it('R6 torn: the unfinished header is cut before the first append, and told', async () => {
    const journal = await open({ path: fixture('torn'), files });
    expect(journal.notices).toMatchObject([{ kind: 'tail-cut', bytes: 10 }]);
    await journal.append(Buffer.from('line 3\n'));
    expect(texts(await readAll(journal, 'master'))).toEqual(['line 3\n']);
    await journal.close();
  });
});

describe('journals we write', () => {
  it('R6 LOG-4 have the bytes of the layout: segment, index, checkpoint, metastore, buffer', async () => {
    const path = newPath();
    const journal = await open({ path, files, subscribers: ['master'] });
    for (const n of [0, 1, 2])
      await journal.append(Buffer.from(`line ${n}\n`), 1_700_000_000_123_456 + n * 1e6);
    expect(await readAll(journal, 'master', true)).toHaveLength(3);
    await journal.close();
    expect(bytesOf(path)).toEqual(bytesOf(fixture('basic')));
  });

  it('R6 LOG-5 leave a segment once it has reached its limit, as the C library does', async () => {
    const path = newPath();
    const journal = await open({
      path,
      files,
      subscribers: ['master', 'mgr2', 'a/b c'],
      create: { unitLimit: 512 },
    });
    for (const [n, text] of segmentsTexts.entries())
      journal.appendLazy(Buffer.from(text), (1_700_000_100 + n) * 1e6 + n);
    await journal.append(Buffer.alloc(0), 1_700_000_200 * 1e6);
    await readAll(journal, 'master', true);
    for (const [name, id] of [
      ['mgr2', { segment: 1, marker: 2 }],
      ['a/b c', { segment: 0, marker: 1 }],
    ] as const)
      await journal.moveSubscriber(name, id);
    await journal.close();
    expect(bytesOf(path)).toEqual(bytesOf(fixture('segments')));
  });

  it('R6 LOG-5 twenty records of 100 bytes at a limit of 512: four segments of 580 bytes and an empty one', async () => {
    const path = newPath();
    const journal = await open({ path, files, create: { unitLimit: 512 } });
    const ids = await Promise.all(Array.from({ length: 20 }, () => journal.append(Buffer.alloc(100, 'x'))));
    expect(ids.slice(3, 7).map(formatId)).toEqual([
      '00000000:00000004',
      '00000000:00000005',
      '00000001:00000001',
      '00000001:00000002',
    ]);
    await journal.close();
    const sizes = [0, 1, 2, 3, 4].map((n) => statSync(join(path, `0000000${n}`)).size);
    expect(sizes).toEqual([580, 580, 580, 580, 0]);
  });

  it.each([false, true])(
    'R6 LOG-17.11 records of 0 bytes, 1 byte, 600 KiB and 5 MiB are read back (compressed: %s)',
    async (compress) => {
      const journal = await open({ path: newPath(), files, subscribers: ['master'], create: { compress } });
      const sizes = [0, 1, 600 * 1024, 0, 5 * 1024 * 1024, 2];
      for (const [n, size] of sizes.entries()) await journal.append(Buffer.alloc(size, `${n}`));
      const records = await readAll(journal, 'master', true);
      expect(records.map(({ payload }) => payload.length)).toEqual(sizes);
      expect(records.every(({ payload }, n) => payload.every((byte) => byte === 48 + n))).toBe(true);
      await journal.close();
    },
  );

  it('R6 LOG-4 files have the mode asked for, the directory x besides, whatever the mask', async () => {
    const path = newPath();
    const before = process.umask(0o077);
    try {
      const journal = await open({ path, files, mode: 0o644, subscribers: ['master'] });
      await journal.append(Buffer.from('x'));
      await readAll(journal, 'master');
      await journal.close();
    } finally {
      process.umask(before);
    }
    expect(statSync(path).mode & 0o777).toBe(0o755);
    for (const name of Object.keys(bytesOf(path)))
      expect([name, statSync(join(path, name)).mode & 0o777]).toEqual([name, 0o644]);
  });

  it('R6 keep their identity beside the directory, and a journal made anew has another', async () => {
    const path = newPath();
    const first = await open({ path, files });
    await first.close();
    const again = await open({ path, files, random: { next: () => 0, hex: () => 'b'.repeat(32) } });
    expect(await again.identity()).toBe('a1'.repeat(16));
    await again.close();
    rmSync(path, { recursive: true });
    const anew = await open({ path, files, random: { next: () => 0, hex: () => 'c'.repeat(32) } });
    expect(await anew.identity()).toBe('c'.repeat(32));
    await anew.close();
  });
});

describe('journals of other machines', () => {
  it('R6 LOG-4 the other byte order is read, and refused for writing', async () => {
    const path = fixture('basic');
    const swap = (name: string, from: number, to: number): void => {
      const bytes = readFileSync(join(path, name));
      bytes.subarray(from, to).swap32();
      writeFileSync(join(path, name), bytes);
    };
    swap('metastore', 0, 16);
    swap('cp.6d6173746572', 0, 8);
    for (const at of [0, 23, 46]) swap('00000000', at, at + 16);
    writeFileSync(join(path, 'cp.6d6173746572'), Buffer.from('0000000000000001', 'hex'));
    const before = bytesOf(path);
    await expect(open({ path, files })).rejects.toMatchObject({ code: 'FLT-2205' });
    const journal = await open({ path, files, access: 'read' });
    expect(journal.settings.unitLimit).toBe(4 * 1024 * 1024);
    expect(texts(await readAll(journal, 'master'))).toEqual(['line 1\n', 'line 2\n']);
    const reader = await journal.reader('master');
    await reader.next();
    await expect(reader.checkpoint()).rejects.toMatchObject({ code: 'FLT-2205' });
    await reader.close();
    await journal.close();
    expect(bytesOf(path)).toEqual(before);
  });

  it('R6 LOG-4 a journal of jlog 1 is read with its own magic, and stays as it is', async () => {
    const path = fixture('basic');
    const cut = readFileSync(join(path, 'metastore')).subarray(0, 12);
    writeFileSync(join(path, 'metastore'), cut);
    const segment = readFileSync(join(path, '00000000'));
    for (const at of [0, 23, 46]) segment.writeUInt32LE(0, at);
    writeFileSync(join(path, '00000000'), segment);
    writeFileSync(join(path, 'cp.6d6173746572'), Buffer.alloc(8));
    await expect(open({ path, files })).rejects.toMatchObject({ code: 'FLT-2205' });
    const journal = await open({ path, files, access: 'read' });
    expect(texts(await readAll(journal, 'master'))).toEqual(['line 0\n', 'line 1\n', 'line 2\n']);
    await journal.close();
    expect(readFileSync(join(path, 'metastore'))).toEqual(cut);
  });
});
