/**
 * A socket for whole packets: Ethernet frames of one kind, or ICMP through the routes and the neighbour table of this
 * machine. Its buffer holds what comes in while the process waits for the processor, so nothing counts as unanswered
 * that was not. Packets come in the order in which the kernel had them.
 */
import { networkInterfaces } from 'node:os';
import type { FilterStep } from '../src/net/linux/arp-frame.ts';
import { failure, family, libcCalls, socketLevel, socketType, whenReadable } from '../src/net/linux/libc.ts';

const bufferBytes = 16 << 20;
const [attachReceiveBuffer, internetFamily, icmpProtocol] = [33, 2, 1];
const maxPacketBytes = 2_048;

/** How to stop each; kept, because what nobody refers to listens no longer. */
const listening: (() => void)[] = [];

export class RawSocket {
  readonly #fd: number;
  readonly #packet = Buffer.alloc(maxPacketBytes);
  readonly #from = Buffer.alloc(20);

  private constructor(domain: number, protocol: number, filter: readonly FilterStep[]) {
    this.#fd = libcCalls.socket(
      domain,
      socketType.raw | socketType.closeOnExec | socketType.nonBlocking,
      protocol,
    );
    if (this.#fd < 0) throw failure('raw socket');
    libcCalls.setOption(this.#fd, socketLevel.socket, attachReceiveBuffer, bufferBytes);
    const steps = Buffer.alloc(filter.length * 8);
    for (const [i, [code, ifTrue, ifFalse, operand]] of filter.entries()) {
      steps.writeUInt16LE(code, i * 8);
      steps[i * 8 + 2] = ifTrue;
      steps[i * 8 + 3] = ifFalse;
      steps.writeUInt32LE(operand, i * 8 + 4);
    }
    if (libcCalls.attachFilter(this.#fd, steps) < 0) throw failure('filter of a raw socket');
  }

  /** Frames of this Ethernet type on one interface. */
  static ofLink(interfaceName: string, etherType: number, filter: readonly FilterStep[]): RawSocket {
    const socket = new RawSocket(family.packet, 0, filter);
    const address = Buffer.alloc(20);
    address.writeUInt16LE(family.packet, 0);
    address.writeUInt16BE(etherType, 2);
    address.writeInt32LE(libcCalls.interfaceIndex(interfaceName), 4);
    if (libcCalls.bind(socket.#fd, address) < 0) throw failure('raw socket');
    return socket;
  }

  static ofIcmp(filter: readonly FilterStep[]): RawSocket {
    return new RawSocket(internetFamily, icmpProtocol, filter);
  }

  /** Out of the interface it is bound to. False: the kernel refused. */
  send(packet: Uint8Array, to: Uint8Array): boolean {
    return libcCalls.sendTo(this.#fd, packet, to) === packet.length;
  }

  listen(onPacket: (packet: Buffer) => void): void {
    const readable = () => {
      for (;;) {
        const length = libcCalls.receiveFrom(this.#fd, this.#packet, this.#from);
        if (length < 0) return;
        onPacket(this.#packet.subarray(0, length));
      }
    };
    listening.push(whenReadable(this.#fd, readable));
  }
}

/** `sockaddr_ll`: where frames leave the machine. */
export function linkAddress(interfaceName: string): Buffer {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(family.packet, 0);
  address.writeInt32LE(libcCalls.interfaceIndex(interfaceName), 4);
  return address;
}

/** `sockaddr_in` without a port. */
export function internetAddress(ip: string): Buffer {
  const address = Buffer.alloc(16);
  address.writeUInt16LE(internetFamily, 0);
  address.set(ip.split('.').map(Number), 4);
  return address;
}

export function ownStation(interfaceName: string): { readonly mac: string; readonly ip: string } {
  const found = networkInterfaces()[interfaceName]?.find(({ family: kind }) => kind === 'IPv4');
  if (!found) throw new Error(`${interfaceName} has no IPv4 address`);
  return { mac: found.mac, ip: found.address };
}
