/**
 * A console line as words (CON-8, CON-9): blanks and line ends separate, double quotes group, a backslash escapes
 * inside quotes, as in the configuration language. `#` is an ordinary character, because private names begin with it.
 *
 * Invariant: any text gives either words or a problem; nothing throws. The scan is a plain loop: a regular expression
 * for quotations keeps a backtracking entry for each character and can overflow on a line of 1 MiB.
 */

export type Split = { readonly words: readonly string[] } | { readonly problem: string };

export function splitWords(line: string): Split {
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  while (at < line.length) {
    const char = line[at]!;
    if (isBlank(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at++;
    } else if (char === '"') {
      const end = closingQuote(line, at);
      if (end === undefined) return { problem: `the quotation mark at column ${at + 1} is not closed` };
      word = (word ?? '') + resolveEscapes(line.slice(at + 1, end));
      at = end + 1;
    } else {
      const end = plainEnd(line, at);
      word = (word ?? '') + line.slice(at, end);
      at = end;
    }
  }
  if (word !== undefined) words.push(word);
  return { words };
}

/** The word as it has to be typed, so that `splitWords` gives it back. */
export function quoteWord(word: string): string {
  if (word !== '' && !/[\s"]/.test(word)) return word;
  return `"${word.replace(/["\\]/g, '\\$&')}"`;
}

function isBlank(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\n' || char === '\r' || char === '\v' || char === '\f';
}

function closingQuote(line: string, open: number): number | undefined {
  for (let at = open + 1; at < line.length; at++) {
    if (line[at] === '\\') at++;
    else if (line[at] === '"') return at;
  }
  return undefined;
}

function plainEnd(line: string, start: number): number {
  let at = start;
  while (at < line.length && line[at] !== '"' && !isBlank(line[at]!)) at++;
  return at;
}

/** What `\c` means inside quotes; any other `\c` stays backslash and c, so that `"\w+"` needs no doubling. */
const escapes: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n', r: '\r', t: '\t' };

function resolveEscapes(quoted: string): string {
  return quoted.replace(/\\([\s\S])/g, (whole, char: string) =>
    Object.hasOwn(escapes, char) ? escapes[char]! : whole,
  );
}
