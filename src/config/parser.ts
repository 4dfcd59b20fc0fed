/**
 * Tokens to a syntax tree (CONF-3.1). Knows the grammar, no names.
 *
 * Invariants: no recursion, so nesting is bounded by memory only; each step consumes a token, so it ends; after an
 * error it goes on at the next thing that looks like a statement, so that one run reports all problems of a file.
 */
import type { FindingCode, Findings } from './finding.ts';
import { type Token, tokenize } from './lexer.ts';
import type { Source, Span } from './source.ts';
import type { Dictionary, Entry, Item, List, Name, Scalar, Value } from './syntax-tree.ts';

export interface ParseOptions {
  /** Also remark on what the samples do but the rules forbid: CFG-1104, and CFG-1106 for a missing `=`. */
  readonly strict: boolean;
}

/** The items of a file. What could not be understood is left out and reported. */
export function parseSource(source: Source, findings: Findings, options: ParseOptions): Item[] {
  return new Parser(source, findings, options).run();
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_:-]*$/;
const converterHint = 'this is the 2.2 language; rewrite it in the present one';

/** A stanza whose closing brace has not come yet. */
interface Open {
  readonly opener: Token;
  readonly items: Item[];
}

class Parser {
  readonly #source: Source;
  readonly #findings: Findings;
  readonly #strict: boolean;
  readonly #tokens: readonly Token[];
  readonly #cut: boolean;
  readonly #items: Item[] = [];
  readonly #open: Open[] = [];
  #at = 0;

  constructor(source: Source, findings: Findings, options: ParseOptions) {
    this.#source = source;
    this.#findings = findings;
    this.#strict = options.strict;
    const tokens = tokenize(source, findings);
    this.#tokens = tokens.list;
    this.#cut = tokens.cut;
  }

  run(): Item[] {
    for (let token = this.#peek(); token.kind !== 'end'; token = this.#peek()) {
      if (token.kind === 'word') this.#statement(token);
      else if (token.kind === '}') this.#close(token);
      else {
        this.#syntaxError(token, 'an option, a scope or an include is expected here');
        this.#skipToStatement();
      }
    }
    for (const { opener } of this.#open.reverse()) this.#missing('}', opener);
    return this.#items;
  }

  // Reading tokens

  #peek(ahead = 0): Token {
    const index = Math.min(this.#at + ahead, this.#tokens.length - 1);
    return this.#tokens[index] as Token;
  }

  #spanOf(first: Token, last: Token = first): Span {
    return this.#source.span(first.start, last.end);
  }

  #name(token: Token): Name {
    return { text: token.text, span: this.#spanOf(token) };
  }

  #add(item: Item): void {
    (this.#open.at(-1)?.items ?? this.#items).push(item);
  }

  // Reporting

