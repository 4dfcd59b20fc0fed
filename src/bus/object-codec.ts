/** Bytes of all messages about shared objects: picks the codec of their family. */
import { familyOf, isOfCache, isOfQuota, type ObjectMessage } from '../core/shared-object.ts';
import { decodeCacheMessage, encodeCacheMessage, knowsCacheKind } from './cache-codec.ts';
import { unknownFormat } from './message-format.ts';
import { decodeQuotaMessage, encodeQuotaMessage, knowsQuotaKind } from './quota-codec.ts';
import { decodeSharedMessage, encodeSharedMessage, knowsRowKind } from './shared-codec.ts';
import { sharedFamilyOf, sharedFormatVersion, unknownTypeOf } from './shared-header.ts';

const decoders = { rows: decodeSharedMessage, cache: decodeCacheMessage, quota: decodeQuotaMessage };

export function encodeObjectMessage(message: ObjectMessage): Uint8Array {
  if (isOfCache(message)) return encodeCacheMessage(message);
  return isOfQuota(message) ? encodeQuotaMessage(message) : encodeSharedMessage(message);
}

/**
 * Undefined for anything that is not a whole message of this version, or whose kind does not go with the type of its
 * object. Never throws.
 */
export function decodeObjectMessage(bytes: Uint8Array): ObjectMessage | undefined {
  const family = sharedFamilyOf(bytes);
  const message = family && decoders[family](bytes);
  return message && familyOf(message.type) === family ? message : undefined;
}

const format = {
  version: sharedFormatVersion,
  knowsKind: (kind: number) => knowsRowKind(kind) || knowsCacheKind(kind) || knowsQuotaKind(kind),
};

/** Why no message of this release looks like that, in words. */
export function unknownObjectFormat(bytes: Uint8Array): string | undefined {
  return unknownFormat(bytes, format) ?? unknownTypeOf(bytes);
}
