/**
 * Files of a real disk, and a SIGKILL of this process at one of the operations that change something: before it, or with
 * a part of a write done; and a connection, with a SIGKILL before a message. Nothing of the process runs after that.
 */
import type { Wire } from '../../src/bus/wire.ts';
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
export type Operation = (typeof operations)[number] | 'publish';

export interface KillPlan {
  /** The n-th of these, or of all. */
  readonly of: Operation | 'any';
  readonly at: number;
  /** It ends with this operation anyway, should the other never come. */
  readonly latest: number;
  /** How much of a write is done, from 0 to 1. */
  readonly part: number;
}

/** Counts what a process does, and says when it is to end. */
export class KillCount {
  readonly plan: KillPlan;
  #ofKind = 0;
  #ofAll = 0;

  constructor(plan: KillPlan) {
    this.plan = plan;
  }

  isDue(operation: Operation): boolean {
    this.#ofAll++;
    if (this.plan.of === 'any' || this.plan.of === operation) this.#ofKind++;
    return this.#ofKind >= this.plan.at || this.#ofAll >= this.plan.latest;
  }

  step(operation: Operation): void {
    if (this.isDue(operation)) die();
  }
}

export function die(): never {
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}

/** Where an overwrite is not torn: within a sector. */
const sectorBytes = 512;

export function killingFiles(files: JournalFiles, count: KillCount): JournalFiles {
  function killingFile(file: JournalFile): JournalFile {
    return {
      size: () => file.size(),
      read: (into, position) => file.read(into, position),
      async write(bytes, position) {
        if (count.isDue('write')) {
          const length = Math.floor(bytes.length * count.plan.part);
          const isTorn = bytes.length > sectorBytes || position + bytes.length > (await file.size());
          if (isTorn && length > 0) await file.write(bytes.subarray(0, length), position);
          die();
        }
        return file.write(bytes, position);
      },
      truncate(length) {
        count.step('truncate');
        return file.truncate(length);
      },
      sync() {
        count.step('sync');
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
      count.step('create');
      return killingFile(await files.create(path, mode));
    },
    list: (path) => files.list(path),
    makeDirectory(path, mode) {
      count.step('create');
      return files.makeDirectory(path, mode);
    },
    rename(from, to) {
      count.step('rename');
      return files.rename(from, to);
    },
    remove(path) {
      count.step('remove');
      return files.remove(path);
    },
    syncDirectory(path) {
      count.step('syncDirectory');
      return files.syncDirectory(path);
    },
  };
}

/** A wire of a process that may end with a message, before it is sent. */
export function killingWire(wire: Wire, count: KillCount): Wire {
  return {
    get state() {
      return wire.state;
    },
    maxPayloadBytes: wire.maxPayloadBytes,
    publish(subject, data, options) {
      count.step('publish');
      return wire.publish(subject, data, options);
    },
    subscribe: (pattern, handler, queue) => wire.subscribe(pattern, handler, queue),
    onState: (listener) => wire.onState(listener),
    close: () => wire.close(),
  };
}
