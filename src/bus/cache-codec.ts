/**
 * Bytes of the messages of replicated caches. What follows the fields is ignored, so that a later version can add some.
 *
 * Origins are not repeated with each entry: the list of them comes first.
 */
import { bucketCount } from '../core/cache/cache.ts';
import { type CacheEntry, fits, maxKeyBytes, maxValueBytes } from '../core/cache/entry.ts';
import type { CacheMessage } from '../core/cache/messages.ts';
import type { Incarnation } from '../core/identity.ts';
import { ByteReader, ByteWriter, readList, writeList } from './bytes.ts';
import { firstKind, readHeader, writeHeader } from './shared-header.ts';

const kinds = [
  'cache-batch',
  'cache-compare',
  'cache-chunk',
  'cache-credit',
] as const satisfies readonly CacheMessage['kind'][];

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const writer = new ByteWriter();

export function encodeCacheMessage(message: CacheMessage): Uint8Array {
  writeHeader(writer, firstKind.cache + kinds.indexOf(message.kind), message);
  writeFields(message);
  return writer.take();
}

export const knowsCacheKind = (kind: number): boolean => kinds[kind - firstKind.cache] !== undefined;

/** Undefined for anything that is not a whole message of this version. Never throws. */
export function decodeCacheMessage(bytes: Uint8Array): CacheMessage | undefined {
  try {
    const reader = new ByteReader(bytes);
    const { kind: number, header } = readHeader(reader);
    const kind = kinds[number - firstKind.cache];
    return kind && readFields({ kind, ...header }, reader);
  } catch {
    // RangeError: ends too early, or a value out of range. TypeError: not UTF-8.
    return undefined;
  }
}

function writeFields(message: CacheMessage): void {
  switch (message.kind) {
    case 'cache-batch':
      writer.varint(message.sequence);
      writeEntries(message.entries);
      return;
    case 'cache-compare':
      writer.varint(message.session);
      for (const word of message.digests) writer.u32(word);
      return;
    case 'cache-chunk':
      writer.varint(message.session);
      writer.varint(message.index);
      writer.u8(message.last ? 1 : 0);
      writeEntries(message.entries);
      return;
    case 'cache-credit':
      writer.varint(message.session);
      writer.varint(message.index);
  }
}

function readFields(
  { kind, ...header }: Pick<CacheMessage, 'kind' | 'from' | 'type' | 'object'>,
  reader: ByteReader,
): CacheMessage {
  switch (kind) {
    case 'cache-batch':
      return { kind, ...header, sequence: readCount(reader), entries: readEntries(reader) };
    case 'cache-compare':
      return { kind, ...header, session: readCount(reader), digests: readDigests(reader) };
    case 'cache-chunk':
      return {
        kind,
        ...header,
        session: readCount(reader),
        index: readCount(reader),
        last: reader.u8() === 1,
        entries: readEntries(reader),
      };
    case 'cache-credit':
      return { kind, ...header, session: readCount(reader), index: readCount(reader) };
  }
}

function readDigests(reader: ByteReader): Uint32Array {
  const bytes = reader.raw(bucketCount * 2 * 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bucketCount * 2 }, (_, word) => view.getUint32(word * 4));
}

function writeEntries(entries: readonly CacheEntry[]): void {
  const origins = [...new Set(entries.map(({ origin }) => origin))];
  const numbers = new Map(origins.map((origin, number) => [origin, number]));
  writeList(writer, origins, (origin) => writer.incarnation(origin));
  writeList(writer, entries, (entry) => {
    writer.text(entry.key);
    writer.u16(numbers.get(entry.origin)!);
    writer.varint(entry.time);
    writer.varint(entry.expiresMs);
    writer.u8(entry.value === undefined ? 0 : 1);
    if (entry.value !== undefined) writer.block(encoder.encode(entry.value));
  });
}

function readEntries(reader: ByteReader): CacheEntry[] {
  const origins = readList(reader, () => reader.incarnation());
  return readList(reader, () => readEntry(reader, origins));
}

function readEntry(reader: ByteReader, origins: readonly Incarnation[]): CacheEntry {
  const key = reader.text();
  const origin = origins[reader.u16()];
  const time = readCount(reader);
  const expiresMs = readCount(reader);
  const value = reader.u8() === 1 ? decoder.decode(reader.block()) : undefined;
  // A deleted key that is never forgotten, or a time that is none, would spoil digests for good.
  const isForgotten = value !== undefined || expiresMs > 0;
  if (!origin || time === 0 || !isForgotten || !fits(key, maxKeyBytes) || !fits(value ?? '', maxValueBytes))
    throw new RangeError('not an entry');
  return { key, value, time, origin, expiresMs };
}

/** A whole number from 0 to 2^53-1. */
function readCount(reader: ByteReader): number {
  const value = reader.varint();
  if (!Number.isSafeInteger(value)) throw new RangeError('not a count');
  return value;
}
