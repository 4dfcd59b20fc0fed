/**
 * The index file of a segment: an offset of 64 bits for each record, and a closing 0 once the segment is complete. We
 * never read it to find a record (a torn one would lead astray), but keep it right for the C programs that do: what a
 * scan found replaces what stands there, whenever the two differ.
 */
import { type JournalFile, lockFile } from './files.ts';
import { indexPath, type JournalStore } from './store.ts';

const entryBytes = 8;

export class SegmentIndex {
  readonly #store: JournalStore;
  readonly #segment: number;
  #file: JournalFile | undefined;

  constructor(store: JournalStore, segment: number) {
    this.#store = store;
    this.#segment = segment;
  }

  /** `count`: how many records stand before those of `offsets`. */
  async put(count: number, offsets: readonly number[]): Promise<void> {
    const entries = Buffer.alloc(offsets.length * entryBytes);
    // Not as one number of 64 bits: that takes an object for each.
    for (let index = 0; index < offsets.length; index++) {
      const offset = offsets[index]!;
      entries.writeUInt32LE(offset % 2 ** 32, index * entryBytes);
      entries.writeUInt32LE(Math.floor(offset / 2 ** 32), index * entryBytes + 4);
    }
    await this.#locked((file) => replace(file, entries, count * entryBytes));
  }

  /** The scan has reached the last of `count` records. `isClosed`: no record can follow. */
  async finish(count: number, isClosed: boolean, isStill: () => Promise<boolean>): Promise<void> {
    await this.#locked(async (file) => {
      if (isClosed && count > 0) await replace(file, Buffer.alloc(entryBytes), count * entryBytes);
      const length = (count + (isClosed && count > 0 ? 1 : 0)) * entryBytes;
      // Entries beyond the last record are another reader's when the segment has grown, and junk otherwise.
      if ((await file.size()) > length && (await isStill())) await file.truncate(length);
    });
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
  }

  async #locked(run: (file: JournalFile) => Promise<void>): Promise<void> {
    const path = indexPath(this.#store, this.#segment);
    this.#file ??= await this.#store.files.create(path, this.#store.mode);
    const unlock = await lockFile(this.#file, this.#store.clock, path);
    try {
      await run(this.#file);
    } finally {
      unlock();
    }
  }
}

async function replace(file: JournalFile, entries: Buffer, position: number): Promise<void> {
  const present = Buffer.alloc(entries.length);
  const length = await file.read(present, position);
  if (length < entries.length || !present.equals(entries)) await file.write(entries, position);
}

/** What the index file of a segment says of itself. */
export type IndexState = 'none' | 'error' | { readonly messages: number; readonly isClosed: boolean };

export async function indexState(store: JournalStore, segment: number): Promise<IndexState> {
  const file = await store.files.open(indexPath(store, segment), 'read');
  if (!file) return 'none';
  try {
    const size = await file.size();
    if (size % entryBytes !== 0) return 'error';
    const last = Buffer.alloc(entryBytes, 1);
    // A single entry is that of the first record, whose offset is 0 as well.
    if (size > entryBytes) await file.read(last, size - entryBytes);
    const isClosed = last.every((byte) => byte === 0);
    return { messages: size / entryBytes - (isClosed ? 1 : 0), isClosed };
  } finally {
    await file.close();
  }
}

/** Offsets that an index names: where the records were before a repair. Empty when there is none. */
export async function indexedOffsets(store: JournalStore, segment: number): Promise<number[]> {
  const file = await store.files.open(indexPath(store, segment), 'read');
  if (!file) return [];
  try {
    const bytes = Buffer.alloc(await file.size());
    const length = await file.read(bytes, 0);
    const offsets: number[] = [];
    for (let at = 0; at + entryBytes <= length; at += entryBytes) {
      const offset = Number(bytes.readBigUInt64LE(at));
      if (at > 0 && offset <= offsets.at(-1)!) break;
      offsets.push(offset);
    }
    return offsets;
  } finally {
    await file.close();
  }
}
