/** `jlog check` and `jlog convert` (spec: logging 8): both byte orders, plain and compressed. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkJournal } from '../../../src/journal/check.ts';
import { convertJournal } from '../../../src/journal/convert.ts';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import { openStore } from '../../../src/journal/open-store.ts';
import { bytesOf, clock, fixture, newPath, open, readAll, texts } from './journals.ts';

const files = await openDiskFiles();
const optionsAt = (path: string) => ({ path, files, clock, mode: 0o640, onNotice: () => {} });
const findings = async (path: string): Promise<readonly string[]> =>
  (await checkJournal(await openStore(optionsAt(path), false))).findings;

async function contents(path: string): Promise<unknown> {
  const journal = await open({ path, files, access: 'look' });
  const records = [];
  for await (const { id, timeUs, payload } of journal.everything())
    records.push([id, timeUs, payload.toString('latin1')]);
  return { records, subscribers: await journal.subscribers(), settings: { ...journal.settings, magic: 0 } };
}

it.each(['basic', 'segments', 'lz4'])(
  'R6 %s, converted to the other byte order and back, is the same, byte by byte',
  async (name) => {
    const path = fixture(name);
    const [big, back] = [newPath(), newPath()];
    await convertJournal(optionsAt(path), big, { order: 'big' });
    expect(readFileSync(join(big, 'metastore')).readUInt32BE(12)).toBe(
      name === 'lz4' ? 0x15106a01 : 0x663a7318,
    );
    expect(await contents(big)).toEqual(await contents(path));
    await expect(open({ path: big, files })).rejects.toThrow('other byte order');
    await convertJournal(optionsAt(big), back, { order: 'little' });
    const { '00000000.idx': a, '00000001.idx': b, '00000002.idx': c, ...expected } = bytesOf(path);
    if (name === 'lz4') expect(await contents(back)).toEqual(await contents(path));
    else expect(bytesOf(back)).toEqual(expected);
    expect(await findings(big)).toEqual([]);
    expect(await findings(back)).toEqual([]);
  },
);

it('R6 a conversion compresses records or expands them, keeps ids, times, checkpoints and the identity', async () => {
  const path = fixture('segments');
  await (await open({ path, files })).close();
  const [small, large] = [newPath(), newPath()];
  await convertJournal(optionsAt(path), small, { compress: true });
  await convertJournal(optionsAt(small), large, { compress: false, order: 'big' });
  expect(await contents(small)).toEqual(await contents(path));
  expect(await contents(large)).toEqual(await contents(path));
  const journal = await open({ path: small, files });
  const original = await open({ path, files });
  expect(await journal.identity()).toBe(await original.identity());
  expect(texts(await readAll(journal, 'mgr2'))).toEqual(texts(await readAll(original, 'mgr2')));
  await original.close();
  await journal.close();
});

it('R6 a conversion takes the records of the write buffer along, and refuses damage and a target that is there', async () => {
  const path = fixture('buffered');
  const target = newPath();
  await convertJournal(optionsAt(path), target, { order: 'big' });
  const converted = await open({ path: target, files, access: 'look' });
  const found = [];
  for await (const { payload } of converted.everything()) found.push(payload.toString());
  expect(found).toEqual([0, 1, 2, 3, 4].map((n) => `buffered ${n}\n`));
  await expect(convertJournal(optionsAt(path), target, {})).rejects.toThrow('exists already');
  const torn = fixture('torn');
  await expect(convertJournal(optionsAt(torn), newPath(), {})).rejects.toThrow('10 bytes of junk at the end');
});

it('R6 check finds nothing in whole journals, and in others each thing that is wrong', async () => {
  for (const name of ['basic', 'segments', 'lz4', 'buffered'])
    expect([name, await findings(fixture(name))]).toEqual([name, []]);
  expect(await findings(fixture('torn'))).toEqual(['segment 00000000: 10 bytes of junk at the end']);
  const path = fixture('segments');
  const index = readFileSync(join(path, '00000000.idx'));
  index[8] = 3;
  writeFileSync(join(path, '00000000.idx'), index);
  const records = readFileSync(join(path, '00000002'));
  // The time of its last record but one; and the checkpoint of one goes beyond the end.
  records[4 + 36 * 2] = 0;
  records[5 + 36 * 2] = 0;
  writeFileSync(join(path, '00000002'), records);
  writeFileSync(join(path, 'cp.6d6173746572'), Buffer.of(2, 0, 0, 0, 12, 0, 0, 0));
  writeFileSync(join(path, 'cp.6d677232'), 'short');
  rmSync(join(path, '00000001'));
  writeFileSync(join(path, 'notes'), '');
  const found = await findings(path);
  expect(found).toContain('segment 00000001 is missing');
  expect(found).toContain('index 00000001.idx has no segment');
  expect(found).toContain('file notes is none of a journal');
  expect(found).toContain('segment 00000000: the index has a wrong offset for record 2: 3');
  expect(found).toContain("subscriber 'master' @ 00000002:0000000c: past the end");
  expect(found).toContain("subscriber 'mgr2': its file has 5 bytes");
  renameSync(join(path, '00000002'), join(path, '00000003'));
  expect(await findings(path)).toContain('segment 00000003 is newer than the current one, 00000002');
  rmSync(join(path, 'cp.612f622063'));
  rmSync(join(path, 'cp.6d677232'));
  expect(await findings(path)).toContain('segment 00000000 is older than what any subscriber needs');
  rmSync(join(path, 'metastore'));
  expect(await findings(path)).toContain('the metastore is missing');
});

it('R6 check finds times that go backwards, and payloads that cannot be expanded', async () => {
  const plain = fixture('basic');
  const records = readFileSync(join(plain, '00000000'));
  records[23 + 5] = 0;
  writeFileSync(join(plain, '00000000'), records);
  expect(await findings(plain)).toEqual(['segment 00000000: time goes backwards at record 2']);
  const compressed = fixture('lz4');
  const blocks = readFileSync(join(compressed, '00000000'));
  blocks.fill(0xff, 20, 44);
  writeFileSync(join(compressed, '00000000'), blocks);
  expect(await findings(compressed)).toEqual([
    'segment 00000000: the payload cannot be expanded at record 1',
  ]);
  // Without it those behind it would have other numbers than their checkpoints know.
  await expect(convertJournal(optionsAt(compressed), newPath(), { compress: false })).rejects.toMatchObject({
    code: 'FLT-2203',
    message: expect.stringContaining('record 1 cannot be expanded'),
  });
});
