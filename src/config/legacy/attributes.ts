/** `<duravip="enabled">` behind a listener or a scope of the 2.2 language: options of the scope now. */
import { quoted } from '../print.ts';
import { placesOfOption } from '../schema/lookup.ts';
import type { Problem, Walk } from './walk.ts';

const truths: Readonly<Record<string, boolean>> = {
  ...Object.fromEntries(['enabled', 'true', 'on', 'yes', '1'].map((word) => [word, true])),
  ...Object.fromEntries(['disabled', 'false', 'off', 'no', '0'].map((word) => [word, false])),
};

/** The options that the attributes at hand are, none when there are none; their text is taken out. */
export function readAttributes(walk: Walk): readonly string[] | Problem {
  const opener = walk.peek();
  if (!beginsAttributes(walk)) return [];
  const parts: string[] = [];
  for (let isClosed = false; !isClosed; ) {
    const token = walk.peek();
    const { kind } = token;
    if (kind !== 'word' && kind !== 'string' && kind !== '=')
      return { token: opener, text: "the attribute has no closing '>'" };
    let { text } = token;
    if (kind === 'word') {
      if (token === opener) text = text.slice(1);
      isClosed = text.endsWith('>');
      if (isClosed) text = text.slice(0, -1);
    }
    if (text !== '' || kind === 'string') parts.push(text);
    walk.takeOut(token);
    walk.advance();
  }
  const options: string[] = [];
  for (let at = 0; at < parts.length; at += 3) {
    const [name = '', equals, value] = parts.slice(at, at + 3);
    const option = equals === '=' && value !== undefined ? optionFor(name, value) : undefined;
    if (option === undefined)
      return {
        token: opener,
        text: `the attribute '${parts.slice(at, at + 3).join('')}' has no known meaning`,
      };
    walk.changed(opener, `the attribute ${name}="${value}" is ${option} now`);
    options.push(option);
  }
  return options;
}

export function beginsAttributes(walk: Walk, ahead = 0): boolean {
  const { kind, text } = walk.peek(ahead);
  return kind === 'word' && text.startsWith('<');
}

function optionFor(name: string, value: string): string | undefined {
  const truth = truths[value.toLowerCase()];
  if (name.toLowerCase() === 'duravip') return truth === undefined ? undefined : `Enable_Duravip = ${truth}`;
  return placesOfOption(name).length > 0 ? `${name} = ${quoted(value)}` : undefined;
}
