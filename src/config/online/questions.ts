/**
 * Questions to the running configuration: `config get`, `eval`, `show`, `showrecurse`, `locate` (CONF-10). Each is a function
 * of the scope tree; undefined for words that are no such question.
 */
import { LinePattern } from '../../core/line-pattern.ts';
import { keysOf, pathOf, type Step } from '../change.ts';
import { Findings } from '../finding.ts';
import { parseSource } from '../parser.ts';
import { globalScope } from '../schema/global.ts';
import { placesOfScope } from '../schema/lookup.ts';
import type { Scope, Setting } from '../scope-tree.ts';
import { defaultFor, resolve, searched, type Target } from '../scopes.ts';
import { canonicalName, headOf, indentedValue, scopePath, showAll, showScope, valueLine } from '../show.ts';
import { Source } from '../source.ts';
import { didYouMean } from '../suggest.ts';
import type { Value } from '../syntax-tree.ts';
import { notSet, type OptionPlace, optionPlaceOf, stepsText } from './option-place.ts';

export interface ConfigReply {
  readonly isDone: boolean;
  /** Lines. */
  readonly text: string;
}

export type Reply = ConfigReply | undefined;

const said = (text: string): ConfigReply => ({ isDone: true, text });
export const refused = (text: string): ConfigReply => ({ isDone: false, text: `${text}\n` });

export function get(root: Scope, words: readonly string[]): Reply {
  const place = optionPlaceOf(words);
  if (place === undefined) return undefined;
  if (typeof place === 'string') return refused(place);
  if (place.rest.length > 0) return undefined;
  const setting = scopeAt(root, place.path)?.get(place.option.name);
  return said(setting ? valueLine(place.option, setting.raw, place.path.length > 0) : notSet(place));
}

/** With `--explain` before the path: also where the value comes from. */
export function evaluate(root: Scope, words: readonly string[]): Reply {
  const isExplained = words[0] === '--explain';
  const place = optionPlaceOf(isExplained ? words.slice(1) : words);
  if (place === undefined) return undefined;
  if (typeof place === 'string') return refused(place);
  if (place.rest.length > 0) return undefined;
  const { value, text } = effective(root, place);
  const line = value === undefined ? notSet(place) : valueLine(place.option, value, place.path.length > 0);
  return said(isExplained ? line + text : line);
}

/** After something was unset. */
export function effectiveText(root: Scope, place: OptionPlace): string {
  const { value } = effective(root, place);
  const { option } = place;
  return value === undefined
    ? `        ${canonicalName(option.name)} is not set\n`
    : indentedValue(option, value);
}

/** The value that counts, and the explanation. */
function effective(
  root: Scope,
  { path, option }: OptionPlace,
): { readonly value: Value | undefined; readonly text: string } {
  if (option.paths === undefined) {
    const setting = scopeAt(root, path)?.get(option.name);
    const looked = `  looked in ${stepsText(path) || 'the global scope'}\n`;
    return { value: setting?.raw ?? parsedDefault(option.default), text: originText(setting) + looked };
  }
  const target = targetOf(root, path);
  const { setting } = resolve(root, option, target);
  const looked = [...searched(root, option, target)].map(
    ({ path: kinds, scopes }) => `  looked in ${kinds}: ${foundText(scopes, option.name)}\n`,
  );
  const upTo = looked.findIndex((line) => line.includes(': set'));
  const shown = upTo < 0 ? looked : looked.slice(0, upTo + 1);
  const value = setting?.raw ?? parsedDefault(defaultFor(option, target));
  return { value, text: originText(setting) + shown.join('') };
}

function foundText(scopes: readonly Scope[], option: string): string {
  if (scopes.length === 0) return 'no such scope';
  const found = scopes.find((scope) => scope.get(option) !== undefined);
  return found === undefined ? 'not set' : `set in ${scopePath(found) || 'the global scope'}`;
}

function originText(setting: Setting | undefined): string {
  if (setting === undefined) return '  the built-in default\n';
  const { file, line, column } = setting.raw.span.source.positionOf(setting.raw.span.start);
  return `  set at ${file}:${line}:${column}\n`;
}

/** Default values are written as in a file. */
function parsedDefault(text: string | undefined): Value | undefined {
  if (text === undefined) return undefined;
  const [item] = parseSource(new Source('default', `default = ${text}`), new Findings(), { strict: false });
  return item?.kind === 'assignment' ? item.value : undefined;
}

/** A binding is known by its name alone, whichever group it stands in. */
function targetOf(root: Scope, path: readonly Step[]): Target {
  const target: Record<string, string> = {};
  for (const { schema, instance } of path) target[schema.name.toLowerCase()] = instance;
  const { binding } = target;
  if (binding !== undefined && target.binding_group === undefined) {
    const group = root.children('binding_group').find((each) => each.child('binding', binding) !== undefined);
    target.binding_group = group?.instance ?? 'default';
  }
  return target;
}

export function scopeAt(root: Scope, path: readonly Step[]): Scope | undefined {
  const keys = keysOf(path);
  return keys && root.at(keys);
}

export function show(root: Scope, words: readonly string[]): Reply {
  return shown(root, words, showScope);
}

export function showRecursive(root: Scope, words: readonly string[]): Reply {
  return shown(root, words, (scope) => showAll(scope));
}

function shown(root: Scope, words: readonly string[], print: (scope: Scope) => string): Reply {
  const { path, rest } = pathOf(globalScope, words);
  if (rest.length === 1) return get(root, words);
  if (rest.length > 1) return undefined;
  const scope = scopeAt(root, path);
  return scope ? said(print(scope)) : refused(`There is no scope '${stepsText(path)}'.`);
}

export function locate(root: Scope, [name, pattern, ...more]: readonly string[]): Reply {
  if (name === undefined || more.length > 0) return undefined;
  if (placesOfScope(name).length === 0) {
    const hint = didYouMean(
      name,
      globalScope.scopes.map((scope) => scope.name),
    );
    return refused(`'${name}' is not a scope${hint === undefined ? '' : ` (${hint})`}`);
  }
  const parsed = pattern === undefined ? undefined : LinePattern.parse(pattern);
  if (typeof parsed === 'string') return refused(`'${pattern}' cannot be looked for: ${parsed}`);
  const found = [...root.all()].filter(
    ({ schema, instance, parent }) =>
      parent !== undefined &&
      schema.name.toLowerCase() === name.toLowerCase() &&
      (parsed === undefined || parsed.test(instance)),
  );
  return said(found.map((scope) => `${headOf(scope)}\n  is at ${scopePath(scope)}\n`).join(''));
}
