/**
 * The form of netlink messages: how the kernel is told of addresses and sets, and how it answers.
 *
 * A message is a header of 16 bytes, a header of its family, and attributes (length, type, value, padded to four
 * bytes), which may hold attributes in turn. Numbers are in the machine's order, which is little-endian wherever Node
 * runs on Linux with koffi. Pure: bytes in, bytes out.
 */

export const netlinkFlag = {
  request: 1,
  ack: 4,
  /** In an answer: what is listed changed meanwhile. */
  interrupted: 0x10,
  replace: 0x100,
  dump: 0x300,
  create: 0x400,
} as const;

export const netlinkType = { error: 2, done: 3 } as const;

const headerBytes = 16;
const nestedFlag = 0x8000;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** What follows the header: family header and attributes. */
  readonly body: Buffer;
}

/** Several messages one after the other, numbered from 1: answers name the number. */
export class NetlinkWriter {
  #bytes = Buffer.alloc(1024);
  #length = 0;
  #messageStart = 0;
  #count = 0;
  #awaited = 0;

  get count(): number {
    return this.#count;
  }

  /** How many messages asked for an answer. */
  get awaited(): number {
    return this.#awaited;
  }

  /** `header` is the header of the family. */
  start(type: number, flags: number, header: Uint8Array): this {
    this.#messageStart = this.#length;
    if ((flags & netlinkFlag.ack) !== 0) this.#awaited++;
    const at = this.#grow(headerBytes + header.length);
    this.#bytes.writeUInt16LE(type, at + 4);
    this.#bytes.writeUInt16LE(flags, at + 6);
    this.#bytes.writeUInt32LE(++this.#count, at + 8);
    this.#bytes.set(header, at + headerBytes);
    return this;
  }

  /** The last message asks for an answer, also when it was written without: refusals of others are answered anyway. */
  askLast(): this {
    const flags = this.#bytes.readUInt16LE(this.#messageStart + 6);
    if ((flags & netlinkFlag.ack) === 0) this.#awaited++;
    this.#bytes.writeUInt16LE(flags | netlinkFlag.ack, this.#messageStart + 6);
    return this;
  }

  end(): this {
    this.#bytes.writeUInt32LE(this.#length - this.#messageStart, this.#messageStart);
    return this;
  }

  attribute(type: number, value: Uint8Array): this {
    const at = this.#grow(4 + value.length);
    this.#bytes.writeUInt16LE(4 + value.length, at);
    this.#bytes.writeUInt16LE(type, at + 2);
    this.#bytes.set(value, at + 4);
    return this;
  }

  text(type: number, value: string): this {
    return this.attribute(type, Buffer.from(`${value}\0`));
  }

  /** An attribute that holds attributes: those written until `endNest` of what this returns. */
  startNest(type: number): number {
    const at = this.#grow(4);
    this.#bytes.writeUInt16LE(type | nestedFlag, at + 2);
    return at;
  }

  endNest(at: number): this {
    const length = this.#length - at;
    if (length > 0xffff) throw new RangeError('a netlink attribute has at most 64 KiB');
    this.#bytes.writeUInt16LE(length, at);
    return this;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Room for `length` bytes and their padding, all zero. Returns where it begins. */
  #grow(length: number): number {
    const at = this.#length;
    this.#length += padded(length);
    if (this.#length > this.#bytes.length) {
      const bigger = Buffer.alloc(Math.max(this.#bytes.length * 2, this.#length));
      this.#bytes.copy(bigger);
      this.#bytes = bigger;
    }
    return at;
  }
}

/** The messages of one datagram. What does not fit its own length is the end. */
export function* netlinkMessages(datagram: Buffer): Generator<NetlinkMessage> {
  for (let at = 0; at + headerBytes <= datagram.length; ) {
    const length = datagram.readUInt32LE(at);
    if (length < headerBytes || at + length > datagram.length) return;
    yield {
      type: datagram.readUInt16LE(at + 4),
      flags: datagram.readUInt16LE(at + 6),
      sequence: datagram.readUInt32LE(at + 8),
      body: datagram.subarray(at + headerBytes, at + length),
    };
    at += padded(length);
  }
}

/** Attributes by type, from `start` on; of two of one type the last. */
export function netlinkAttributes(body: Buffer, start: number): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = start; at + 4 <= body.length; ) {
    const length = body.readUInt16LE(at);
    if (length < 4 || at + length > body.length) break;
    attributes.set(body.readUInt16LE(at + 2) & 0x3fff, body.subarray(at + 4, at + length));
    at += padded(length);
  }
  return attributes;
}

/** Of a message of type `error`: 0 is success. */
export function netlinkErrno({ body }: NetlinkMessage): number {
  return body.length < 4 ? 0 : -body.readInt32LE(0);
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
