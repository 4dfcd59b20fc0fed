/**
 * Tokens to a syntax tree (CONF-3.1). Knows the grammar, no names.
 *
 * Invariants: no recursion, so nesting is bounded by memory only; each step consumes a token, so it ends; after an
 * error it goes on at the next thing that looks like a statement, so that one run reports all problems of a file.
 */
import { Cursor, endsList, isName, isScalar, shorten } from './cursor.ts';
import type { Findings } from './finding.ts';
import type { Token } from './lexer.ts';
import type { Source } from './source.ts';
import type { Item, Name, Scalar } from './syntax-tree.ts';
import { readDictionary, readList, readScalar } from './value-parser.ts';

export interface ParseOptions {
  /** Also remark on what the samples do but the rules forbid (CFG-1104, CFG-1106). */
  readonly strict: boolean;
}

/** The items of a file. What could not be understood is left out and reported. */
export function parseSource(source: Source, findings: Findings, options: ParseOptions): Item[] {
  return new Parser(new Cursor(source, findings, options.strict)).run();
}

/** A stanza whose closing brace has not come yet. */
interface Open {
  readonly opener: Token;
  readonly items: Item[];
  /** Its end is known when the brace comes. */
  readonly body: { readonly source: Source; readonly start: number; end: number };
}

class Parser {
  readonly #cursor: Cursor;
  readonly #items: Item[] = [];
  readonly #open: Open[] = [];

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  run(): Item[] {
    for (let token = this.#cursor.peek(); token.kind !== 'end'; token = this.#cursor.peek()) {
      if (token.kind === 'word') this.#statement(token);
      else if (token.kind === '}') this.#close(token);
      else {
        this.#cursor.syntaxError(token, 'an option, a scope or an include is expected here');
        this.#skipToStatement();
      }
    }
    for (const { opener } of this.#open.reverse()) this.#cursor.missing('}', opener);
    return this.#items;
  }

  #name(token: Token): Name {
    return { text: token.text, span: this.#cursor.spanOf(token) };
  }

  #add(item: Item): void {
    (this.#open.at(-1)?.items ?? this.#items).push(item);
  }

  /** The brace is at hand. */
  #openStanza(word: Token, instance: Scalar | undefined): void {
    const open = this.#opened(this.#cursor.peek());
    this.#add({ kind: 'stanza', name: this.#name(word), instance, items: open.items, body: open.body });
    this.#open.push(open);
    this.#cursor.advance();
  }

