/**
 * Which segments may go. A segment is kept as long as a subscriber stands in or before it; the current one always.
 *
 * A subscriber that never reads would fill the disk, so a journal may have a largest size and age. Beyond them the
 * oldest segments go although somebody still wanted them; how many records of whom is told, never silently.
 */
import { readCheckpoints, writeCheckpoint } from './checkpoints.ts';
import { get32, hex8, type LogId } from './layout.ts';
import { SegmentReader } from './segment-reader.ts';
import { currentSegment, indexPath, type JournalStore, segmentPath, segmentsOf } from './store.ts';

export interface GrowthLimits {
  /** Of all segments together; 0 for no limit. */
  readonly maxBytes: number;
  /** Of the newest record of a segment; 0 for no limit. */
  readonly maxAgeMs: number;
  /** `stop-writing` refuses appends while the journal is larger; age does not matter then. */
  readonly action: 'drop-oldest' | 'stop-writing';
}

export async function deleteSegment(store: JournalStore, segment: number): Promise<void> {
  // The index first: without its segment it would be taken for that of a later one of the same name.
  await store.files.remove(indexPath(store, segment));
  await store.files.remove(segmentPath(store, segment));
}

/**
 * Deletes the segments from `from` up to, not including, `to` in which and before which nobody stands. Never the current
 * one. Without subscribers nothing was consumed, and nothing goes unless `evenUnread`.
 */
export async function deleteConsumed(
  store: JournalStore,
  { from = 0, to = Number.POSITIVE_INFINITY, evenUnread = false } = {},
): Promise<number[]> {
  const checkpoints = [...(await readCheckpoints(store)).values()];
  if (checkpoints.length === 0 && !evenUnread) return [];
  const lowest = Math.min(await currentSegment(store), to, ...checkpoints.map(({ segment }) => segment));
  const gone = (await segmentsOf(store)).filter((segment) => segment >= from && segment < lowest);
  for (const segment of gone) await deleteSegment(store, segment);
  return gone;
}

/** True when the journal is larger than it may be and nothing may be dropped. */
export async function enforceLimits(store: JournalStore, limits: GrowthLimits): Promise<boolean> {
  const segments = await segmentsOf(store);
  // One after the other: a large journal has thousands, and a process may not have so many files open.
  const sizes: number[] = [];
  for (const segment of segments) sizes.push(await segmentBytes(store, segment));
  let total = sizes.reduce((sum, size) => sum + size, 0);
  const isTooLarge = (): boolean => limits.maxBytes > 0 && total > limits.maxBytes;
  if (limits.action === 'stop-writing') return isTooLarge();
  const current = await currentSegment(store);
  for (const [index, segment] of segments.entries()) {
    if (segment >= current) return false;
    if (!isTooLarge() && !(await isTooOld(store, segments[index + 1], limits.maxAgeMs))) return false;
    await dropSegment(store, segment, segments[index + 1] ?? current, sizes[index]!);
    total -= sizes[index]!;
  }
  return false;
}

async function segmentBytes(store: JournalStore, segment: number): Promise<number> {
  const file = await store.files.open(segmentPath(store, segment), 'read');
  const size = (await file?.size()) ?? 0;
  await file?.close();
  return size;
}

/** A segment is older than the first record of the next one. */
async function isTooOld(store: JournalStore, next: number | undefined, maxAgeMs: number): Promise<boolean> {
  if (maxAgeMs === 0 || next === undefined) return false;
  const file = await store.files.open(segmentPath(store, next), 'read');
  const header = Buffer.alloc(8);
  const length = (await file?.read(header, 0)) ?? 0;
  await file?.close();
  return length === 8 && store.clock.wallMs() - get32(header, 4, store.codec.format.order) * 1000 > maxAgeMs;
}

async function dropSegment(store: JournalStore, segment: number, next: number, bytes: number): Promise<void> {
  const reader = await SegmentReader.open(store, segment);
  const count = (await reader?.refresh(true))?.count ?? 0;
  await reader?.close();
  let largest = 0;
  const losers: string[] = [];
  const checkpoints = await readCheckpoints(store);
  for (const [subscriber, at] of checkpoints) {
    if (at.segment > segment) continue;
    const lost = count - (at.segment === segment ? at.marker : 0);
    if (lost > 0) losers.push(`${lost} of '${subscriber}'`);
    largest = Math.max(largest, lost);
    // First: a checkpoint in a segment that is gone would be reported as damage.
    await writeCheckpoint(store, subscriber, { segment: next, marker: 0 } satisfies LogId);
  }
  if (checkpoints.size === 0) largest = count;
  await deleteSegment(store, segment);
  const whose = losers.length > 0 ? losers.join(', ') : `${largest} that nobody had to read`;
  store.notice(
    'records-lost',
    `segment ${hex8(segment)} was dropped, the journal being larger or older than its limit; records lost: ${whose}`,
    {
      records: largest,
      bytes,
    },
  );
}
