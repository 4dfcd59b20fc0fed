/**
 * What all parts of an open journal share: where it is, its files, its settings, and whom it tells of trouble.
 *
 * Owns the metastore file. The number of the current segment changes only here, under the lock of that file, and is
 * read anew for every decision, because other processes may write the same journal.
 */
import type { Clock } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import { type JournalFile, type JournalFiles, lockFile, readWhole } from './files.ts';
import {
  checkpointName,
  decodeMetastore,
  encodeMetastore,
  formatId,
  hex8,
  type LogId,
  lastSegment,
  type Metastore,
  metastoreBytes,
  segmentsAmong,
} from './layout.ts';
import type { RecordCodec } from './records.ts';

export type NoticeKind =
  | 'tail-cut'
  | 'bytes-cut'
  | 'metastore-restored'
  | 'checkpoint-moved'
  | 'segment-missing'
  | 'damaged'
  | 'records-lost'
  | 'limit-reached'
  | 'write-failed';

/** Something an operator should know, though the journal goes on. */
export interface JournalNotice {
  readonly kind: NoticeKind;
  readonly text: string;
  /** Records and bytes that are gone by it, where any are. */
  readonly records: number;
  readonly bytes: number;
}

export interface JournalStore {
  readonly directory: string;
  readonly files: JournalFiles;
  readonly clock: Clock;
  readonly mode: number;
  readonly codec: RecordCodec;
  /** Why nothing may be written, or undefined. */
  readonly readOnlyReason: string | undefined;
  readonly settings: Metastore;
  notice(kind: NoticeKind, text: string, gone?: { records?: number; bytes?: number }): void;
}

export const segmentPath = (store: JournalStore, segment: number): string =>
  `${store.directory}/${hex8(segment)}`;
export const indexPath = (store: JournalStore, segment: number): string =>
  `${segmentPath(store, segment)}.idx`;

export function checkpointPath(store: JournalStore, subscriber: string): string {
  const name = checkpointName(subscriber);
  if (name !== undefined) return `${store.directory}/${name}`;
  throw new FlotillaError('FLT-2210', `'${subscriber}' for ${store.directory}`);
}

export async function namesIn(store: JournalStore): Promise<readonly string[]> {
  const names = await store.files.list(store.directory);
  if (names === undefined || names === 'file')
    throw new FlotillaError('FLT-2201', `${store.directory} is no directory any more`);
  return names;
}

export async function segmentsOf(store: JournalStore): Promise<number[]> {
  return segmentsAmong(await namesIn(store));
}

/** By whoever has to pass over it. */
export function tellUnreadable(store: JournalStore, id: LogId): void {
  store.notice('damaged', `record ${formatId(id)} cannot be expanded, and is passed over`);
}

export function refuseReadOnly(store: JournalStore): void {
  if (store.readOnlyReason !== undefined)
    throw new FlotillaError('FLT-2205', `${store.directory}: ${store.readOnlyReason}`);
}

/** The segment being written, as the metastore says now; the highest there is where the metastore is unreadable. */
export async function currentSegment(store: JournalStore): Promise<number> {
  const file = await store.files.open(`${store.directory}/metastore`, 'read');
  try {
    const stored = file && decodeStorage(await readWhole(file, metastoreBytes + 1), store);
    return stored ?? (await segmentsOf(store)).at(-1) ?? 0;
  } finally {
    await file?.close();
  }
}

function decodeStorage(bytes: Buffer, store: JournalStore): number | undefined {
  const found = decodeMetastore(bytes);
  if (found) return found.storage;
  // A metastore of jlog 1: the same without the magic.
  return store.codec.format.magic === 0 && bytes.length === 12 ? store.settings.storage : undefined;
}

/** The metastore of a journal that is written. Its file stays open: C programs map it, so it is changed in place. */
export class MetastoreFile {
  readonly #store: JournalStore;
  readonly #file: JournalFile;

  private constructor(store: JournalStore, file: JournalFile) {
    this.#store = store;
    this.#file = file;
  }

  static async open(store: JournalStore): Promise<MetastoreFile> {
    const file = await store.files.open(`${store.directory}/metastore`, 'write');
    if (!file) throw new FlotillaError('FLT-2201', `${store.directory} has lost its metastore`);
    return new MetastoreFile(store, file);
  }

  async storage(): Promise<number> {
    const stored = decodeMetastore(await readWhole(this.#file, metastoreBytes + 1));
    if (stored) return stored.storage;
    throw new FlotillaError(
      'FLT-2203',
      `the metastore of ${this.#store.directory} was changed to what is none`,
    );
  }

  /**
   * Makes the next segment the current one, unless another process did so: the new file first, so that a crash leaves
   * at worst an empty segment that the metastore does not name yet.
   */
  async advance(from: number, makeSegment: (segment: number) => Promise<void>): Promise<void> {
    const { directory, files, clock, settings } = this.#store;
    const unlock = await lockFile(this.#file, clock, `${directory}/metastore`);
    try {
      if ((await this.storage()) !== from) return;
      if (from === lastSegment)
        throw new FlotillaError('FLT-2203', `${directory} has no number left behind segment ${hex8(from)}`);
      await makeSegment(from + 1);
      await this.#file.write(encodeMetastore({ ...settings, storage: from + 1 }), 0);
      if (settings.safety === 2) await this.#file.sync();
      // Without it a power loss could forget the new file, and with it records that were synced.
      await files.syncDirectory(directory);
    } finally {
      unlock();
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
