/**
 * Appends records. What arrives while the disk is busy waits together and goes to the segment in one write and, where
 * somebody waits for it, one sync (group commit). Order is that of the calls. An append that was refused has left
 * nothing in the journal.
 *
 * Owns the open segment, the write buffer and the records on their way; both the number of bytes waiting and that of a
 * single write are bounded.
 */
import type { Timer } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import { systemReason } from './files.ts';
import { hex8, type LogId, type RecordFormat, recordLength } from './layout.ts';
import { OpenSegment } from './open-segment.ts';
import { PreCommit } from './pre-commit.ts';
import { RecordBatch } from './records.ts';
import type { ScanPoint } from './scan.ts';
import { type JournalStore, MetastoreFile, segmentPath } from './store.ts';
import { Turns } from './turns.ts';

const batchBytes = 1024 * 1024;
/** Of records that nobody waits for, in journals of safety 1 and 2. */
const syncDelayMs = 1000;

interface Waiter {
  /** Which record of the batch, from 0. */
  readonly index: number;
  /** It waits for the sync as well, not for the write alone. */
  readonly isSynced: boolean;
  readonly resolve: (id: LogId) => void;
  readonly reject: (error: unknown) => void;
}

interface Waiting {
  readonly batch: RecordBatch;
  readonly waiters: Waiter[];
}

/** Records of a batch that went into one segment. */
interface WrittenPart {
  readonly first: LogId;
  readonly count: number;
  /** Where the segment ended before them. */
  readonly before: ScanPoint;
}

export interface WriterOptions {
  /** Bytes of records that may wait for the disk. */
  readonly maxWaitingBytes: number;
  /** Size of a write buffer that is made now; one that is there keeps its own. */
  readonly preCommitBytes?: number;
  /** Another process may write it too. */
  readonly isShared: boolean;
  /** After a segment was left. */
  readonly onRotated: () => void;
  readonly onWritten: (records: number) => void;
  /** Why nothing may be appended now. */
  readonly refusal: () => FlotillaError | undefined;
}

export class JournalWriter {
  readonly #store: JournalStore;
  readonly #options: WriterOptions;
  readonly #metastore: MetastoreFile;
  readonly #preCommit: PreCommit;
  #segment: OpenSegment;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  readonly #spare: RecordBatch[] = [];
  /** A batch and a flush of the buffer never mix. */
  readonly #turns = new Turns();
  #pumping: Promise<void> | undefined;
  #unsynced = false;
  #syncTimer: Timer | undefined;
  #closed = false;

  private constructor(
    store: JournalStore,
    options: WriterOptions,
    metastore: MetastoreFile,
    preCommit: PreCommit,
    segment: OpenSegment,
  ) {
    this.#store = store;
    this.#options = options;
    this.#metastore = metastore;
    this.#preCommit = preCommit;
    this.#segment = segment;
  }

  static async open(store: JournalStore, options: WriterOptions): Promise<JournalWriter> {
    const metastore = await MetastoreFile.open(store);
    const preCommit = await PreCommit.open(store, options.preCommitBytes);
    const segment = await OpenSegment.open(store, await metastore.storage());
    const writer = new JournalWriter(store, options, metastore, preCommit, segment);
    try {
      // The buffer is that of one process; another one would write it into the segment under its hands.
      if (options.isShared && preCommit.capacity > 0)
        throw new FlotillaError(
          'FLT-2206',
          `${store.directory} has a write buffer, so only its owner may write it`,
        );
      await writer.#recover();
      return writer;
    } catch (error) {
      await writer.#closeFiles();
      throw error;
    }
  }

  /** The last record that is in a segment. */
  get last(): LogId {
    return { segment: this.#segment.number, marker: this.#segment.count };
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Resolves when the record is on the disk; without `isSynced` when it is written, synced as the safety says. */
  append(payload: Uint8Array, timeUs: number, isSynced = true): Promise<LogId> {
    const refusal = this.#refusal(payload);
    if (refusal) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const { batch, waiters } = this.#enqueue(payload, timeUs);
      waiters.push({ index: batch.count - 1, isSynced, resolve, reject });
    });
  }

