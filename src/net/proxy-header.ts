/**
 * The PROXY protocol, versions 1 (text) and 2 (binary): a header before the first byte of a connection that tells a
 * service who the client behind the front listener is.
 *
 * The encoder never fails: where an address is not known it says so (`UNKNOWN`, `LOCAL`). The decoder takes bytes as
 * they come, holds at most `maxHeaderBytes` of them, and refuses anything that is not exactly a header.
 */
import { isIPv6 } from 'node:net';
import { type Address, formatAddress, isIpv4, parseAddress } from '../core/address.ts';

export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}

export interface ProxyHeader {
  readonly version: 'v1' | 'v2';
  /** Absent where the sender did not know, or spoke for itself: then the connection's own addresses are right. */
  readonly endpoints: { readonly client: Endpoint; readonly listener: Endpoint } | undefined;
}

export type ProxyDecoding =
  | { readonly state: 'more' }
  /** `rest` is what came after the header. */
  | { readonly state: 'done'; readonly header: ProxyHeader; readonly rest: Buffer }
  | { readonly state: 'invalid'; readonly reason: string };

const maxLineBytes = 107;
const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const fixedBytes = signature.length + 4;
/** The addresses need 36 bytes; the rest is for extensions, which may state 64 KiB and are skipped up to here. */
const maxHeaderBytes = 4096;

export function encodeProxyHeader({ version, endpoints }: ProxyHeader): Buffer {
  // Both addresses must be of one family. A listener on `::` may serve an IPv4 client, but says so in both.
  const known =
    endpoints && isIpv4(endpoints.client.address) === isIpv4(endpoints.listener.address)
      ? endpoints
      : undefined;
  return version === 'v1' ? encodeLine(known) : encodeBinary(known);
}

function encodeLine(endpoints: ProxyHeader['endpoints']): Buffer {
  if (endpoints === undefined) return Buffer.from('PROXY UNKNOWN\r\n', 'latin1');
  const { client, listener } = endpoints;
  const family = isIpv4(client.address) ? 'TCP4' : 'TCP6';
  const addresses = `${formatAddress(client.address)} ${formatAddress(listener.address)}`;
  return Buffer.from(`PROXY ${family} ${addresses} ${client.port} ${listener.port}\r\n`, 'latin1');
}

function encodeBinary(endpoints: ProxyHeader['endpoints']): Buffer {
  // LOCAL, because every receiver has to accept it; an unspecified family it may reject.
  if (endpoints === undefined) return Buffer.from([...signature, 0x20, 0x00, 0, 0]);
  const { client, listener } = endpoints;
  const words = [client.address, listener.address].flat();
  const header = Buffer.alloc(fixedBytes + words.length * 4 + 4);
  signature.copy(header);
  header[12] = 0x21;
  header[13] = isIpv4(client.address) ? 0x11 : 0x21;
  header.writeUInt16BE(header.length - fixedBytes, 14);
  for (const [i, word] of words.entries()) header.writeInt32BE(word, fixedBytes + i * 4);
  header.writeUInt16BE(client.port, header.length - 4);
  header.writeUInt16BE(listener.port, header.length - 2);
  return header;
}

/** Reads one header from a stream of bytes. After `done` or `invalid` it must not be used again. */
export class ProxyHeaderDecoder {
  #held: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): ProxyDecoding {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const decoding = decode(bytes);
    if (decoding.state === 'more') this.#held = bytes;
    return decoding;
  }
}

function decode(bytes: Buffer): ProxyDecoding {
  if (bytes.length === 0) return { state: 'more' };
  return bytes[0] === signature[0] ? decodeBinary(bytes) : decodeLine(bytes);
}

