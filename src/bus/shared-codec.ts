/**
 * Bytes of replication messages about rows. What follows the fields is ignored, so that a later version can add some.
 *
 * This is the bulk of all traffic, so keys and values travel in columns: an IPv4 key takes 4 bytes and a count below 128
 * one more. Nothing is allocated for a number of entries before the bytes for them are seen to be there.
 */
import { checkedText } from '../core/replica/gauge-key.ts';
import type { Changes, KnownLife, RetiredChunk, SharedMessage } from '../core/replica/messages.ts';
import { ByteReader, ByteWriter, readList, writeList } from './bytes.ts';
import { readCells, writeCells } from './cell-codec.ts';
import { firstKind, readHeader, writeHeader } from './shared-header.ts';

const kinds = [
  'batch',
  'snapshot-request',
  'snapshot-chunk',
  'snapshot-credit',
  'retired-request',
  'retired-chunk',
] as const satisfies readonly SharedMessage['kind'][];

/** Which columns a message has, one bit each. */
const v4Bit = 1;
const v6Bit = 2;
const v4BlockBit = 4;
const v6BlockBit = 8;
const textBit = 16;
const cellsBit = 32;

/** Of what a node that has left had counted: there is some, and it is the last of that node. */
const partBit = 1;
const lastBit = 2;

/** A count has 53 bits: eight groups of seven. */
const maxVarintBytes = 8;
const maxVarintScale = 0x80 ** (maxVarintBytes - 1);

const writer = new ByteWriter();

export function encodeSharedMessage(message: SharedMessage): Uint8Array {
  writeHeader(writer, firstKind.rows + kinds.indexOf(message.kind), message);
  writeFields(message);
  return writer.take();
}

export const knowsRowKind = (kind: number): boolean => kinds[kind - firstKind.rows] !== undefined;

/** Undefined for anything that is not a whole message of this version. Never throws. */
export function decodeSharedMessage(bytes: Uint8Array): SharedMessage | undefined {
  try {
    const reader = new ByteReader(bytes);
    const { kind: number, header } = readHeader(reader);
    const kind = kinds[number - firstKind.rows];
    return kind && readFields({ kind, ...header }, reader);
  } catch {
    // RangeError: ends too early, or a value out of range. TypeError: not UTF-8. FlotillaError: not a key.
    return undefined;
  }
}

function writeFields(message: SharedMessage): void {
  switch (message.kind) {
    case 'batch':
      writer.f64(message.sequence);
      writeChanges(message.changes);
      return;
    case 'snapshot-request':
      writer.f64(message.session);
      return;
    case 'snapshot-chunk':
      writer.f64(message.session);
      writer.f64(message.index);
      writer.f64(message.sequence);
      writer.u8(message.last ? 1 : 0);
      writeChanges(message.changes);
      return;
    case 'snapshot-credit':
      writer.f64(message.session);
      writer.f64(message.index);
      return;
    case 'retired-request':
      writer.f64(message.session);
      writer.f64(message.index);
      writeList(writer, message.known, writeLife);
      return;
    case 'retired-chunk':
      writer.f64(message.session);
      writer.f64(message.index);
      writer.u8(message.of ? partBit | (message.of.isLast ? lastBit : 0) : 0);
      if (message.of) writeLife(message.of);
      writeChanges(message.changes);
  }
}

function writeLife({ life, sequence }: KnownLife): void {
  writer.incarnation(life);
  writer.f64(sequence);
}

type Header = Pick<SharedMessage, 'kind' | 'from' | 'type' | 'object'>;

function readFields({ kind, ...header }: Header, reader: ByteReader): SharedMessage {
  switch (kind) {
    case 'batch':
      return { kind, ...header, sequence: readCount(reader), changes: readChanges(reader) };
    case 'snapshot-request':
      return { kind, ...header, session: readCount(reader) };
    case 'snapshot-chunk':
      return {
        kind,
        ...header,
        session: readCount(reader),
        index: readCount(reader),
        sequence: readCount(reader),
        last: reader.u8() === 1,
        changes: readChanges(reader),
      };
    case 'snapshot-credit':
      return { kind, ...header, session: readCount(reader), index: readCount(reader) };
    case 'retired-request':
      return {
        kind,
        ...header,
        session: readCount(reader),
        index: readCount(reader),
        known: readList(reader, readLife),
      };
    case 'retired-chunk':
      return {
        kind,
        ...header,
        session: readCount(reader),
        index: readCount(reader),
        of: readPart(reader),
        changes: readChanges(reader),
      };
  }
}

function readPart(reader: ByteReader): RetiredChunk['of'] {
  const bits = reader.u8();
  return bits & partBit ? { ...readLife(reader), isLast: (bits & lastBit) !== 0 } : undefined;
}

function readLife(reader: ByteReader): KnownLife {
  return { life: reader.incarnation(), sequence: readCount(reader) };
}

