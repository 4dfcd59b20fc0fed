/**
 * The configuration after validation: scopes with their settings, all declarations of an instance merged into one
 * (CONF-5.1). Later assignments win one by one; lists and dictionaries are replaced whole.
 */
import { type Prefix, parsePrefix } from './address.ts';
import type { LoadedFile } from './load.ts';
import type { OptionSchema, ScopeSchema } from './schema/option.ts';
import type { Span } from './source.ts';
import type { Assignment, Value } from './syntax-tree.ts';
import type { SettingValue } from './values.ts';

export interface Setting {
  readonly schema: OptionSchema;
  readonly value: SettingValue;
  /** As typed, and where. */
  readonly raw: Value;
  readonly nameSpan: Span;
}

/** A stretch of a file whose statements are those of one scope: the body of a stanza, or a file included in it. */
export interface Place {
  readonly file: LoadedFile;
  readonly body: Span;
  /** How many statements were read before its end. */
  endOrder: number;
}

/** One of perhaps several statements that set an option. */
export interface Assigned {
  readonly file: LoadedFile;
  readonly statement: Assignment;
  /** How many statements were read before it. */
  readonly order: number;
}

export class Scope {
  readonly schema: ScopeSchema;
  readonly parent: Scope | undefined;
  /** Name as first typed; empty for an anonymous scope. */
  readonly instance: string;
  /** The one spelling by which instances are compared. */
  readonly key: string;
  /** Where it was declared first. */
  readonly span: Span;
  /** By name in lower case. */
  readonly settings = new Map<string, Setting>();
  /** Where it is declared, in reading order. */
  readonly places: Place[] = [];
  /** What files say of each option; by name in lower case. */
  readonly #assigned = new Map<string, Assigned[]>();
  readonly #children = new Map<string, Map<string, Scope>>();
  #prefix: Prefix | undefined;

  constructor(
    schema: ScopeSchema,
    span: Span,
    place: { parent?: Scope; instance?: string; key?: string } = {},
  ) {
    this.schema = schema;
    this.span = span;
    this.parent = place.parent;
    this.instance = place.instance ?? '';
    this.key = place.key ?? '';
  }

  /** Names of the scopes from the outermost, in lower case: `binding_group::binding`; `global` outside of all. */
  get path(): string {
    if (this.parent === undefined) return 'global';
    const own = this.schema.name.toLowerCase();
    return this.parent.parent === undefined ? own : `${this.parent.path}::${own}`;
  }

  /** Of a scope whose instances are prefixes; undefined for `Topology ""`, which stands for every address. */
  get prefix(): Prefix | undefined {
    const { instanceType } = this.schema;
    if (this.key === '' || (instanceType !== 'prefix' && instanceType !== 'network')) return undefined;
    if (this.#prefix === undefined) {
      const parsed = parsePrefix(this.key);
      if (typeof parsed !== 'string') this.#prefix = parsed;
    }
    return this.#prefix;
  }

  get(option: string): Setting | undefined {
    return this.settings.get(option.toLowerCase());
  }

  /** What files say of an option, in reading order. */
  assigned(option: string): readonly Assigned[] {
    return this.#assigned.get(option.toLowerCase()) ?? [];
  }

  note(option: string, assigned: Assigned): void {
    const known = this.#assigned.get(option);
    if (known) known.push(assigned);
    else this.#assigned.set(option, [assigned]);
  }

  child(kind: string, key: string): Scope | undefined {
    return this.#children.get(kind.toLowerCase())?.get(key);
  }

  /** Inner scopes of a kind in order of declaration; without a kind all of them. */
  children(kind?: string): Scope[] {
    const kinds =
      kind === undefined ? [...this.#children.values()] : [this.#children.get(kind.toLowerCase())];
    return kinds.flatMap((instances) => [...(instances?.values() ?? [])]);
  }

  /** The scope at the end of a path below this one. */
  at(path: readonly { readonly kind: string; readonly key: string }[]): Scope | undefined {
    let scope: Scope | undefined = this;
    for (const { kind, key } of path) scope = scope?.child(kind, key);
    return scope;
  }

  add(child: Scope): void {
    const kind = child.schema.name.toLowerCase();
    const instances = this.#children.get(kind) ?? new Map<string, Scope>();
    this.#children.set(kind, instances.set(child.key, child));
  }

  remove(child: Scope): void {
    this.#children.get(child.schema.name.toLowerCase())?.delete(child.key);
  }

  /** This scope and everything in it. */
  *all(): Generator<Scope> {
    yield this;
    for (const child of this.children()) yield* child.all();
  }
}
