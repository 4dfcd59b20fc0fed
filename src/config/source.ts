/**
 * One text of configuration and where it came from. Turns offsets into line and column.
 *
 * Invariant: offsets count UTF-16 units of `text`; lines and columns count code points from 1, a tab as one, as editors
 * show them. A byte-order mark is not part of the text. Bytes that are no UTF-8 stand in it as lone surrogates, which
 * valid UTF-8 can never give, so that the lexer can tell them from a real U+FFFD and ignore them in comments.
 */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A stretch of one source: `start` inclusive, `end` exclusive. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

const invalidByte = '\udc80';

/** True when the text holds something that was no UTF-8. */
export function hasInvalidText(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

/** Text of a file's bytes; see the invariant above for bytes that are no UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder().decode(bytes).replaceAll('\ufffd', invalidByte);
  }
}

export class Source {
  /** As shown to people: the path as it was opened, or a name for text that has no file. */
  readonly name: string;
  readonly text: string;
  /** Place in reading order; findings are sorted by it. */
  readonly ordinal: number;
  /** The include statement that read this source first. */
  readonly includedFrom: Span | undefined;
  readonly #lineStarts: number[] = [0];
  /** Where the last column was counted: findings come in order, and a line can be a megabyte long. */
  #counted = { offset: 0, lineStart: 0, column: 1 };

  constructor(name: string, text: string, ordinal = 0, includedFrom: Span | undefined = undefined) {
    this.name = name;
    this.text = text.startsWith('\ufeff') ? text.slice(1) : text;
    this.ordinal = ordinal;
    this.includedFrom = includedFrom;
    for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1)) {
      this.#lineStarts.push(at + 1);
    }
  }

  span(start: number, end: number): Span {
    return { source: this, start, end };
  }

  lineOf(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  positionOf(offset: number): Position {
    const line = this.lineOf(offset);
    const lineStart = this.#lineStarts[line - 1] ?? 0;
    const known = this.#counted;
    const resume = known.lineStart === lineStart && known.offset <= offset;
    let at = resume ? known.offset : lineStart;
    let column = resume ? known.column : 1;
    for (; at < offset; column += 1) at += (this.text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
    this.#counted = { offset: at, lineStart, column };
    return { file: this.name, line, column };
  }

  /** The include statements that led here, nearest first. */
  trace(): Position[] {
    const positions: Position[] = [];
    for (let from = this.includedFrom; from !== undefined; from = from.source.includedFrom) {
      positions.push(from.source.positionOf(from.start));
    }
    return positions;
  }

  /** The line of an offset without its line end, and where it starts. */
  lineAround(offset: number): { readonly start: number; readonly text: string } {
    const start = this.#lineStarts[this.lineOf(offset) - 1] ?? 0;
    const end = this.text.indexOf('\n', start);
    const text = this.text.slice(start, end < 0 ? undefined : end);
    return { start, text: text.endsWith('\r') ? text.slice(0, -1) : text };
  }
}
