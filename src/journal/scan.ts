/**
 * Walks the records of a segment, slice by slice, so that neither memory nor event loop is held by a large one.
 *
 * A record counts once what follows it is right too: the next header, the end of the file, or the beginning of a header
 * that is not whole yet. Else a torn record that another program wrote behind would be delivered with the bytes of the
 * next one inside.
 */
import type { JournalFile } from './files.ts';
import { get32, magicBytes, type RecordFormat, recordLength } from './layout.ts';

export const sliceBytes = 256 * 1024;

/** Where a walk stands: before the record that begins at `offset`, with `count` records behind it. */
export interface ScanPoint {
  readonly offset: number;
  readonly count: number;
}

/**
 * Why a walk ended: at the last byte; before a record that is not wholly there; or before bytes that are no record
 * (or one whose end is no end).
 */
export type ScanEnd = ScanPoint & { readonly stop: 'end' | 'torn' | 'damaged' };

/** `onSlice`: offsets of records that follow each other, as they are found. */
export async function scanRecords(
  file: JournalFile,
  format: RecordFormat,
  from: ScanPoint,
  size: number,
  onSlice?: (offsets: readonly number[]) => Promise<void> | void,
): Promise<ScanEnd> {
  const window = Buffer.allocUnsafe(Math.min(sliceBytes, Math.max(size - from.offset, 0)));
  let { offset, count } = from;
  for (;;) {
    const length = await file.read(window.subarray(0, Math.min(window.length, size - offset)), offset);
    const slice = window.subarray(0, length);
    const walked = walkSlice(slice, format, offset + length >= size);
    const offsets = walked.starts.map((start) => offset + start);
    offset += walked.end;
    count += offsets.length;
    if (offsets.length > 0) await onSlice?.(offsets);
    if (offset >= size) return { offset, count, stop: 'end' };
    if (walked.damaged) return { offset, count, stop: 'damaged' };
    if (walked.end > 0) continue;
    // Not one whole record with its successor in the window: a large record, or the torn end of the file.
    const next = await walkLarge(file, format, offset, size);
    if (next.stop) return { offset, count, stop: next.stop };
    await onSlice?.([offset]);
    offset = next.end;
    count++;
    if (offset >= size) return { offset, count, stop: 'end' };
  }
}

interface WalkedSlice {
  readonly starts: number[];
  readonly end: number;
  readonly damaged: boolean;
}

function walkSlice(slice: Buffer, format: RecordFormat, isLast: boolean): WalkedSlice {
  const { magic, order } = format;
  const starts: number[] = [];
  let at = 0;
  while (at + format.headerSize <= slice.length) {
    if (get32(slice, at, order) !== magic) return { starts, end: at, damaged: true };
    const end = at + recordLength(slice, at, format);
    // The magic behind it must be in the window, unless the file ends before.
    if (end > slice.length || (end + 4 > slice.length && !isLast)) break;
    const isRight =
      end + 4 <= slice.length
        ? get32(slice, end, order) === magic
        : isMagicPrefix(slice.subarray(end), format);
    if (!isRight) return { starts, end: at, damaged: true };
    starts.push(at);
    at = end;
  }
  const damaged = at < slice.length && !isMagicPrefix(slice.subarray(at, at + 4), format);
  return { starts, end: at, damaged };
}

async function walkLarge(
  file: JournalFile,
  format: RecordFormat,
  offset: number,
  size: number,
): Promise<{ readonly end: number; readonly stop?: 'torn' | 'damaged' }> {
  const header = Buffer.alloc(format.headerSize);
  if ((await file.read(header, offset)) < format.headerSize) return { end: offset, stop: 'torn' };
  const end = offset + recordLength(header, 0, format);
  if (end > size) return { end: offset, stop: 'torn' };
  const next = Buffer.alloc(Math.min(4, size - end));
  await file.read(next, end);
  return isMagicPrefix(next, format) ? { end } : { end: offset, stop: 'damaged' };
}

function isMagicPrefix(bytes: Buffer, format: RecordFormat): boolean {
  return bytes.compare(magicBytes(format), 0, bytes.length) === 0;
}

/** Bytes of a segment that are no records. */
export interface BadSpot {
  readonly from: number;
  readonly to: number;
}

/**
 * All bad spots of a segment. A record that is right in itself is kept, unless a good record begins inside of it: then
 * it was torn, and another program wrote on behind it. With `isOpen` (the segment is still being written) a record that
 * the file ends in is cut as a whole: searching in it could make a record of what is only part of its text.
 */
export async function findBadSpots(
  file: JournalFile,
  format: RecordFormat,
  size: number,
  isOpen: boolean,
): Promise<BadSpot[]> {
  const spots: BadSpot[] = [];
  let from: ScanPoint = { offset: 0, count: 0 };
  for (;;) {
    const end = await scanRecords(file, format, from, size);
    if (end.stop === 'end') return spots;
    if (end.stop === 'torn' && isOpen) return [...spots, { from: end.offset, to: size }];
    const good = await nextGoodRecord(file, format, end.offset + 1, size);
    const own = await wholeRecordEnd(file, format, end.offset, size);
    const begin = own !== undefined && (good === undefined || good >= own) ? own : end.offset;
    const to = good ?? size;
    if (begin < to) spots.push({ from: begin, to });
    if (to >= size) return spots;
    from = { offset: to, count: 0 };
  }
}

/** Where the record at `offset` ends, if its header is right and the file long enough. */
async function wholeRecordEnd(
  file: JournalFile,
  format: RecordFormat,
  offset: number,
  size: number,
): Promise<number | undefined> {
  const header = Buffer.alloc(format.headerSize);
  if ((await file.read(header, offset)) < header.length) return undefined;
  if (magicBytes(format).compare(header, 0, 4) !== 0) return undefined;
  const end = offset + recordLength(header, 0, format);
  return end <= size ? end : undefined;
}

/** The next place at which a record begins that is followed by another one or ends the file. */
async function nextGoodRecord(
  file: JournalFile,
  format: RecordFormat,
  from: number,
  size: number,
): Promise<number | undefined> {
  const magic = magicBytes(format);
  const window = Buffer.allocUnsafe(sliceBytes);
  for (let base = from; base + format.headerSize <= size; base += window.length - 3) {
    const slice = window.subarray(0, await file.read(window, base));
    for (let at = slice.indexOf(magic); at >= 0; at = slice.indexOf(magic, at + 1)) {
      const end = await wholeRecordEnd(file, format, base + at, size);
      if (end === size) return base + at;
      if (end === undefined || end + 4 > size) continue;
      const next = Buffer.alloc(4);
      await file.read(next, end);
      if (next.equals(magic)) return base + at;
    }
  }
  return undefined;
}
