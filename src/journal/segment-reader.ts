/**
 * One segment, open for reading. Knows where its records are as far as it was scanned: the place of every 256th, the
 * rest is found by walking, so that a segment of millions of records costs little memory.
 */
import { FlotillaError } from '../core/errors.ts';
import type { JournalFile } from './files.ts';
import { formatId, get32, hex8, recordLength } from './layout.ts';
import type { RecordRun } from './records.ts';
import { type ScanEnd, type ScanPoint, scanRecords, sliceBytes } from './scan.ts';
import { SegmentIndex } from './segment-index.ts';
import { type JournalStore, segmentPath } from './store.ts';

const markSpacing = 256;

export class SegmentReader {
  readonly segment: number;
  readonly #store: JournalStore;
  readonly #file: JournalFile;
  readonly #index: SegmentIndex | undefined;
  /** Offset of record 1, 257, 513 ... */
  readonly #marks: number[] = [];
  #scanned: ScanEnd = { offset: 0, count: 0, stop: 'end' };
  /** Nothing can follow, and its index says so. */
  #isFinished = false;
  /** Where the last read ended; readers go on from there. */
  #next: ScanPoint = { offset: 0, count: 0 };

  private constructor(store: JournalStore, segment: number, file: JournalFile) {
    this.segment = segment;
    this.#store = store;
    this.#file = file;
    this.#index = store.readOnlyReason === undefined ? new SegmentIndex(store, segment) : undefined;
  }

  /** Undefined: there is no such segment. */
  static async open(store: JournalStore, segment: number): Promise<SegmentReader | undefined> {
    const file = await store.files.open(segmentPath(store, segment), 'read');
    return file && new SegmentReader(store, segment, file);
  }

  get count(): number {
    return this.#scanned.count;
  }

  get bytes(): number {
    return this.#scanned.offset;
  }

  get stop(): ScanEnd['stop'] {
    return this.#scanned.stop;
  }

  size(): Promise<number> {
    return this.#file.size();
  }

  /** Goes on to the end of the segment as it is now. */
  async refresh(isClosed: boolean): Promise<ScanEnd> {
    const size = await this.#file.size();
    if (size < this.#scanned.offset) this.#forget();
    if (this.#isFinished && size === this.#scanned.offset) return this.#scanned;
    let { count } = this.#scanned;
    this.#scanned = await scanRecords(
      this.#file,
      this.#store.codec.format,
      this.#scanned,
      size,
      async (offsets) => {
        // From the first record of the slice that is to be marked.
        for (
          let index = (markSpacing - (count % markSpacing)) % markSpacing;
          index < offsets.length;
          index += markSpacing
        )
          this.#marks[(count + index) / markSpacing] = offsets[index]!;
        await this.#index?.put(count, offsets);
        count += offsets.length;
      },
    );
    if (this.#scanned.stop !== 'damaged')
      await this.#index?.finish(
        this.#scanned.count,
        isClosed && this.#scanned.stop === 'end',
        async () => (await this.#file.size()) === size,
      );
    this.#isFinished = isClosed && this.#scanned.stop === 'end';
    return this.#scanned;
  }

  /**
   * Whole records from `marker` to at most `last`, and at most `maxBytes` of them; a larger single one is read as a whole.
   * Every header is looked at again: bytes that were damaged since the scan are no record. `into` takes them if it has room.
   */
  async read(marker: number, last: number, maxBytes: number, into?: Uint8Array): Promise<RecordRun> {
    const first = { segment: this.segment, marker };
    if (marker < 1 || last > this.#scanned.count || marker > last)
      throw new FlotillaError('FLT-2209', `${formatId(first)} in ${this.#store.directory}`);
    const { offset } = await this.#seek(marker - 1);
    let bytes = await this.#bytes(offset, Math.max(maxBytes, this.#store.codec.format.headerSize), into);
    let run = this.#wholeRecords(bytes, marker, last);
    if (run.count === 0) {
      bytes = await this.#bytes(offset, recordLength(bytes, 0, this.#store.codec.format));
      run = this.#wholeRecords(bytes, marker, last);
      if (run.count === 0) throw this.#damaged(marker);
    }
    this.#next = { offset: offset + run.length, count: marker - 1 + run.count };
    return { first, count: run.count, bytes: bytes.subarray(0, run.length) };
  }

  async close(): Promise<void> {
    await this.#index?.close();
    await this.#file.close();
  }

  async #bytes(offset: number, length: number, into?: Uint8Array): Promise<Buffer> {
    const size = Math.min(length, this.#scanned.offset - offset);
    const bytes =
      into && into.length >= size
        ? Buffer.from(into.buffer, into.byteOffset, size)
        : Buffer.allocUnsafe(size);
    const read = await this.#file.read(bytes, offset);
    if (read < bytes.length) throw this.#damaged(this.#next.count + 1);
    return bytes;
  }

  #wholeRecords(bytes: Buffer, marker: number, last: number): { count: number; length: number } {
    const { format } = this.#store.codec;
    let length = 0;
    let count = 0;
    while (marker + count <= last && length + format.headerSize <= bytes.length) {
      if (get32(bytes, length, format.order) !== format.magic) throw this.#damaged(marker + count);
      const end = length + recordLength(bytes, length, format);
      if (end > bytes.length) break;
      length = end;
      count++;
    }
    return { count, length };
  }

  /** The place behind `count` records. */
  async #seek(count: number): Promise<ScanPoint> {
    if (count === this.#scanned.count) return this.#scanned;
    const mark = Math.floor(count / markSpacing);
    const near = { offset: this.#marks[mark]!, count: mark * markSpacing };
    let point = this.#next.count <= count && this.#next.count > near.count ? this.#next : near;
    while (point.count < count) {
      const bytes = await this.#bytes(point.offset, sliceBytes);
      let run = this.#wholeRecords(bytes, point.count + 1, count);
      if (run.count === 0) run = { count: 1, length: recordLength(bytes, 0, this.#store.codec.format) };
      point = { offset: point.offset + run.length, count: point.count + run.count };
      if (point.offset > this.#scanned.offset) throw this.#damaged(point.count);
    }
    return point;
  }

  #forget(): void {
    this.#marks.length = 0;
    this.#isFinished = false;
    this.#scanned = { offset: 0, count: 0, stop: 'end' };
    this.#next = { offset: 0, count: 0 };
  }

  #damaged(marker: number): FlotillaError {
    return new FlotillaError(
      'FLT-2203',
      `segment ${hex8(this.segment)} of ${this.#store.directory} has bytes that are no record at or behind record ${marker}`,
    );
  }
}
