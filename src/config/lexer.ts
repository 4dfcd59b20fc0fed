/**
 * Text to tokens (CONF-2). Comments and white space vanish; what is left are words, strings and seven marks.
 *
 * Invariant: always ends, in time linear in the text, with an `end` token, whatever the text is; every fault is
 * reported with its place and reading goes on behind it.
 */
import type { Findings } from './finding.ts';
import { hasInvalidText, type Source, type Span } from './source.ts';

export type Mark = '=' | '{' | '}' | '[' | ']' | '(' | ')';
export type Quote = '"' | "'";

export interface Token {
  readonly kind: 'word' | 'string' | Mark | 'end';
  /** Words as they stand, strings without quotes and with escapes resolved. */
  readonly text: string;
  readonly quote: Quote | undefined;
  readonly start: number;
  readonly end: number;
  /** First of its line: where a statement usually begins, and so where to go on after an error. */
  readonly startsLine: boolean;
}

export interface Tokens {
  /** Never empty; the last one is `end`. */
  readonly list: readonly Token[];
  /** Something unterminated swallowed text, perhaps brackets: that one is missing at the end says nothing then. */
  readonly cut: boolean;
}

export interface LexerOptions {
  /** `Domain /^(a|b)$/ {` is three words, as in the 2.2 language. */
  readonly bareExpressions?: boolean;
}

export function tokenize(source: Source, findings: Findings, options: LexerOptions = {}): Tokens {
  return new Lexer(source, findings, options).run();
}

const marks = '={}[]()';
/** Quotes that word processors put in place of `"`, and the sign that manuals print where a line was wrapped. */
const typographic = '“”„‟‘’«»';

function isWhite(char: string): boolean {
  return char === ' ' || char === '\n' || char === '\t' || char === '\r' || char === '\v' || char === '\f';
}

function endsWord(char: string): boolean {
  return (
    isWhite(char) ||
    marks.includes(char) ||
    char === '"' ||
    char === "'" ||
    char === '#' ||
    typographic.includes(char)
  );
}

const escapes: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n', r: '\r', t: '\t' };

class Lexer {
  readonly #source: Source;
  readonly #text: string;
  readonly #findings: Findings;
  readonly #tokens: Token[] = [];
  readonly #mayBeInvalid: boolean;
  readonly #bareExpressions: boolean;
  #at = 0;
  #startsLine = true;
  #cut = false;
  /** First string that spans lines: when quotes do not pair up, it is the one that lacks its end more often than not. */
  #multiLine: Span | undefined;
  #recovered = false;

  constructor(source: Source, findings: Findings, { bareExpressions = false }: LexerOptions) {
    this.#bareExpressions = bareExpressions;
    this.#source = source;
    this.#text = source.text;
    this.#findings = findings;
    this.#mayBeInvalid = hasInvalidText(source.text);
  }

  run(): Tokens {
    const nul = this.#text.indexOf('\0');
    if (nul >= 0) {
      this.#findings.add('CFG-1101', this.#source.span(nul, nul + 1), 'NUL byte: this is not a text file');
      this.#at = this.#text.length;
      this.#cut = true;
    }
    while (this.#at < this.#text.length) this.#step(this.#text[this.#at] ?? '');
    this.#push('end', '', this.#at);
    return { list: this.#tokens, cut: this.#cut };
  }

  #step(char: string): void {
    if (char === '\n') {
      this.#startsLine = true;
      this.#at += 1;
    } else if (isWhite(char)) this.#at += 1;
    else if (char === '#') this.#skipTo(this.#text.indexOf('\n', this.#at));
    else if (char === '/' && this.#text[this.#at + 1] === '*') this.#comment();
    else if (marks.includes(char)) this.#mark(char as Mark);
    else if (char === '"' || char === "'") this.#string(char);
    else if (typographic.includes(char)) this.#typographic(char);
    else this.#word();
  }

  #push(kind: Token['kind'], text: string, start: number, quote?: Quote): void {
    const token = { kind, text, quote, start, end: this.#at, startsLine: this.#startsLine };
    this.#tokens.push(token);
    this.#startsLine = false;
    if (this.#mayBeInvalid && hasInvalidText(this.#text.slice(start, this.#at))) {
      this.#findings.add('CFG-1101', this.#source.span(start, this.#at), 'invalid UTF-8', {
        hint: 'save the file as UTF-8',
      });
    }
  }

