/**
 * Addresses, prefixes and endpoints as configuration writes them (CONF-4). All spellings of one IPv6 address become the
 * same text, so that two stanzas of one address are seen to be one.
 */
import { isIP } from 'node:net';
import IPCIDR from 'ip-cidr';

export interface Prefix {
  readonly family: 4 | 6;
  readonly bits: number;
  /** Lowest and highest address as numbers. */
  readonly first: bigint;
  readonly last: bigint;
  /** Canonical `address/bits`. */
  readonly text: string;
}

/** A Unix socket, or a TCP endpoint. Host `*` is any IPv4 address, `::` any IPv6 one; otherwise an address or a name. */
export type Endpoint = { readonly path: string } | { readonly host: string; readonly port: number };

/** Canonical text of an address, or undefined. Zones (`fe80::1%eth0`) are no part of an address. */
export function canonicalAddress(text: string): string | undefined {
  const prefix = parsePrefix(text);
  return typeof prefix === 'string' || text.includes('/') ? undefined : prefix.text.replace(/\/.*/, '');
}

/** An address of the host itself: 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  return /^127\./.test(address) || address === '::1';
}

/** The address that stands for all of them. */
export function isUnspecified(address: string): boolean {
  return address === '*' || address === '0.0.0.0' || address === '::';
}

/** `address/bits`, or an address alone for a prefix of that one. Returns what is wrong with it as text. */
export function parsePrefix(text: string): Prefix | string {
  const [address = '', bitsText, ...rest] = text.split('/');
  const family = isIP(address);
  const notOne = `'${text}' is not an address or ADDRESS/BITS`;
  if (family === 0 || address.includes('%') || rest.length > 0) return notOne;
  const most = family === 4 ? 32 : 128;
  if (bitsText !== undefined && !/^\d{1,3}$/.test(bitsText)) return notOne;
  const bits = bitsText === undefined ? most : Number(bitsText);
  if (bits > most) return `'${text}' has more than ${most} bits`;
  const cidr = new IPCIDR(`${withoutDottedTail(address)}/${bits}`);
  const [first, last] = cidr.toRange<bigint>({ type: 'bigInteger' });
  const start = cidr.addressStart.correctForm();
  const prefix: Prefix = { family: family === 4 ? 4 : 6, bits, first, last, text: `${start}/${bits}` };
  if (cidr.address.correctForm() !== start)
    return `'${text}' has address bits beyond its mask (${prefix.text} would be right)`;
  return prefix;
}

export function contains(outer: Prefix, inner: Prefix): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;
}

/** `::ffff:10.0.0.1` with its last 32 bits as the rest: ip-cidr takes such an address for an IPv4 one. */
function withoutDottedTail(address: string): string {
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  if (tail === null) return address;
  const [a, b, c, d] = tail.slice(2).map(Number) as [number, number, number, number];
  return `${tail[1]}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

const hostNamePattern = /^[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;

/** A name that could stand in the DNS. Digits and dots alone are an address that went wrong. */
export function isHostName(text: string): boolean {
  return hostNamePattern.test(text) && !/^[\d.]+$/.test(text);
}

/**
 * `*:P`, `:P`, `A.B.C.D:P`, `[*]:P`, `[v6]:P` or `/path`; with `hostNames` also `name:P`. Returns what is wrong as text.
 */
export function parseEndpoint(text: string, hostNames: boolean): Endpoint | string {
  if (text.startsWith('/')) return { path: text };
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (parts === null) {
    if (isIP(text) === 4) return `'${text}' has no port`;
    return isIP(text) === 6 || isIP(text.replace(/:\d+$/, '')) === 6
      ? `'${text}': an IPv6 address stands in brackets before the port`
      : `'${text}' is not ADDRESS:PORT, *:PORT, [IPV6]:PORT or /PATH`;
  }
  const [, inBrackets, bare = '', portText = ''] = parts;
  const port = Number(portText);
  if (port > 65535) return `'${text}': ports go to 65535`;
  const host = inBrackets === undefined ? hostOf(bare, hostNames) : bracketedHostOf(inBrackets);
  return host === undefined ? `'${text}': '${inBrackets ?? bare}' is not an address` : { host, port };
}

function hostOf(text: string, hostNames: boolean): string | undefined {
  if (text === '' || text === '*') return '*';
  if (isIP(text) === 4) return text;
  return hostNames && isHostName(text) ? text.toLowerCase() : undefined;
}

function bracketedHostOf(text: string): string | undefined {
  if (text === '*') return '::';
  return isIP(text) === 6 ? canonicalAddress(text) : undefined;
}

/** The one spelling by which endpoints are compared. */
export function endpointKey(endpoint: Endpoint): string {
  if ('path' in endpoint) return endpoint.path;
  return endpoint.host.includes(':')
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`;
}

/** The host of a bus server's URL. */
export function hostOfServer(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '');
}

export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || isLoopback(host);
}
