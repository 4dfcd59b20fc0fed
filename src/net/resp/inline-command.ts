/**
 * A command typed as one line, as by hand with telnet: words between blanks, `"..."` with escapes, `'...'` as it stands.
 * Works on bytes, so that what is between quotes need not be text.
 */
const blanks = new Set([...' \t\v\f\r\n\0'].map((blank) => blank.charCodeAt(0)));
const escapes: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 };
const doubleQuote = 0x22;
const singleQuote = 0x27;
const backslash = 0x5c;

/** The words of the line, or undefined when quotes do not end, or end within a word. */
export function inlineWords(line: Uint8Array): Buffer[] | undefined {
  const words: Buffer[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && blanks.has(line[at]!)) at++;
    if (at >= line.length) return words;
    const word: number[] = [];
    while (at < line.length && !blanks.has(line[at]!)) {
      const quote = line[at]!;
      if (quote !== doubleQuote && quote !== singleQuote) {
        word.push(quote);
        at++;
        continue;
      }
      at = readQuoted(line, at + 1, quote, word);
      if (at < 0 || (at < line.length && !blanks.has(line[at]!))) return undefined;
    }
    words.push(Buffer.from(word));
  }
}

/** Where the text goes on after the closing quote; -1 when there is none. */
function readQuoted(line: Uint8Array, start: number, quote: number, word: number[]): number {
  let at = start;
  while (at < line.length) {
    const byte = line[at]!;
    if (byte === quote) return at + 1;
    if (byte !== backslash || at + 1 >= line.length) {
      word.push(byte);
      at++;
    } else if (quote === singleQuote) {
      const isQuote = line[at + 1] === singleQuote;
      word.push(isQuote ? singleQuote : backslash);
      at += isQuote ? 2 : 1;
    } else at = readEscape(line, at + 1, word);
  }
  return -1;
}

function readEscape(line: Uint8Array, at: number, word: number[]): number {
  const letter = String.fromCharCode(line[at]!);
  const digits = String.fromCharCode(...line.subarray(at + 1, at + 3));
  if (letter === 'x' && /^[0-9a-f]{2}$/i.test(digits)) {
    word.push(Number.parseInt(digits, 16));
    return at + 3;
  }
  word.push(escapes[letter] ?? line[at]!);
  return at + 1;
}