  /** To an index, or to the end when there is none. */
  #skipTo(index: number): void {
    this.#at = index < 0 ? this.#text.length : index;
  }

  #comment(): void {
    const start = this.#at;
    const close = this.#text.indexOf('*/', start + 2);
    if (close < 0) {
      this.#findings.add('CFG-1101', this.#source.span(start, start + 2), 'unterminated comment', {
        hint: "it ends at the first '*/'",
      });
      this.#cut = true;
    } else if (this.#text.slice(start, close).includes('\n')) this.#startsLine = true;
    this.#skipTo(close < 0 ? -1 : close + 2);
  }

  #mark(mark: Mark): void {
    this.#at += 1;
    this.#push(mark, mark, this.#at - 1);
  }

  #word(): void {
    const start = this.#at;
    if (this.#bareExpressions && /^(domain|host)$/i.test(this.#tokens.at(-1)?.text ?? ''))
      this.#bareExpression();
    while (this.#at < this.#text.length && !endsWord(this.#text[this.#at] ?? '')) this.#at += 1;
    this.#push('word', this.#text.slice(start, this.#at), start);
  }

  /** Over an expression between slashes, with all the brackets in it. */
  #bareExpression(): void {
    const expression = /\/(?:\\.|[^\\\n])*?\/(?=[\s{])/y;
    expression.lastIndex = this.#at;
    if (expression.test(this.#text)) this.#at = expression.lastIndex;
  }

  #string(quote: Quote): void {
    const start = this.#at;
    let close = start + 1;
    while (close < this.#text.length && this.#text[close] !== quote) {
      close += quote === '"' && this.#text[close] === '\\' ? 2 : 1;
    }
    if (close >= this.#text.length) {
      this.#unterminatedString(quote);
      return;
    }
    const raw = this.#text.slice(start + 1, close);
    this.#at = close + 1;
    if (raw.includes('\n')) this.#multiLine ??= this.#source.span(start, this.#at);
    this.#push('string', quote === '"' ? resolveEscapes(raw) : raw, start, quote);
  }

  /** Goes on at the next line, but only once a text: each attempt reads to the end, and there could be thousands. */
  #unterminatedString(quote: Quote): void {
    const start = this.#at;
    const suspect = this.#multiLine;
    this.#findings.add('CFG-1101', this.#source.span(start, start + 1), 'unterminated string', {
      hint:
        suspect === undefined
          ? `there is no closing ${quote}`
          : `perhaps the string that begins in line ${this.#source.lineOf(suspect.start)} lacks its closing quote`,
    });
    this.#skipTo(this.#recovered ? -1 : this.#text.indexOf('\n', start));
    this.#recovered = true;
    this.#cut = true;
    this.#push('string', this.#text.slice(start + 1, this.#at), start, quote);
  }

  /** “like this” is taken as the string that was meant, so that one slip gives one finding. */
  #typographic(char: string): void {
    const start = this.#at;
    const isQuote = char !== '»' && char !== '«';
    this.#findings.add(
      'CFG-1103',
      this.#source.span(start, start + 1),
      `the character ${char} has no meaning here`,
      {
        hint: isQuote ? 'use " as quote' : 'remove it; it marks a line that was wrapped in print',
      },
    );
    this.#at += 1;
    if (!isQuote) return;
    while (
      this.#at < this.#text.length &&
      this.#text[this.#at] !== '\n' &&
      !'“”„‟‘’"'.includes(this.#text[this.#at] ?? '')
    ) {
      this.#at += 1;
    }
    const text = this.#text.slice(start + 1, this.#at);
    if (this.#at < this.#text.length && this.#text[this.#at] !== '\n') this.#at += 1;
    this.#push('string', text, start, '"');
  }
}

/** Only five escapes exist; any other backslash stays, so that regular expressions need no doubling. */
function resolveEscapes(raw: string): string {
  if (!raw.includes('\\')) return raw;
  return raw.replace(/\\([\s\S])/g, (whole, char: string) => escapes[char] ?? whole);
}
