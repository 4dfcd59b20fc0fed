/** The reader that programs are offered (logging 8). */
import { rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openLogReader } from '../../../src/index.ts';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import { clock, newPath, open } from '../journal/journals.ts';

const subscriber = 'billing';
const recordsAtFirst = 20;
const numbered = (n: number) => `${String(n).padStart(60, '0')}\n`;

async function journalWith(...lines: readonly string[]) {
  const path = newPath();
  const writtenUs = clock.wallMs() * 1000;
  const journal = await open({
    path,
    files: await openDiskFiles(),
    subscribers: ['master'],
    create: { unitLimit: 200 },
  });
  for (const line of lines) await journal.append(Buffer.from(line));
  return { path, journal, writtenUs, read: () => openLogReader({ path, subscriber, add: 'begin' }) };
}

async function texts(reader: Awaited<ReturnType<typeof openLogReader>>): Promise<string[]> {
  const found: string[] = [];
  for (let record = await reader.read(); record; record = await reader.read()) found.push(record.text);
  return found;
}

describe('a program that reads a journal', () => {
  it('LOG-8 gets each record with its id and time, none at the end, and what is written meanwhile after that', async () => {
    const { journal, writtenUs, read } = await journalWith('one\n', 'two\n');
    const reader = await read();
    const first = await reader.read();
    expect(first).toMatchObject({ id: '00000000:00000001', text: 'one\n' });
    expect(first!.timeUs).toBe(writtenUs);
    expect(await texts(reader)).toEqual(['two\n']);
    expect(await reader.read()).toBeUndefined();
    await journal.append(Buffer.from('three\n'));
    expect(await texts(reader)).toEqual(['three\n']);
    await reader.close();
    await journal.close();
  });

  it('LOG-8 is told where there is no journal, no subscriber of its name, or no such name', async () => {
    const { path, journal } = await journalWith('one\n');
    await expect(openLogReader({ path: `${path}-none`, subscriber })).rejects.toMatchObject({
      code: 'FLT-2201',
    });
    writeFileSync(`${path}-file`, '');
    await expect(openLogReader({ path: `${path}-file`, subscriber })).rejects.toMatchObject({
      code: 'FLT-2201',
    });
    await expect(openLogReader({ path, subscriber })).rejects.toMatchObject({ code: 'FLT-2208' });
    await expect(openLogReader({ path, subscriber: '', add: 'begin' })).rejects.toMatchObject({
      code: 'FLT-2210',
    });
    rmSync(`${path}-file`);
    await journal.close();
  });

  it('LOG-8 may add itself at every start, and begins at the end where it asks for that', async () => {
    const { path, journal } = await journalWith('old\n');
    for (const expected of [[], ['new\n']]) {
      const reader = await openLogReader({ path, subscriber, add: 'end' });
      expect(await texts(reader)).toEqual(expected);
      await reader.close();
      if (expected.length === 0) await journal.append(Buffer.from('new\n'));
    }
    await journal.close();
  });

  it('LOG-8 a checkpoint behind a record that was given back leaves it unread', async () => {
    const { journal, read } = await journalWith('one\n', 'two\n');
    const first = await read();
    expect((await first.read())?.text).toBe('one\n');
    first.rewind();
    expect(await first.checkpoint()).toBe('00000000:00000000');
    const next = await read();
    expect(await texts(next)).toEqual(['one\n', 'two\n']);
    await Promise.all([first.close(), next.close()]);
    await journal.close();
  });

  it('LOG-8 with autoCheckpoint reads nothing twice, however it ends', async () => {
    const { journal, read } = await journalWith('one\n', 'two\n');
    const killed = await read();
    killed.autoCheckpoint = true;
    await killed.read();
    const next = await read();
    expect(await texts(next)).toEqual(['two\n']);
    await Promise.all([killed.close(), next.close()]);
    await journal.close();
  });

  it('LOG-8 R6 always reads on behind its checkpoint, each record once, whatever it gives back and whenever it starts anew', async () => {
    const step = fc.constantFrom('read', 'read', 'read', 'rewind', 'checkpoint', 'restart', 'append');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const lines = Array.from({ length: recordsAtFirst }, (_, n) => numbered(n + 1));
        const { journal, read } = await journalWith(...lines);
        let [written, stored, at] = [recordsAtFirst, 0, 0];
        let [hasRead, isRewound] = [false, false];
        let reader = await read();
        for (const each of steps) {
          if (each === 'append') await journal.append(Buffer.from(numbered(++written)));
          if (each === 'read') {
            const record = await reader.read();
            expect(record && Number(record.text)).toBe(at < written ? at + 1 : undefined);
            if (record) [at, hasRead, isRewound] = [at + 1, true, false];
          }
          if (each === 'rewind') {
            reader.rewind();
            // Once a record, and only one that this reader has handed out.
            if (hasRead && !isRewound) [at, isRewound] = [at - 1, true];
          }
          if (each === 'checkpoint') {
            await reader.checkpoint();
            stored = at;
          }
          if (each === 'restart') {
            await reader.close();
            reader = await read();
            [at, hasRead, isRewound] = [stored, false, false];
          }
        }
        await reader.close();
        await journal.close();
      }),
      { numRuns: 60 },
    );
  });
});
