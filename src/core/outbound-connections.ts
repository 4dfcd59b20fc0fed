/**
 * The outbound connections of this node: counts each one, from the moment it is initiated until its socket is closed,
 * in every shared object that wants it (replication 5.14, 5.16, 6.7), and answers `mayConnect` from these counts.
 *
 * Own counts are kept here as well, whatever objects exist: node-local caps, and cluster caps whose object is missing,
 * are compared with them (replication 6.13).
 */
import { domainKey } from './domain.ts';
import { type OutboundAttempt, OutboundCaps, type OutboundCapSettings, type OutboundDecision } from './outbound-caps.ts';
import type { OutboundCounts } from './outbound-checks.ts';
import { hostRow, OutboundTotals, pairRow } from './outbound-totals.ts';

/** A connection that is being opened or is open. */
export interface OutboundConnection {
  readonly group?: string;
  readonly binding: string;
  readonly domain: string;
  readonly host?: string;
  /** The remote address. */
  readonly address: string;
}

/** A shared object: own row and the sum over all nodes. */
export interface OutboundTable {
  increment(key: string): void;
  decrement(key: string): void;
  /** Over all nodes, of a key, or of a prefix in a table of addresses. */
  count(key: string): number;
}

/** The object `outbound_binding_domains`, whose rows are also summed up by what they have in common. */
export interface OutboundRowTable extends OutboundTable {
  /** All rows with their counts over all nodes. */
  entries(): Iterable<readonly [key: string, count: number]>;
  /** Tells each change of such a count; returns the way to stop. */
  onChange(listener: (key: string, by: number) => void): () => void;
}

export interface OutboundTables {
  /** By name of the object; those of the settings that are missing here count as not configured. */
  table(object: string): OutboundTable | undefined;
  readonly rows: OutboundRowTable | undefined;
}

export class OutboundConnections {
  readonly #tables: OutboundTables;
  readonly #caps: OutboundCaps;
  readonly #own: OutboundTotals;
  readonly #rows: OutboundTotals;
  readonly #counts: OutboundCounts;
  readonly #stop: () => void;
}
