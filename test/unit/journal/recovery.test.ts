/** What crashes, other programs and bad disks leave, each as the table of repairs says (spec: logging 7). */
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import type { JournalFiles } from '../../../src/journal/files.ts';
import { formatId } from '../../../src/journal/layout.ts';
import { fuzzJournal } from '../../fuzz/journal.fuzz.ts';
import { bytesOf, fixture, newPath, open, readAll, texts } from './journals.ts';

let files: JournalFiles;
beforeAll(async () => {
  files = await openDiskFiles();
});

/** Ten records in each of three segments, the last of which is current. `master` has read nothing. */
async function written(): Promise<string> {
  const path = newPath();
  const journal = await open({ path, files, subscribers: ['master'], create: { unitLimit: 250 } });
  for (let n = 0; n < 25; n++) await journal.append(Buffer.from(`record ${String(n).padStart(2, '0')}`));
  await journal.close();
  return path;
}

const lines = Array.from({ length: 25 }, (_, n) => `record ${String(n).padStart(2, '0')}`);
const recordBytes = 25;

function damage(path: string, name: string, at: number, bytes: string): void {
  const file = readFileSync(join(path, name));
  file.write(bytes, at, 'latin1');
  writeFileSync(join(path, name), file);
}

const checkpointFile = 'cp.6d6173746572';