  /** Writes soon, syncs with the next append that waits or as the safety of the journal says. False: refused. */
  appendLazy(payload: Uint8Array, timeUs: number): boolean {
    if (this.#refusal(payload)) return false;
    this.#enqueue(payload, timeUs);
    return true;
  }

  /** Resolves when everything appended so far is in its segment and on the disk, or was refused. */
  async sync(): Promise<void> {
    while (this.#pumping) await this.#pumping;
    await this.syncWritten();
  }

  /**
   * As `sync`, of what has reached its segment or the buffer; also of what other processes appended, or this one before
   * it was started last. A segment that others have left they have synced.
   */
  async syncWritten(): Promise<void> {
    await this.#turns.run(async () => {
      if (this.#preCommit.used > 0) await this.#flushBuffer();
      if ((await this.#metastore.storage()) !== this.#segment.number) await this.#reopen();
      if (this.#unsynced || !(await this.#segment.isSynced())) await this.#syncSegment();
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#syncTimer?.cancel();
    try {
      await this.sync();
    } finally {
      await this.#closeFiles();
    }
  }

  #refusal(payload: Uint8Array): FlotillaError | undefined {
    if (this.#closed) return new FlotillaError('FLT-2204', `${this.#store.directory} was closed`);
    const waits = this.#waitingBytes;
    if (waits > 0 && waits + payload.length > this.#options.maxWaitingBytes)
      return new FlotillaError('FLT-2211', `${waits} bytes wait for ${this.#store.directory}`);
    return this.#options.refusal();
  }

  #enqueue(payload: Uint8Array, timeUs: number): Waiting {
    let last = this.#waiting.at(-1);
    if (!last || last.batch.length >= batchBytes) {
      last = { batch: this.#spare.pop() ?? new RecordBatch(), waiters: [] };
      this.#waiting.push(last);
    }
    const before = last.batch.length;
    last.batch.append(this.#store.codec, payload, timeUs);
    this.#waitingBytes += last.batch.length - before;
    this.#pumping ??= this.#pump();
    return last;
  }

  async #pump(): Promise<void> {
    // A turn later: records that one piece of code appends in a row go together.
    await undefined;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      const { batch, waiters } = next;
      const length = batch.length;
      await this.#turns.run(() => this.#writeBatch(batch, waiters));
      this.#waitingBytes -= length;
      batch.clear();
      // Two: one being filled, one being written.
      if (length <= 2 * batchBytes && this.#spare.length < 2) this.#spare.push(batch);
    }
    this.#pumping = undefined;
  }

  /** Never rejects: whoever waits is told, and the records of those who do not are counted. */
  async #writeBatch(batch: RecordBatch, waiters: Waiter[]): Promise<void> {
    let done = 0;
    const bytes = batch.bytes();
    try {
      if (waiters.length === 0 && (await this.#buffered(bytes))) return;
      await this.#appendToSegments(bytes, async ({ first, count, before }) => {
        const awaited = waiters.filter(({ index }) => index >= done && index < done + count);
        if (awaited.some(({ isSynced }) => isSynced)) await this.#syncOrUndo(before);
        for (const { index, resolve } of awaited)
          resolve({ segment: first.segment, marker: first.marker + index - done });
        done += count;
        this.#options.onWritten(count);
      });
    } catch (error) {
      this.#refuse(batch, waiters, done, error);
    }
    if (this.#unsynced && this.#store.settings.safety > 0) this.#syncLater();
  }

  #refuse(batch: RecordBatch, waiters: readonly Waiter[], done: number, error: unknown): void {
    const { directory } = this.#store;
    const refusal =
      error instanceof FlotillaError
        ? error
        : new FlotillaError('FLT-2204', `${directory}: ${systemReason(error)}`, error);
    const refused = waiters.filter(({ index }) => index >= done);
    for (const { reject } of refused) reject(refusal);
    const records = batch.count - done - refused.length;
    if (records > 0)
      this.#store.notice('write-failed', `${records} records could not be written: ${refusal.message}`, {
        records,
      });
  }

  async #buffered(bytes: Buffer): Promise<boolean> {
    if (this.#preCommit.capacity === 0) return false;
    if (await this.#preCommit.append(bytes)) return true;
    await this.#flushBuffer();
    return this.#preCommit.append(bytes);
  }

  /**
   * The records in order, as many in each segment as belong there: a segment is left once it has reached its limit.
   */
  async #appendToSegments(bytes: Buffer, onPart: (part: WrittenPart) => Promise<void>): Promise<void> {
    if (this.#preCommit.used > 0) await this.#flushBuffer();
    for (let from = 0; from < bytes.length; ) {
      const { end, ...part } = await this.#withSegment(async (segment) => {
        const room = this.#store.settings.unitLimit - segment.bytes;
        const cut = cutAt(bytes, from, room, this.#store.codec.format);
        const before = segment.end;
        const first = { segment: segment.number, marker: before.count + 1 };
        await segment.append(bytes.subarray(from, cut.end), cut.count);
        this.#unsynced = true;
        return { ...cut, first, before };
      });
      await onPart(part);
      from = end;
      await this.#leaveIfFull();
    }
  }

  /**
   * Runs with the current segment locked, caught up with what others wrote, and not full. Where it is damaged inside,
   * it is left as it is: once closed it can be repaired in peace.
   */
  async #withSegment<T>(run: (segment: OpenSegment) => Promise<T>): Promise<T> {
    for (;;) {
      const segment = this.#segment;
      const unlock = await segment.lock();
      try {
        if ((await this.#metastore.storage()) === segment.number) {
          const isWhole = await segment.catchUp();
          if (isWhole && segment.bytes < this.#store.settings.unitLimit) return await run(segment);
          if (!isWhole)
            this.#store.notice(
              'damaged',
              `segment ${hex8(segment.number)} is damaged inside; writing goes on in the next`,
            );
          await this.#advance(segment);
        }
      } finally {
        unlock();
      }
      await this.#reopen();
    }
  }

  async #advance(segment: OpenSegment): Promise<void> {
    await segment.sync();
    await this.#metastore.advance(segment.number, async (next) => {
      const file = await this.#store.files.create(segmentPath(this.#store, next), this.#store.mode);
      await file.close();
    });
  }

  async #reopen(): Promise<void> {
    const next = await OpenSegment.open(this.#store, await this.#metastore.storage());
    await this.#segment.close();
    this.#segment = next;
    this.#options.onRotated();
  }

  /** Only tried: the records are in, and the next append tries again, and is refused when there is still no room. */
  async #leaveIfFull(): Promise<void> {
    if (this.#segment.bytes < this.#store.settings.unitLimit) return;
    try {
      const unlock = await this.#segment.lock();
      try {
        await this.#advance(this.#segment);
      } finally {
        unlock();
      }
      await this.#reopen();
    } catch (error) {
      this.#store.notice('write-failed', `the next segment could not be made: ${systemReason(error)}`);
    }
  }

  /** Records whose sync failed may be lost, and are refused: so they are also taken out again. */
  async #syncOrUndo(before: ScanPoint): Promise<void> {
    try {
      await this.#syncSegment();
    } catch (error) {
      const unlock = await this.#segment.lock();
      try {
        await this.#segment.undo(before);
      } finally {
        unlock();
      }
      throw error;
    }
  }

