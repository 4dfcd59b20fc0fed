/**
 * Sums over the rows `<binding>::<domain>` and `@host::<mx name>` (replication 6.7), kept while rows change, so that a
 * decision reads one number instead of walking all rows.
 *
 * Invariant: a sum is the total of the counts of the rows that belong to it; rows and sums at 0 are not kept, so memory
 * is bounded by the live rows.
 */
import { PartedMap } from './parted-map.ts';
import type { Work } from './replica/work.ts';

/**
 * Names of the sums one row belongs to. `group` is the group of the row's binding where the caller knows it better than
 * the configuration; a binding is always in the same group.
 */
export type SumsOf = (row: string, group?: string) => readonly string[];

interface Row {
  count: number;
  readonly group: string | undefined;
  readonly sums: readonly string[];
}

/** Rows copied in one step. */
const stepRows = 256;

export class OutboundTotals {
  readonly #sumsOf: SumsOf;
  readonly #rows = new PartedMap<Row>();
  readonly #sums = new PartedMap<number>();
  /** Has each row as it is here, as soon as that changes. */
  #copy: OutboundTotals | undefined;

  constructor(sumsOf: SumsOf) {
    this.#sumsOf = sumsOf;
  }

  /** Adds `by` to a row. False when it would fall below zero: then it stops at zero (replication 4.11). */
  change(row: string, by: number, group?: string): boolean {
    const held = this.#rows.get(row) ?? { count: 0, group, sums: this.#sumsOf(row, group) };
    const applied = Math.max(by, -held.count);
    held.count += applied;
    if (held.count === 0) this.#rows.delete(row);
    else this.#rows.set(row, held);
    for (const sum of held.sums) this.#add(sum, applied);
    if (this.#copy) this.#copy.#set(row, held);
    return applied === by;
  }

  /** Live rows. */
  get size(): number {
    return this.#rows.size;
  }

  /** Makes `copy`, which is empty, have the same rows, summed up in its own way. It follows what changes meanwhile, and after. */
  *copyTo(copy: OutboundTotals): Work {
    this.#copy = copy;
    let copied = 0;
    for (const [row, held] of this.#rows) {
      copy.#set(row, held);
      if (++copied % stepRows === 0) yield;
    }
  }

  count(sum: string): number {
    return this.#sums.get(sum) ?? 0;
  }

  #set(row: string, { count, group }: Row): void {
    this.change(row, count - (this.#rows.get(row)?.count ?? 0), group);
  }

  #add(sum: string, by: number): void {
    const total = this.count(sum) + by;
    if (total === 0) this.#sums.delete(sum);
    else this.#sums.set(sum, total);
  }
}

/** Binding names hold no `:`, so the first `::` ends the binding even where a domain is an IPv6 literal. */
export function pairRow(binding: string, domain: string): string {
  return `${binding}::${domain}`;
}

/** The MX name stands exactly as in the MX record. */
export function hostRow(host: string): string {
  return `@host::${host}`;
}

export function parseRow(row: string): { binding: string; domain: string } | { host: string } | undefined {
  const at = row.indexOf('::');
  if (at < 0) return undefined;
  const first = row.slice(0, at);
  const rest = row.slice(at + 2);
  return first === '@host' ? { host: rest } : { binding: first, domain: rest };
}

/** Names of sums. A kind comes first and domains hold no blank, so that no two different sums share a name. */
export const sumNames = {
  all: 'all',
  group: (group: string) => `group ${group}`,
  binding: (binding: string) => `binding ${binding}`,
  domain: (domain: string) => `domain ${domain}`,
  groupDomain: (group: string, domain: string) => `group-domain ${group} ${domain}`,
  pair: (binding: string, domain: string) => `pair ${pairRow(binding, domain)}`,
  host: (host: string) => `host ${host}`,
  /** All names that share the count of a stanza with a regular expression (replication 6.5). */
  shared: (option: string, label: string) => `shared ${option} ${label}`,
} as const;
