/** Finding things in the schema by name, without case. */
import { globalScope } from './global.ts';
import type { OptionSchema, ScopeSchema } from './option.ts';

interface Index {
  readonly options: ReadonlyMap<string, OptionSchema>;
  readonly scopes: ReadonlyMap<string, ScopeSchema>;
}

const indexes = new WeakMap<ScopeSchema, Index>();

function indexOf(schema: ScopeSchema): Index {
  const known = indexes.get(schema);
  if (known !== undefined) return known;
  const options = new Map<string, OptionSchema>();
  for (const option of schema.options) {
    options.set(option.name.toLowerCase(), option);
    if (option.alias !== undefined) options.set(option.alias.toLowerCase(), option);
  }
  const index = { options, scopes: new Map(schema.scopes.map((scope) => [scope.name.toLowerCase(), scope])) };
  indexes.set(schema, index);
  return index;
}

/** The option of that name, if it is valid in a scope at `path`. */
export function optionOf(schema: ScopeSchema, path: string, name: string): OptionSchema | undefined {
  const option = indexOf(schema).options.get(name.toLowerCase());
  return option?.paths === undefined || option.paths.includes(path) ? option : undefined;
}

export function scopeOf(schema: ScopeSchema, name: string): ScopeSchema | undefined {
  return indexOf(schema).scopes.get(name.toLowerCase());
}

/** Each scope of the schema with its path; a scope that may stand in several places comes several times. */
export function* scopesWithPaths(
  schema: ScopeSchema = globalScope,
  path = 'global',
  shown = 'global',
): Generator<{ schema: ScopeSchema; path: string; shown: string }> {
  yield { schema, path, shown };
  for (const scope of schema.scopes) {
    const name = scope.name.toLowerCase();
    const isTop = path === 'global';
    yield* scopesWithPaths(
      scope,
      isTop ? name : `${path}::${name}`,
      isTop ? scope.name : `${shown}::${scope.name}`,
    );
  }
}

/** Names of the options that are valid in a scope at `path`. */
export function optionNamesOf(schema: ScopeSchema, path: string): string[] {
  return schema.options
    .filter((option) => optionOf(schema, path, option.name) === option)
    .map((option) => option.name);
}

let places: { readonly options: Map<string, string[]>; readonly scopes: Map<string, string[]> } | undefined;

function allPlaces() {
  if (places !== undefined) return places;
  places = { options: new Map(), scopes: new Map() };
  const note = (map: Map<string, string[]>, name: string, place: string) => {
    const key = name.toLowerCase();
    map.set(key, [...(map.get(key) ?? []), place]);
  };
  for (const { schema, path, shown } of scopesWithPaths()) {
    for (const option of optionNamesOf(schema, path)) note(places.options, option, shown);
    for (const scope of schema.scopes) note(places.scopes, scope.name, shown);
  }
  return places;
}

/** Where an option of that name is valid, as `Scope::Scope`. */
export function placesOfOption(name: string): readonly string[] {
  return allPlaces().options.get(name.toLowerCase()) ?? [];
}

/** The scopes in which a scope of that name may stand. */
export function placesOfScope(name: string): readonly string[] {
  return allPlaces().scopes.get(name.toLowerCase()) ?? [];
}
