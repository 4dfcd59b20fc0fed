/**
 * The modules of a configuration, as `module list` shows them (CMD-1): stanzas that `enabled` switches on and off, and what
 * is there because something else needs it. Stanzas of the mail server that are accepted and ignored are none.
 */
import { ScopeReader } from '../reader.ts';
import { globalScope } from '../schema/global.ts';
import { scopeOf } from '../schema/lookup.ts';
import type { ScopeSchema } from '../schema/option.ts';
import type { Scope } from '../scope-tree.ts';

export interface Module {
  /** The first word of its stanza, and of its console commands. */
  readonly scope: string;
  /** Undefined: there is one of it. */
  readonly instance: string | undefined;
  readonly isEnabled: boolean;
  readonly api: 'Logger' | 'Singleton' | 'Generic';
  readonly description: string;
}

/** It has commands and no stanza. */
const datasources: Module = {
  scope: 'ds_core',
  instance: undefined,
  isEnabled: true,
  api: 'Singleton',
  description: 'Queries of the Datasource stanzas, and their caches.',
};

/** By kind, in the order of the files; `always` names those that are loaded without a stanza of theirs, too. */
export function modulesOf(root: Scope, always: readonly string[]): Module[] {
  const stated = root
    .children()
    .filter(({ schema }) => isModule(schema))
    .map((scope) => moduleOf(scope.schema, scope));
  const implied = always
    .filter((name) => stated.every(({ scope }) => scope !== name))
    .map((name) => moduleOf(scopeOf(globalScope, name)!, undefined));
  return [...implied, ...stated, ...(root.children('datasource').length > 0 ? [datasources] : [])];
}

function isModule({ options, ignored }: ScopeSchema): boolean {
  return !ignored && options.some(({ name }) => name === 'enabled');
}

/** Its `enabled` does something. */
function isSwitch({ options }: ScopeSchema): boolean {
  return options.some(({ name, ignored }) => name === 'enabled' && !ignored);
}

function moduleOf(schema: ScopeSchema, scope: Scope | undefined): Module {
  const { name, text } = schema;
  const instance = scope?.instance === '' ? undefined : scope?.instance;
  const kind = name.endsWith('_logger') ? 'Logger' : 'Generic';
  return {
    scope: name,
    instance,
    isEnabled: isSwitch(schema) ? new ScopeReader(schema, scope).flag('enabled') : true,
    api: instance === undefined ? 'Singleton' : kind,
    description: text,
  };
}
