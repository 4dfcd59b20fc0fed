/** The bytes of an interval as records, in slices: a hundred thousand of them must not hold the event loop. */
import type { DecodedInterval, PulledRecord, RecordDecoder } from '../actors/log-ports.ts';
import type { Clock } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { LogId } from '../core/logs/log-id.ts';
import type { FetchedInterval } from '../core/logs/service-messages.ts';
import { get32, type RecordFormat, recordFormat, recordLength } from '../journal/layout.ts';
import { decodeRecords, recordCodec } from '../journal/records.ts';
import { Turns } from '../node/turns.ts';

const sliceRecords = 500;

export class IntervalDecoder implements RecordDecoder {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async decode({ format, first, count, bytes }: FetchedInterval): Promise<DecodedInterval> {
    const known = recordFormat(format.magic, format.order);
    if (!known) throw new FlotillaError('FLT-2601', `records of the unknown format ${format.magic}`);
    const codec = await recordCodec(known);
    const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const records: PulledRecord[] = [];
    const unreadable: LogId[] = [];
    const turns = new Turns(this.#clock);
    for (let at = 0; at < all.length; ) {
      const end = endOfSlice(all, at, known);
      const from = { segment: first.segment, marker: first.marker + records.length + unreadable.length };
      const run = { first: from, count: 0, bytes: all.subarray(at, end) };
      for (const record of decodeRecords(run, codec, (id) => unreadable.push(id))) records.push(record);
      at = end;
      await turns.next();
    }
    const found = records.length + unreadable.length;
    if (found !== count)
      throw new FlotillaError('FLT-2601', `${found} records where ${count} were announced`);
    return { records, unreadable };
  }
}

/** Behind so many whole records. */
function endOfSlice(bytes: Buffer, from: number, format: RecordFormat): number {
  let end = from;
  for (let n = 0; n < sliceRecords && end < bytes.length; n++) {
    const isRecord =
      end + format.headerSize <= bytes.length && get32(bytes, end, format.order) === format.magic;
    if (isRecord) end += recordLength(bytes, end, format);
    if (!isRecord || end > bytes.length) throw new FlotillaError('FLT-2601', 'bytes that are no record');
  }
  return end;
}
