/**
 * IP addresses and prefixes as numbers: what the CIDR trees count by and what the console prints.
 *
 * An IPv4 address is its 32 bits as a *signed* integer, because V8 keeps those unboxed; an IPv6 address is four such
 * words. IPv4-mapped IPv6 addresses are IPv4 addresses (replication 5.3). Expected mistakes give undefined.
 */

export type Ipv4 = number;
export type Ipv6 = readonly [number, number, number, number];
export type Address = Ipv4 | Ipv6;

/** Host bits are zero. */
export interface Prefix {
  readonly address: Address;
  readonly bits: number;
}

export function isIpv4(address: Address): address is Ipv4 {
  return typeof address === 'number';
}

/** 32 or 128. */
export function addressBits(address: Address): number {
  return isIpv4(address) ? 32 : 128;
}

/** Any usual spelling, any case; a zone (`%eth0`) is ignored, since the same peer may come in by two interfaces. */
export function parseAddress(text: string): Address | undefined {
  const ipv4 = parseIpv4(text, 0);
  if (ipv4 !== undefined) return ipv4;
  const zone = text.indexOf('%');
  const words = parseIpv6(zone < 0 ? text : text.slice(0, zone));
  return words && unmap(words);
}

/** `10.0.0.0/8`, or an address, which is a prefix of full length. Host bits are masked away (replication 5.2). */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) {
    const address = parseAddress(text);
    return address === undefined ? undefined : { address, bits: addressBits(address) };
  }
  const digits = text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(digits)) return undefined;
  return prefixOf(text.slice(0, slash), Number(digits));
}

function prefixOf(text: string, bits: number): Prefix | undefined {
  const ipv4 = parseIpv4(text, 0);
  if (ipv4 !== undefined) return bits <= 32 ? { address: maskWord(ipv4, bits), bits } : undefined;
  const words = parseIpv6(text);
  if (!words || bits > 128) return undefined;
  if (bits >= 96 && isMapped(words)) return { address: maskWord(words[3], bits - 96), bits: bits - 96 };
  return { address: maskIpv6(words, bits), bits };
}

/** The first `bits` bits of a word; `bits` may lie outside 0..32. */
export function maskWord(word: number, bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? word : word & (-1 << (32 - bits));
}

function maskIpv6(words: Ipv6, bits: number): Ipv6 {
  return [
    maskWord(words[0], bits),
    maskWord(words[1], bits - 32),
    maskWord(words[2], bits - 64),
    maskWord(words[3], bits - 96),
  ];
}

/** Dotted decimal from `start` to the end. Leading zeros are refused: half of the world reads them as octal. */
function parseIpv4(text: string, start: number): Ipv4 | undefined {
  let address = 0;
  let octet = -1;
  let dots = 0;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      if (octet === 0) return undefined;
      octet = octet < 0 ? code - 48 : octet * 10 + code - 48;
      if (octet > 255) return undefined;
    } else if (code === 46 && octet >= 0 && dots < 3) {
      address = (address << 8) | octet;
      octet = -1;
      dots++;
    } else {
      return undefined;
    }
  }
  return dots === 3 && octet >= 0 ? (address << 8) | octet : undefined;
}

function parseIpv6(text: string): Ipv6 | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const left = parseGroups(halves[0] as string, halves.length === 1);
  const right = halves.length === 2 ? parseGroups(halves[1] as string, true) : [];
  if (!left || !right) return undefined;
  const missing = 8 - left.length - right.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return joinGroups([...left, ...new Array<number>(missing).fill(0), ...right]);
}

/** 16-bit groups between colons; the last may be dotted decimal, two groups, where the address ends. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const ipv4 = endsAddress && i === parts.length - 1 ? parseIpv4(part, 0) : undefined;
    if (ipv4 === undefined) return undefined;
    groups.push(ipv4 >>> 16, ipv4 & 0xffff);
  }
  return groups.length <= 8 ? groups : undefined;
}

function joinGroups(groups: readonly number[]): Ipv6 {
  const word = (i: number) => ((groups[i * 2] as number) << 16) | (groups[i * 2 + 1] as number);
  return [word(0), word(1), word(2), word(3)];
}

function isMapped(words: Ipv6): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
}

function unmap(words: Ipv6): Address {
  return isMapped(words) ? words[3] : words;
}

export function formatAddress(address: Address): string {
  return isIpv4(address) ? formatIpv4(address) : formatIpv6(address);
}

export function formatPrefix(address: Address, bits: number): string {
  return `${formatAddress(address)}/${bits}`;
}

function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** RFC 5952: lower case, the longest run of two or more zero groups (the first of equals) as `::`. */
function formatIpv6(words: Ipv6): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  const run = longestZeroRun(groups);
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  return run.length < 2 ? hex(0, 8) : `${hex(0, run.start)}::${hex(run.start + run.length, 8)}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i - length + 1, length };
  }
  return best;
}
