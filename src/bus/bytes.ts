/**
 * Bytes of internal messages: big-endian fields one after another.
 *
 * A reader past the end throws `RangeError`, which the codecs turn into "malformed": no length in a message is trusted
 * before the bytes are there, so no input can make a receiver allocate more than it was sent.
 */
import type { Incarnation } from '../core/identity.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const shortText = 64;
const scratch = new Uint8Array(shortText);

function asciiBytes(text: string): Uint8Array | undefined {
  if (text.length > shortText) return undefined;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return undefined;
    scratch[i] = code;
  }
  return scratch.subarray(0, text.length);
}

export class ByteWriter {
  #bytes = new Uint8Array(512);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  u8(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  u16(value: number): void {
    this.#room(2);
    this.#view.setUint16(this.#length, value);
    this.#length += 2;
  }

  u32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.#length, value);
    this.#length += 4;
  }

  f64(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#length, value);
    this.#length += 8;
  }

  /** A whole number up to 2^53-1, seven bits a byte, low bits first: counts are small, so most take one byte. */
  varint(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Length (u32) and bytes. */
  block(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.raw(bytes);
  }

  /** Length (u16) and UTF-8. */
  text(text: string): void {
    const bytes = asciiBytes(text) ?? encoder.encode(text);
    this.u16(bytes.length);
    this.raw(bytes);
  }

  incarnation(incarnation: Incarnation): void {
    const words = wordsOf(incarnation);
    this.#room(16);
    for (const word of words) {
      this.#view.setUint32(this.#length, word);
      this.#length += 4;
    }
  }

  /** A copy of what was written; the writer is empty afterwards and can be used again. */
  take(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + bytes));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    this.#at += 1;
    return this.#view.getUint8(this.#at - 1);
  }

  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  f64(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49; scale *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a number of more than eight bytes');
  }

  raw(length: number): Uint8Array {
    if (length > this.remaining) throw new RangeError(`${length} bytes announced, ${this.remaining} there`);
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  block(): Uint8Array {
    return this.raw(this.u32());
  }

  text(): string {
    const length = this.u16();
    return this.#asciiText(length) ?? decoder.decode(this.raw(length));
  }

  /** Names are short and ASCII, and come with each beat; the general decoder costs more than all the rest of one. */
  #asciiText(length: number): string | undefined {
    if (length > shortText || length > this.remaining) return undefined;
    let text = '';
    for (let i = 0; i < length; i++) {
      const byte = this.#bytes[this.#at + i]!;
      if (byte >= 0x80) return undefined;
      text += String.fromCharCode(byte);
    }
    this.#at += length;
    return text;
  }

  incarnation(): Incarnation {
    return incarnationOf(this.u32(), this.u32(), this.u32(), this.u32());
  }
}

/**
 * Incarnations are strings in memory and 16 bytes on the wire. The same few come again with each beat, so both
 * directions are remembered; the tables are emptied when restarts have filled them.
 */
const rememberedIncarnations = 4096;
type Words = readonly [number, number, number, number];
const wordsByText = new Map<string, Words>();
const textsByWords = new Map<number, { readonly words: Words; readonly text: Incarnation }>();

function wordsOf(incarnation: Incarnation): Words {
  let words = wordsByText.get(incarnation);
  if (!words) {
    if (wordsByText.size >= rememberedIncarnations) wordsByText.clear();
    const word = (i: number) => Number.parseInt(incarnation.slice(i * 8, i * 8 + 8), 16);
    words = [word(0), word(1), word(2), word(3)];
    wordsByText.set(incarnation, words);
  }
  return words;
}

function incarnationOf(a: number, b: number, c: number, d: number): Incarnation {
  const key = a * 0x20_0000 + (b >>> 11);
  const known = textsByWords.get(key);
  if (known && known.words[1] === b && known.words[2] === c && known.words[3] === d) return known.text;
  if (textsByWords.size >= rememberedIncarnations) textsByWords.clear();
  const text = [a, b, c, d].map((word) => word.toString(16).padStart(8, '0')).join('') as Incarnation;
  textsByWords.set(key, { words: [a, b, c, d], text });
  return text;
}

/** Length (u16) and the items. */
export function writeList<T>(writer: ByteWriter, items: readonly T[], write: (item: T) => void): void {
  writer.u16(items.length);
  for (const item of items) write(item);
}

export function readList<T>(reader: ByteReader, read: (reader: ByteReader) => T): T[] {
  const length = reader.u16();
  const items: T[] = [];
  for (let i = 0; i < length; i++) items.push(read(reader));
  return items;
}