  #syntaxError(token: Token, what: string, hint?: string, code: FindingCode = 'CFG-1102'): void {
    const near =
      token.kind === 'end' ? 'end of file' : `'${shorten(this.#source.text.slice(token.start, token.end))}'`;
    const place = `${this.#source.name}:${this.#source.lineOf(token.start)}`;
    this.#findings.add(code, this.#spanOf(token), `Syntax error in ${place} near ${near}: ${what}`, { hint });
  }

  #missing(closer: string, opener: Token): void {
    if (this.#cut) return;
    this.#syntaxError(opener, `the closing '${closer}' is missing`);
  }

  #legacy(token: Token, what: string): void {
    this.#findings.add('CFG-1107', this.#spanOf(token), `${what} is not valid any more`, {
      hint: converterHint,
    });
  }

  /** Over the token at hand and on to what looks like the next statement; braces on the way are kept in balance. */
  #skipToStatement(): void {
    do {
      const token = this.#peek();
      if (token.kind === 'end' || token.kind === '}') return;
      this.#at += 1;
      if (token.kind === '{') {
        this.#open.push({ opener: token, items: [] });
        return;
      }
    } while (!(this.#peek().startsLine && isName(this.#peek())));
  }

  /** Behind the bracket that closes the one at hand. Lists hold no braces, so a brace ends the search. */
  #skipBalanced(): void {
    let depth = 0;
    for (let token = this.#peek(); !'{}'.includes(token.kind) && token.kind !== 'end'; token = this.#peek()) {
      this.#at += 1;
      if (token.kind === '(' || token.kind === '[') depth += 1;
      else if (token.kind === ')' || token.kind === ']') depth -= 1;
      if (depth === 0) return;
    }
  }

  // Statements

  #close(token: Token): void {
    this.#at += 1;
    if (this.#open.pop() === undefined) this.#syntaxError(token, "there is no open '{'");
  }

  #statement(word: Token): void {
    const next = this.#peek(1);
    if (!isName(word)) return this.#oddStatement(word);
    if (isInclude(word)) return this.#include(word, next);
    switch (next.kind) {
      case '=':
        return this.#assignment(word);
      case '[':
        if (this.#strict) this.#findings.add('CFG-1106', this.#spanOf(word), `'=' is missing before '['`);
        return this.#assign(word, 1);
      case '(':
        this.#syntaxError(next, "'=' is missing before the list");
        return this.#assign(word, 1);
      case '{':
        this.#at += 1;
        return this.#openStanza(word, undefined);
      case 'word':
      case 'string':
        return this.#named(word, next);
      default:
        this.#at += 1;
        return this.#syntaxError(word, `'${word.text}' has neither a value nor a body`);
    }
  }

  /** A statement that begins with a word that is no name. */
  #oddStatement(word: Token): void {
    if (/^[,;]+$/.test(word.text)) {
      this.#at += 1;
      const hint = `remove '${word.text}'`;
      return this.#syntaxError(word, 'statements and values are separated by white space only', hint);
    }
    const next = this.#peek(1);
    if (next.kind === '[' && /^[0-9a-fA-F.:]+\/[0-9]+$/.test(word.text)) {
      this.#legacy(word, `the network stanza '${word.text} ['`);
      this.#at += 1;
      return this.#skipBalanced();
    }
    this.#syntaxError(word, 'this is no name of an option or scope');
    this.#skipToStatement();
  }

  #include(word: Token, next: Token): void {
    const equals = next.kind === '=';
    if (equals) this.#syntaxError(next, `'${word.text}' takes no '='`, "remove '='");
    const target = this.#peek(equals ? 2 : 1);
    if (target.kind !== 'word' && target.kind !== 'string') {
      this.#at += equals ? 2 : 1;
      return this.#syntaxError(target, `'${word.text}' needs the name of a file`);
    }
    this.#at += equals ? 3 : 2;
    const readonly = word.text.toLowerCase() === 'readonly_include';
    this.#add({ kind: 'include', readonly, target: this.#scalar(target), span: this.#spanOf(word, target) });
  }

  /** `name =` has been seen. */
  #assignment(word: Token): void {
    const value = this.#peek(2);
    const nothing = () => {
      this.#at += 2;
      this.#syntaxError(value, `'${word.text}' has no value`, `the value goes behind '${word.text} ='`);
    };
    switch (value.kind) {
      case '{':
        this.#findings.add('CFG-1106', this.#spanOf(this.#peek(1)), `'=' before '{'`, { hint: "remove '='" });
        this.#at += 2;
        return this.#openStanza(word, undefined);
      case '(':
      case '[':
        return this.#assign(word, 2);
      case 'word':
      case 'string':
        return this.#beginsStatement(2) ? nothing() : this.#assignScalar(word, value);
      default:
        return nothing();
    }
  }

  #assignScalar(word: Token, value: Token): void {
    const scalar = this.#scalar(value);
    this.#at += 3;
    if (this.#peek().kind !== '{')
      return this.#add({ kind: 'assignment', name: this.#name(word), value: scalar });
    this.#syntaxError(this.#peek(), `a scope is named without '='`, `remove '=' behind '${word.text}'`);
    this.#openStanza(word, scalar);
  }

  /** Reads the list or dictionary that begins `ahead` tokens from here. */
  #assign(word: Token, ahead: number): void {
    this.#at += ahead;
    const value: Value = this.#peek().kind === '(' ? this.#list() : this.#dictionary();
    this.#add({ kind: 'assignment', name: this.#name(word), value });
  }

  /** `name instance` has been seen, and should be followed by `{`. */
  #named(word: Token, instance: Token): void {
    const third = this.#peek(2);
    if (instance.kind === 'word' && instance.startsLine && third.kind !== '{') {
      this.#at += 1;
      return this.#syntaxError(word, `'${word.text}' has neither a value nor a body`);
    }
    if (instance.quote === undefined && this.#isLegacyInstance(word, instance, third)) return;
    if (third.kind === 'word' && third.text.startsWith('<')) {
      this.#legacy(third, `the attribute '${shorten(third.text)}...'`);
      this.#at += 2;
      while (!'{}'.includes(this.#peek().kind) && this.#peek().kind !== 'end') this.#at += 1;
      return this.#peek().kind === '{' ? this.#openStanza(word, this.#scalar(instance)) : undefined;
    }
    if (third.kind === '{') {
      this.#at += 2;
      return this.#openStanza(word, this.#scalar(instance));
    }
    this.#syntaxError(instance, `'=' or '{' is missing`, `write '${word.text} = ${shorten(instance.text)}'`);
    this.#at += 2;
  }

  /** `Logger logging/ec_logger name {`, and `Domain /regex/ {` without quotes. True when it was one and is skipped. */
  #isLegacyInstance(word: Token, instance: Token, third: Token): boolean {
    const isLogger = word.text.toLowerCase() === 'logger' && instance.text.includes('/');
    const takesRegex = /^(domain|host)$/i.test(word.text) && instance.text.startsWith('/');
    const isRegex =
      takesRegex && (third.kind === '(' || third.kind === '[' || /^\/.+\/$/.test(instance.text));
    if (!isLogger && !isRegex) return false;
    if (isLogger) this.#legacy(word, `'${word.text} ${shorten(instance.text)}'`);
    else this.#legacy(instance, 'a regular expression without quotes');
    this.#at += 1;
    this.#skipToStatement();
    return true;
  }

  /** The brace is at hand. */
  #openStanza(word: Token, instance: Scalar | undefined): void {
    const items: Item[] = [];
    this.#add({ kind: 'stanza', name: this.#name(word), instance, items });
    this.#open.push({ opener: this.#peek(), items });
    this.#at += 1;
  }

  /** Whether a word begins a statement of its own, so that what stands before it lacks its value or its end. */
  #beginsStatement(ahead: number): boolean {
    const word = this.#peek(ahead);
    if (!word.startsLine || !isName(word)) return false;
    const next = this.#peek(ahead + 1);
    if (next.kind === '=' || next.kind === '[' || next.kind === '{') return true;
    const isScalar = next.kind === 'word' || next.kind === 'string';
    return isScalar && !next.startsLine && this.#peek(ahead + 2).kind === '{';
  }

  // Values

  #scalar(token: Token): Scalar {
    const unquoted = token.quote === undefined;
    let text = token.text;
    if (unquoted && /^,|[,;]$/.test(text)) {
      text = text.replace(/^,+|[,;]+$/g, '');
      this.#syntaxError(
        token,
        "there are no ',' and ';' between values",
        'remove it, or quote the value if it belongs to it',
      );
    }
    if (unquoted && this.#strict && text.includes('/')) {
      this.#findings.add(
        'CFG-1104',
        this.#spanOf(token),
        `'${shorten(text)}' holds '/' and should be quoted`,
      );
    }
    return { kind: 'scalar', text, quote: token.quote, span: this.#spanOf(token) };
  }

  #nested(): void {
    this.#syntaxError(this.#peek(), 'lists and dictionaries cannot hold others', undefined, 'CFG-1105');
    this.#skipBalanced();
  }

  /** `(` is at hand. */
  #list(): List {
    const opener = this.#peek();
    const items: Scalar[] = [];
    this.#at += 1;
    for (;;) {
      const token = this.#peek();
      if (token.kind === ')') {
        this.#at += 1;
        break;
      }
      if (token.kind === '{' || token.kind === '}' || token.kind === 'end' || this.#beginsStatement(0)) {
        this.#missing(')', opener);
        break;
      }
      if (token.kind === ']') {
        this.#at += 1;
        this.#syntaxError(token, "')' closes a list");
        break;
      }
      if (token.kind === '(' || token.kind === '[') this.#nested();
      else if (token.kind === 'word' && token.text.startsWith('<')) {
        this.#legacy(token, `the attribute '${shorten(token.text)}...'`);
        this.#skipRestOfList();
        break;
      } else this.#listItem(token, items);
    }
    return { kind: 'list', items, span: this.#spanOf(opener, this.#previous()) };
  }

  #listItem(token: Token, items: Scalar[]): void {
    this.#at += 1;
    if (token.kind === '=')
      this.#syntaxError(token, 'a list holds plain values', 'keys and values stand in [ ]');
    else if (token.quote === undefined && /^[,;]+$/.test(token.text)) {
      this.#syntaxError(
        token,
        'the values of a list are separated by white space only',
        `remove '${token.text}'`,
      );
    } else items.push(this.#scalar(token));
  }

  #skipRestOfList(): void {
    while (!'{})'.includes(this.#peek().kind) && this.#peek().kind !== 'end') {
      const { kind } = this.#peek();
      if (kind === '(' || kind === '[') this.#skipBalanced();
      else this.#at += 1;
    }
    if (this.#peek().kind === ')') this.#at += 1;
  }

  /** `[` is at hand. */
  #dictionary(): Dictionary {
    const opener = this.#peek();
    const entries: Entry[] = [];
    this.#at += 1;
    for (;;) {
      const token = this.#peek();
      if (token.kind === ']') {
        this.#at += 1;
        break;
      }
      if (token.kind === '{' || token.kind === '}' || token.kind === 'end' || this.#endsDictionary(token)) {
        this.#missing(']', opener);
        break;
      }
      if (token.kind === ')') {
        this.#at += 1;
        this.#syntaxError(token, "']' closes a dictionary");
        break;
      }
      if (token.kind === '(' || token.kind === '[') this.#nested();
      else if (token.kind === '=') {
        this.#at += 1;
        this.#syntaxError(token, 'a key is missing');
      } else this.#entry(token, entries);
    }
    return { kind: 'dictionary', entries, span: this.#spanOf(opener, this.#previous()) };
  }

  /** A line that begins like a scope: `Replicate "inbound_cidr" {` inside a dictionary whose end was forgotten. */
  #endsDictionary(token: Token): boolean {
    return this.#beginsStatement(0) && token.kind === 'word' && this.#peek(1).kind !== '=';
  }

  #entry(key: Token, entries: Entry[]): void {
    const value = this.#peek(2);
    this.#at += 1;
    if (this.#peek().kind !== '=')
      return this.#syntaxError(key, `'=' is missing behind the key '${shorten(key.text)}'`);
    this.#at += 1;
    if (value.kind === '(' || value.kind === '[') return this.#nested();
    const isScalar = value.kind === 'word' || value.kind === 'string';
    if (!isScalar || (value.startsLine && this.#peek(1).kind === '=')) {
      return this.#syntaxError(value, `the key '${shorten(key.text)}' has no value`);
    }
    this.#at += 1;
    entries.push({ key: this.#scalar(key), value: this.#scalar(value) });
  }

  #previous(): Token {
    return this.#tokens[Math.max(0, this.#at - 1)] as Token;
  }
}

function isName(token: Token): boolean {
  return token.kind === 'word' && namePattern.test(token.text);
}

function isInclude(token: Token): boolean {
  return /^(readonly_)?include$/i.test(token.text);
}

/** Tokens can be a megabyte; messages are lines. */
function shorten(text: string): string {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > 40 ? `${line.slice(0, 40)}...` : line;
}
