/**
 * Commands of Redis clients out of a stream of bytes, in whatever pieces they come: arrays of bulk strings, which is what
 * clients send in RESP2 and RESP3 alike, and lines typed by hand.
 *
 * Invariants: nothing is kept for a length that was only announced; one command holds at most `maxCommandBytes`. After the
 * first error nothing more is read: where the next command would begin is not known.
 */
import { inlineWords } from './inline-command.ts';

export type ParsedCommand =
  | { readonly words: readonly Buffer[] }
  /** What the client is told before its connection is closed. */
  | { readonly error: string };

export interface CommandLimits {
  readonly maxWords: number;
  readonly maxWordBytes: number;
  readonly maxCommandBytes: number;
}

/** Room for a value of 1 MiB, or for reading many keys at once. */
export const defaultLimits: CommandLimits = {
  maxWords: 1024 * 16,
  maxWordBytes: 1024 * 1024,
  maxCommandBytes: 2 * 1024 * 1024,
};

const maxInlineBytes = 64 * 1024;
/** `*` or `$`, a number, and the end of the line. */
const maxHeaderBytes = 32;
const empty = Buffer.alloc(0);
const newline = 10;
const carriageReturn = 13;
const asterisk = 0x2a;
const dollar = 0x24;

export class CommandParser {
  readonly #limits: CommandLimits;
  /** Bytes not read yet are those from `#at` to `#end`; the rest is room. */
  #bytes: Buffer = empty;
  #at = 0;
  #end = 0;
  /** There is no end of a line before it. */
  #searched = 0;
  #words: Buffer[] = [];
  #wordsBytes = 0;
  /** Words still to come of the command being read; 0: none is. */
  #missing = 0;
  /** Length of the word being read. */
  #wordBytes: number | undefined;
  #error: string | undefined;

  constructor(limits: CommandLimits = defaultLimits) {
    this.#limits = limits;
  }

  /** Bytes held for a command that is not complete. */
  get heldBytes(): number {
    return this.#end - this.#at + this.#wordsBytes;
  }

  /**
   * To be followed by `next` until there is nothing more, or what has come would pile up. The bytes are not to be changed
   * afterwards: nearly always they are whole commands, which are read where they are.
   */
  push(bytes: Buffer): void {
    if (this.#error !== undefined) return;
    const unread = this.#end - this.#at;
    if (unread === 0) {
      this.#release();
      this.#bytes = bytes;
      this.#end = bytes.length;
      return;
    }
    if (this.#end + bytes.length > this.#bytes.length) {
      const needed = unread + bytes.length;
      // Twice what is needed: a long word that comes in pieces is not copied again for each of them.
      const target = needed <= this.#bytes.length / 2 ? this.#bytes : Buffer.allocUnsafe(needed * 2);
      this.#bytes.copy(target, 0, this.#at, this.#end);
      this.#searched -= this.#at;
      this.#bytes = target;
      this.#at = 0;
      this.#end = unread;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The next whole command; undefined until more comes, and for ever after an error. */
  next(): ParsedCommand | undefined {
    if (this.#error !== undefined) return undefined;
    for (;;) {
      const words = this.#missing > 0 ? this.#readWords() : this.#readStart();
      if (this.#error !== undefined) return this.#fail(this.#error);
      if (words === undefined) return undefined;
      if (words.length > 0) return { words };
    }
  }

  /** The words of a line, nothing for the beginning of an array, undefined until there is a whole line. */
  #readStart(): Buffer[] | undefined {
    if (this.#at === this.#end) return this.#release();
    if (this.#bytes[this.#at] !== asterisk) return this.#readInline();
    const length = this.#readHeader('too big mbulk count string', 'invalid multibulk length');
    if (length === undefined) return undefined;
    if (length > this.#limits.maxWords) return this.#reject('invalid multibulk length');
    // Also arrays of no words, and of -1, are commands that do nothing.
    this.#missing = Math.max(0, length);
    return [];
  }

  #readInline(): Buffer[] | undefined {
    const line = this.#readLine(maxInlineBytes, 'too big inline request');
    return line && (inlineWords(line) ?? this.#reject('unbalanced quotes in request'));
  }

  #readWords(): Buffer[] | undefined {
    while (this.#missing > 0) {
      this.#wordBytes ??= this.#readWordLength();
      if (this.#wordBytes === undefined || this.#end - this.#at < this.#wordBytes + 2) return undefined;
      // A copy, so that a word that is kept does not keep all that came with it.
      this.#words.push(Buffer.from(this.#bytes.subarray(this.#at, this.#at + this.#wordBytes)));
      this.#at += this.#wordBytes + 2;
      this.#searched = this.#at;
      this.#wordsBytes += this.#wordBytes;
      this.#wordBytes = undefined;
      this.#missing--;
    }
    const words = this.#words;
    this.#words = [];
    this.#wordsBytes = 0;
    return words;
  }

  #readWordLength(): number | undefined {
    if (this.#at === this.#end) return undefined;
    const first = this.#bytes[this.#at]!;
    if (first !== dollar) {
      const shown = first > 0x20 && first < 0x7f ? String.fromCharCode(first) : `\\x${first.toString(16)}`;
      return this.#reject(`expected '$', got '${shown}'`);
    }
    const length = this.#readHeader('too big bulk count string', 'invalid bulk length');
    if (length === undefined) return undefined;
    const { maxWordBytes, maxCommandBytes } = this.#limits;
    const isTooLong = length > maxWordBytes || this.#wordsBytes + length > maxCommandBytes;
    return length < 0 || isTooLong ? this.#reject('invalid bulk length') : length;
  }

  /** The number after `*` or `$`. */
  #readHeader(tooLong: string, invalid: string): number | undefined {
    const line = this.#readLine(maxHeaderBytes, tooLong)?.toString('latin1').slice(1);
    if (line === undefined) return undefined;
    return /^(-1|\d{1,10})$/.test(line) ? Number(line) : this.#reject(invalid);
  }

  /** Without its end, which may be a newline alone. */
  #readLine(maxBytes: number, tooLong: string): Buffer | undefined {
    const end = this.#bytes.subarray(0, this.#end).indexOf(newline, Math.max(this.#searched, this.#at));
    this.#searched = end < 0 ? this.#end : end + 1;
    if ((end < 0 ? this.#end : end) - this.#at > maxBytes) return this.#reject(tooLong);
    if (end < 0) return undefined;
    const hasReturn = end > this.#at && this.#bytes[end - 1] === carriageReturn;
    const line = this.#bytes.subarray(this.#at, hasReturn ? end - 1 : end);
    this.#at = end + 1;
    return line;
  }

  #reject(error: string): undefined {
    this.#error = `ERR Protocol error: ${error}`;
    return undefined;
  }

  #fail(error: string): ParsedCommand {
    this.#words = [];
    this.#wordsBytes = 0;
    this.#release();
    return { error };
  }

  /** An idle connection holds no room. */
  #release(): undefined {
    this.#bytes = empty;
    this.#at = 0;
    this.#end = 0;
    this.#searched = 0;
    return undefined;
  }
}
