/**
 * The jlog layout: names, numbers and their places (the format of the C library jlog 2). Pure: bytes in, values out.
 * A journal has no field for its byte order; a metastore whose record magic is right only when read backwards was
 * written on a machine of the other order.
 */

import type { LogId } from '../core/logs/log-id.ts';

export { compareIds, formatId, hex8, type LogId, parseId } from '../core/logs/log-id.ts';

export type ByteOrder = 'little' | 'big';

/** How the records of a journal look. It is fixed when the journal is made. */
export interface RecordFormat {
  readonly order: ByteOrder;
  readonly magic: number;
  readonly headerSize: 16 | 20;
  readonly compression: 'none' | 'stored' | 'lz4';
}

export type Safety = 0 | 1 | 2;

export interface Metastore {
  readonly storage: number;
  readonly unitLimit: number;
  readonly safety: Safety;
  readonly magic: number;
}

export const plainMagic = 0x663a7318;
export const storedMagic = 0x15106a00;
export const lz4Magic = 0x15106a01;
/** Numbers have 32 bits. Only a file that is not the journal's own makes it come so far. */
export const lastSegment = 0xffff_ffff;
export const metastoreBytes = 16;
export const checkpointBytes = 8;
export const defaultUnitLimit = 4 * 1024 * 1024;
export const defaultMode = 0o640;

export const get32 = (bytes: Buffer, at: number, order: ByteOrder): number =>
  order === 'little' ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);

/** Undefined: no magic that this program knows. Magic 0 is that of journals of jlog 1. */
export function recordFormat(magic: number, order: ByteOrder): RecordFormat | undefined {
  if (magic === plainMagic || magic === 0) return { order, magic, headerSize: 16, compression: 'none' };
  if (magic === storedMagic) return { order, magic, headerSize: 20, compression: 'stored' };
  if (magic === lz4Magic) return { order, magic, headerSize: 20, compression: 'lz4' };
  return undefined;
}

export function magicBytes(format: RecordFormat): Buffer {
  const bytes = Buffer.alloc(4);
  if (format.order === 'little') bytes.writeUInt32LE(format.magic);
  else bytes.writeUInt32BE(format.magic);
  return bytes;
}

/** Length of the record whose header stands at `at`, header included. */
export function recordLength(bytes: Buffer, at: number, format: RecordFormat): number {
  return format.headerSize + get32(bytes, at + format.headerSize - 4, format.order);
}

export function encodeMetastore(
  { storage, unitLimit, safety, magic }: Metastore,
  order: ByteOrder = 'little',
): Buffer {
  return words([storage, unitLimit, safety, magic], order);
}

/** Undefined: the bytes are none, of either order. */
export function decodeMetastore(bytes: Buffer): (Metastore & { readonly order: ByteOrder }) | undefined {
  if (bytes.length !== metastoreBytes) return undefined;
  for (const order of ['little', 'big'] as const) {
    const unitLimit = get32(bytes, 4, order);
    const safety = get32(bytes, 8, order);
    const magic = get32(bytes, 12, order);
    if (magic !== 0 && recordFormat(magic, order) && unitLimit > 0 && isSafety(safety))
      return { storage: get32(bytes, 0, order), unitLimit, safety, magic, order };
  }
  return undefined;
}

export function isSafety(value: number): value is Safety {
  return value === 0 || value === 1 || value === 2;
}

export function encodeCheckpoint({ segment, marker }: LogId, order: ByteOrder = 'little'): Buffer {
  return words([segment, marker], order);
}

export function decodeCheckpoint(bytes: Buffer, order: ByteOrder): LogId | undefined {
  if (bytes.length !== checkpointBytes) return undefined;
  return { segment: get32(bytes, 0, order), marker: get32(bytes, 4, order) };
}

/** Numbers of 32 bits, one behind the other. */
export function words(values: readonly number[], order: ByteOrder): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries())
    if (order === 'little') bytes.writeUInt32LE(value, index * 4);
    else bytes.writeUInt32BE(value, index * 4);
  return bytes;
}

/** The segments among the names of a directory, lowest first. */
export function segmentsAmong(names: readonly string[]): number[] {
  return names
    .filter((name) => /^[0-9a-f]{8}$/.test(name))
    .map((name) => Number.parseInt(name, 16))
    .sort((a, b) => a - b);
}

/** A file name has at most 255 bytes, and each byte of a subscriber's name takes two. */
const longestSubscriberBytes = 126;

/** Subscribers are bytes; as text each stands for itself (UTF-8), so that no name is unprintable. */
export function checkpointName(subscriber: string): string | undefined {
  const bytes = Buffer.from(subscriber, 'utf8');
  if (bytes.length === 0 || bytes.length > longestSubscriberBytes || bytes.includes(0)) return undefined;
  return `cp.${bytes.toString('hex')}`;
}

export function subscribersAmong(names: readonly string[]): string[] {
  return names
    .filter((name) => /^cp\.(?:[0-9a-f]{2})+$/.test(name))
    .map((name) => Buffer.from(name.slice(3), 'hex').toString('utf8'))
    .sort();
}