function writeChanges(changes: Changes): void {
  const { v4Values, v6Values, v4BlockValues, v6BlockValues, textValues } = changes;
  writer.u8(
    (v4Values.length > 0 ? v4Bit : 0) |
      (v6Values.length > 0 ? v6Bit : 0) |
      (v4BlockValues.length > 0 ? v4BlockBit : 0) |
      (v6BlockValues.length > 0 ? v6BlockBit : 0) |
      (textValues.length > 0 ? textBit : 0) |
      (changes.cells.length > 0 ? cellsBit : 0),
  );
  writeColumn(changes.v4Keys, v4Values);
  writeColumn(changes.v6Keys, v6Values);
  writeColumn(changes.v4BlockKeys, v4BlockValues);
  writeColumn(changes.v6BlockKeys, v6BlockValues);
  if (textValues.length > 0) {
    writer.u32(textValues.length);
    for (const key of changes.textKeys) writer.text(key);
    writer.block(varints(textValues));
  }
  if (changes.cells.length > 0) writeCells(writer, changes.cells);
}

function readChanges(reader: ByteReader): Changes {
  const columns = reader.u8();
  const v4 = readColumn(reader, columns & v4Bit, 1);
  const v6 = readColumn(reader, columns & v6Bit, 4);
  const v4Blocks = readColumn(reader, columns & v4BlockBit, 1);
  const v6Blocks = readColumn(reader, columns & v6BlockBit, 2);
  if (v4Blocks.keys.some((network) => (network & 0xff) !== 0)) throw new RangeError('a /24 with host bits');
  const textKeys = columns & textBit ? readTexts(reader) : [];
  return {
    v4Keys: v4.keys,
    v4Values: v4.values,
    v6Keys: v6.keys,
    v6Values: v6.values,
    v4BlockKeys: v4Blocks.keys,
    v4BlockValues: v4Blocks.values,
    v6BlockKeys: v6Blocks.keys,
    v6BlockValues: v6Blocks.values,
    textKeys,
    textValues: columns & textBit ? readVarints(reader.block(), textKeys.length) : noValues,
    cells: columns & cellsBit ? readCells(reader) : [],
  };
}

/** Number of entries, the words of their keys, then the values. */
function writeColumn(keys: Uint32Array, values: Float64Array): void {
  if (values.length === 0) return;
  writer.u32(values.length);
  const bytes = new Uint8Array(keys.length * 4);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < keys.length; i++) view.setUint32(i * 4, keys[i]!);
  writer.raw(bytes);
  writer.block(varints(values));
}

const noKeys = new Uint32Array(0);
const noValues = new Float64Array(0);

function readColumn(
  reader: ByteReader,
  present: number,
  words: number,
): { keys: Uint32Array; values: Float64Array } {
  if (present === 0) return { keys: noKeys, values: noValues };
  const entries = reader.u32();
  const bytes = reader.raw(entries * words * 4);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const keys = new Uint32Array(entries * words);
  for (let i = 0; i < keys.length; i++) keys[i] = view.getUint32(i * 4);
  return { keys, values: readVarints(reader.block(), entries) };
}

function readTexts(reader: ByteReader): string[] {
  const entries = reader.u32();
  const texts: string[] = [];
  for (let i = 0; i < entries; i++) texts.push(checkedText(reader.text()));
  return texts;
}

/** Seven bits a byte, the lowest first; the high bit says that more follow. */
function varints(values: Float64Array): Uint8Array {
  const bytes = new Uint8Array(values.length * maxVarintBytes);
  let at = 0;
  for (let i = 0; i < values.length; i++) {
    let rest = values[i]!;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[at++] = (rest % 0x80) | 0x80;
    bytes[at++] = rest;
  }
  return bytes.subarray(0, at);
}

function readVarints(bytes: Uint8Array, entries: number): Float64Array {
  if (entries > bytes.length) throw new RangeError(`${entries} values in ${bytes.length} bytes`);
  const values = new Float64Array(entries);
  let at = 0;
  for (let i = 0; i < entries; i++) {
    let value = 0;
    let scale = 1;
    let byte = bytes[at++];
    for (; byte !== undefined && byte >= 0x80; byte = bytes[at++]) {
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      // Some hundred empty groups more, and zero times an infinite scale would be NaN, which spoils every sum for good.
      if (scale > maxVarintScale) throw new RangeError(`a number of more than ${maxVarintBytes} bytes`);
    }
    if (byte === undefined) throw new RangeError('values end too early');
    value += byte * scale;
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('not a count');
    values[i] = value;
  }
  if (at !== bytes.length) throw new RangeError('more values than keys');
  return values;
}

/** A whole number from 0 to 2^53-1. */
function readCount(reader: ByteReader): number {
  const value = reader.f64();
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('not a count');
  return value;
}
