/**
 * One console answer on its way to a NATS client, as few messages as possible.
 *
 * Headers: `Flotilla-Node`, `Flotilla-Private-Name`, `Flotilla-Part` (from 1); the last part also has `Flotilla-End: true`,
 * `Flotilla-Status`, and when the command began and ended (MGR-22). An answer that fits into one message is one message, so that a client that reads only the first
 * (`nats req`) has all of it. Invariant: parts are cut between characters; memory holds at most one part.
 */
import type { Wire } from './wire.ts';

/** Whose answer it is. */
export interface Answerer {
  readonly node: string;
  readonly privateName: string;
}

/** Times of the wall clock. */
export interface Span {
  readonly beganMs: number;
  readonly endedMs: number;
}

/** What headers and protocol need beside the text. */
const headerRoomBytes = 1_024;
const leastPartBytes = 256;

export class ControlAnswer {
  readonly #wire: Wire;
  readonly #reply: string;
  readonly #from: Readonly<Record<string, string>>;
  readonly #partBytes: number;
  #pending: Buffer = Buffer.alloc(0);
  #sentParts = 0;

  constructor(wire: Wire, reply: string, { node, privateName }: Answerer) {
    this.#wire = wire;
    this.#reply = reply;
    this.#from = { 'Flotilla-Node': node, 'Flotilla-Private-Name': privateName };
    this.#partBytes = Math.max(leastPartBytes, wire.maxPayloadBytes - headerRoomBytes);
  }

  /** Sends full parts. False when the link is down: the rest of the answer is of no use to anybody. */
  add(text: string): boolean {
    this.#pending = Buffer.concat([this.#pending, Buffer.from(text)]);
    while (this.#pending.length > this.#partBytes) {
      const end = characterStart(this.#pending, this.#partBytes);
      if (!this.#send(this.#pending.subarray(0, end), {})) return false;
      this.#pending = this.#pending.subarray(end);
    }
    return true;
  }

  end(status: number, { beganMs, endedMs }: Span): boolean {
    return this.#send(this.#pending, {
      'Flotilla-Status': String(status),
      'Flotilla-Began': new Date(beganMs).toISOString(),
      'Flotilla-Ended': new Date(endedMs).toISOString(),
      'Flotilla-End': 'true',
    });
  }

  #send(part: Uint8Array, more: Record<string, string>): boolean {
    const headers = { ...this.#from, 'Flotilla-Part': String(++this.#sentParts), ...more };
    return this.#wire.publish(this.#reply, part, { headers });
  }
}

/** The start of the character that byte `at` belongs to. */
function characterStart(text: Uint8Array, at: number): number {
  let start = at;
  while (start > 0 && (text[start]! & 0xc0) === 0x80) start--;
  return start;
}
