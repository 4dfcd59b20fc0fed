/** Bytes of a view id, as every message that belongs to a view carries it. */
import type { ViewId } from '../core/view.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';

export function writeViewId(writer: ByteWriter, id: ViewId): void {
  writer.f64(id.epoch);
  writer.incarnation(id.coordinator);
  writer.u32(id.nonce);
}

export function readViewId(reader: ByteReader): ViewId {
  return { epoch: readEpoch(reader), coordinator: reader.incarnation(), nonce: reader.u32() };
}

/** A whole number from 0 to 2^53-1. NaN in an epoch would make every comparison false and stop the protocol. */
export function readCount(reader: ByteReader): number {
  const value = reader.f64();
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('not a count');
  return value;
}

/**
 * Epochs only grow, and everybody adopts the highest one heard. One absurd epoch would leave no room to count on, and
 * no view could ever be formed again, so it is treated as malformed.
 */
const maxEpoch = 2 ** 50;

export function readEpoch(reader: ByteReader): number {
  const epoch = readCount(reader);
  if (epoch > maxEpoch) throw new RangeError('not an epoch');
  return epoch;
}
