/** Addresses as the kernel and frames hold them: bytes in network order, 4 of IPv4 and 16 of IPv6. */
import { formatAddress, isIpv4, parseAddress } from '../../core/address.ts';
import type { Ip } from '../../core/duravip/vip.ts';

/** @throws RangeError when it is not an address: callers hold canonical text. */
export function ipBytes(ip: Ip): Buffer {
  const address = parseAddress(ip);
  if (address === undefined) throw new RangeError(`not an address: ${ip}`);
  const words = isIpv4(address) ? [address] : address;
  const bytes = Buffer.alloc(words.length * 4);
  for (const [i, word] of words.entries()) bytes.writeInt32BE(word, i * 4);
  return bytes;
}

/** Canonical text; undefined when there are neither 4 nor 16 bytes. */
export function ipText(bytes: Buffer): Ip | undefined {
  if (bytes.length === 4) return formatAddress(bytes.readInt32BE(0));
  if (bytes.length !== 16) return undefined;
  return formatAddress([
    bytes.readInt32BE(0),
    bytes.readInt32BE(4),
    bytes.readInt32BE(8),
    bytes.readInt32BE(12),
  ]);
}

export function macText(bytes: Buffer): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Six bytes, or undefined. */
export function macBytes(mac: string): Buffer | undefined {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)
    ? Buffer.from(mac.replaceAll(':', ''), 'hex')
    : undefined;
}

export function isIpv6(ip: Ip): boolean {
  return ip.includes(':');
}
