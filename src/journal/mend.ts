/**
 * Mending: bytes of segments that are no records are cut out, checkpoints that point nowhere are moved. Each change is
 * told; a checkpoint never moves over a record that nobody has consumed.
 */
import type { Random } from '../core/random.ts';
import { readCheckpoint, subscribersOf, unfinishedPrefix, writeCheckpoint } from './checkpoints.ts';
import { type JournalFile, lockFile } from './files.ts';
import { IdentityFile } from './identity.ts';
import { formatId, hex8, type LogId } from './layout.ts';
import { type BadSpot, findBadSpots, sliceBytes } from './scan.ts';
import { indexedOffsets } from './segment-index.ts';
import { SegmentReader } from './segment-reader.ts';
import { currentSegment, indexPath, type JournalStore, segmentPath, segmentsOf } from './store.ts';

/**
 * Cuts what is no record out of a closed segment; true when there was something. The new file takes the place of the
 * old one at once. Checkpoints move first: after a crash in between, records may come again, but none is passed over.
 *
 * Where records that somebody may have read are among what goes, those behind them get numbers that others had, and the
 * journal another identity: under the same one an aggregator would take as many new records for ones that it has.
 */
export async function mendSegment(store: JournalStore, segment: number, random: Random): Promise<boolean> {
  const path = segmentPath(store, segment);
  const file = await store.files.open(path, 'write');
  if (!file) return false;
  const unlock = await lockFile(file, store.clock, path);
  try {
    const size = await file.size();
    const spots = await findBadSpots(file, store.codec.format, size, false);
    if (spots.length === 0) return false;
    const unfinished = `${store.directory}/${unfinishedPrefix}${hex8(segment)}`;
    await copyWithout(store, file, spots, size, unfinished);
    const isGone = (offset: number): boolean => spots.some(({ from, to }) => offset >= from && offset < to);
    await changeIdentity(store, async (renew) => {
      const gone = (await indexedOffsets(store, segment)).map(isGone);
      if (gone.includes(true)) await renew(random);
      await moveBack(store, segment, gone);
      await store.files.remove(indexPath(store, segment));
      await store.files.rename(unfinished, path);
      await store.files.syncDirectory(store.directory);
    });
    const bytes = spots.reduce((sum, { from, to }) => sum + to - from, 0);
    const where = spots.map(({ from }) => from).join(', ');
    store.notice(
      'bytes-cut',
      `segment ${hex8(segment)} had ${bytes} bytes that are no records, at ${where}; they were cut out`,
      { bytes },
    );
    return true;
  } finally {
    unlock();
    await file.close();
  }
}

/** `run` gets how to renew it. Whoever looks at it meanwhile waits. */
async function changeIdentity(
  { directory, files, clock, mode }: JournalStore,
  run: (renew: (random: Random) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const identity = await IdentityFile.open(directory, files, clock, mode);
  try {
    await identity.locked(() => run((random) => identity.renew(random)));
  } finally {
    await identity.close();
  }
}

async function copyWithout(
  store: JournalStore,
  from: JournalFile,
  spots: readonly BadSpot[],
  size: number,
  path: string,
): Promise<void> {
  await store.files.remove(path);
  const to = await store.files.create(path, store.mode);
  try {
    const slice = Buffer.allocUnsafe(sliceBytes);
    let written = 0;
    let begin = 0;
    for (const spot of [...spots, { from: size, to: size }]) {
      for (let at = begin; at < spot.from; ) {
        const length = await from.read(slice.subarray(0, Math.min(slice.length, spot.from - at)), at);
        if (length === 0) break;
        await to.write(slice.subarray(0, length), written);
        written += length;
        at += length;
      }
      begin = spot.to;
    }
    await to.sync();
  } finally {
    await to.close();
  }
}

/** Subscribers in the segment go back by the number of records that they had passed and that go. `gone`: of each, once indexed. */
async function moveBack(store: JournalStore, segment: number, gone: readonly boolean[]): Promise<void> {
  for (const subscriber of await subscribersOf(store)) {
    const at = await readCheckpoint(store, subscriber);
    if (!at || at === 'damaged' || at.segment !== segment) continue;
    const passed = gone.slice(0, at.marker).filter(Boolean).length;
    if (passed > 0)
      await moveCheckpoint(
        store,
        subscriber,
        at,
        { segment, marker: at.marker - passed },
        `${passed} records before it were damaged`,
      );
  }
}

/** Every checkpoint that points nowhere: before the first segment, behind the last record, or unreadable. */
export async function mendCheckpoints(store: JournalStore): Promise<void> {
  const segments = await segmentsOf(store);
  const current = Math.max(await currentSegment(store), segments.at(-1) ?? 0);
  const lowest = { segment: segments[0] ?? current, marker: 0 };
  let last: LogId | undefined;
  for (const subscriber of await subscribersOf(store)) {
    const at = await readCheckpoint(store, subscriber);
    if (at === undefined) continue;
    if (at === 'damaged') await moveCheckpoint(store, subscriber, at, lowest, 'its file held none');
    else if (at.segment < lowest.segment) {
      // By the name: transient subscribers, of programs that may be gone.
      if (!subscriber.startsWith('~'))
        await moveCheckpoint(store, subscriber, at, lowest, 'its segment is gone');
    } else if (at.segment >= current) {
      last ??= await lastRecord(store, current);
      if (at.segment > current || at.marker > last.marker)
        await moveCheckpoint(store, subscriber, at, last, 'no such record was ever kept');
    }
  }
}

export async function lastRecord(store: JournalStore, segment: number): Promise<LogId> {
  const isClosed = segment < (await currentSegment(store));
  const reader = await SegmentReader.open(store, segment);
  try {
    return { segment, marker: (await reader?.refresh(isClosed))?.count ?? 0 };
  } finally {
    await reader?.close();
  }
}

async function moveCheckpoint(
  store: JournalStore,
  subscriber: string,
  from: LogId | 'damaged',
  to: LogId,
  why: string,
): Promise<void> {
  await writeCheckpoint(store, subscriber, to);
  const before = from === 'damaged' ? 'nowhere' : formatId(from);
  store.notice(
    'checkpoint-moved',
    `subscriber '${subscriber}' was moved from ${before} to ${formatId(to)}: ${why}`,
  );
}
