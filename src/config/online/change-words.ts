/** `config set` and `unset` as changes, and what a console says of them (CONF-10). */
import { type Change, instanceText, pathOf } from '../change.ts';
import { Findings } from '../finding.ts';
import { parseSource } from '../parser.ts';
import { quoted } from '../print.ts';
import { globalScope } from '../schema/global.ts';
import type { OptionType } from '../schema/option.ts';
import type { Scope } from '../scope-tree.ts';
import { canonicalName, echoText } from '../show.ts';
import { shownText } from '../shown-value.ts';
import { Source } from '../source.ts';
import { notSet, type OptionPlace, optionPlaceOf, stepsText } from './option-place.ts';
import { type ConfigReply, effectiveText, refused, scopeAt } from './questions.ts';

export interface Wish {
  readonly change: Change;
  /** Of an option. */
  readonly place: OptionPlace | undefined;
}

/** Undefined for words that are no such command; a reply where it cannot be. */
export function wishToSet(words: readonly string[]): Wish | ConfigReply | undefined {
  const place = optionPlaceOf(words);
  if (place === undefined) return undefined;
  if (typeof place === 'string') return refused(place);
  const { path, option } = place;
  const value = valueText(place.rest[0] === '=' ? place.rest.slice(1) : place.rest, option.type);
  if (value === undefined) return undefined;
  return { change: { kind: 'set', path, option: option.name, value }, place };
}

export function wishToUnset(root: Scope, words: readonly string[]): Wish | ConfigReply | undefined {
  const { path, rest } = pathOf(globalScope, words);
  if (rest.length === 0) {
    if (path.length === 0)
      return words.length === 0 ? refused('The global scope cannot be unset.') : undefined;
    if (!scopeAt(root, path)) return refused(`There is no scope '${stepsText(path)}'.`);
    return { change: { kind: 'unset', path, option: undefined }, place: undefined };
  }
  const place = optionPlaceOf(words);
  if (place === undefined) return undefined;
  if (typeof place === 'string') return refused(place);
  if (place.rest.length > 0) return undefined;
  if (!scopeAt(root, path)?.get(place.option.name)) return { isDone: false, text: notSet(place) };
  return { change: { kind: 'unset', path, option: place.option.name }, place };
}

/** What is said when it is done; `root` has it. */
export function doneText({ change, place }: Wish, root: Scope): string {
  if (change.kind === 'set') return place ? setEcho(change, place) : '';
  if (change.kind !== 'unset') return '';
  if (!place) return `Scope '${stepsText(change.path)}' has been unset.\n`;
  return `"${canonicalName(place.option.name)}" has been unset. Effective value is now:\n${effectiveText(root, place)}`;
}

function setEcho({ option, value }: Change & { kind: 'set' }, { option: schema }: OptionPlace): string {
  const source = new Source('echo', `${option} = ${value}`);
  const [item] = parseSource(source, new Findings(), { strict: false });
  return item?.kind === 'assignment' ? echoText(schema, item.value) : '';
}

/** As it was typed, or as it would have been (`config replay`), without a secret. */
export function commandOf({ change, place }: Wish): string | undefined {
  if (change.kind === 'clear') return undefined;
  const words = change.path.map(
    ({ schema, instance }) => `${canonicalName(schema.name)}${instanceText(schema, instance)}`,
  );
  const option = change.option === undefined ? [] : [canonicalName(change.option)];
  const value = change.kind === 'set' ? [place ? shownText(place.option, change.value) : change.value] : [];
  return ['config', change.kind, ...words, ...option, ...value].join(' ');
}

/**
 * Words are what is left of a line without its quotes; what needs them gets them again. One word is a list or dictionary only
 * where an option takes one: `"[::1]:2525"` and `"[%H:%M] "` are neither.
 */
function valueText(words: readonly string[], { kind }: OptionType): string | undefined {
  const [first] = words;
  if (first === undefined) return undefined;
  const isSingle = kind !== 'list' && kind !== 'dictionary' && kind !== 'any';
  if (isSingle && words.length === 1) return scalarText(first);
  if (first.startsWith('(')) return listText(words);
  if (first.startsWith('[')) return dictionaryText(words);
  return words.length === 1 ? scalarText(first) : undefined;
}

function listText(words: readonly string[]): string | undefined {
  const inner = betweenBrackets(words, '(', ')');
  return inner && (inner.length === 0 ? '( )' : `( ${inner.map(scalarText).join(' ')} )`);
}

/** `a = b`, `a=b`, `a= b`. */
function dictionaryText(words: readonly string[]): string | undefined {
  const inner = betweenBrackets(words, '[', ']');
  if (inner === undefined) return undefined;
  const parts = inner.flatMap((word) => (word === '=' ? ['='] : splitPair(word)));
  const entries: string[] = [];
  for (let at = 0; at < parts.length; at += 3) {
    const [key, equals, value] = parts.slice(at, at + 3);
    if (key === undefined || equals !== '=' || value === undefined) return undefined;
    entries.push(`${scalarText(key)} = ${scalarText(value)}`);
  }
  return entries.length === 0 ? '[ ]' : `[ ${entries.join(' ')} ]`;
}

function splitPair(word: string): string[] {
  const at = word.indexOf('=');
  return at < 0 ? [word] : [word.slice(0, at), '=', word.slice(at + 1)].filter((part) => part !== '');
}

/** The brackets may stand alone or touch what they hold. */
function betweenBrackets(words: readonly string[], open: string, close: string): string[] | undefined {
  const inner = [...words];
  inner[0] = inner[0]!.slice(open.length);
  const last = inner.length - 1;
  if (!inner[last]!.endsWith(close)) return undefined;
  inner[last] = inner[last]!.slice(0, -close.length);
  return inner.filter((word, at) => word !== '' || (at !== 0 && at !== last));
}

function scalarText(word: string): string {
  return /^[\w.:+*%@~$&|!?-]+$/.test(word) ? word : quoted(word);
}
