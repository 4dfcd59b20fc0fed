/**
 * Program on the client's machine: hears ARP announcements, and notes when each address was announced for the first time.
 * Any word of its parent (duravip-plumb.ts) is answered with what was heard since the last one.
 */
import { arpClaim, arpEtherType } from '../src/net/linux/arp-frame.ts';
import { failure, family, libcCalls, socketLevel, socketType } from '../src/net/linux/libc.ts';

/** What it answers; times by the wall clock, as the other programs on this machine read it. */
export interface Arrivals {
  readonly addresses: number;
  readonly lastMs: number;
}

/** Thousands of announcements come at once, and one that is dropped comes again only after a second. */
const receiveBufferBytes = 1 << 24;
const forceReceiveBuffer = 33;
const lookEveryMs = 1;

const heard = new Set<string>();
let lastMs = 0;
const frame = Buffer.alloc(2_048);
const fd = openSocket();

setInterval(hear, lookEveryMs);
process.on('message', () => {
  process.send?.({ addresses: heard.size, lastMs } satisfies Arrivals);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

function openSocket(): number {
  const opened = libcCalls.socket(family.packet, socketType.raw | socketType.nonBlocking, 0);
  libcCalls.setOption(opened, socketLevel.socket, forceReceiveBuffer, receiveBufferBytes);
  const address = Buffer.alloc(20);
  address.writeUInt16LE(family.packet, 0);
  address.writeUInt16BE(arpEtherType, 2);
  if (libcCalls.bind(opened, address) < 0) throw failure('packet socket');
  return opened;
}

function hear(): void {
  for (let length = receive(); length >= 0; length = receive()) {
    const claim = arpClaim(frame.subarray(0, length));
    if (!claim?.ip.startsWith('10.84.') || heard.has(claim.ip)) continue;
    heard.add(claim.ip);
    lastMs = performance.timeOrigin + performance.now();
  }
}

function receive(): number {
  return libcCalls.receive(fd, frame);
}
