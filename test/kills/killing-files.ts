/**
 * Files of a real disk, and a SIGKILL of this process at one of the operations that change something: before it, or with
 * a part of a write done. Nothing else of the process runs after that.
 */
import type { JournalFile, JournalFiles } from '../../src/journal/files.ts';

export const operations = [
  'write',
  'sync',
  'truncate',
  'rename',
  'remove',
  'create',
  'syncDirectory',
] as const;
export type Operation = (typeof operations)[number];

export interface KillPlan {
  /** The n-th of these, or of all. */
  readonly of: Operation | 'any';
  readonly at: number;
  /** It ends with this operation anyway, should the other never come. */
  readonly latest: number;
  /** How much of a write is done, from 0 to 1. */
  readonly part: number;
}

/** Where an overwrite is not torn: within a sector. */
const sectorBytes = 512;

export function killingFiles(files: JournalFiles, plan: KillPlan): JournalFiles {
  let ofKind = 0;
  let ofAll = 0;

  function isDue(operation: Operation): boolean {
    ofAll++;
    if (plan.of === 'any' || plan.of === operation) ofKind++;
    return ofKind >= plan.at || ofAll >= plan.latest;
  }

  function step(operation: Operation): void {
    if (isDue(operation)) die();
  }

  function killingFile(file: JournalFile): JournalFile {
    return {
      size: () => file.size(),
      read: (into, position) => file.read(into, position),
      async write(bytes, position) {
        if (isDue('write')) {
          const length = Math.floor(bytes.length * plan.part);
          const isTorn = bytes.length > sectorBytes || position + bytes.length > (await file.size());
          if (isTorn && length > 0) await file.write(bytes.subarray(0, length), position);
          die();
        }
        return file.write(bytes, position);
      },
      truncate(length) {
        step('truncate');
        return file.truncate(length);
      },
      sync() {
        step('sync');
        return file.sync();
      },
      tryLock: () => file.tryLock(),
      close: () => file.close(),
    };
  }

  return {
    locks: files.locks,
    processId: files.processId,
    isProcessAlive: (processId) => files.isProcessAlive(processId),
    async open(path, access) {
      const file = await files.open(path, access);
      return file && killingFile(file);
    },
    async create(path, mode) {
      step('create');
      return killingFile(await files.create(path, mode));
    },
    list: (path) => files.list(path),
    makeDirectory(path, mode) {
      step('create');
      return files.makeDirectory(path, mode);
    },
    rename(from, to) {
      step('rename');
      return files.rename(from, to);
    },
    remove(path) {
      step('remove');
      return files.remove(path);
    },
    syncDirectory(path) {
      step('syncDirectory');
      return files.syncDirectory(path);
    },
  };
}

export function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}
