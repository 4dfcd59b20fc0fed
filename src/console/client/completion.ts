/** Tab completion of commands, from the list that the server's `help` gives (CON-16). */

/** Words of the client itself (CON-21). */
const clientWords: readonly string[] = ['quit', '\\pager'];

export interface ServerCommand {
  readonly words: string;
  /** Behind it, after so many names, stands a command of nodes. */
  readonly carries?: { readonly names: number };
}

export interface ServerCommands {
  readonly commands?: readonly ServerCommand[];
  /** What a manager can send to nodes. */
  readonly nodeCommands?: readonly string[];
}

/** The words that can stand next, each followed by a blank, and the part of the line they replace: what readline wants. */
export function complete(
  line: string,
  { commands = [], nodeCommands = [] }: ServerCommands,
): [string[], string] {
  const typed = wordsOf(line);
  const partial = typed.pop() ?? '';
  const carried = commands.map((command) => carriedBy(command, typed)).find((rest) => rest !== undefined);
  if (carried !== undefined) return [next([...carried, partial], nodeCommands, []), partial];
  const words = commands.map((command) => command.words);
  return [next([...typed, partial], words, clientWords), partial];
}

function wordsOf(line: string): string[] {
  return line
    .trimStart()
    .replace(/^(?:(?:xml|json|help)\s+)+/i, '')
    .split(/\s+/);
}

/** What was typed of the command for nodes behind `broadcast`, `unicast NODE` and their like. */
function carriedBy({ words, carries }: ServerCommand, typed: readonly string[]): string[] | undefined {
  const own = words.split(' ');
  if (carries === undefined || !own.every((word, index) => typed[index]?.toLowerCase() === word))
    return undefined;
  const rest = typed.slice(own.length);
  if (rest[0]?.toLowerCase() === '-w') rest.splice(0, /^\d+$/.test(rest[1] ?? '') ? 2 : 1);
  if (rest.length < carries.names) return undefined;
  const command = rest.slice(carries.names);
  return /^(?:xml|json)$/i.test(command[0] ?? '') ? command.slice(1) : command;
}

function next(
  typed: readonly string[],
  commands: readonly string[],
  firstWords: readonly string[],
): string[] {
  const before = typed.slice(0, -1).map((word) => word.toLowerCase());
  const partial = typed.at(-1)?.toLowerCase() ?? '';
  const found = new Set<string>();
  for (const command of [...commands, ...(before.length === 0 ? [...firstWords, 'xml', 'json'] : [])]) {
    const words = command.split(' ');
    const word = words[before.length];
    const fits = before.every((each, index) => words[index] === each);
    if (fits && word?.startsWith(partial)) found.add(`${word} `);
  }
  return [...found].sort();
}
