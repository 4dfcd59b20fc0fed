/**
 * Bytes of the cells of event tables: blocks of keys and amounts, each of which says all of its stream. Keys travel in
 * columns by family; amounts as counts where all of a block are whole and none is negative, else as doubles.
 *
 * Decoding throws what `decodeSharedMessage` takes for a malformed message, and allocates nothing for a number of entries
 * before the bytes for them are seen to be there.
 */
import { checkedText } from '../core/replica/gauge-key.ts';
import type { CellChanges, KeyType, StreamDefinition } from '../core/series/cell.ts';
import { addressKey, keyAddress, type StreamKey } from '../core/series/stream-key.ts';
import { type ByteReader, type ByteWriter, readList, writeList } from './bytes.ts';

const keyTypes = ['address', 'ipv4', 'ipv6', 'text'] as const satisfies readonly KeyType[];
const droppedBit = 1;
const countsBit = 2;
const maxContinues = 8;

export function writeCells(writer: ByteWriter, blocks: readonly CellChanges[]): void {
  writer.u32(blocks.length);
  for (const block of blocks) writeBlock(writer, block);
}

export function readCells(reader: ByteReader): CellChanges[] {
  const blocks: CellChanges[] = [];
  for (let left = reader.u32(); left > 0; left--) blocks.push(readBlock(reader));
  return blocks;
}

function writeBlock(writer: ByteWriter, block: CellChanges): void {
  const { definition, continues, cell, isDropped, values } = block;
  const { id, keyType, intervalS, count } = definition;
  writer.text(id);
  writer.u8(keyTypes.indexOf(keyType));
  writer.u32(intervalS);
  writer.u32(count);
  writeList(writer, continues, (life) => writer.incarnation(life));
  writer.f64(cell);
  const areCounts = values.every((value) => Number.isInteger(value) && value >= 0);
  writer.u8((isDropped ? droppedBit : 0) | (areCounts ? countsBit : 0));
  for (const i of writeKeys(writer, keyType, block.keys)) {
    if (areCounts) writer.varint(values[i]!);
    else writer.f64(values[i]!);
  }
}

/** Returns the places of the keys in the order they were written in. */
function writeKeys(writer: ByteWriter, keyType: KeyType, keys: readonly StreamKey[]): number[] {
  const places = [...keys.keys()];
  if (keyType === 'text') {
    writer.u32(keys.length);
    for (const key of keys) writer.text(key as string);
    return places;
  }
  const narrow = places.filter((i) => typeof keys[i] === 'number');
  const wide = places.filter((i) => typeof keys[i] === 'string');
  writer.u32(narrow.length);
  for (const i of narrow) writer.u32((keys[i] as number) >>> 0);
  writer.u32(wide.length);
  for (const i of wide) for (const word of keyAddress(keys[i]!) as readonly number[]) writer.u32(word >>> 0);
  return [...narrow, ...wide];
}

function readBlock(reader: ByteReader): CellChanges {
  const definition = readDefinition(reader);
  const continues = readList(reader, () => reader.incarnation());
  if (continues.length > maxContinues) throw new RangeError('too many lives');
  const cell = reader.f64();
  if (!Number.isSafeInteger(cell) || cell < 0) throw new RangeError('not a cell');
  const flags = reader.u8();
  const keys = readKeys(reader, definition.keyType);
  const values = new Float64Array(keys.length);
  for (let i = 0; i < keys.length; i++) values[i] = readAmount(reader, (flags & countsBit) !== 0);
  return { definition, continues, cell, isDropped: (flags & droppedBit) !== 0, keys, values };
}

function readDefinition(reader: ByteReader): StreamDefinition {
  const id = checkedText(reader.text());
  const keyType = keyTypes[reader.u8()];
  const [intervalS, count] = [reader.u32(), reader.u32()];
  if (!keyType || intervalS === 0 || count === 0) throw new RangeError('not a stream');
  return { id, keyType, intervalS, count };
}

function readKeys(reader: ByteReader, keyType: KeyType): StreamKey[] {
  const keys: StreamKey[] = [];
  if (keyType === 'text') {
    for (let left = reader.u32(); left > 0; left--) keys.push(checkedText(reader.text()));
    return keys;
  }
  const word = () => reader.u32() | 0;
  const narrow = reader.u32();
  for (let i = 0; i < narrow; i++) keys.push(word());
  const wide = reader.u32();
  for (let i = 0; i < wide; i++) keys.push(addressKey([word(), word(), word(), word()]));
  if ((keyType === 'ipv4' && wide > 0) || (keyType === 'ipv6' && narrow > 0))
    throw new RangeError('an address of the other family');
  return keys;
}

/** NaN or an infinite amount would spoil every sum for good. */
function readAmount(reader: ByteReader, isCount: boolean): number {
  const value = isCount ? reader.varint() : reader.f64();
  if (!(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) throw new RangeError('not an amount');
  return value;
}
