/** Values: scalars, lists and dictionaries (CONF-3.1). The latter two are flat. */
import { type Cursor, endsList, isScalar, shorten } from './cursor.ts';
import type { Token } from './lexer.ts';
import type { Dictionary, Entry, List, Scalar } from './syntax-tree.ts';

export function readScalar(cursor: Cursor, token: Token): Scalar {
  const isBare = token.quote === undefined;
  let { text } = token;
  if (isBare && /^,|[,;]$/.test(text)) {
    text = text.replace(/^,+|[,;]+$/g, '');
    const hint = 'remove it, or quote the value if it belongs to it';
    cursor.syntaxError(token, "there are no ',' and ';' between values", hint);
  }
  if (isBare && cursor.strict && text.includes('/')) {
    cursor.findings.add(
      'CFG-1104',
      cursor.spanOf(token),
      `'${shorten(text)}' holds '/' and should be quoted`,
    );
  }
  return { kind: 'scalar', text, quote: token.quote, span: cursor.spanOf(token) };
}

/** `(` is at hand. */
export function readList(cursor: Cursor): List {
  const opener = cursor.peek();
  const items: Scalar[] = [];
  cursor.advance();
  while (continuesList(cursor, opener)) {
    const token = cursor.peek();
    if (token.kind === '(' || token.kind === '[') skipNested(cursor);
    else if (token.kind === 'word' && token.text.startsWith('<')) {
      cursor.legacy(token, `the attribute '${shorten(token.text)}...'`);
      skipRestOfList(cursor);
      break;
    } else readItem(cursor, token, items);
  }
  return { kind: 'list', items, span: cursor.spanOf(opener, cursor.previous()) };
}

/** False at the end of a list, which is consumed, or where it must have been forgotten. */
function continuesList(cursor: Cursor, opener: Token): boolean {
  const token = cursor.peek();
  if (token.kind === ')') {
    cursor.advance();
    return false;
  }
  if (token.kind === ']') {
    cursor.syntaxError(token, "')' closes a list");
    cursor.advance();
    return false;
  }
  if (!endsList(token) && !cursor.beginsStatement()) return true;
  cursor.missing(')', opener);
  return false;
}

function readItem(cursor: Cursor, token: Token, items: Scalar[]): void {
  cursor.advance();
  if (token.kind === '=') {
    cursor.syntaxError(token, 'a list holds plain values', 'keys and values stand in [ ]');
  } else if (token.quote === undefined && /^[,;]+$/.test(token.text)) {
    const rule = 'the values of a list are separated by white space only';
    cursor.syntaxError(token, rule, `remove '${token.text}'`);
  } else items.push(readScalar(cursor, token));
}

function skipNested(cursor: Cursor): void {
  cursor.syntaxError(cursor.peek(), 'lists and dictionaries cannot hold others', undefined, 'CFG-1105');
  cursor.skipBalanced();
}

function skipRestOfList(cursor: Cursor): void {
  while (!endsList(cursor.peek()) && cursor.peek().kind !== ')') {
    const { kind } = cursor.peek();
    if (kind === '(' || kind === '[') cursor.skipBalanced();
    else cursor.advance();
  }
  if (cursor.peek().kind === ')') cursor.advance();
}

/** `[` is at hand. */
export function readDictionary(cursor: Cursor): Dictionary {
  const opener = cursor.peek();
  const entries: Entry[] = [];
  cursor.advance();
  while (continuesDictionary(cursor, opener)) {
    const token = cursor.peek();
    if (token.kind === '(' || token.kind === '[') skipNested(cursor);
    else if (token.kind === '=') {
      cursor.syntaxError(token, 'a key is missing');
      cursor.advance();
    } else readEntry(cursor, token, entries);
  }
  return { kind: 'dictionary', entries, span: cursor.spanOf(opener, cursor.previous()) };
}

function continuesDictionary(cursor: Cursor, opener: Token): boolean {
  const token = cursor.peek();
  if (token.kind === ']') {
    cursor.advance();
    return false;
  }
  if (token.kind === ')') {
    cursor.syntaxError(token, "']' closes a dictionary");
    cursor.advance();
    return false;
  }
  // `Replicate "inbound_cidr" {` at the start of a line: the dictionary before it was not closed.
  const isScope = cursor.beginsStatement() && cursor.peek(1).kind !== '=';
  if (!endsList(token) && !isScope) return true;
  cursor.missing(']', opener);
  return false;
}

function readEntry(cursor: Cursor, key: Token, entries: Entry[]): void {
  cursor.advance();
  if (cursor.peek().kind !== '=') {
    cursor.syntaxError(key, `'=' is missing behind the key '${shorten(key.text)}'`);
    return;
  }
  cursor.advance();
  const value = cursor.peek();
  if (value.kind === '(' || value.kind === '[') skipNested(cursor);
  else if (!isScalar(value) || (value.startsLine && cursor.peek(1).kind === '=')) {
    cursor.syntaxError(value, `the key '${shorten(key.text)}' has no value`);
  } else {
    cursor.advance();
    entries.push({ key: readScalar(cursor, key), value: readScalar(cursor, value) });
  }
}