describe('damaged segments', () => {
  it('R6 LOG-7 bytes damaged inside a closed segment are cut out when a subscriber comes to them; the rest is read', async () => {
    const path = await written();
    damage(path, '00000001', 3 * recordBytes, '####');
    const journal = await open({ path, files });
    expect(texts(await readAll(journal, 'master', true))).toEqual(lines.filter((_, n) => n !== 13));
    expect(journal.notices).toMatchObject([{ kind: 'bytes-cut', bytes: recordBytes }]);
    await journal.close();
  });

  it('R6 LOG-7 checkpoints go back by the records cut out before them', async () => {
    const path = await written();
    const journal = await open({ path, files });
    await journal.addSubscriber('late', { segment: 1, marker: 8 });
    damage(path, '00000001', 3 * recordBytes, '####');
    expect(await journal.mend()).toBe(1);
    expect((await journal.subscribers()).get('late')).toEqual({ segment: 1, marker: 7 });
    expect(texts(await readAll(journal, 'late'))).toEqual(lines.slice(18));
    await journal.close();
  });

  it('R6 LOG-7 bytes damaged inside the current segment: writing goes on in the next one, nothing else is lost', async () => {
    const path = await written();
    damage(path, '00000002', 2 * recordBytes, '####');
    const journal = await open({ path, files });
    expect(formatId(await journal.append(Buffer.from('new')))).toBe('00000003:00000001');
    expect(texts(await readAll(journal, 'master'))).toEqual([...lines.filter((_, n) => n !== 22), 'new']);
    await journal.close();
  });

  it('R6 a torn record that another program wrote behind is cut, the records behind it are kept', async () => {
    const path = await written();
    const segment = readFileSync(join(path, '00000002'));
    const torn = segment.subarray(0, recordBytes - 4);
    writeFileSync(
      join(path, '00000002'),
      Buffer.concat([segment.subarray(0, recordBytes), torn, segment.subarray(recordBytes)]),
    );
    const journal = await open({ path, files });
    await journal.append(Buffer.from('new'));
    expect(texts(await readAll(journal, 'master'))).toEqual([...lines, 'new']);
    await journal.close();
  });

  it('R6 zeros behind the last record, as a power loss leaves them, cost no record', async () => {
    const path = await written();
    truncateSync(join(path, '00000002'), 5 * recordBytes + 4000);
    const journal = await open({ path, files });
    await journal.append(Buffer.from('new'));
    expect(texts(await readAll(journal, 'master'))).toEqual([...lines, 'new']);
    await journal.close();
  });

  it.each(Array.from({ length: recordBytes }, (_, n) => n))(
    'R6 a record torn after %i bytes: a prefix, then the new records, nothing else',
    async (length) => {
      const path = await written();
      truncateSync(join(path, '00000002'), 4 * recordBytes + length);
      const journal = await open({ path, files });
      await journal.append(Buffer.from('new'));
      expect(texts(await readAll(journal, 'master'))).toEqual([...lines.slice(0, 24), 'new']);
      await journal.close();
    },
  );

  it('R6 part of the text of a torn record never becomes a record', async () => {
    const path = newPath();
    const journal = await open({ path, files, subscribers: ['master'] });
    const inside = readFileSync(join(fixture('basic'), '00000000'));
    await journal.append(Buffer.concat([Buffer.from('lines: '), inside, Buffer.from('end')]));
    await journal.close();
    truncateSync(join(path, '00000000'), 16 + 7 + inside.length);
    const again = await open({ path, files });
    await again.append(Buffer.from('new'));
    expect(texts(await readAll(again, 'master'))).toEqual(['new']);
    await again.close();
  });

  it('R6 LOG-7 compressed records that cannot be expanded are passed over, and told; also when they are all of a run', async () => {
    const path = fixture('lz4');
    const journal = await open({ path, files });
    const [first, ...others] = await readAll(journal, 'master');
    await journal.append(Buffer.from('new'));
    const length = readFileSync(join(path, '00000000')).readUInt32LE(16);
    damage(path, '00000000', 20, '\u00ff'.repeat(length));
    expect(texts(await readAll(journal, 'master'))).toEqual([...texts(others), 'new']);
    expect(journal.notices.map(({ text }) => text)).toEqual([
      expect.stringContaining(`record ${formatId(first!.id)} cannot be expanded, and is passed over`),
    ]);
    const reader = await journal.reader('master');
    // One record a run.
    expect(texts(await reader.next(1))).toEqual(texts(others.slice(0, 1)));
    await reader.close();
    await journal.close();
  });

  it('R6 a file with the last number there is lets nothing follow: refused with the reason', async () => {
    const path = await written();
    writeFileSync(join(path, 'ffffffff'), Buffer.alloc(300));
    await expect(open({ path, files })).rejects.toMatchObject({
      code: 'FLT-2203',
      message: expect.stringContaining('no number left behind segment ffffffff'),
    });
  });

  it('R6 R7 LOG-7 always: whatever has happened to its files, a journal opens, is read to its end and mended for good', async () => {
    const { opened, records } = await fuzzJournal(400, 1);
    expect(opened).toBe(400);
    expect(records).toBeGreaterThan(4_000);
  });

  it('R6 LOG-7 false indexes are written anew', async () => {
    const path = await written();
    const journal = await open({ path, files });
    await readAll(journal, 'master');
    const right = bytesOf(path);
    for (const name of ['00000000.idx', '00000001.idx', '00000002.idx'])
      damage(path, name, 8, '\u0001\u0001\u0001');
    writeFileSync(join(path, '00000002.idx'), Buffer.alloc(400));
    expect(texts(await readAll(journal, 'master'))).toEqual(lines);
    expect(bytesOf(path)).toEqual(right);
    await journal.close();
  });

  it('R6 LOG-7 a segment that is missing is passed over, and told', async () => {
    const path = await written();
    rmSync(join(path, '00000001'));
    const journal = await open({ path, files });
    expect(texts(await readAll(journal, 'master'))).toEqual([...lines.slice(0, 10), ...lines.slice(20)]);
    expect(journal.notices).toMatchObject([{ kind: 'segment-missing' }]);
    expect(journal.notices[0]!.text).toContain('segment 00000001 missing, skipped');
    await journal.close();
  });
});

describe('damaged metastore', () => {
  it.each([
    ['is missing', undefined, 4 * 1024 * 1024],
    ['has five bytes', Buffer.alloc(5, 1), 4 * 1024 * 1024],
    ['has lost its end', Buffer.from('0900000000020000', 'hex'), 512],
    ['says nonsense', Buffer.alloc(16, 0x77), 0x77777777],
  ])(
    'R6 LOG-7 a metastore that %s is restored: the highest segment is the current one',
    async (_, bytes, unitLimit) => {
      const path = await written();
      if (bytes) writeFileSync(join(path, 'metastore'), bytes);
      else rmSync(join(path, 'metastore'));
      const journal = await open({ path, files });
      expect(journal.settings.unitLimit).toBe(unitLimit);
      expect(formatId(await journal.append(Buffer.from('new')))).toBe('00000002:00000006');
      expect(texts(await readAll(journal, 'master'))).toEqual([...lines, 'new']);
      expect(journal.notices).toMatchObject([{ kind: 'metastore-restored' }]);
      await journal.close();
    },
  );

  it('R6 a metastore that names an older segment than there is goes on with the highest', async () => {
    const path = await written();
    damage(path, 'metastore', 0, '\u0000');
    const journal = await open({ path, files });
    expect(formatId(await journal.append(Buffer.from('new')))).toBe('00000002:00000006');
    await journal.close();
  });

  it('R6 a directory without anything of a journal is made one only when it is empty', async () => {
    const path = newPath();
    await files.makeDirectory(path, 0o755);
    const journal = await open({ path, files });
    await journal.close();
    const other = newPath();
    await files.makeDirectory(other, 0o755);
    writeFileSync(join(other, 'letter.txt'), 'Dear operator');
    await expect(open({ path: other, files })).rejects.toMatchObject({ code: 'FLT-2201' });
    await expect(open({ path: join(other, 'letter.txt'), files })).rejects.toMatchObject({
      code: 'FLT-2201',
    });
    await expect(open({ path: 'var/log/x', files })).rejects.toMatchObject({ code: 'FLT-2201' });
  });
});

