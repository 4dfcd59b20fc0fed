/**
 * A change that somebody types on a console (CONF-10): to one option of one scope. Running on, the configuration is what the
 * files said plus such changes, in order; a reload takes the files alone.
 */
import type { Findings } from './finding.ts';
import { instanceKey } from './instance-key.ts';
import { parseSource } from './parser.ts';
import { quoted } from './print.ts';
import { scopeOf } from './schema/lookup.ts';
import type { ScopeSchema } from './schema/option.ts';
import { Source } from './source.ts';
import type { Item } from './syntax-tree.ts';

/** How findings call what was typed. */
export const consoleName = 'console';

/** A scope on the way to another one. */
export interface Step {
  readonly schema: ScopeSchema;
  /** As typed; empty where there is none. */
  readonly instance: string;
}

export type Change =
  | {
      readonly kind: 'set';
      readonly path: readonly Step[];
      readonly option: string;
      /** In configuration syntax. */
      readonly value: string;
    }
  /** Without an option: everything in the scope and in those within it. */
  | { readonly kind: 'unset'; readonly path: readonly Step[]; readonly option: string | undefined }
  /** All but what no transaction can take away. */
  | { readonly kind: 'clear' };

/** What `config begin from scratch` leaves (CONF-10). */
export const keptScopes = ['threadpool', 'debug_flags'];
export const keptOptions = ['timestampformat'];

/** As the files would say it. */
export function itemsOfChange(
  { path, option, value }: Change & { kind: 'set' },
  ordinal: number,
  findings: Findings,
): Item[] {
  const opening = path.map(({ schema, instance }) => `${schema.name}${instanceText(schema, instance)} { `);
  const text = `${opening.join('')}${option} = ${value}${' }'.repeat(path.length)}`;
  return parseSource(new Source(consoleName, text, ordinal), findings, { strict: false });
}

/** What stands between the name of a scope and its brace. */
export function instanceText(schema: ScopeSchema, instance: string): string {
  const isUnnamed = schema.instance === 'none' || (schema.instance === 'optional' && instance === '');
  return isUnnamed ? '' : ` ${quoted(instance)}`;
}

/** As `Scope.at` wants it; undefined when a name can be none. */
export function keysOf(path: readonly Step[]): { kind: string; key: string }[] | undefined {
  const keys = path.map(({ schema, instance }) => ({
    kind: schema.name,
    key: instance === '' ? '' : instanceKey(schema, instance),
  }));
  return keys.every((each): each is { kind: string; key: string } => typeof each.key === 'string')
    ? keys
    : undefined;
}

/** As much of the words as names scopes, from `schema` on; the rest is an option, perhaps with its value. */
export function pathOf(
  schema: ScopeSchema,
  words: readonly string[],
): { readonly path: readonly Step[]; readonly schema: ScopeSchema; readonly rest: readonly string[] } {
  const path: Step[] = [];
  let here = schema;
  let at = 0;
  for (;;) {
    const next = words[at] === undefined ? undefined : scopeOf(here, words[at]!);
    if (next === undefined) return { path, schema: here, rest: words.slice(at) };
    at += 1;
    const isNamed =
      next.instance === 'required' || (next.instance === 'optional' && namesNothing(next, words[at]));
    const instance = isNamed ? (words[at] ?? '') : '';
    if (isNamed) at += 1;
    path.push({ schema: next, instance });
    here = next;
  }
}

function namesNothing({ options, scopes }: ScopeSchema, word: string | undefined): boolean {
  const isIt = ({ name }: { readonly name: string }) => name.toLowerCase() === word?.toLowerCase();
  return word !== undefined && !options.some(isIt) && !scopes.some(isIt);
}

/** What was said of the same option before does not matter any more. */
export function withChange(changes: readonly Change[], change: Change): readonly Change[] {
  const key = keyOf(change);
  return [...changes.filter((each) => key === undefined || keyOf(each) !== key), change];
}

function keyOf(change: Change): string | undefined {
  if (change.kind === 'clear' || change.option === undefined) return undefined;
  const keys = keysOf(change.path);
  return keys && JSON.stringify([keys, change.option.toLowerCase()]);
}
