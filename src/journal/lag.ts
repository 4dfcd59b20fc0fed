/**
 * What is behind a record, for figures that people look at: the segment with the first unread record is scanned, of the
 * others their sizes are looked at, and how many records their index files name.
 */
import { get32, type LogId } from './layout.ts';
import { SegmentReader } from './segment-reader.ts';
import { currentSegment, indexPath, type JournalStore, segmentPath, segmentsOf } from './store.ts';

export interface Lag {
  readonly bytes: number;
  /** Undefined: no reader has counted them. */
  readonly records: number | undefined;
  /** Time of the first of them, in microseconds since the epoch; undefined: there is none. */
  readonly oldestUs: number | undefined;
}

const entryBytes = 8;

export async function lagBehind(store: JournalStore, id: LogId): Promise<Lag> {
  const current = await currentSegment(store);
  let bytes = 0;
  const counts: (number | undefined)[] = [];
  let oldestUs: number | undefined;
  for (const segment of (await segmentsOf(store)).filter((each) => each >= id.segment)) {
    const isClosed = segment < current;
    if (oldestUs === undefined) {
      const unread = await unreadOf(store, segment, segment === id.segment ? id.marker : 0, isClosed);
      bytes += unread.bytes;
      counts.push(unread.records);
      oldestUs = unread.oldestUs;
    } else {
      bytes += await sizeOf(store, segmentPath(store, segment));
      counts.push(await indexed(store, segment, isClosed));
    }
  }
  const records = counts.reduce(
    (sum, count) => (sum === undefined || count === undefined ? undefined : sum + count),
    0,
  );
  return { bytes, records, oldestUs };
}

async function unreadOf(
  store: JournalStore,
  segment: number,
  marker: number,
  isClosed: boolean,
): Promise<{ bytes: number; records: number; oldestUs: number | undefined }> {
  const reader = await SegmentReader.open(store, segment);
  try {
    const count = (await reader?.refresh(isClosed))?.count ?? 0;
    if (!reader || count <= marker) return { bytes: 0, records: 0, oldestUs: undefined };
    const { bytes } = await reader.read(marker + 1, marker + 1, 1);
    const { order } = store.codec.format;
    const oldestUs = get32(bytes, 4, order) * 1_000_000 + get32(bytes, 8, order);
    const offset = marker === 0 ? 0 : ((await entry(store, segment, marker)) ?? 0);
    return { bytes: reader.bytes - offset, records: count - marker, oldestUs };
  } finally {
    await reader?.close();
  }
}

/** How many records the index of a segment names; undefined when it may not name all. */
async function indexed(store: JournalStore, segment: number, isClosed: boolean): Promise<number | undefined> {
  if ((await sizeOf(store, segmentPath(store, segment))) === 0) return 0;
  const count = Math.floor((await sizeOf(store, indexPath(store, segment))) / entryBytes);
  // Its closing mark says that it is complete; that of the segment being written never is.
  return isClosed && count > 1 && (await entry(store, segment, count - 1)) === 0 ? count - 1 : undefined;
}

async function entry(store: JournalStore, segment: number, index: number): Promise<number | undefined> {
  const file = await store.files.open(indexPath(store, segment), 'read');
  try {
    const bytes = Buffer.alloc(entryBytes);
    if (!file || (await file.read(bytes, index * entryBytes)) < entryBytes) return undefined;
    const { order } = store.codec.format;
    const [low, high] = order === 'little' ? [0, 4] : [4, 0];
    return get32(bytes, low, order) + get32(bytes, high, order) * 2 ** 32;
  } finally {
    await file?.close();
  }
}

async function sizeOf(store: JournalStore, path: string): Promise<number> {
  const file = await store.files.open(path, 'read');
  try {
    return (await file?.size()) ?? 0;
  } finally {
    await file?.close();
  }
}