function decodeLine(bytes: Buffer): ProxyDecoding {
  const line = bytes.toString('latin1', 0, maxLineBytes);
  const opening = 'PROXY ';
  if (!opening.startsWith(line.slice(0, opening.length))) return invalid('no PROXY header');
  // CRLF ends the line; a CR or LF by itself is no end and has no place in the line.
  const end = line.search(/[\r\n]/);
  const ended = end >= 0 && line.startsWith('\r\n', end);
  if (end >= 0 && !ended && (line[end] === '\n' || end + 1 < line.length))
    return invalid('a line end that is not CRLF');
  if (!ended)
    return bytes.length < maxLineBytes ? { state: 'more' } : invalid(`no CRLF within ${maxLineBytes} bytes`);
  const words = line.slice(opening.length, end).split(' ');
  const rest = bytes.subarray(end + 2);
  if (words[0] === 'UNKNOWN') return { state: 'done', header: { version: 'v1', endpoints: undefined }, rest };
  const endpoints = lineEndpoints(words);
  if (endpoints === undefined) return invalid('addresses or ports that are not valid');
  return { state: 'done', header: { version: 'v1', endpoints }, rest };
}

function lineEndpoints([family, ...words]: string[]): ProxyHeader['endpoints'] {
  if (words.length !== 4 || (family !== 'TCP4' && family !== 'TCP6')) return undefined;
  const [client, listener] = words.slice(0, 2).map((word) => lineAddress(family, word));
  const [clientPort, listenerPort] = words.slice(2).map(linePort);
  if (client === undefined || listener === undefined) return undefined;
  if (clientPort === undefined || listenerPort === undefined) return undefined;
  return {
    client: { address: client, port: clientPort },
    listener: { address: listener, port: listenerPort },
  };
}

function lineAddress(family: 'TCP4' | 'TCP6', word: string): Address | undefined {
  const inFamily = family === 'TCP6' ? isIPv6(word) && !word.includes('%') : !word.includes(':');
  return inFamily ? parseAddress(word) : undefined;
}

function linePort(word: string): number | undefined {
  const port = /^(0|[1-9]\d{0,4})$/.test(word) ? Number(word) : -1;
  return port >= 0 && port <= 65_535 ? port : undefined;
}

function decodeBinary(bytes: Buffer): ProxyDecoding {
  const seen = Math.min(bytes.length, signature.length);
  if (signature.compare(bytes, 0, seen, 0, seen) !== 0) return invalid('no PROXY header');
  if (bytes.length < fixedBytes) return { state: 'more' };
  const command = bytes[12]!;
  const family = bytes[13]!;
  const length = bytes.readUInt16BE(14);
  if (command !== 0x20 && command !== 0x21) return invalid('a version or command that is not known');
  if (family >> 4 > 3 || (family & 15) > 2)
    return invalid('an address family or transport that is not known');
  if (fixedBytes + length > maxHeaderBytes) return invalid(`a header of more than ${maxHeaderBytes} bytes`);
  // Other families are valid, but nothing that a TCP service can use: the connection's own addresses are.
  const addressBytes = command === 0x20 ? 0 : family === 0x11 ? 4 : family === 0x21 ? 16 : 0;
  if (addressBytes > 0 && length < addressBytes * 2 + 4)
    return invalid('a header too short for its addresses');
  if (bytes.length < fixedBytes + length) return { state: 'more' };
  const endpoints =
    addressBytes === 0 ? undefined : binaryEndpoints(bytes.subarray(fixedBytes), addressBytes);
  return { state: 'done', header: { version: 'v2', endpoints }, rest: bytes.subarray(fixedBytes + length) };
}

function binaryEndpoints(bytes: Buffer, addressBytes: 4 | 16): ProxyHeader['endpoints'] {
  const addressAt = (at: number): Address => {
    const first = bytes.readInt32BE(at);
    if (addressBytes === 4) return first;
    const [second, third, fourth] = [
      bytes.readInt32BE(at + 4),
      bytes.readInt32BE(at + 8),
      bytes.readInt32BE(at + 12),
    ];
    // IPv4-mapped, as a sender with one socket for both families writes it.
    return first === 0 && second === 0 && third === 0xffff ? fourth : [first, second, third, fourth];
  };
  return {
    client: { address: addressAt(0), port: bytes.readUInt16BE(addressBytes * 2) },
    listener: { address: addressAt(addressBytes), port: bytes.readUInt16BE(addressBytes * 2 + 2) },
  };
}

function invalid(reason: string): ProxyDecoding {
  return { state: 'invalid', reason };
}
