/**
 * A datagram that asks a floating address who has it, and its answer: raw IP packets of the protocol number that is kept
 * for experiments. One socket asks, or answers for, all addresses of a machine, so that a thousand of them cost nothing.
 */
import { errorNumber, failure, lastError, libcCalls, socketType } from '../src/net/linux/libc.ts';

/** What the answer says; the question is the same with nobody in it. */
export interface Echo {
  /** When it was asked, by the clock of the asker. */
  readonly askedMs: number;
  /** Which address, as the asker counts them. */
  readonly place: number;
  /** Which machine answered, as the service was told when it started. */
  readonly machine: number;
}

const protocol = 253;
const ipv4Family = 2;
const ipLevel = 0;
/** The caller writes the IP header, and so decides which address answers. */
const headerIncludedOption = 3;
const receiveBufferOption = 8;
const socketLevel = 1;
const headerBytes = 20;
const packetBytes = headerBytes + 16;
const placeAt = {
  source: 12,
  destination: 16,
  asked: headerBytes,
  place: headerBytes + 8,
  machine: headerBytes + 12,
};
const timeToLive = 64;

export class EchoSocket {
  readonly fd: number;
  readonly #packet = Buffer.alloc(packetBytes);
  readonly #to = Buffer.alloc(16);

  constructor() {
    this.fd = libcCalls.socket(ipv4Family, socketType.raw | socketType.nonBlocking, protocol);
    if (this.fd < 0) throw failure('raw socket');
    libcCalls.setOption(this.fd, ipLevel, headerIncludedOption, 1);
    libcCalls.setOption(this.fd, socketLevel, receiveBufferOption, 1 << 20);
    this.#to.writeUInt16LE(ipv4Family, 0);
  }

  /** `address`: four bytes. A packet that cannot leave is lost, like one that does. */
  ask(address: Uint8Array, { askedMs, place }: Omit<Echo, 'machine'>): void {
    this.#packet.fill(0);
    this.#packet[0] = 0x45;
    this.#packet[8] = timeToLive;
    this.#packet[9] = protocol;
    this.#packet.set(address, placeAt.destination);
    this.#packet.writeDoubleLE(askedMs, placeAt.asked);
    this.#packet.writeUInt32LE(place, placeAt.place);
    this.#send();
  }

  /** The next answer that is here. */
  take(): Echo | undefined {
    if (!this.#receive()) return undefined;
    return {
      askedMs: this.#packet.readDoubleLE(placeAt.asked),
      place: this.#packet.readUInt32LE(placeAt.place),
      machine: this.#packet.readUInt32LE(placeAt.machine),
    };
  }

  /** Answers one question that is here, from the address that was asked. False: there is none. */
  answer(machine: number): boolean {
    if (!this.#receive()) return false;
    const asked = Buffer.from(this.#packet.subarray(placeAt.destination, headerBytes));
    this.#packet.copyWithin(placeAt.destination, placeAt.source, placeAt.destination);
    this.#packet.set(asked, placeAt.source);
    this.#packet.writeUInt32LE(machine, placeAt.machine);
    this.#send();
    return true;
  }

  #receive(): boolean {
    const length = libcCalls.receive(this.fd, this.#packet);
    if (length < 0 && lastError() !== errorNumber.again) throw failure('raw socket');
    return length >= 0;
  }

  #send(): void {
    this.#packet.copy(this.#to, 4, placeAt.destination, headerBytes);
    libcCalls.sendTo(this.fd, this.#packet, this.#to);
  }
}
