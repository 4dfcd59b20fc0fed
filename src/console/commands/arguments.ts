/** Arguments of commands: none at all, or clauses such as `from relay-1 top 10`. */
import { type Answer, usage } from '../answer.ts';
import type { Command } from '../registry.ts';

export function withoutArguments(
  words: string,
  help: string,
  impact: Command['impact'],
  run: () => Answer,
): Command {
  return { words, usage: words, help, impact, run: (args) => (args.length === 0 ? run() : usage(words)) };
}

/**
 * Pairs of a fixed word and a value, in any order, each word once. undefined when the words are not that: an unknown
 * word, one given twice, one without value.
 */
export function clauses<Name extends string>(
  args: readonly string[],
  names: readonly Name[],
): Partial<Record<Name, string>> | undefined {
  const found: Partial<Record<Name, string>> = {};
  for (let at = 0; at < args.length; at += 2) {
    const name = names.find((candidate) => candidate === args[at]!.toLowerCase());
    const value = args[at + 1];
    if (name === undefined || value === undefined || found[name] !== undefined) return undefined;
    found[name] = value;
  }
  return found;
}

/** A whole number from `least` to `most` in decimal digits, else undefined. */
export function wholeNumber(text: string, least: number, most: number): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value >= least && value <= most ? value : undefined;
}
