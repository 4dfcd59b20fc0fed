/**
 * How every message about a shared object begins: version, kind, sender, type and name of the object. Kinds are numbered
 * by families: from 0 those of rows, from 16 those of caches, from 32 those of quotas.
 */
import type { Incarnation } from '../core/identity.ts';
import { type ReplicaType, replicaTypes } from '../core/settings.ts';
import type { MessageFamily } from '../core/shared-object.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';

export const sharedFormatVersion = 1;

export const firstKind: Readonly<Record<MessageFamily, number>> = { rows: 0, cache: 16, quota: 32 };
const kindsPerFamily = 16;
/** Behind version, kind and incarnation. */
const typeAt = 18;

/** Names come from configurations; a longer one is nobody's, and would only fill the memory of complaints. */
export const maxNameLength = 255;

export interface SharedHeader {
  readonly from: Incarnation;
  readonly type: ReplicaType;
  readonly object: string;
}

export function writeHeader(writer: ByteWriter, kind: number, { from, type, object }: SharedHeader): void {
  writer.u8(sharedFormatVersion);
  writer.u8(kind);
  writer.incarnation(from);
  writer.u8(replicaTypes.indexOf(type));
  writer.text(object);
}

export function readHeader(reader: ByteReader): { kind: number; header: SharedHeader } {
  if (reader.u8() !== sharedFormatVersion) throw new RangeError('another version');
  const kind = reader.u8();
  const from = reader.incarnation();
  const type = replicaTypes[reader.u8()];
  const object = reader.text();
  if (!type || object.length > maxNameLength) throw new RangeError('not an object');
  return { kind, header: { from, type, object } };
}

/** Whose message it is to decode; undefined: of no family that this version knows. */
export function sharedFamilyOf(bytes: Uint8Array): MessageFamily | undefined {
  const kind = bytes[1] ?? Number.NaN;
  const families = Object.keys(firstKind) as MessageFamily[];
  return families.find((family) => kind >= firstKind[family] && kind < firstKind[family] + kindsPerFamily);
}

/** A shared object of a type that a later release has. */
export function unknownTypeOf(bytes: Uint8Array): string | undefined {
  const type = bytes[typeAt];
  return type === undefined || type < replicaTypes.length
    ? undefined
    : `type ${type} of shared objects, which this release does not know`;
}

/** The sender of a message, also of one whose rest is malformed. */
export function sharedSenderOf(bytes: Uint8Array): Incarnation | undefined {
  return bytes.length < 18 ? undefined : new ByteReader(bytes.subarray(2)).incarnation();
}
