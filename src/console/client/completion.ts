/** Tab completion of commands, from the list that the server's `help` gives (CON-16). */

/** Words of the client itself (CON-21). */
const clientWords: readonly string[] = ['quit', '\\pager'];

/**
 * The words that can stand next, each followed by a blank, and the part of the line they replace: what readline wants.
 * `commands` are the fixed words of each command.
 */
export function complete(line: string, commands: readonly string[]): [string[], string] {
  const typed = line
    .trimStart()
    .replace(/^(?:(?:xml|json|help)\s+)+/i, '')
    .split(/\s+/);
  const partial = typed.pop() ?? '';
  const known = [...commands, ...(typed.length === 0 ? [...clientWords, 'xml', 'json'] : [])];
  const next = new Set<string>();
  for (const command of known) {
    const words = command.split(' ');
    const word = words[typed.length];
    const fits = typed.every((before, index) => words[index] === before.toLowerCase());
    if (fits && word?.startsWith(partial.toLowerCase())) next.add(`${word} `);
  }
  return [[...next].sort(), partial];
}
