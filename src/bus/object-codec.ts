/** Bytes of all messages about shared objects: picks the codec of their family. */
import { familyOf, isOfCache, isOfQuota, type ObjectMessage } from '../core/shared-object.ts';
import { decodeCacheMessage, encodeCacheMessage } from './cache-codec.ts';
import { decodeQuotaMessage, encodeQuotaMessage } from './quota-codec.ts';
import { decodeSharedMessage, encodeSharedMessage } from './shared-codec.ts';
import { sharedFamilyOf } from './shared-header.ts';

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
