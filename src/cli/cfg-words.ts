/**
 * The words of `flotilla cfg` as operators type them: options may be shortened while they are unique, with one hyphen or two
 * (CONF-11.3). What comes out is for the parser of the command line.
 */
import type { Command, Option } from 'commander';

/** The words with whole options; or which of them has two meanings. */
export function wholeOptions(
  words: readonly string[],
  program: Command,
): { readonly words: string[] } | { readonly problem: string } {
  const whole: string[] = [];
  let command: Command | undefined;
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === '--') return { words: [...whole, ...words.slice(index)] };
    if (!/^--?[A-Za-z]/.test(word)) {
      command ??= program.commands.find((each) => each.name() === word);
      whole.push(word);
      continue;
    }
    const [, typed = '', value] = /^--?([^=]+)(=.*)?$/s.exec(word) ?? [];
    const known = [...(command ?? program).options, ...program.options];
    const meant = optionsOf(typed, word, known);
    if (meant.length > 1)
      return { problem: `option '${word}' is ambiguous: ${meant.map(({ long }) => long).join(', ')}` };
    const [option] = meant;
    whole.push(option ? `${option.long ?? option.short}${value ?? ''}` : word);
    // Its value may look like an option.
    const next = words[index + 1];
    if (option?.required && value === undefined && next !== undefined) {
      whole.push(next);
      index++;
    }
  }
  return { words: whole };
}

function optionsOf(typed: string, word: string, known: readonly Option[]): Option[] {
  const exact = known.find(({ long, short }) => long === `--${typed}` || short === word);
  if (exact) return [exact];
  const begun = known.filter(({ long }) => long?.startsWith(`--${typed}`));
  return begun.filter(({ long }, index) => begun.findIndex((other) => other.long === long) === index);
}
