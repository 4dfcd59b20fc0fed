/**
 * The write buffer of a journal: complete records that are in no segment yet, in a file, so that they outlive a crash of
 * the process. For one writing process only; journals have none unless asked for.
 *
 * A flush happens once, whenever the process dies: where the records go is noted before they are written, and the note
 * is dropped after the buffer is empty. So whoever opens the journal next knows how much of them has arrived.
 */
import type { JournalFile } from './files.ts';
import { get32 } from './layout.ts';
import type { OpenSegment } from './open-segment.ts';
import { scanRecords } from './scan.ts';
import type { JournalStore } from './store.ts';

const countBytes = 4;
/** Segment, offset. */
const noteBytes = 4 + 8;

export class PreCommit {
  readonly capacity: number;
  readonly #store: JournalStore;
  readonly #file: JournalFile;
  #used: number;
  /** Whether the note's name is on the disk for certain. */
  #isNoteNamed = false;

  private constructor(store: JournalStore, file: JournalFile, capacity: number, used: number) {
    this.#store = store;
    this.#file = file;
    this.capacity = capacity;
    this.#used = used;
  }

  /** `wanted`: its size, when it is to change; the file keeps the one it has else. */
  static async open(store: JournalStore, wanted?: number): Promise<PreCommit> {
    const file = await store.files.create(`${store.directory}/pre_commit`, store.mode);
    const size = await file.size();
    if (size < countBytes) {
      await file.write(Buffer.alloc(countBytes + (wanted ?? 0)), 0);
      return new PreCommit(store, file, wanted ?? 0, 0);
    }
    const head = Buffer.alloc(countBytes);
    await file.read(head, 0);
    return new PreCommit(
      store,
      file,
      size - countBytes,
      Math.min(get32(head, 0, 'little'), size - countBytes),
    );
  }

  get used(): number {
    return this.#used;
  }

  /** What a process that is gone has left. Junk behind its last whole record is dropped. */
  async leftOver(): Promise<Buffer> {
    const bytes = await this.#bytes();
    const view: Pick<JournalFile, 'read'> = {
      read: async (into, position) => bytes.copy(into, 0, position, position + into.length),
    };
    const { offset } = await scanRecords(
      view as JournalFile,
      this.#store.codec.format,
      { offset: 0, count: 0 },
      bytes.length,
    );
    if (offset < bytes.length) {
      const gone = bytes.length - offset;
      this.#store.notice('tail-cut', `the write buffer ended in ${gone} bytes that are no record`, {
        bytes: gone,
      });
    }
    return bytes.subarray(0, offset);
  }

  /** False: there is no room. */
  async append(bytes: Buffer): Promise<boolean> {
    if (this.#used + bytes.length > this.capacity) return false;
    await this.#file.write(bytes, countBytes + this.#used);
    this.#used += bytes.length;
    await this.#writeCount();
    return true;
  }

  /**
   * How many of the bytes a flush that was broken off has brought into its segment. The segment may hold more of them than
   * the buffer, whose end a loss of power has taken; and a note that is older than the buffer points at other records.
   */
  async arrived(bytes: Buffer, segment: OpenSegment): Promise<number> {
    const note = await this.#note((file) => readNote(file));
    if (note?.segment !== segment.number) return 0;
    const present = Buffer.alloc(bytes.length);
    const length = await segment.read(present, note.offset);
    return bytes.subarray(0, length).equals(present.subarray(0, length)) ? length : 0;
  }

  /** Before the records are written behind the end of `segment`. */
  async noteFlush(segment: OpenSegment): Promise<void> {
    const note = Buffer.alloc(noteBytes);
    note.writeUInt32LE(segment.number, 0);
    note.writeBigUInt64LE(BigInt(segment.bytes), 4);
    await this.#note(async (file) => {
      await file.write(note, 0);
      await this.#syncIfSafe(file);
    });
    // Else a loss of power could take the new file's name, and what had reached the segment would be written again.
    if (this.#store.settings.safety === 2 && !this.#isNoteNamed)
      await this.#store.files.syncDirectory(this.#store.directory);
    this.#isNoteNamed = true;
  }

  /** After the records are in their segment. Zeros, so that old records cannot come back when a new count survives them. */
  async empty(): Promise<void> {
    await this.#file.write(Buffer.alloc(countBytes + this.#used), 0);
    this.#used = 0;
    await this.#syncIfSafe(this.#file);
    await this.#note(async (file) => file.truncate(0));
  }

  async resize(capacity: number): Promise<void> {
    await this.#file.truncate(countBytes + capacity);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #bytes(): Promise<Buffer> {
    const bytes = Buffer.alloc(this.#used);
    await this.#file.read(bytes, countBytes);
    return bytes;
  }

  async #writeCount(): Promise<void> {
    const head = Buffer.alloc(countBytes);
    head.writeUInt32LE(this.#used);
    await this.#file.write(head, 0);
  }

  async #note<T>(run: (file: JournalFile) => Promise<T>): Promise<T> {
    const file = await this.#store.files.create(`${this.#store.directory}/pre_commit.note`, this.#store.mode);
    try {
      return await run(file);
    } finally {
      await file.close();
    }
  }

  async #syncIfSafe(file: JournalFile): Promise<void> {
    if (this.#store.settings.safety === 2) await file.sync();
  }
}

interface FlushNote {
  readonly segment: number;
  readonly offset: number;
}

async function readNote(file: JournalFile): Promise<FlushNote | undefined> {
  const bytes = Buffer.alloc(noteBytes);
  if ((await file.read(bytes, 0)) < noteBytes) return undefined;
  return { segment: bytes.readUInt32LE(0), offset: Number(bytes.readBigUInt64LE(4)) };
}
