/**
 * The stanzas that set outbound caps or throttles, found by container and name (configuration 5.2, replication 6.5).
 *
 * A container is what may hold Domain and Host stanzas: the global scope, a binding group, a binding, or a binding
 * inside a group. Within one container a plain name beats every regular expression, several expressions are tried in
 * order of declaration, and each option is looked up for itself: an expression may supply one and the plain name
 * another.
 */
import type { OutboundLimitName, OutboundScope, OutboundStanza } from './outbound-settings.ts';
import type { PartitionPolicy } from './throttle/shares.ts';

export interface Stanza<Name extends string = OutboundLimitName, Value = number> {
  /** `global`, or the path, as in `binding b::domain example.com`. */
  readonly label: string;
  readonly limits: OutboundStanza<Name, Value>['limits'];
  readonly partition: PartitionPolicy;
  /** Set when the stanza's name is a regular expression. */
  readonly pattern: RegExp | undefined;
}

/** The Domain or the Host stanzas of one container. */
export class NamedStanzas<Name extends string = OutboundLimitName, Value = number> {
  readonly #plain = new Map<string, Stanza<Name, Value>>();
  readonly #patterns: Stanza<Name, Value>[] = [];

  add(name: string, stanza: Stanza<Name, Value>): void {
    if (stanza.pattern === undefined) this.#plain.set(name.toLowerCase(), stanza);
    else this.#patterns.push(stanza);
  }

  /** The stanza that gives `option` for this name. */
  find(name: string, option: Name): Stanza<Name, Value> | undefined {
    const key = name.toLowerCase();
    const plain = this.#plain.get(key);
    if (plain?.limits[option] !== undefined) return plain;
    return this.#patterns.find((stanza) => stanza.limits[option] !== undefined && stanza.pattern?.test(key));
  }

  /** True when a regular expression sets `option`: then several names may share its count. */
  sharesCounts(option: Name): boolean {
    return this.#patterns.some((stanza) => stanza.limits[option] !== undefined);
  }
}

export class Container<Name extends string = OutboundLimitName, Value = number> {
  readonly scope: OutboundScope;
  /** Options that stand in the container itself. */
  own: Stanza<Name, Value>;
  readonly domains = new NamedStanzas<Name, Value>();
  readonly hosts = new NamedStanzas<Name, Value>();

  constructor(scope: OutboundScope) {
    this.scope = scope;
    this.own = stanzaOf({ scope, limits: {} as OutboundStanza<Name, Value>['limits'] });
  }
}

/** What surrounds one connection, most specific first. */
export interface Containers<Name extends string = OutboundLimitName, Value = number> {
  readonly bindingInGroup: Container<Name, Value>;
  readonly binding: Container<Name, Value>;
  readonly group: Container<Name, Value>;
  readonly global: Container<Name, Value>;
}

export const emptyContainer = new Container({});

export class OutboundStanzas<Name extends string = OutboundLimitName, Value = number> {
  readonly #containers = new Map<string, Container<Name, Value>>();
  readonly #empty = new Container<Name, Value>({});

  /** Each scope appears at most once: the parser has merged repeated declarations. */
  constructor(stanzas: readonly OutboundStanza<Name, Value>[]) {
    for (const declared of stanzas) {
      const { group, binding, domain, host } = declared.scope;
      const container = this.#make(group, binding);
      const stanza = stanzaOf(declared);
      if (host !== undefined) container.hosts.add(host, stanza);
      else if (domain !== undefined) container.domains.add(domain, stanza);
      else container.own = stanza;
    }
  }

  around(group: string, binding: string): Containers<Name, Value> {
    return {
      bindingInGroup: this.#at(group, binding),
      binding: this.#at(undefined, binding),
      group: this.#at(group, undefined),
      global: this.#at(undefined, undefined),
    };
  }

  all(): Iterable<Container<Name, Value>> {
    return this.#containers.values();
  }

  #at(group: string | undefined, binding: string | undefined): Container<Name, Value> {
    return this.#containers.get(containerKey(group, binding)) ?? this.#empty;
  }

  #make(group: string | undefined, binding: string | undefined): Container<Name, Value> {
    const key = containerKey(group, binding);
    const held = this.#containers.get(key);
    if (held !== undefined) return held;
    const made = new Container<Name, Value>({
      ...(group !== undefined && { group }),
      ...(binding !== undefined && { binding }),
    });
    this.#containers.set(key, made);
    return made;
  }
}

function containerKey(group: string | undefined, binding: string | undefined): string {
  // No name holds a line break.
  return `${group ?? ''}\n${binding ?? ''}`;
}

function stanzaOf<Name extends string, Value>({
  scope,
  limits,
  partition = 'share',
}: OutboundStanza<Name, Value>): Stanza<Name, Value> {
  return { label: labelOf(scope), limits, partition, pattern: patternOf(scope.host ?? scope.domain ?? '') };
}

export function labelOf(scope: OutboundScope): string {
  const parts: string[] = [];
  if (scope.group !== undefined) parts.push(`binding_group ${scope.group}`);
  if (scope.binding !== undefined) parts.push(`binding ${scope.binding}`);
  if (scope.domain !== undefined) parts.push(`domain ${scope.domain}`);
  if (scope.host !== undefined) parts.push(`host ${scope.host}`);
  return parts.join('::') || 'global';
}

function patternOf(name: string): RegExp | undefined {
  const pattern = /^\/(.*)\/$/.exec(name)?.[1];
  return pattern === undefined ? undefined : new RegExp(pattern, 'i');
}
