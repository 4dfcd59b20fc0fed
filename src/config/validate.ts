/**
 * Names, scopes, instances, types and ranges: from the syntax tree to the scope tree (CONF-5.1, 9.3). One pass reports
 * both what is misnamed and what has a wrong value, because neither makes the other doubtful.
 *
 * Invariant: recursion follows the schema, which is a few levels deep, not the text, which may be nested at will.
 */
import { type Change, itemsOfChange, keptOptions, keptScopes, keysOf } from './change.ts';
import type { Findings } from './finding.ts';
import { instanceKey } from './instance-key.ts';
import type { LoadedConfiguration, LoadedFile } from './load.ts';
import { globalScope } from './schema/global.ts';
import { optionNamesOf, optionOf, placesOfOption, placesOfScope, scopeOf } from './schema/lookup.ts';
import type { OptionSchema, ScopeSchema } from './schema/option.ts';
import { Scope } from './scope-tree.ts';
import type { Span } from './source.ts';
import { didYouMean } from './suggest.ts';
import type { Assignment, Item, Name, Scalar, Stanza } from './syntax-tree.ts';
import { readValue } from './values.ts';

/** `given` holds statements that count after all files and changes: options of the command line or of the API. */
export function buildScopeTree(
  loaded: LoadedConfiguration,
  given: readonly Item[],
  findings: Findings,
  schema = globalScope,
  changes: readonly Change[] = [],
): Scope {
  const { main } = loaded;
  const root = new Scope(schema, main.source.span(0, 0));
  const builder = new Builder(loaded, findings);
  builder.fillFrom(root, main);
  builder.amends = true;
  if (loaded.changes) builder.fillFrom(root, loaded.changes);
  changes.forEach((change, index) => {
    builder.change(root, change, loaded.files.length + 1 + index);
  });
  builder.fill(root, given, undefined);
  return root;
}

class Builder {
  readonly #loaded: LoadedConfiguration;
  readonly #findings: Findings;
  /** What comes changes what there is: a stanza that may be declared once only may be amended. */
  amends = false;
  #order = 0;
  /** What was already said to have no effect: once is enough. */
  readonly #noticed = new Set<string>();

  constructor(loaded: LoadedConfiguration, findings: Findings) {
    this.#loaded = loaded;
    this.#findings = findings;
  }

  fillFrom(scope: Scope, file: LoadedFile): void {
    const { source, items } = file;
    this.#fillPlace(scope, items, file, source.span(0, source.text.length));
  }

