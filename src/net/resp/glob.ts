/**
 * Patterns of Redis: `*`, `?`, `[a-z]`, `[^a]`, and `\` before a character that means itself. By hand, because a regular
 * expression with many stars can take for ever: here it is at most the length of the pattern times that of the text.
 */
type Token = '*' | ((character: string) => boolean);

const tokenPattern = /\*+|\?|\[(\^?)((?:\\.|[^\]\\])*)\]|\\?(.)/gsu;
const rangePattern = /\\?(.)(?:-\\?(.))?/gsu;

export function globTest(pattern: string): (text: string) => boolean {
  const tokens = Array.from(pattern.matchAll(tokenPattern), tokenOf);
  return (text) => matches(tokens, [...text]);
}

function tokenOf([token, not, members, character]: RegExpExecArray): Token {
  if (token.startsWith('*')) return '*';
  if (token === '?') return () => true;
  if (members === undefined) return (one) => one === character;
  const ranges = Array.from(members.matchAll(rangePattern), ([, from, to = from]) => [from!, to!].sort());
  return (one) => ranges.some(([from, to]) => one >= from! && one <= to!) !== (not === '^');
}

/** After a failure it goes on at the last star, which then stands for one character more. */
function matches(tokens: readonly Token[], text: readonly string[]): boolean {
  let [at, token, star, starAt] = [0, 0, -1, 0];
  while (at < text.length) {
    const test = tokens[token];
    if (test === '*') [star, starAt] = [token++, at];
    else if (test?.(text[at]!)) [at, token] = [at + 1, token + 1];
    else if (star >= 0) [at, token] = [++starAt, star + 1];
    else return false;
  }
  return tokens.slice(token).every((rest) => rest === '*');
}
