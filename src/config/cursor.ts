/**
 * Reading tokens one after the other, and saying what is wrong with them. Shared by the parsers of statements and of
 * values, which otherwise would have to hand the place to and fro.
 */
import type { FindingCode, Findings } from './finding.ts';
import { type Token, tokenize } from './lexer.ts';
import type { Source, Span } from './source.ts';

const namePattern = /^[A-Za-z_][A-Za-z0-9_:-]*$/;

export class Cursor {
  readonly source: Source;
  readonly findings: Findings;
  /** Also remark on what the samples do but the rules forbid (CFG-1104, CFG-1106). */
  readonly strict: boolean;
  readonly #tokens: readonly Token[];
  readonly #cut: boolean;
  #at = 0;

  constructor(source: Source, findings: Findings, strict: boolean) {
    this.source = source;
    this.findings = findings;
    this.strict = strict;
    const tokens = tokenize(source, findings);
    this.#tokens = tokens.list;
    this.#cut = tokens.cut;
  }

  /** The token at hand, or one `ahead` of it; behind the last one there is only `end`. */
  peek(ahead = 0): Token {
    const index = Math.min(this.#at + ahead, this.#tokens.length - 1);
    return this.#tokens[index] as Token;
  }

  previous(): Token {
    return this.#tokens[Math.max(0, this.#at - 1)] as Token;
  }

  advance(count = 1): void {
    this.#at += count;
  }

  spanOf(first: Token, last: Token = first): Span {
    return this.source.span(first.start, last.end);
  }

  syntaxError(token: Token, what: string, hint?: string, code: FindingCode = 'CFG-1102'): void {
    const text = shorten(this.source.text.slice(token.start, token.end));
    const near = token.kind === 'end' ? 'end of file' : `'${text}'`;
    const place = `${this.source.name}:${this.source.lineOf(token.start)}`;
    this.findings.add(code, this.spanOf(token), `Syntax error in ${place} near ${near}: ${what}`, { hint });
  }

  missing(closer: string, opener: Token): void {
    if (!this.#cut) this.syntaxError(opener, `the closing '${closer}' is missing`);
  }

  legacy(token: Token, what: string): void {
    const hint = "this is the 2.2 language; 'flotilla migrate-conf FILE' rewrites it";
    this.findings.add('CFG-1107', this.spanOf(token), `${what} is not valid any more`, { hint });
  }

  /** Whether a word begins a statement of its own, so that what stands before it lacks its value or its end. */
  beginsStatement(ahead = 0): boolean {
    const word = this.peek(ahead);
    if (!word.startsLine || !isName(word)) return false;
    const next = this.peek(ahead + 1);
    if (next.kind === '=' || next.kind === '[' || next.kind === '{') return true;
    return isScalar(next) && !next.startsLine && this.peek(ahead + 2).kind === '{';
  }

  /** Behind the bracket that closes the one at hand. Lists hold no braces, so a brace ends the search. */
  skipBalanced(): void {
    let depth = 0;
    for (let token = this.peek(); !endsList(token); token = this.peek()) {
      this.advance();
      if (token.kind === '(' || token.kind === '[') depth += 1;
      else if (token.kind === ')' || token.kind === ']') depth -= 1;
      if (depth === 0) return;
    }
  }
}

/** What can stand in no list and no dictionary. */
export function endsList({ kind }: Token): boolean {
  return kind === '{' || kind === '}' || kind === 'end';
}

export function isScalar({ kind }: Token): boolean {
  return kind === 'word' || kind === 'string';
}

export function isName(token: Token): boolean {
  return token.kind === 'word' && namePattern.test(token.text);
}

/** Of a token that can be a megabyte, what fits in a message. */
export function shorten(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > 40 ? `${line.slice(0, 40)}...` : line;
}