  #opened(opener: Token): Open {
    const { source } = this.#cursor;
    return { opener, items: [], body: { source, start: opener.end, end: source.text.length } };
  }

  #close(token: Token): void {
    this.#cursor.advance();
    const open = this.#open.pop();
    if (open === undefined) this.#cursor.syntaxError(token, "there is no open '{'");
    else open.body.end = token.start;
  }

  /** Over the token at hand and on to what looks like the next statement; braces on the way are kept in balance. */
  #skipToStatement(): void {
    const cursor = this.#cursor;
    do {
      const token = cursor.peek();
      if (token.kind === 'end' || token.kind === '}') return;
      cursor.advance();
      if (token.kind === '{') {
        this.#open.push(this.#opened(token));
        return;
      }
    } while (!(cursor.peek().startsLine && isName(cursor.peek())));
  }

  #statement(word: Token): void {
    const next = this.#cursor.peek(1);
    if (!isName(word)) this.#oddStatement(word);
    else if (/^(readonly_)?include$/i.test(word.text)) this.#include(word, next);
    else if (next.kind === '=') this.#assignment(word);
    else if (next.kind === '{') {
      this.#cursor.advance();
      this.#openStanza(word, undefined);
    } else if (next.kind === '[' || next.kind === '(') this.#bareValue(word, next);
    else if (isScalar(next)) this.#named(word, next);
    else this.#nameAlone(word);
  }

  #nameAlone(word: Token): void {
    this.#cursor.advance();
    this.#cursor.syntaxError(word, `'${word.text}' has neither a value nor a body`);
  }

  /** A statement that begins with a word that is no name. */
  #oddStatement(word: Token): void {
    const cursor = this.#cursor;
    if (/^[,;]+$/.test(word.text)) {
      const rule = 'statements and values are separated by white space only';
      cursor.syntaxError(word, rule, `remove '${word.text}'`);
      cursor.advance();
    } else if (cursor.peek(1).kind === '[' && /^[0-9a-fA-F.:]+\/[0-9]+$/.test(word.text)) {
      cursor.legacy(word, `the network stanza '${word.text} ['`);
      cursor.advance();
      cursor.skipBalanced();
    } else {
      cursor.syntaxError(word, 'this is no name of an option or scope');
      this.#skipToStatement();
    }
  }

  #include(word: Token, next: Token): void {
    const cursor = this.#cursor;
    const hasEquals = next.kind === '=';
    if (hasEquals) cursor.syntaxError(next, `'${word.text}' takes no '='`, "remove '='");
    cursor.advance(hasEquals ? 2 : 1);
    const target = cursor.peek();
    if (!isScalar(target)) {
      cursor.syntaxError(target, `'${word.text}' needs the name of a file`);
      return;
    }
    cursor.advance();
    const readonly = word.text.toLowerCase() === 'readonly_include';
    const span = cursor.spanOf(word, target);
    this.#add({ kind: 'include', readonly, target: readScalar(cursor, target), span });
  }

  /** `name [` is right as it stands, `name (` is not. */
  #bareValue(word: Token, opener: Token): void {
    const cursor = this.#cursor;
    if (opener.kind === '(') cursor.syntaxError(opener, "'=' is missing before the list");
    else if (cursor.strict) cursor.findings.add('CFG-1106', cursor.spanOf(word), "'=' is missing before '['");
    cursor.advance();
    this.#assignCompound(word);
  }

  /** A list or dictionary is at hand. */
  #assignCompound(word: Token): void {
    const value = this.#cursor.peek().kind === '(' ? readList(this.#cursor) : readDictionary(this.#cursor);
    this.#add({ kind: 'assignment', name: this.#name(word), value });
  }

  /** `name =` is at hand. */
  #assignment(word: Token): void {
    const cursor = this.#cursor;
    const equals = cursor.peek(1);
    cursor.advance(2);
    const value = cursor.peek();
    if (value.kind === '{') {
      cursor.findings.add('CFG-1106', cursor.spanOf(equals), "'=' before '{'", { hint: "remove '='" });
      this.#openStanza(word, undefined);
    } else if (value.kind === '(' || value.kind === '[') this.#assignCompound(word);
    else if (isScalar(value) && !cursor.beginsStatement()) this.#assignScalar(word, value);
    else cursor.syntaxError(value, `'${word.text}' has no value`, `the value goes behind '${word.text} ='`);
  }

  #assignScalar(word: Token, token: Token): void {
    const cursor = this.#cursor;
    const value = readScalar(cursor, token);
    cursor.advance();
    if (cursor.peek().kind !== '{') this.#add({ kind: 'assignment', name: this.#name(word), value });
    else {
      cursor.syntaxError(cursor.peek(), "a scope is named without '='", `remove '=' behind '${word.text}'`);
      this.#openStanza(word, value);
    }
  }

  /** `name instance` is at hand, and should be followed by `{`. */
  #named(word: Token, instance: Token): void {
    const cursor = this.#cursor;
    const third = cursor.peek(2);
    if (instance.kind === 'word' && instance.startsLine && third.kind !== '{') this.#nameAlone(word);
    else if (isLegacyLogger(word, instance)) {
      cursor.legacy(word, `'${word.text} ${shorten(instance.text)}'`);
      cursor.advance();
      this.#skipToStatement();
    } else if (isBareRegex(word, instance, third)) {
      cursor.legacy(instance, 'a regular expression without quotes');
      cursor.advance();
      this.#skipToStatement();
    } else if (third.kind === '{') {
      cursor.advance(2);
      this.#openStanza(word, readScalar(cursor, instance));
    } else if (third.kind === 'word' && third.text.startsWith('<')) this.#attributed(word, instance, third);
    else {
      const hint = `write '${word.text} = ${shorten(instance.text)}'`;
      cursor.syntaxError(instance, "'=' or '{' is missing", hint);
      cursor.advance(2);
    }
  }

  /** `Binding example <duravip="enabled"> {` */
  #attributed(word: Token, instance: Token, attribute: Token): void {
    const cursor = this.#cursor;
    cursor.legacy(attribute, `the attribute '${shorten(attribute.text)}...'`);
    cursor.advance(2);
    while (!endsList(cursor.peek())) cursor.advance();
    if (cursor.peek().kind === '{') this.#openStanza(word, readScalar(cursor, instance));
  }
}

/** `Logger logging/ec_logger name {` */
function isLegacyLogger(word: Token, instance: Token): boolean {
  return word.text.toLowerCase() === 'logger' && instance.quote === undefined && instance.text.includes('/');
}

/** `Domain /regex/ {`, which the lexer takes apart where the expression holds brackets. */
function isBareRegex(word: Token, instance: Token, third: Token): boolean {
  if (!/^(domain|host)$/i.test(word.text) || instance.quote !== undefined) return false;
  if (!instance.text.startsWith('/')) return false;
  return third.kind === '(' || third.kind === '[' || /^\/.+\/$/.test(instance.text);
}
