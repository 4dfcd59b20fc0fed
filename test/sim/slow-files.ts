/**
 * The files of a simulated disk as one process uses them: each operation takes a while on the clock of the process. So it
 * can be killed or stopped between any two, in the midst of a write too, and operations on different files overtake each
 * other.
 */
import type { Clock } from '../../src/core/clock.ts';
import type { JournalFile, JournalFiles } from '../../src/journal/files.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Not torn: what a sector holds. */
const wholeBytes = 64;

export function slowFiles(files: JournalFiles, clock: Clock, random: SeededRandom): JournalFiles {
  /** Mostly as fast as memory, now and then as slow as a busy disk. */
  const pass = (): Promise<void> =>
    new Promise((resolve) => clock.after(random.between(0.01, random.chance(0.05) ? 20 : 0.3), resolve));

  async function after<T>(run: () => Promise<T>): Promise<T> {
    await pass();
    return run();
  }

  function slowFile(file: JournalFile): JournalFile {
    return {
      size: () => after(() => file.size()),
      read: (into, position) => after(() => file.read(into, position)),
      async write(bytes, position) {
        await pass();
        const half = bytes.length > wholeBytes && random.chance(0.5) ? Math.floor(bytes.length / 2) : 0;
        if (half > 0) {
          await file.write(bytes.subarray(0, half), position);
          await pass();
        }
        await file.write(bytes.subarray(half), position + half);
      },
      truncate: (length) => after(() => file.truncate(length)),
      sync: () => after(() => file.sync()),
      tryLock: () => file.tryLock(),
      close: () => file.close(),
    };
  }

  return {
    locks: files.locks,
    processId: files.processId,
    isProcessAlive: (processId) => files.isProcessAlive(processId),
    open: (path, access) =>
      after(async () => {
        const file = await files.open(path, access);
        return file && slowFile(file);
      }),
    create: (path, mode) => after(async () => slowFile(await files.create(path, mode))),
    list: (path) => after(() => files.list(path)),
    makeDirectory: (path, mode) => after(() => files.makeDirectory(path, mode)),
    rename: (from, to) => after(() => files.rename(from, to)),
    remove: (path) => after(() => files.remove(path)),
    syncDirectory: (path) => after(() => files.syncDirectory(path)),
  };
}