  #fillPlace(scope: Scope, items: readonly Item[], file: LoadedFile, body: Span): void {
    const place = { file, body, endOrder: 0 };
    scope.places.push(place);
    this.fill(scope, items, file);
    place.endOrder = this.#order;
  }

  /** Without a file the items are of no file. */
  fill(scope: Scope, items: readonly Item[], file: LoadedFile | undefined): void {
    for (const item of items) {
      if (item.kind === 'assignment') this.#assign(scope, item, file);
      else if (item.kind === 'stanza') this.#enter(scope, item, file);
      else for (const included of this.#loaded.included.get(item) ?? []) this.fillFrom(scope, included);
    }
  }

  change(root: Scope, change: Change, ordinal: number): void {
    if (change.kind === 'set') this.fill(root, itemsOfChange(change, ordinal, this.#findings), undefined);
    else if (change.kind === 'clear') clear(root);
    else {
      const keys = keysOf(change.path);
      const scope = keys && root.at(keys);
      if (change.option !== undefined) scope?.settings.delete(change.option.toLowerCase());
      else for (const each of scope?.all() ?? []) each.settings.clear();
    }
  }

  // Options

  #assign(scope: Scope, statement: Assignment, file: LoadedFile | undefined): void {
    const { name, value } = statement;
    const option = optionOf(scope.schema, scope.path, name.text);
    const isReplicate = scope.path === 'cluster' && name.text.toLowerCase() === 'replicate';
    if (option !== undefined) this.#set(scope, option, statement, file);
    else if (isReplicate && value.kind === 'dictionary') this.#oldReplicate(scope, name, value.entries, file);
    else this.#unknownOption(scope, name);
  }

  #set(scope: Scope, option: OptionSchema, statement: Assignment, file: LoadedFile | undefined): void {
    const { name, value } = statement;
    if (option.removed !== undefined) {
      const { since, replacement } = option.removed;
      this.#findings.add('CFG-2005', name.span, `'${name.text}' was removed in ${since} and is ignored`, {
        hint: `use ${replacement}`,
      });
      return;
    }
    if (option.ignored === true) {
      this.#notice(
        `option ${option.name}`,
        name,
        `the option '${name.text}' has no effect here`,
        option.instead,
      );
    }
    const read = readValue(option.type, value, this.#findings);
    if (read === undefined) return;
    const key = option.name.toLowerCase();
    if (file !== undefined) scope.note(key, { file, statement, order: this.#order++ });
    scope.settings.set(key, {
      schema: option,
      value: read,
      raw: value,
      nameSpan: name.span,
    });
  }

  #notice(what: string, name: Name, message: string, instead?: string): void {
    if (this.#noticed.has(what)) return;
    this.#noticed.add(what);
    const hint = instead === undefined ? {} : { hint: `use ${instead}` };
    this.#findings.add('CFG-2006', name.span, message, hint);
  }

  /** `replicate [ type = "inbound_cidr" ]` of version 2: each adds an object named as its type (replication 3.1). */
  #oldReplicate(
    scope: Scope,
    name: Name,
    entries: readonly { readonly key: Scalar; readonly value: Scalar }[],
    file: LoadedFile | undefined,
  ): void {
    const type = entries.find(({ key }) => key.text.toLowerCase() === 'type')?.value;
    if (type === undefined) {
      this.#findings.add('CFG-2304', name.span, `'${name.text} [ ]' needs a type`);
      return;
    }
    const items = entries.map(
      ({ key, value }): Assignment => ({
        kind: 'assignment',
        name: { text: key.text, span: key.span },
        value,
      }),
    );
    this.#enter(scope, { kind: 'stanza', name, instance: type, items, body: undefined }, file);
  }

  #unknownOption(scope: Scope, name: Name): void {
    const { schema, path } = scope;
    const lower = name.text.toLowerCase();
    if (lower === 'cluster_max_outbound_connections' && path.startsWith('binding_group::binding')) {
      const message = `'${name.text}' is not valid in a binding inside a group`;
      this.#findings.add('CFG-2312', name.span, message, {
        hint: 'set it in a binding outside of groups, or use cluster_scope_max_outbound_connections',
      });
      return;
    }
    const message = `'${name.text}' is not an option of scope '${schema.name}'`;
    const scopeHere = scopeOf(schema, name.text);
    const hint = () =>
      scopeHere === undefined
        ? hintFor(name.text, optionNamesOf(schema, path), placesOfOption(name.text))
        : `${scopeHere.name} is a scope: write ${scopeHere.name} { }`;
    this.#findings.add('CFG-2002', name.span, message, { hint });
  }

  // Scopes

  #enter(parent: Scope, stanza: Stanza, file: LoadedFile | undefined): void {
    const schema = scopeOf(parent.schema, stanza.name.text);
    const { name } = stanza;
    if (schema === undefined) this.#unknownScope(parent, name);
    else if (schema.ignored === true) {
      const message = `the scope '${name.text}' has no effect here, its content is not checked`;
      this.#notice(`scope ${schema.name}`, name, message);
    } else {
      const scope = this.#scopeFor(parent, schema, stanza);
      const { items, body } = stanza;
      if (file !== undefined && body !== undefined) this.#fillPlace(scope, items, file, body);
      else this.fill(scope, items, file);
    }
  }

  /** The scope of a stanza: known from an earlier declaration, new, or a stray one when its name is wrong. */
  #scopeFor(parent: Scope, schema: ScopeSchema, { name, instance }: Stanza): Scope {
    if (instance !== undefined && schema.instance === 'none') {
      const { source, start } = instance.span;
      const message = `Didn't expect a name for ${schema.name} at ${source.name}:${source.lineOf(start)}`;
      this.#findings.add('CFG-2003', instance.span, message, { hint: `write ${schema.name} { }` });
    }
    const key = this.#keyOf(schema, name, instance);
    const known = key === undefined ? undefined : parent.child(schema.name, key);
    if (known !== undefined && schema.twice !== undefined && !this.amends) {
      const first = known.span.source.positionOf(known.span.start);
      const message = `${schema.name} '${known.instance}' is declared twice (first at ${first.file}:${first.line})`;
      this.#findings.add(schema.twice, instance?.span ?? name.span, message);
    }
    if (known !== undefined) return known;
    const text = schema.instance === 'none' ? '' : (instance?.text ?? '');
    const scope = new Scope(schema, instance?.span ?? name.span, {
      parent,
      instance: text,
      key: key ?? text,
    });
    if (key !== undefined) parent.add(scope);
    return scope;
  }

  /** Undefined when the name is missing or cannot be one; that has been reported then. */
  #keyOf(schema: ScopeSchema, name: Name, instance: Scalar | undefined): string | undefined {
    if (schema.instance === 'none') return '';
    const isNamed = instance !== undefined && (instance.text !== '' || schema.instanceType === 'network');
    if (!isNamed && schema.instance === 'optional') return '';
    if (!isNamed) {
      this.#findings.add('CFG-2004', instance?.span ?? name.span, `the scope '${schema.name}' needs a name`, {
        hint: `write ${schema.name} "NAME" { }`,
      });
      return undefined;
    }
    const { text, span } = instance;
    if (text === '') {
      const message = `a ${schema.name} without a network stands for every address`;
      this.#findings.add('CFG-2302', span, message, {
        hint: 'write the network, as "10.1.1.0/24"',
        severity: 'warning',
      });
      return '';
    }
    const key = instanceKey(schema, text);
    if (typeof key === 'string') return key;
    this.#findings.add(key.code, span, key.problem);
    return undefined;
  }

  #unknownScope(parent: Scope, name: Name): void {
    const places = placesOfScope(name.text);
    const option = optionOf(parent.schema, parent.path, name.text);
    const here = parent.schema.scopes.map((scope) => scope.name);
    if (places.length > 0) {
      const message = `${name.text} is not valid in the ${parent.schema.name} scope`;
      this.#findings.add('CFG-2001', name.span, message, { hint: `it is valid in scope ${listed(places)}` });
    } else if (/_listener$/i.test(name.text)) {
      const message = `unknown listener type '${name.text}'. Do you need to load a module?`;
      this.#findings.add('CFG-2001', name.span, message, { hint: () => didYouMean(name.text, here) });
    } else {
      const message = `'${name.text}' is not a valid scope name in scope '${parent.schema.name}'`;
      const hint = () =>
        option === undefined
          ? didYouMean(name.text, here)
          : `${option.name} is an option: write ${option.name} = VALUE`;
      this.#findings.add('CFG-2001', name.span, message, { hint });
    }
  }
}

function hintFor(name: string, here: readonly string[], places: readonly string[]): string | undefined {
  const near = didYouMean(name, here);
  const elsewhere = places.length === 0 ? undefined : `it is valid in scope ${listed(places)}`;
  const hints = [near, elsewhere].filter((hint) => hint !== undefined);
  return hints.length === 0 ? undefined : hints.join(' ');
}

/** The outermost first: of a scope that may stand in several places the plainest is the one to use. */
function listed(names: readonly string[]): string {
  const depth = (name: string) => name.split('::').length;
  const shown = [...names]
    .sort((a, b) => depth(a) - depth(b))
    .slice(0, 5)
    .map((name) => `'${name}'`);
  return `${shown.join(', ')}${names.length > shown.length ? ', ...' : ''}`;
}

/** All settings but those that no transaction can take away. */
function clear(root: Scope): void {
  for (const name of root.settings.keys()) if (!keptOptions.includes(name)) root.settings.delete(name);
  for (const child of root.children())
    if (!keptScopes.includes(child.schema.name.toLowerCase())) root.remove(child);
}
