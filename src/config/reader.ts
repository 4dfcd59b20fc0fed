/**
 * Typed reading of settings: what a scope sets itself, else the default. The schema promises the type, so a value of
 * another one is a defect and throws.
 */
import { defaultOf } from './defaults.ts';
import { globalScope } from './schema/global.ts';
import { scopeOf } from './schema/lookup.ts';
import type { ScopeSchema } from './schema/option.ts';
import type { Scope } from './scope-tree.ts';
import type { SettingValue } from './values.ts';

export class ScopeReader {
  readonly #schema: ScopeSchema;
  readonly #scope: Scope | undefined;

  /** `scope` may be undefined: then everything has its default. */
  constructor(schema: ScopeSchema, scope: Scope | undefined) {
    this.#schema = schema;
    this.#scope = scope;
  }

  /** Of an anonymous scope outside of all others. */
  static ofTop(root: Scope, name: string): ScopeReader {
    const schema = scopeOf(globalScope, name);
    if (schema === undefined) throw new Error(`the schema has no scope '${name}'`);
    return new ScopeReader(schema, root.child(name, ''));
  }

  isSet(option: string): boolean {
    return this.#scope?.get(option) !== undefined;
  }

  value(option: string): SettingValue | undefined {
    const setting = this.#scope?.get(option);
    if (setting !== undefined) return setting.value;
    const schema = this.#schema.options.find(({ name }) => name === option);
    if (schema === undefined) throw new Error(`the scope '${this.#schema.name}' has no option '${option}'`);
    return defaultOf(schema);
  }

  flag(option: string): boolean {
    return asFlag(this.value(option));
  }

  number(option: string): number {
    return asNumber(this.value(option));
  }

  /** Undefined when unset. */
  text(option: string): string | undefined {
    const value = this.value(option);
    return value === undefined ? undefined : asText(value);
  }

  texts(option: string): string[] {
    return asTexts(this.value(option));
  }

  seconds(option: string): number | undefined {
    const value = this.value(option);
    return value === undefined ? undefined : asNumber(value);
  }
}

export function asFlag(value: SettingValue | undefined): boolean {
  if (typeof value !== 'boolean') throw new Error(`not a boolean: ${String(value)}`);
  return value;
}

export function asNumber(value: SettingValue | undefined): number {
  if (typeof value !== 'number') throw new Error(`not a number: ${String(value)}`);
  return value;
}

export function asText(value: SettingValue | undefined): string {
  if (typeof value !== 'string') throw new Error(`not a text: ${String(value)}`);
  return value;
}

/** A list of texts; nothing for an unset one. */
export function asTexts(value: SettingValue | undefined): string[] {
  return Array.isArray(value) ? value.map(asText) : [];
}
