/** One key of a replicated cache in its newest version, and the bounds of keys and values. */
import { FlotillaError } from '../errors.ts';
import type { Version } from './hybrid-clock.ts';

export interface CacheEntry extends Version {
  readonly key: string;
  /** Undefined: the key was deleted; the entry stays for a while, so that nobody brings an older value back. */
  readonly value: string | undefined;
  /** Wall time, the same at every node; 0 is never. */
  readonly expiresMs: number;
}

/** Bytes of UTF-8 (replication 13.13). */
export const maxKeyBytes = 1024;
export const maxValueBytes = 1024 * 1024;

export function isExpired(entry: CacheEntry, nowMs: number): boolean {
  return entry.expiresMs !== 0 && entry.expiresMs <= nowMs;
}

export function checkKey(key: string): void {
  if (!fits(key, maxKeyBytes))
    throw new FlotillaError('FLT-2002', `a key of ${key.length} characters, at most ${maxKeyBytes} bytes`);
}

export function checkValue(key: string, value: string): void {
  if (!fits(value, maxValueBytes))
    throw new FlotillaError(
      'FLT-2002',
      `the value of '${key}' has ${value.length} characters, at most ${maxValueBytes} bytes`,
    );
}

/** Half a surrogate pair does not survive the way to other nodes. */
export function fits(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes || /\p{Cs}/u.test(text)) return false;
  return text.length * 3 <= maxBytes || utf8Bytes(text) <= maxBytes;
}

export function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) continue;
    // Each half of a surrogate pair counts for two of the pair's four bytes.
    bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2;
  }
  return bytes;
}
