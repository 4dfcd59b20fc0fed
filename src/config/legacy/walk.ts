/**
 * Reading the tokens of a 2.2 file one after the other while its text is rewritten, and remarks on what became of it.
 * Shared by what reads statements and what reads listeners.
 */
import type { Findings } from '../finding.ts';
import { type Token, tokenize } from '../lexer.ts';
import type { Position, Source } from '../source.ts';
import { Rewriting } from './rewriting.ts';

export interface Remark extends Position {
  /** `left`: a person has to look at it, the text is as it was. */
  readonly kind: 'changed' | 'left';
  readonly text: string;
}

/** What was not understood, and where. */
export interface Problem {
  readonly token: Token;
  readonly text: string;
}

interface Mark {
  readonly at: number;
  readonly edits: number;
  readonly remarks: number;
}

export class Walk {
  readonly source: Source;
  readonly rewriting: Rewriting;
  readonly remarks: Remark[] = [];
  readonly #tokens: Token[];
  #at = 0;

  constructor(source: Source, findings: Findings) {
    this.source = source;
    this.rewriting = new Rewriting(source.text);
    this.#tokens = [...tokenize(source, findings, { bareExpressions: true }).list];
  }

  /** The token at hand, or one `ahead` of it; behind the last one there is only `end`. */
  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)] as Token;
  }

  advance(count = 1): void {
    this.#at += count;
  }

  /** `A:25<duravip` is two words. */
  splitBefore(char: string): void {
    const token = this.peek();
    const index = token.text.indexOf(char);
    if (token.kind !== 'word' || index <= 0) return;
    const middle = token.start + index;
    const before = { ...token, text: token.text.slice(0, index), end: middle };
    const behind = { ...token, text: token.text.slice(index), start: middle, startsLine: false };
    this.#tokens.splice(this.#at, 1, before, behind);
  }

  put({ start, end }: Token, text: string): void {
    this.rewriting.replace(start, end, text);
  }

  takeOut({ start, end }: Token): void {
    this.rewriting.takeOut(start, end);
  }

  /** What is done to the text and said from now on can be undone. */
  mark(): Mark {
    return { at: this.#at, edits: this.rewriting.mark(), remarks: this.remarks.length };
  }

  /** Back to the token at hand then. */
  undo({ at, edits, remarks }: Mark): void {
    this.#at = at;
    this.rewriting.undo(edits);
    this.remarks.length = remarks;
  }

  /** Lines between two tokens move left by as much as the first of them stands to the right of `column`. */
  outdent(from: Token, to: Token, column: number): void {
    const first = this.peek();
    const by = this.indentOf(first).length - column;
    if (!first.startsLine || by <= 0) return;
    const { text } = this.source;
    const strings: Token[] = [];
    for (let at = this.#at; this.#tokens[at] !== to && at < this.#tokens.length; at += 1)
      if (this.#tokens[at]?.text.includes('\n')) strings.push(this.#tokens[at] as Token);
    for (
      let at = text.indexOf('\n', from.end) + 1;
      at > 0 && at < to.start;
      at = text.indexOf('\n', at) + 1
    ) {
      const isInString = strings.some(({ start, end }) => start < at && at < end);
      const blanks = /^[ \t]*/.exec(text.slice(at, at + by))?.[0].length ?? 0;
      if (!isInString && at + blanks <= to.start) this.rewriting.replace(at, at + blanks, '');
    }
  }

  /** The blanks that begin the line of a token. */
  indentOf({ start }: Token): string {
    return /^[ \t]*/.exec(this.source.lineAround(start).text)?.[0] ?? '';
  }

  /** Over the bracket at hand, to behind the one that closes it. */
  skipBalanced(): void {
    let depth = 0;
    for (let { kind } = this.peek(); kind !== 'end' && kind !== '{' && kind !== '}'; { kind } = this.peek()) {
      this.advance();
      if (kind === '(' || kind === '[') depth += 1;
      else if (kind === ')' || kind === ']') depth -= 1;
      if (depth <= 0) return;
    }
  }

  changed(token: Token, text: string): void {
    this.#remark('changed', token, text);
  }

  left({ token, text }: Problem): void {
    this.#remark('left', token, text);
  }

  #remark(kind: Remark['kind'], token: Token, text: string): void {
    this.remarks.push({ kind, text, ...this.source.positionOf(token.start) });
  }
}
