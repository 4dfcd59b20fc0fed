/** ICMP echo, alone and in an Ethernet frame, and which packets are answers to it. Pure. */
import type { FilterStep } from '../src/net/linux/arp-frame.ts';
import { ipBytes, macBytes, macText } from '../src/net/linux/ip-bytes.ts';

export const ipv4EtherType = 0x0800;
/** Of echoes that go to one machine, whoever the neighbour table says; and of those that go by the table. */
export const echoId = { direct: 0x4f01, routed: 0x4f02 } as const;

interface Station {
  readonly mac: string;
  readonly ip: string;
}

export function echoRequest(id: number, sequence: number): Buffer {
  const echo = Buffer.alloc(16);
  echo[0] = 8;
  echo.writeUInt16BE(id, 4);
  echo.writeUInt16BE(sequence, 6);
  echo.writeUInt16BE(checksum(echo), 2);
  return echo;
}

/** A frame for the machine with this hardware address, whoever has the IP address. */
export function echoFrame(from: Station, toMac: string, toIp: string): Buffer {
  const echo = echoRequest(echoId.direct, 0);
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(header.length + echo.length, 2);
  header[8] = 64;
  header[9] = 1;
  header.set(ipBytes(from.ip), 12);
  header.set(ipBytes(toIp), 16);
  header.writeUInt16BE(checksum(header), 10);
  const etherType = Buffer.of(ipv4EtherType >> 8, ipv4EtherType & 0xff);
  return Buffer.concat([macBytes(toMac)!, macBytes(from.mac)!, etherType, header, echo]);
}

/** Who answered for which address, of a frame that passed the filter. */
export function echoAnswer(frame: Buffer): { readonly mac: string; readonly ip: string } {
  return { mac: macText(frame.subarray(6, 12)), ip: [...frame.subarray(26, 30)].join('.') };
}

/** The same of an IP packet, with its sequence number. */
export function routedAnswer(packet: Buffer): { readonly ip: string; readonly sequence: number } {
  return { ip: [...packet.subarray(12, 16)].join('.'), sequence: packet.readUInt16BE(26) };
}

/** Echo replies with this id; `start` is where the IP header begins. */
export function echoReplyFilter(id: number, start: number): readonly FilterStep[] {
  return [
    [0x30, 0, 0, start + 9], // A = protocol
    [0x15, 0, 5, 1], // ICMP
    [0x30, 0, 0, start + 20], // A = type
    [0x15, 0, 3, 0], // echo reply
    [0x28, 0, 0, start + 24], // A = id
    [0x15, 0, 1, id],
    [0x06, 0, 0, 0xffff],
    [0x06, 0, 0, 0],
  ];
}

function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
