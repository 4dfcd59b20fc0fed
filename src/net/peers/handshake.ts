/**
 * First bytes of a stream from node to node, and the proof that both ends know the secret of the fleet.
 *
 *     listener -> opener   greeting   version, nonce
 *     opener -> listener   hello      nonce, service, source node, target node, job id; proof
 *     listener -> opener   accepted   proof                    or   refused   reason
 *
 * Each is a frame: length (u16), kind (u8), fields. A proof is an HMAC over everything said before and, with TLS, over
 * what is unique to this TLS session, so that neither a replay nor somebody in the middle can use it.
 *
 * Invariant: decoding never throws, and no length is believed before its bytes are there.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface Hello {
  /** What the opener wants: `ECmmove2`, `log`, or what a program calls its own. */
  readonly service: string;
  readonly source: string;
  /** A node that got the address of another one must not take what was meant for that one. */
  readonly target: string;
  readonly job: string;
}

export type PeerMessage =
  | { readonly kind: 'greeting'; readonly nonce: Buffer }
  | ({ readonly kind: 'hello'; readonly nonce: Buffer; readonly proof: Buffer } & Hello)
  | { readonly kind: 'accepted'; readonly proof: Buffer }
  | { readonly kind: 'refused'; readonly reason: string };

/** Of a release that speaks another version; whatever it says besides means nothing here. */
export interface ForeignGreeting {
  readonly kind: 'foreign-greeting';
  readonly version: number;
}

/** What both ends have heard when the secret has to be proved. */
export interface Conversation {
  readonly greetingNonce: Buffer;
  readonly helloNonce: Buffer;
  readonly hello: Hello;
  /** Key material of the TLS session; empty without TLS. */
  readonly binding: Buffer;
}

export const nonceBytes = 32;
export const mostFrameBytes = 1_024;
const proofBytes = 32;
export const handshakeVersion = 1;
const kinds = { greeting: 1, hello: 2, accepted: 3, refused: 4 } as const;
const mostReason = 200;

const patterns = {
  service: /^[!-~]{1,64}$/,
  node: /^[!-~]{1,63}$/,
  job: /^[!-~]{1,32}$/,
  reason: /^[ -~]{0,200}$/,
};

export function isServiceName(text: string): boolean {
  return patterns.service.test(text);
}

/** With its length in front. */
export function encodePeerMessage(message: PeerMessage): Buffer {
  const body = Buffer.concat([Buffer.of(kinds[message.kind]), ...fieldsOf(message)]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([length, body]);
}

/** Without its length. Undefined: not one of these messages. */
export function decodePeerMessage(body: Buffer): PeerMessage | ForeignGreeting | undefined {
  const [kind, version] = body;
  if (kind === kinds.greeting && version !== undefined && version !== handshakeVersion)
    return { kind: 'foreign-greeting', version };
  const reader = new FieldReader(body);
  const message = readMessage(reader);
  return message !== undefined && reader.isAtEnd ? message : undefined;
}

/** Not the password of the routes: who learns one of the two does not have the other. */
export function peerKey(secret: string): Buffer {
  return createHash('sha256').update(`flotilla peer ${secret}`).digest();
}

export function proofOf(key: Buffer, by: 'opener' | 'listener', conversation: Conversation): Buffer {
  const { greetingNonce, helloNonce, hello, binding } = conversation;
  const said = [text(by), greetingNonce, helloNonce, ...helloTexts(hello), binding];
  return createHmac('sha256', key).update(Buffer.concat(said)).digest();
}

export function isProof(proof: Buffer, key: Buffer, by: 'opener' | 'listener', said: Conversation): boolean {
  return timingSafeEqual(proof, proofOf(key, by, said));
}

function fieldsOf(message: PeerMessage): Buffer[] {
  switch (message.kind) {
    case 'greeting':
      return [Buffer.of(handshakeVersion), message.nonce];
    case 'hello':
      return [message.nonce, ...helloTexts(message), message.proof];
    case 'accepted':
      return [message.proof];
    case 'refused':
      return [text(printable(message.reason))];
  }
}

function readMessage(reader: FieldReader): PeerMessage | undefined {
  switch (reader.byte()) {
    case kinds.greeting: {
      if (reader.byte() !== handshakeVersion) return undefined;
      const nonce = reader.bytes(nonceBytes);
      return nonce && { kind: 'greeting', nonce };
    }
    case kinds.hello:
      return readHello(reader);
    case kinds.accepted: {
      const proof = reader.bytes(proofBytes);
      return proof && { kind: 'accepted', proof };
    }
    case kinds.refused: {
      const reason = reader.text(patterns.reason);
      return reason === undefined ? undefined : { kind: 'refused', reason };
    }
    default:
      return undefined;
  }
}

function readHello(reader: FieldReader): PeerMessage | undefined {
  const nonce = reader.bytes(nonceBytes);
  const service = reader.text(patterns.service);
  const source = reader.text(patterns.node);
  const target = reader.text(patterns.node);
  const job = reader.text(patterns.job);
  const proof = reader.bytes(proofBytes);
  if (!nonce || !service || !source || !target || !job || !proof) return undefined;
  return { kind: 'hello', nonce, service, source, target, job, proof };
}

function helloTexts({ service, source, target, job }: Hello): Buffer[] {
  return [service, source, target, job].map(text);
}

/** Length (u8) and ASCII. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(value.length), Buffer.from(value, 'latin1')]);
}

function printable(reason: string): string {
  return reason.replace(/[^ -~]/g, '?').slice(0, mostReason);
}

class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number | undefined {
    return this.bytes(1)?.[0];
  }

  bytes(length: number): Buffer | undefined {
    if (this.#at + length > this.#bytes.length) return undefined;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(pattern: RegExp): string | undefined {
    const length = this.byte();
    const value = length === undefined ? undefined : this.bytes(length)?.toString('latin1');
    return value !== undefined && pattern.test(value) ? value : undefined;
  }
}
