/**
 * Fallback (CONF-5.2): the value of an option for a target is the one of the most specific scope that sets it, else of
 * its containers outward to the global scope, else the built-in default. The order is the option's own, in the schema.
 *
 * Resolution is by option: of one Domain stanza one option may count while another comes from elsewhere. The scope that
 * supplied the value is part of the answer, because throttles that fall back to one scope share its budget.
 */
import { contains, endpointKey, parseEndpoint, parsePrefix } from './address.ts';
import { defaultOf } from './defaults.ts';
import { looksLikeRegex, parseSlashedRegex } from './regex.ts';
import { scopeOf } from './schema/lookup.ts';
import type { OptionSchema } from './schema/option.ts';
import type { Scope, Setting } from './scope-tree.ts';
import type { SettingValue } from './values.ts';

/**
 * What the value is asked for: kind of scope in lower case and the name there: a binding's name, a domain, an endpoint,
 * for `peer` the client's address. Anonymous scopes such as a listener are named by the empty string; a binding outside
 * of groups is in the group `default`.
 */
export type Target = Readonly<Record<string, string>>;

export interface Resolution {
  readonly value: SettingValue | undefined;
  /** The scope that set it, or undefined for the default. */
  readonly scope: Scope | undefined;
  readonly setting: Setting | undefined;
}

/** A target need not exist as a scope: the answer is then what it would fall back to. */
export function resolve(root: Scope, option: OptionSchema, target: Target): Resolution {
  for (const { scopes } of searched(root, option, target)) {
    for (const scope of scopes) {
      const setting = scope.get(option.name);
      if (setting !== undefined) return { value: setting.value, scope, setting };
    }
  }
  return { value: defaultOf(option, defaultFor(option, target)), scope: undefined, setting: undefined };
}

/** Where an option is looked for, in order: paths of scope names, and the scopes there that fit, best first. */
export function* searched(
  root: Scope,
  option: OptionSchema,
  target: Target,
): Generator<{ readonly path: string; readonly scopes: readonly Scope[] }> {
  const { alone, paths = [] } = option;
  const isAlone = alone !== undefined && alone.scope in target;
  for (const path of paths) {
    const kinds = path.split('::');
    if (isAlone && !kinds.includes(alone.scope)) continue;
    if (path !== 'global' && kinds.some((kind) => target[kind] === undefined)) continue;
    yield { path, scopes: scopesAt(root, path, target) };
  }
}

/** In configuration syntax; where nothing sets the option. */
export function defaultFor({ alone, default: usual }: OptionSchema, target: Target): string | undefined {
  return alone !== undefined && alone.scope in target ? alone.default : usual;
}

/** The scopes at a path that fit the target, best first. */
function scopesAt(root: Scope, path: string, target: Target): Scope[] {
  if (path === 'global') return [root];
  let scopes = [root];
  for (const kind of path.split('::')) {
    const name = target[kind];
    if (name === undefined) return [];
    scopes = scopes.flatMap((scope) => instancesFor(scope, kind, name));
  }
  return scopes;
}

/** The instances of a kind that a name fits, best first. */
function instancesFor(parent: Scope, kind: string, name: string): Scope[] {
  switch (scopeOf(parent.schema, kind)?.instanceType) {
    case 'domain':
      return [
        ...existing(parent.child(kind, name.toLowerCase())),
        ...parent.children(kind).filter((scope) => matchesRegex(scope, name)),
      ];
    case 'prefix':
    case 'network':
      return byPrefix(parent.children(kind), name);
    case 'endpoint': {
      const endpoint = parseEndpoint(name, false);
      return existing(parent.child(kind, typeof endpoint === 'string' ? name : endpointKey(endpoint)));
    }
    default:
      return existing(parent.child(kind, name));
  }
}

function existing(scope: Scope | undefined): Scope[] {
  return scope === undefined ? [] : [scope];
}

function matchesRegex(scope: Scope, name: string): boolean {
  if (!looksLikeRegex(scope.key)) return false;
  const regex = parseSlashedRegex(scope.key);
  return typeof regex !== 'string' && regex.test(name);
}

/** Longest first. An instance without a prefix (`Topology ""`) stands for every address. */
function byPrefix(instances: readonly Scope[], address: string): Scope[] {
  const wanted = parsePrefix(address);
  if (typeof wanted === 'string') return [];
  const bitsOf = (scope: Scope) => scope.prefix?.bits ?? -1;
  return instances
    .filter(({ prefix }) => prefix === undefined || contains(prefix, wanted))
    .sort((a, b) => bitsOf(b) - bitsOf(a));
}
