/** Raw frames of one Ethernet type (AF_PACKET) on all interfaces: sent as they are, received through a filter. */
import type { FilterStep } from './arp-frame.ts';
import { errorNumber, failure, family, lastError, libcCalls, socketType, whenReadable } from './libc.ts';

const addressBytes = 20;
/** Frames handled in one turn of the event loop; the socket stays readable for the rest. */
const maxFramesATurn = 256;

export class PacketSocket {
  readonly #fd: number;
  readonly #etherType: number;
  readonly #frame = Buffer.alloc(2_048);
  readonly #from = Buffer.alloc(addressBytes);
  readonly #to: Buffer;
  #stopListening: (() => void) | undefined;
  #closed = false;

  constructor(etherType: number, filter: readonly FilterStep[]) {
    this.#etherType = etherType;
    this.#to = this.#address();
    // Protocol 0 receives nothing, so that no frame comes in before the filter is in place.
    const kind = socketType.raw | socketType.closeOnExec | socketType.nonBlocking;
    this.#fd = libcCalls.socket(family.packet, kind, 0);
    if (this.#fd < 0) throw failure('packet socket');
    const attached = libcCalls.attachFilter(this.#fd, filterBytes(filter));
    if (attached < 0 || libcCalls.bind(this.#fd, this.#address()) < 0) {
      const error = failure('packet socket');
      libcCalls.close(this.#fd);
      throw error;
    }
  }

  /** False: it was not sent; the interface may be gone or down. */
  send(interfaceIndex: number, frame: Buffer): boolean {
    if (this.#closed) return false;
    this.#to.writeInt32LE(interfaceIndex, 4);
    return libcCalls.sendTo(this.#fd, frame, this.#to) === frame.length;
  }

  listen(onFrame: (frame: Buffer, interfaceIndex: number) => void): void {
    this.#stopListening = whenReadable(this.#fd, () => {
      for (let frames = 0; frames < maxFramesATurn && !this.#closed; frames++) {
        const length = libcCalls.receiveFrom(this.#fd, this.#frame, this.#from);
        if (length >= 0) onFrame(this.#frame.subarray(0, length), this.#from.readInt32LE(4));
        // ENETDOWN and the like: an interface went down. It says so once, and the others go on.
        else if (lastError() === errorNumber.again) return;
      }
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening?.();
    libcCalls.close(this.#fd);
  }

  /** sockaddr_ll; interface 0 means all. */
  #address(): Buffer {
    const address = Buffer.alloc(addressBytes);
    address.writeUInt16LE(family.packet, 0);
    address.writeUInt16BE(this.#etherType, 2);
    return address;
  }
}

function filterBytes(filter: readonly FilterStep[]): Buffer {
  const bytes = Buffer.alloc(filter.length * 8);
  for (const [i, [code, ifTrue, ifFalse, operand]] of filter.entries()) {
    bytes.writeUInt16LE(code, i * 8);
    bytes[i * 8 + 2] = ifTrue;
    bytes[i * 8 + 3] = ifFalse;
    bytes.writeUInt32LE(operand, i * 8 + 4);
  }
  return bytes;
}
