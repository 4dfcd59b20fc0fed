/**
 * ARP in Ethernet frames (RFC 826): announcements and probes out, claims in. Pure.
 */
import type { Ip } from '../../core/duravip/vip.ts';
import { ipBytes, ipText, macText } from './ip-bytes.ts';

export const arpEtherType = 0x0806;
export const broadcastMac: Buffer = Buffer.alloc(6, 0xff);
const nobody = Buffer.alloc(6);

const frameBytes = 42;
const operation = { request: 1, reply: 2 } as const;

/**
 * A gratuitous announcement: sender and target are the address. In the reply form the target's hardware address is the
 * sender's too (RFC 5944); Linux takes it for gratuitous only then.
 */
export function arpAnnouncement(ip: Ip, mac: Buffer, form: 'request' | 'reply', to = broadcastMac): Buffer {
  const address = ipBytes(ip);
  return arpFrame(to, operation[form], mac, address, form === 'reply' ? mac : nobody, address);
}

/** RFC 5227: asks without claiming, for the sender's address is 0. */
export function arpProbe(ip: Ip, mac: Buffer): Buffer {
  return arpFrame(broadcastMac, operation.request, mac, Buffer.alloc(4), nobody, ipBytes(ip));
}

function arpFrame(
  to: Buffer,
  what: number,
  senderMac: Buffer,
  senderIp: Buffer,
  targetMac: Buffer,
  targetIp: Buffer,
): Buffer {
  const frame = Buffer.alloc(frameBytes);
  to.copy(frame, 0);
  senderMac.copy(frame, 6);
  frame.writeUInt16BE(arpEtherType, 12);
  frame.writeUInt16BE(1, 14); // Ethernet
  frame.writeUInt16BE(0x0800, 16); // IPv4
  frame[18] = 6;
  frame[19] = 4;
  frame.writeUInt16BE(what, 20);
  senderMac.copy(frame, 22);
  senderIp.copy(frame, 28);
  targetMac.copy(frame, 32);
  targetIp.copy(frame, 38);
  return frame;
}

/** Who says that an address is his; undefined for probes and for what is no ARP of IPv4 over Ethernet. */
export function arpClaim(frame: Buffer): { readonly ip: Ip; readonly mac: string } | undefined {
  if (frame.length < frameBytes || frame.readUInt16BE(12) !== arpEtherType) return undefined;
  if (frame.readUInt32BE(14) !== 0x00010800 || frame[18] !== 6 || frame[19] !== 4) return undefined;
  if (frame.readUInt32BE(28) === 0) return undefined;
  return { ip: ipText(frame.subarray(28, 32))!, mac: macText(frame.subarray(22, 28)) };
}

/**
 * Packet filter: replies and gratuitous requests only. The chatter of a big network, requests for others, never wakes
 * the process.
 */
export const arpClaimFilter: readonly FilterStep[] = [
  [0x28, 0, 0, 20], // A = operation
  [0x15, 4, 0, operation.reply], // reply: accept
  [0x20, 0, 0, 28], // A = sender's address
  [0x07, 0, 0, 0], // X = A
  [0x20, 0, 0, 38], // A = target's address
  [0x1d, 0, 1, 0], // A = X, else refuse
  [0x06, 0, 0, 0xffff],
  [0x06, 0, 0, 0],
];

/** Code, jump if true, jump if false, operand: one step of a classic packet filter. */
export type FilterStep = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];
