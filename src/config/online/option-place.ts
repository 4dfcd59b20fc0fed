/** Words of a console line as scopes and an option (CONF-10), or what is wrong with them. */
import { pathOf, type Step } from '../change.ts';
import { globalScope } from '../schema/global.ts';
import { optionNamesOf, optionOf, placesOfOption } from '../schema/lookup.ts';
import type { OptionSchema, ScopeSchema } from '../schema/option.ts';
import { canonicalName } from '../show.ts';
import { didYouMean } from '../suggest.ts';

export interface OptionPlace {
  readonly path: readonly Step[];
  readonly schema: ScopeSchema;
  readonly option: OptionSchema;
  /** Behind the option. */
  readonly rest: readonly string[];
}

/** Undefined when no option is named; a text says that there is none of that name. */
export function optionPlaceOf(words: readonly string[]): OptionPlace | string | undefined {
  const { path, schema, rest } = pathOf(globalScope, words);
  const [name, ...behind] = rest;
  if (name === undefined) return undefined;
  const where = schemaPath(path);
  const option = optionOf(schema, where, name);
  return option ? { path, schema, option, rest: behind } : notAnOption(schema, where, name);
}

function notAnOption(schema: ScopeSchema, path: string, name: string): string {
  const hint = didYouMean(name, [
    ...optionNamesOf(schema, path),
    ...schema.scopes.map((scope) => scope.name),
  ]);
  const places = placesOfOption(name).slice(0, 5);
  const elsewhere = places.length === 0 ? undefined : `it is valid in scope ${places.join(', ')}`;
  const advice = hint ?? elsewhere;
  const text = `'${name}' is neither an option nor a scope of scope '${schema.name}'`;
  return advice === undefined ? text : `${text} (${advice})`;
}

/** As `Scope.path`. */
function schemaPath(path: readonly Step[]): string {
  return path.length === 0 ? 'global' : path.map(({ schema }) => schema.name.toLowerCase()).join('::');
}

/** As `scopePath`, of a scope that need not exist. */
export function stepsText(path: readonly Step[]): string {
  return path
    .map(({ schema, instance }) => `${canonicalName(schema.name)}:${instance.replaceAll(':', '\\:')}:`)
    .join('');
}

export function notSet({ path, option }: Pick<OptionPlace, 'path' | 'option'>): string {
  return `Option '${canonicalName(option.name)}' is not set in scope '${stepsText(path)}'.\n`;
}
