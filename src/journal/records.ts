/**
 * Records as bytes: a header (magic, time, length, and when compressed the length of what follows), then the payload.
 * No alignment, no trailer, no checksum. Encoding goes into batches that grow; decoding shares the memory it reads.
 */
import { get32, type LogId, type RecordFormat, recordLength } from './layout.ts';
import { type BlockCompressor, loadLz4 } from './lz4.ts';

export interface JournalRecord {
  readonly id: LogId;
  /** Microseconds since the Unix epoch; the format ends in 2106. */
  readonly timeUs: number;
  readonly payload: Buffer;
}

export interface RecordCodec {
  readonly format: RecordFormat;
  /** Payload as it is stored. */
  pack(payload: Uint8Array): Uint8Array;
  /** Undefined: the bytes are damaged. */
  unpack(stored: Buffer, length: number): Buffer | undefined;
}

export async function recordCodec(format: RecordFormat): Promise<RecordCodec> {
  const lz4: BlockCompressor | undefined = format.compression === 'lz4' ? await loadLz4() : undefined;
  return {
    format,
    pack: (payload) => (lz4 ? lz4.compress(payload) : payload),
    unpack: (stored, length) => (lz4 ? lz4.expand(stored, length) : stored),
  };
}

const smallestBatchBytes = 64 * 1024;

/** Records on their way to a segment, one behind the other. Always of our own byte order: others are never written. */
export class RecordBatch {
  length = 0;
  count = 0;
  #bytes = Buffer.allocUnsafe(smallestBatchBytes);

  append(codec: RecordCodec, payload: Uint8Array, timeUs: number): void {
    const { magic, headerSize } = codec.format;
    const stored = codec.pack(payload);
    const at = this.length;
    this.#reserve(at + headerSize + stored.length);
    const bytes = this.#bytes;
    bytes.writeUInt32LE(magic, at);
    bytes.writeUInt32LE(Math.floor(timeUs / 1_000_000) >>> 0, at + 4);
    bytes.writeUInt32LE(Math.floor(timeUs % 1_000_000), at + 8);
    bytes.writeUInt32LE(payload.length, at + 12);
    if (headerSize === 20) bytes.writeUInt32LE(stored.length, at + 16);
    bytes.set(stored, at + headerSize);
    this.length = at + headerSize + stored.length;
    this.count++;
  }

  bytes(from = 0, to = this.length): Buffer {
    return this.#bytes.subarray(from, to);
  }

  clear(): void {
    this.length = 0;
    this.count = 0;
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(length, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
  }
}

/** A run of whole records of one segment, as they stand in the file. */
export interface RecordRun {
  readonly first: LogId;
  readonly count: number;
  readonly bytes: Buffer;
}

/**
 * Those whose payload cannot be expanded are passed over and told to `onUnreadable`: a bit that a disk lost in one must
 * not keep its subscribers from all that follow.
 */
export function decodeRecords(
  { first, bytes }: RecordRun,
  codec: RecordCodec,
  onUnreadable: (id: LogId) => void,
): JournalRecord[] {
  const { format } = codec;
  const records: JournalRecord[] = [];
  for (let at = 0, marker = first.marker; at < bytes.length; marker++) {
    const id = { segment: first.segment, marker };
    const end = at + recordLength(bytes, at, format);
    const timeUs = get32(bytes, at + 4, format.order) * 1_000_000 + get32(bytes, at + 8, format.order);
    const length = get32(bytes, at + 12, format.order);
    const payload = codec.unpack(bytes.subarray(at + format.headerSize, end), length);
    if (payload) records.push({ id, timeUs, payload });
    else onUnreadable(id);
    at = end;
  }
  return records;
}
