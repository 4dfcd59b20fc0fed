/**
 * The bytes of the console protocol (CON-7): each message is a 4-byte big-endian length and that many bytes of JSON in
 * UTF-8.
 *
 * Invariant: whatever arrives, in whatever pieces, decoding gives messages or a problem and never throws; memory is
 * bounded by the longest message allowed.
 */
import { type Format, formats, isStatus, type Status } from './answer.ts';

/** Longest body of a request, and of anything the client accepts. */
export const maxBodyBytes = 1024 * 1024;

/** Of who has not logged in yet: nobody may make the node keep much for him. */
export const maxUnknownBodyBytes = 64 * 1024;

const headerBytes = 4;

export interface CommandRequest {
  readonly id: number;
  readonly cmd: string;
  readonly format: Format;
}

/** Answers an end with `login`. */
export interface LoginRequest {
  readonly id: number;
  readonly login: { readonly user: string; readonly password: string };
}

export type Request = CommandRequest | LoginRequest;

/** A part of an answer, or its end. */
export type Response =
  | { readonly id: number; readonly out: string }
  | {
      readonly id: number;
      readonly end: true;
      readonly status: Status;
      /** Nothing was done: a login has to come first. What to show to whoever is asked for the password. */
      readonly login?: string;
    };

export function encodeFrame(message: Request | Response): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const frame = Buffer.allocUnsafe(headerBytes + body.length);
  frame.writeUInt32BE(body.length);
  body.copy(frame, headerBytes);
  return frame;
}

/**
 * Cuts a stream of bytes into bodies. Once a length was out of bounds the rest of the stream means nothing, and
 * `broken` stays true.
 */
export class FrameReader {
  #buffer = Buffer.alloc(0);
  #length = 0;
  broken = false;
  /** Longest body from now on. */
  mostBytes = maxBodyBytes;

  /** The bodies that this chunk completes, in order. */
  push(chunk: Uint8Array): Buffer[] {
    if (this.broken) return [];
    this.#append(chunk);
    const bodies: Buffer[] = [];
    let at = 0;
    while (this.#length - at >= headerBytes) {
      const bodyLength = this.#buffer.readUInt32BE(at);
      if (bodyLength > this.mostBytes) {
        this.broken = true;
        break;
      }
      const end = at + headerBytes + bodyLength;
      if (end > this.#length) break;
      bodies.push(Buffer.from(this.#buffer.subarray(at + headerBytes, end)));
      at = end;
    }
    this.#drop(this.broken ? this.#length : at);
    return bodies;
  }

  /** Capacity doubles, so that a body that comes byte by byte is still copied in linear time. */
  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }

  #drop(count: number): void {
    this.#buffer.copyWithin(0, count, this.#length);
    this.#length -= count;
    if (this.#length === 0) this.#buffer = Buffer.alloc(0);
  }
}

/** What is wrong with a body, with its id if that much could be read, so that the answer can still be matched. */
export interface Malformed {
  readonly problem: string;
  readonly id: number;
}

export function parseRequest(body: Uint8Array): Request | Malformed {
  const fields = parseObject(body);
  if (!fields) return { problem: 'the request is not a JSON object in UTF-8', id: 0 };
  const { id, cmd, format = 'text' } = fields;
  if (!isId(id)) return { problem: 'the request has no id', id: 0 };
  if ('login' in fields) return parseLogin(id, fields.login);
  if (typeof cmd !== 'string') return { problem: 'the request has no cmd', id };
  if (!isFormat(format)) return { problem: `the format is none of ${formats.join(', ')}`, id };
  return { id, cmd, format };
}

function parseLogin(id: number, login: unknown): LoginRequest | Malformed {
  const { user, password } = (login ?? {}) as Record<string, unknown>;
  return typeof user === 'string' && typeof password === 'string'
    ? { id, login: { user, password } }
    : { problem: 'the login has no user or no password', id };
}

/** undefined when it is none. */
export function parseResponse(body: Uint8Array): Response | undefined {
  const fields = parseObject(body);
  if (!fields || !isId(fields.id)) return undefined;
  const { id, out, end, status, login } = fields;
  if (typeof out === 'string') return { id, out };
  if (end !== true || !isStatus(status)) return undefined;
  return typeof login === 'string' ? { id, end, status, login } : { id, end, status };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

function parseObject(body: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(strictUtf8.decode(body));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isFormat(value: unknown): value is Format {
  return formats.some((format) => format === value);
}
