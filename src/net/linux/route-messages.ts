/**
 * What the kernel says of interfaces, addresses and neighbours, and how it is told to add and remove addresses.
 * Pure: the numbers are those of rtnetlink(7).
 */
import type { Ip } from '../../core/duravip/vip.ts';
import { ipBytes, ipText, isIpv6, macText } from './ip-bytes.ts';
import { type NetlinkMessage, NetlinkWriter, netlinkAttributes, netlinkFlag } from './netlink-message.ts';

/** Bit mask of the events that `decodeRouteMessage` understands. */
export const routeGroups = 0x1 | 0x10 | 0x100;

const type = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
  newNeighbour: 28,
  getNeighbour: 30,
} as const;
const addressFamily = { any: 0, ipv4: 2, ipv6: 10 } as const;

const attribute = { address: 1, local: 2, cacheInfo: 6, flags: 8 } as const;
const addressFlag = { withoutDetection: 0x02, withoutRoute: 0x200 } as const;

export interface LinkFact {
  readonly kind: 'link';
  readonly present: boolean;
  readonly index: number;
  readonly name: string;
  /** Undefined unless it is Ethernet, or pretends to be. */
  readonly mac: string | undefined;
  readonly up: boolean;
}

export interface AddressFact {
  readonly kind: 'address';
  readonly present: boolean;
  readonly index: number;
  readonly ip: Ip;
  readonly prefixBits: number;
}

export interface NeighbourFact {
  readonly kind: 'neighbour';
  readonly index: number;
  readonly ip: Ip;
  readonly mac: string;
}

export type RouteFact = LinkFact | AddressFact | NeighbourFact;

export function listLinks(): NetlinkWriter {
  return new NetlinkWriter()
    .start(type.getLink, netlinkFlag.request | netlinkFlag.dump, Buffer.alloc(16))
    .end();
}

export function listAddresses(): NetlinkWriter {
  return new NetlinkWriter()
    .start(type.getAddress, netlinkFlag.request | netlinkFlag.dump, Buffer.alloc(8))
    .end();
}

export function listNeighbours(): NetlinkWriter {
  return new NetlinkWriter()
    .start(type.getNeighbour, netlinkFlag.request | netlinkFlag.dump, Buffer.alloc(12))
    .end();
}

export interface AddressRequest {
  readonly ip: Ip;
  readonly prefixBits: number;
  readonly index: number;
}

/**
 * Adds it, or gives it a new life time. Asks for no answer: the last of a batch does, and refusals are answered anyway.
 * IPv6 comes without duplicate address detection, which would take a second (ARP-16), and as deprecated: else this
 * machine would choose it as the source of its own connections, which would break when the address moves on. And without
 * a route: one with a life time stays for the rest of it when the address goes, and would give its life time to a route
 * that the machine's own address made.
 */
export function writeAddress(writer: NetlinkWriter, request: AddressRequest, lifetimeS: number): void {
  const flags = netlinkFlag.request | netlinkFlag.create | netlinkFlag.replace;
  const sixth = isIpv6(request.ip);
  startAddress(writer, type.newAddress, flags, request);
  if (sixth) writer.attribute(attribute.flags, ipv6Flags);
  const life = Buffer.alloc(16);
  life.writeUInt32LE(sixth ? 0 : lifetimeS, 0);
  life.writeUInt32LE(lifetimeS, 4);
  writer.attribute(attribute.cacheInfo, life).end();
}

const ipv6Flags = Buffer.from(Uint32Array.of(addressFlag.withoutDetection | addressFlag.withoutRoute).buffer);

export function writeRemoval(writer: NetlinkWriter, request: AddressRequest): void {
  startAddress(writer, type.deleteAddress, netlinkFlag.request, request);
  writer.end();
}

function startAddress(
  writer: NetlinkWriter,
  messageType: number,
  flags: number,
  { ip, prefixBits, index }: AddressRequest,
): void {
  const header = Buffer.alloc(8);
  header[0] = isIpv6(ip) ? addressFamily.ipv6 : addressFamily.ipv4;
  header[1] = prefixBits;
  header.writeUInt32LE(index, 4);
  const bytes = ipBytes(ip);
  writer
    .start(messageType, flags, header)
    .attribute(attribute.local, bytes)
    .attribute(attribute.address, bytes);
}

/** Undefined for what this port does not care about. */
export function decodeRouteMessage(message: NetlinkMessage): RouteFact | undefined {
  switch (message.type) {
    case type.newLink:
    case type.deleteLink:
      return decodeLink(message);
    case type.newAddress:
    case type.deleteAddress:
      return decodeAddress(message);
    case type.newNeighbour:
      return decodeNeighbour(message);
    default:
      return undefined;
  }
}

function decodeLink({ type: messageType, body }: NetlinkMessage): LinkFact | undefined {
  // A bridge reports the leaving of a port as the removal of a link of family 7: the interface itself stays.
  if (body.length < 16 || body[0] !== addressFamily.any) return undefined;
  const attributes = netlinkAttributes(body, 16);
  const [mac, name] = [attributes.get(1), attributes.get(3)];
  if (!name) return undefined;
  const ethernet = 1;
  const upWithCarrier = 0x1 | 0x10000;
  return {
    kind: 'link',
    present: messageType === type.newLink,
    index: body.readInt32LE(4),
    name: cText(name),
    mac: body.readUInt16LE(2) === ethernet && mac?.length === 6 ? macText(mac) : undefined,
    up: (body.readUInt32LE(8) & upWithCarrier) === upWithCarrier,
  };
}

function decodeAddress({ type: messageType, body }: NetlinkMessage): AddressFact | undefined {
  if (body.length < 8) return undefined;
  const attributes = netlinkAttributes(body, 8);
  // On a point-to-point link the other end is `address`, and ours is `local`; IPv6 has no `local` elsewhere.
  const bytes = attributes.get(attribute.local) ?? attributes.get(attribute.address);
  const ip = bytes && ipText(bytes);
  if (ip === undefined) return undefined;
  const present = messageType === type.newAddress;
  return { kind: 'address', present, index: body.readUInt32LE(4), ip, prefixBits: body[1]! };
}

/** Only entries that were confirmed: neither incomplete nor failed, and of one station (ARP-10). */
function decodeNeighbour({ body }: NetlinkMessage): NeighbourFact | undefined {
  if (body.length < 12) return undefined;
  const confirmed = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;
  if ((body.readUInt16LE(8) & confirmed) === 0) return undefined;
  const attributes = netlinkAttributes(body, 12);
  const [destination, mac] = [attributes.get(1), attributes.get(2)];
  const ip = destination && ipText(destination);
  if (ip === undefined || mac?.length !== 6) return undefined;
  if ((mac[0]! & 1) !== 0 || mac.every((byte) => byte === 0)) return undefined;
  return { kind: 'neighbour', index: body.readInt32LE(4), ip, mac: macText(mac) };
}

function cText(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}
