/**
 * Neighbour discovery of IPv6 in Ethernet frames (RFC 4861): announcements and probes out, claims in. Pure.
 */
import type { Ip } from '../../core/duravip/vip.ts';
import type { FilterStep } from './arp-frame.ts';
import { ipBytes, ipText, macText } from './ip-bytes.ts';

export const ipv6EtherType = 0x86dd;

const type = { solicitation: 135, advertisement: 136 } as const;
const icmpv6 = 58;
const hopLimit = 255;
const at = { ethernet: 14, payload: 54, target: 62, options: 78 } as const;
const override = 0x20000000;

const allNodes = { ip: ipBytes('ff02::1'), mac: Buffer.from('333300000001', 'hex') };
const unspecified = Buffer.alloc(16);

/** Unsolicited, with the override flag, so that neighbours replace what they have (ARP-17). */
export function neighbourAdvertisement(
  ip: Ip,
  mac: Buffer,
  to?: { readonly ip: Ip; readonly mac: Buffer },
): Buffer {
  const address = ipBytes(ip);
  const destination = to ? { ip: ipBytes(to.ip), mac: to.mac } : allNodes;
  const body = Buffer.alloc(32);
  body[0] = type.advertisement;
  body.writeUInt32BE(override, 4);
  address.copy(body, 8);
  body[24] = 2; // option: hardware address of the target
  body[25] = 1; // of eight bytes
  mac.copy(body, 26);
  return frameOf(destination, mac, address, body);
}

/** As duplicate address detection asks (RFC 4862): without an address of its own, so the answer goes to everybody. */
export function neighbourProbe(ip: Ip, mac: Buffer): Buffer {
  const address = ipBytes(ip);
  const group = ipBytes('ff02::1:ff00:0');
  address.copy(group, 13, 13);
  const groupMac = Buffer.concat([Buffer.from('3333', 'hex'), group.subarray(12)]);
  const body = Buffer.alloc(24);
  body[0] = type.solicitation;
  address.copy(body, 8);
  return frameOf({ ip: group, mac: groupMac }, mac, unspecified, body);
}

function frameOf(to: { ip: Buffer; mac: Buffer }, mac: Buffer, source: Buffer, body: Buffer): Buffer {
  const frame = Buffer.alloc(at.payload + body.length);
  to.mac.copy(frame, 0);
  mac.copy(frame, 6);
  frame.writeUInt16BE(ipv6EtherType, 12);
  frame[14] = 0x60;
  frame.writeUInt16BE(body.length, 18);
  frame[20] = icmpv6;
  frame[21] = hopLimit;
  source.copy(frame, 22);
  to.ip.copy(frame, 38);
  body.copy(frame, at.payload);
  frame.writeUInt16BE(checksum(frame), at.payload + 2);
  return frame;
}

/** Over the addresses, length, protocol and the message, whose own field is 0 while it is computed (RFC 8200, 8.1). */
function checksum(frame: Buffer): number {
  const message = frame.subarray(at.payload);
  let sum = message.length + icmpv6;
  for (let i = 22; i < frame.length; i += 2) sum += frame.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Who says that an address is his. */
export function neighbourClaim(frame: Buffer): { readonly ip: Ip; readonly mac: string } | undefined {
  if (frame.length < at.options || frame.readUInt16BE(12) !== ipv6EtherType) return undefined;
  // A hop limit below 255 shows that it came from beyond the link: somebody pretends.
  if (frame[20] !== icmpv6 || frame[21] !== hopLimit || frame[at.payload] !== type.advertisement)
    return undefined;
  const ip = ipText(frame.subarray(at.target, at.options));
  return ip === undefined ? undefined : { ip, mac: macText(targetMac(frame) ?? frame.subarray(6, 12)) };
}

/** The option with the hardware address; without it the sender of the frame counts. */
function targetMac(frame: Buffer): Buffer | undefined {
  for (let i = at.options; i + 8 <= frame.length; i += frame[i + 1]! * 8) {
    if (frame[i] === 2) return frame.subarray(i + 2, i + 8);
    if (frame[i + 1] === 0) return undefined;
  }
  return undefined;
}

/** Packet filter: advertisements only, or every packet of IPv6 would wake the process. */
export const neighbourClaimFilter: readonly FilterStep[] = [
  [0x30, 0, 0, 20], // A = next header
  [0x15, 0, 3, icmpv6],
  [0x30, 0, 0, at.payload], // A = type
  [0x15, 0, 1, type.advertisement],
  [0x06, 0, 0, 0xffff],
  [0x06, 0, 0, 0],
];