  async #syncSegment(): Promise<void> {
    this.#unsynced = false;
    try {
      await this.#segment.sync();
    } catch (error) {
      this.#unsynced = true;
      throw error;
    }
  }

  #syncLater(): void {
    this.#syncTimer ??= this.#store.clock.after(syncDelayMs, () => {
      this.#syncTimer = undefined;
      // In turn: whoever syncs meanwhile must not take for synced what still is on its way to the disk.
      this.#turns
        .run(async () => {
          if (!this.#closed && this.#unsynced) await this.#syncSegment();
        })
        .catch((error) =>
          this.#store.notice('write-failed', `the segment could not be synced: ${systemReason(error)}`),
        );
    });
  }

  /**
   * What a crash left: a torn record at the end of the segment is cut, then the buffer goes where it was to go. That comes
   * before anything may leave the segment, which part of the buffer has perhaps reached already.
   */
  async #recover(): Promise<void> {
    if (this.#preCommit.used > 0) {
      const segment = this.#segment;
      const unlock = await segment.lock();
      try {
        await segment.catchUp();
        const bytes = await this.#preCommit.leftOver();
        const arrived = await this.#preCommit.arrived(bytes, segment);
        if (arrived > 0) {
          await this.#appendFlushed(segment, bytes.subarray(arrived));
          await this.#preCommit.empty();
        }
      } finally {
        unlock();
      }
      if (this.#preCommit.used > 0) await this.#flushBuffer();
    }
    await this.#withSegment(async () => undefined);
  }

  async #flushBuffer(): Promise<void> {
    const bytes = await this.#preCommit.leftOver();
    await this.#withSegment(async (segment) => {
      await this.#preCommit.noteFlush(segment);
      await this.#appendFlushed(segment, bytes);
    });
    await this.#preCommit.empty();
    await this.#leaveIfFull();
  }

  async #appendFlushed(segment: OpenSegment, bytes: Buffer): Promise<void> {
    if (bytes.length > 0) {
      const { count } = cutAt(bytes, 0, Number.POSITIVE_INFINITY, this.#store.codec.format);
      await segment.append(bytes, count);
      this.#unsynced = true;
      this.#options.onWritten(count);
    }
    if (this.#store.settings.safety === 2) await this.#syncSegment();
  }

  async #closeFiles(): Promise<void> {
    await Promise.all([this.#segment.close(), this.#metastore.close(), this.#preCommit.close()]);
  }
}

/** As many records from `from` on as it takes to fill `room` bytes: the last of them may go beyond. */
function cutAt(
  bytes: Buffer,
  from: number,
  room: number,
  format: RecordFormat,
): { end: number; count: number } {
  let end = from;
  let count = 0;
  for (; end < bytes.length && end - from < room; count++) end += recordLength(bytes, end, format);
  return { end, count };
}
