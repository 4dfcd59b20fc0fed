/**
 * Messages larger than the transport's limit, split and put together again (BUS-15).
 *
 * Every internal message starts with one marker byte: 0 = the whole message follows, 1 = a fragment follows:
 * stream (8 bytes, random for each sender), message number (u32), index (u16), count (u16), bytes.
 * Invariant: memory for unfinished messages is bounded in bytes and in age; what does not fit is dropped and the layer
 * above repeats by its own rules.
 */

const wholeMarker = 0;
const fragmentMarker = 1;
const headerBytes = 1 + 8 + 4 + 2 + 2;
const maxFragments = 65_535;
const slotBytes = 8;
/** What is kept beside the bytes, as measured: without it, many tiny fragments would take ten times their bound. */
const messageOverheadBytes = 256;
const partOverheadBytes = 192;

export class Fragmenter {
  readonly #stream: Uint8Array;
  #nextMessage = 1;

  /** `streamHex`: 8 random bytes as hexadecimal. */
  constructor(streamHex: string) {
    this.#stream = Uint8Array.from({ length: 8 }, (_, i) =>
      Number.parseInt(streamHex.slice(i * 2, i * 2 + 2), 16),
    );
  }

  /** The payloads to publish, in order. Throws only when the body would need more than 65,535 fragments. */
  split(body: Uint8Array, maxPayloadBytes: number): Uint8Array[] {
    if (body.length + 1 <= maxPayloadBytes) {
      const whole = new Uint8Array(body.length + 1);
      whole[0] = wholeMarker;
      whole.set(body, 1);
      return [whole];
    }
    const room = maxPayloadBytes - headerBytes;
    const count = Math.ceil(body.length / room);
    if (room <= 0 || count > maxFragments)
      throw new RangeError(`${body.length} bytes do not fit into ${maxFragments} fragments of ${room} bytes`);
    const message = this.#nextMessage++ >>> 0;
    return Array.from({ length: count }, (_, index) =>
      this.#fragment(body.subarray(index * room, (index + 1) * room), message, index, count),
    );
  }

  #fragment(part: Uint8Array, message: number, index: number, count: number): Uint8Array {
    const bytes = new Uint8Array(headerBytes + part.length);
    const view = new DataView(bytes.buffer);
    bytes[0] = fragmentMarker;
    bytes.set(this.#stream, 1);
    view.setUint32(9, message);
    view.setUint16(13, index);
    view.setUint16(15, count);
    bytes.set(part, headerBytes);
    return bytes;
  }
}

interface Unfinished {
  readonly parts: (Uint8Array | undefined)[];
  received: number;
  bytes: number;
  readonly startedMs: number;
}

export interface ReassemblyLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export class Reassembler {
  readonly #limits: ReassemblyLimits;
  readonly #unfinished = new Map<string, Unfinished>();
  #bytes = 0;
  /** Messages given up because they were incomplete for too long or too large. */
  dropped = 0;

  constructor(limits: ReassemblyLimits) {
    this.#limits = limits;
  }

  /** The whole message when this payload completes one, undefined when more is to come, null when it is malformed. */
  accept(payload: Uint8Array, nowMs: number): Uint8Array | undefined | null {
    if (payload[0] === wholeMarker) return payload.subarray(1);
    if (payload[0] !== fragmentMarker || payload.length <= headerBytes) return null;
    return this.#acceptFragment(payload, nowMs);
  }

  #acceptFragment(payload: Uint8Array, nowMs: number): Uint8Array | undefined | null {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const index = view.getUint16(13);
    const count = view.getUint16(15);
    if (index >= count) return null;
    const key = `${view.getUint32(1)}.${view.getUint32(5)}.${view.getUint32(9)}`;
    this.#expire(nowMs);
    let message = this.#unfinished.get(key);
    if (!message) {
      // The slots count too: one tiny fragment that announces 65,535 would otherwise cost half a megabyte unseen.
      const bytes = messageOverheadBytes + count * slotBytes;
      message = { parts: new Array(count), received: 0, bytes, startedMs: nowMs };
      this.#bytes += message.bytes;
      this.#unfinished.set(key, message);
    }
    if (message.parts.length !== count) return null;
    if (message.parts[index]) return undefined;
    message.parts[index] = payload.slice(headerBytes);
    message.received++;
    message.bytes += partOverheadBytes + payload.length;
    this.#bytes += partOverheadBytes + payload.length;
    if (message.received === count) {
      this.#forget(key, message);
      return concatenate(message.parts as Uint8Array[]);
    }
    // One may not be enough: the oldest can be much smaller than the one that has just begun.
    while (this.#bytes > this.#limits.maxBytes) this.#dropOldest();
    return undefined;
  }

  #expire(nowMs: number): void {
    for (const [key, message] of this.#unfinished) {
      if (nowMs - message.startedMs <= this.#limits.maxAgeMs) return;
      this.#forget(key, message);
      this.dropped++;
    }
  }

  #dropOldest(): void {
    const oldest = this.#unfinished.entries().next().value;
    if (!oldest) return;
    this.#forget(...oldest);
    this.dropped++;
  }

  #forget(key: string, message: Unfinished): void {
    this.#unfinished.delete(key);
    this.#bytes -= message.bytes;
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