describe('damaged checkpoints', () => {
  it.each([
    ['of three bytes', '000000', '00000000:00000000'],
    ['above the current segment', '0900000000000000', '00000002:00000005'],
    ['behind the last record', '02000000ff000000', '00000002:00000005'],
  ])('R6 LOG-7 a checkpoint %s is moved to where nothing is passed over', async (_, bytes, expected) => {
    const path = await written();
    writeFileSync(join(path, checkpointFile), Buffer.from(bytes, 'hex'));
    const journal = await open({ path, files });
    expect(formatId((await journal.subscribers()).get('master')!)).toBe(expected);
    expect(journal.notices).toMatchObject([{ kind: 'checkpoint-moved' }]);
    await journal.append(Buffer.from('new'));
    expect(texts(await readAll(journal, 'master')).at(-1)).toBe('new');
    await journal.close();
  });

  it('R6 LOG-7 a checkpoint below the lowest segment goes to its beginning; a transient one stays', async () => {
    const path = await written();
    writeFileSync(join(path, `cp.${Buffer.from('~tail').toString('hex')}`), Buffer.alloc(8));
    rmSync(join(path, '00000000'));
    const journal = await open({ path, files });
    expect(await journal.subscribers()).toEqual(
      new Map([
        ['master', { segment: 1, marker: 0 }],
        ['~tail', { segment: 0, marker: 0 }],
      ]),
    );
    await journal.close();
  });

  it('R6 LOG-7 records appended behind a checkpoint that was ahead are all read', async () => {
    const path = await written();
    writeFileSync(join(path, checkpointFile), Buffer.from('0200000009000000', 'hex'));
    const journal = await open({ path, files });
    for (let n = 0; n < 4; n++) await journal.append(Buffer.from(`new ${n}`));
    expect(texts(await readAll(journal, 'master'))).toEqual(['new 0', 'new 1', 'new 2', 'new 3']);
    await journal.close();
  });
});

describe('who may open', () => {
  it('R6 a second owner is refused, with the process that has it', async () => {
    const path = newPath();
    const journal = await open({ path, files });
    await expect(open({ path, files })).rejects.toMatchObject({
      code: 'FLT-2206',
      message: expect.stringContaining(`process ${process.pid} has ${path}`),
    });
    await journal.close();
    await (await open({ path, files })).close();
  });

  it('R6 a directory that may not be written is read, its files untouched', async () => {
    const path = await written();
    const journal = await open({ path, files: readOnly(files), access: 'read' });
    expect(journal.readOnlyReason).toContain('EROFS');
    expect(texts(await readAll(journal, 'master'))).toEqual(lines);
    await expect(journal.removeSubscriber('master')).rejects.toMatchObject({ code: 'FLT-2205' });
    await journal.close();
    await expect(open({ path, files: readOnly(files) })).rejects.toMatchObject({ code: 'FLT-2202' });
  });

  it('R6 where files cannot be locked, only the owner writes', async () => {
    const path = await written();
    await expect(open({ path, files: { ...files, locks: false }, access: 'share' })).rejects.toMatchObject({
      code: 'FLT-2206',
    });
  });
});

/** Root may write everywhere, so a read-only file system is played. */
function readOnly(files: JournalFiles): JournalFiles {
  const refuse = async (): Promise<never> => {
    throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' });
  };
  return {
    ...files,
    open: (path, access) => (access === 'write' ? refuse() : files.open(path, access)),
    create: refuse,
    rename: refuse,
    remove: refuse,
    makeDirectory: refuse,
  };
}
