/**
 * The segment being written: its file, and how far it is known to hold whole records. Whatever else stands behind that
 * point was written by another process, or is what a crash left, and is looked at before anything is added.
 */
import { type JournalFile, lockFile, systemReason } from './files.ts';
import { hex8 } from './layout.ts';
import { type ScanPoint, scanRecords } from './scan.ts';
import { type JournalStore, segmentPath } from './store.ts';

export class OpenSegment {
  readonly number: number;
  readonly #store: JournalStore;
  readonly #file: JournalFile;
  #end: ScanPoint = { offset: 0, count: 0 };
  /** So much is known to be on the disk; of what this file held when it was opened nothing is. */
  #syncedBytes = 0;

  private constructor(store: JournalStore, number: number, file: JournalFile) {
    this.#store = store;
    this.number = number;
    this.#file = file;
  }

  static async open(store: JournalStore, number: number): Promise<OpenSegment> {
    const file = await store.files.create(segmentPath(store, number), store.mode);
    // Also where it was there: a process killed before it could do so has left a name that a power loss forgets.
    await store.files.syncDirectory(store.directory);
    return new OpenSegment(store, number, file);
  }

  get bytes(): number {
    return this.#end.offset;
  }

  get count(): number {
    return this.#end.count;
  }

  lock(): Promise<() => void> {
    return lockFile(this.#file, this.#store.clock, segmentPath(this.#store, this.number));
  }

  /** Under the lock. Cuts what a crash left at the end; false when bytes before the end are damaged. */
  async catchUp(): Promise<boolean> {
    const size = await this.#file.size();
    if (size === this.#end.offset) return true;
    if (size < this.#end.offset) this.#end = { offset: 0, count: 0 };
    const found = await scanRecords(this.#file, this.#store.codec.format, this.#end, size);
    this.#end = { offset: found.offset, count: found.count };
    if (found.stop === 'damaged') return false;
    if (found.stop === 'torn') {
      await this.#cut(found.offset);
      const bytes = size - found.offset;
      const text = `segment ${hex8(this.number)} ended in the midst of a record; its ${bytes} bytes were cut off`;
      this.#store.notice('tail-cut', text, { bytes });
    }
    return true;
  }

  /** Under the lock. All `count` records, or none: what a failed write left is cut off again. */
  async append(bytes: Buffer, count: number): Promise<void> {
    try {
      await this.#file.write(bytes, this.#end.offset);
    } catch (error) {
      await this.#cutBack(error);
    }
    this.#end = { offset: this.#end.offset + bytes.length, count: this.#end.count + count };
  }

  async sync(): Promise<void> {
    const size = await this.#file.size();
    await this.#file.sync();
    this.#syncedBytes = size;
  }

  /** Also what other processes have added. */
  async isSynced(): Promise<boolean> {
    return (await this.#file.size()) <= this.#syncedBytes;
  }

  /** Takes back what was written behind `to`, unless somebody has written behind it. */
  async undo(to: ScanPoint): Promise<void> {
    if ((await this.#file.size()) !== this.#end.offset) return;
    await this.#cut(to.offset);
    this.#end = to;
  }

  get end(): ScanPoint {
    return this.#end;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#file.read(into, position);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #cut(length: number): Promise<void> {
    this.#syncedBytes = Math.min(this.#syncedBytes, length);
    await this.#file.truncate(length);
  }

  async #cutBack(cause: unknown): Promise<never> {
    try {
      await this.#cut(this.#end.offset);
    } catch (error) {
      const text = `segment ${hex8(this.number)} could not be cut back after a failed write: ${systemReason(error)}`;
      this.#store.notice('write-failed', text);
    }
    throw cause;
  }
}
