/** Several processes write one journal, under the locks that the C library takes too (spec: logging 5). */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openDiskFiles } from '../../../src/journal/disk-files.ts';
import { newPath, open, readAll, texts } from './journals.ts';

const run = promisify(execFile);
const program = join(import.meta.dirname, 'writer-process.ts');

describe('two processes', () => {
  it('R6 LOG-5 write one journal: every record once, those of each in order, no segment beyond its limit by more', async () => {
    const path = newPath();
    const files = await openDiskFiles();
    const owner = await open({ path, files, subscribers: ['master'], create: { unitLimit: 2000 } });
    const count = 300;
    const writers = ['a', 'b'].map((name) =>
      run(process.execPath, ['--import', 'tsx', program, path, name, `${count}`]),
    );
    const own: string[] = [];
    const finished = Promise.all(writers).then(() => true);
    for (
      let n = 0;
      !((await Promise.race([finished, owner.append(Buffer.from(`owner ${n}\n`))])) === true);
      n++
    )
      own.push(`owner ${n}\n`);
    const all = texts(await readAll(owner, 'master'));
    for (const name of ['a', 'b'])
      expect(all.filter((text) => text.startsWith(name))).toEqual(
        Array.from({ length: count }, (_, n) => `${name} ${n}\n`),
      );
    expect(all.filter((text) => text.startsWith('owner')).slice(0, own.length)).toEqual(own);
    expect(owner.notices).toEqual([]);
    await owner.close();
  }, 120_000);

  it('R6 LOG-5 a journal with a write buffer is written by its owner only', async () => {
    const path = newPath();
    const files = await openDiskFiles();
    const owner = await open({ path, files, preCommitBytes: 4096 });
    owner.appendLazy(Buffer.from('in the buffer'));
    await expect(open({ path, files, access: 'share' })).rejects.toMatchObject({ code: 'FLT-2206' });
    await owner.close();
  });

  it('R6 the lock of a file excludes a second opening in the same process, and ends with the file', async () => {
    const files = await openDiskFiles();
    expect(files.locks).toBe(true);
    const path = newPath();
    const [first, second] = [await files.create(path, 0o600), await files.create(path, 0o600)];
    const unlock = first.tryLock();
    expect(unlock).toBeDefined();
    expect(second.tryLock()).toBeUndefined();
    unlock!();
    expect(second.tryLock()).toBeDefined();
    await second.close();
    expect(first.tryLock()).toBeDefined();
    await first.close();
  });
});
