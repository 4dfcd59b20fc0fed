/**
 * Keys and amounts of event series.
 *
 * An IPv4 address is its signed 32 bits, which V8 keeps unboxed; an IPv6 address is a text of eight UTF-16 units, so that
 * both are keys of a plain map; any other key is its text.
 */
import type { Address, Ipv6, Prefix } from '../address.ts';
import { isIpv4, maskWord } from '../address.ts';
import { maxCount } from '../replica/table.ts';

export type StreamKey = number | string;

export function addressKey(address: Address): StreamKey {
  return isIpv4(address) ? address : wordsKey(address, 128);
}

/** The key of the prefix that an address key lies in. */
export function maskedKey(key: StreamKey, bits: number): StreamKey {
  return typeof key === 'number' ? maskWord(key, bits) : wordsKey(keyAddress(key) as Ipv6, bits);
}

function wordsKey(words: Ipv6, bits: number): string {
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => maskWord(words[i]!, bits - 32 * i)) as unknown as Ipv6;
  return String.fromCharCode(
    a >>> 16,
    a & 0xffff,
    b >>> 16,
    b & 0xffff,
    c >>> 16,
    c & 0xffff,
    d >>> 16,
    d & 0xffff,
  );
}

/** The address that `addressKey` made the key of. */
export function keyAddress(key: StreamKey): Address {
  if (typeof key === 'number') return key;
  const word = (i: number) => (key.charCodeAt(2 * i) << 16) | key.charCodeAt(2 * i + 1);
  return [word(0), word(1), word(2), word(3)];
}

export function liesIn(key: StreamKey, { address, bits }: Prefix): boolean {
  return isIpv4(address) === (typeof key === 'number') && maskedKey(key, bits) === addressKey(address);
}

/** Amounts may be fractions (replication 9.9): six decimals, or 0.1 + 0.2 - 0.3 would leave a key behind for ever. */
export function plus(a: number, b: number): number {
  const sum = a + b;
  if (Number.isInteger(sum) || Math.abs(sum) > maxCount / 1e6) return sum;
  const rounded = Math.round(sum * 1e6) / 1e6;
  return rounded === 0 ? 0 : rounded;
}
