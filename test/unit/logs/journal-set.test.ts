/** One writer for each path (spec: logging 2, 7). */
import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { checkpointName, formatId } from '../../../src/journal/layout.ts';
import { JournalSet } from '../../../src/logs/journal-set.ts';
import { clock, newPath, random, readAll, texts } from '../journal/journals.ts';
import { Recorder } from '../recorder.ts';

let recorder: Recorder;
let set: JournalSet;
beforeEach(() => {
  recorder = new Recorder();
  set = new JournalSet({ clock, random, ...recorder });
});

const line = (text: string): Buffer => Buffer.from(`${text}\n`);

describe('journals of a process', () => {
  it('R6 a path has one writer, which the last user closes', async () => {
    const path = newPath();
    const [one, two] = await Promise.all([set.open(path), set.open(`${path}/`)]);
    expect(two).toBe(one);
    await set.release(path);
    expect(set.get(path)).toBe(one);
    await Promise.all([set.release(path), set.open(path)]);
    expect(set.get(path)).toBeDefined();
    await set.release(path);
    expect(set.get(path)).toBeUndefined();
    await expect(one.append(line('x'))).rejects.toMatchObject({ code: 'FLT-2204' });
  });

  it('LOG-2 subscribers are added by every open, where it says, and never removed', async () => {
    const path = newPath();
    const journal = await set.open(path, { subscribers: ['master'], mode: 0o644 });
    await journal.append(line('one'));
    await set.open(path, { subscribers: ['west'] });
    await set.open(path, { subscribers: ['late', 'west'], when: 'end' });
    await set.open(path);
    const at = [...(await journal.subscribers())].map(([name, id]) => `${name} ${formatId(id)}`);
    expect(at).toEqual(['late 00000000:00000001', 'master 00000000:00000000', 'west 00000000:00000000']);
    expect(statSync(path).mode & 0o777).toBe(0o755);
    for (let n = 0; n < 4; n++) await set.release(path);
  });

  it('LOG-2 one that is opened to be read first keeps the mode of its files in those made then', async () => {
    const path = newPath();
    const made = await set.open(path, { mode: 0o600 });
    await made.append(line('one'));
    await set.release(path);
    const read = await set.open(path);
    await read.addSubscriber('later');
    expect(statSync(`${path}/${checkpointName('later')}`).mode & 0o777).toBe(0o600);
    await set.release(path);
  });

  it('LOG-7 what is no journal is refused and counted for nobody', async () => {
    const path = newPath();
    mkdirSync(path);
    writeFileSync(`${path}/letter`, 'x');
    await expect(set.open(path)).rejects.toMatchObject({ code: 'FLT-2201' });
    rmSync(path, { recursive: true });
    await set.open(path);
    await set.release(path);
    expect(set.get(path)).toBeUndefined();
  });

  it('LOG-2 a directory removed by hand is made anew at reopening, with its subscribers and another identity', async () => {
    const path = newPath();
    const journal = await set.open(path, { subscribers: ['master'] });
    await set.open(path, { subscribers: ['west'] });
    await journal.appendWritten(line('kept'));
    await set.reopen(path);
    expect(set.get(path)).toBe(journal);
    let ids = 0;
    const others = new JournalSet({
      clock,
      random: { ...random, hex: () => `${ids++}`.repeat(32) },
      ...recorder,
    });
    rmSync(path, { recursive: true });
    await set.reopen(path);
    const anew = set.get(path)!;
    expect(anew).not.toBe(journal);
    await anew.append(line('new'));
    expect(texts(await readAll(anew, 'west'))).toEqual(['new\n']);
    expect([...(await anew.subscribers()).keys()]).toEqual(['master', 'west']);
    await set.release(path);
    await set.release(path);
    rmSync(path, { recursive: true });
    expect(await (await others.open(path)).identity()).toBe('0'.repeat(32));
    await others.release(path);
  });
});
