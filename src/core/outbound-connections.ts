/**
 * The outbound connections of this node: counts each one, from the moment it is initiated until its socket is closed,
 * in every shared object that wants it (replication 5.14, 5.16, 6.7), and answers `mayConnect` from these counts.
 *
 * Own counts are kept here as well, whatever objects exist: node-local caps, and cluster caps whose object is missing,
 * are compared with them (replication 6.13).
 */
import { parseAddress } from './address.ts';
import { domainKey } from './domain.ts';
import { FlotillaError } from './errors.ts';
import {
  type OutboundAttempt,
  type OutboundCapSettings,
  OutboundCaps,
  type OutboundDecision,
  type StrictCap,
} from './outbound-caps.ts';
import type { OutboundCounts } from './outbound-checks.ts';
import type { OutboundObject } from './outbound-settings.ts';
import { hostRow, OutboundTotals, pairRow } from './outbound-totals.ts';
import { checkedText } from './replica/gauge-key.ts';
import { finish, type Work } from './replica/work.ts';

/** A connection that is being opened or is open. */
export interface OutboundConnection {
  /** Default: the group that the configuration gives the binding. */
  readonly group?: string;
  readonly binding: string;
  readonly domain: string;
  /** MX name, exactly as in the MX record. */
  readonly host?: string;
  /** The remote address. */
  readonly address: string;
}

/** A shared object as caps need it. */
export interface OutboundTable {
  /** Changes this node's row. */
  increment(key: string): void;
  decrement(key: string): void;
  /** Over all nodes: of a key, or of a prefix where keys are addresses. */
  count(keyOrPrefix: string): number;
}

/** The object `outbound_binding_domains`, whose rows are also summed up by what they have in common. */
export interface OutboundRowTable extends OutboundTable {
  /** All rows with their counts over all nodes. */
  entries(): Iterable<readonly [key: string, count: number]>;
  /** Tells each change of such a count, own changes included; returns the way to stop. */
  onChange(listener: (key: string, by: number) => void): () => void;
}

/** Rows summed up anew in the call that brings other caps; more are work. */
const rowsAtOnce = 2_000;

export class OutboundConnections {
  #caps: OutboundCaps;
  readonly #objects: readonly OutboundObject[];
  readonly #tables: ReadonlyMap<string, OutboundTable>;
  #own: OutboundTotals;
  #all: OutboundTotals;
  readonly #counts: OutboundCounts;
  readonly #stopWatching: () => void;
  #configured = 0;
  /** For later turns of the event loop. */
  onWork = (work: Work): void => finish(work);

  /** `tables` by name of the object, `rows` the one of type `outbound_binding_domains`; what is missing is not used. */
  constructor(
    settings: OutboundCapSettings,
    tables: ReadonlyMap<string, OutboundTable>,
    rows?: OutboundRowTable,
  ) {
    this.#tables = tables;
    this.#objects = settings.objects.filter(({ name, type }) =>
      type === 'outbound_binding_domains' ? tables.has(name) && rows !== undefined : tables.has(name),
    );
    const caps = new OutboundCaps({ ...settings, objects: this.#objects });
    const sumsOf = (row: string, group?: string) => caps.sumsOf(row, group);
    this.#caps = caps;
    this.#own = new OutboundTotals(sumsOf);
    this.#all = new OutboundTotals(sumsOf);
    for (const [row, count] of rows?.entries() ?? []) this.#all.change(row, count);
    this.#stopWatching = rows?.onChange((row, by) => this.#all.change(row, by)) ?? (() => {});
    const count = (object: string, key: string) => tables.get(object)?.count(key) ?? 0;
    this.#counts = {
      own: (sum) => this.#own.count(sum),
      rows: (sum) => this.#all.count(sum),
      domain: count,
      address: count,
      total: (object) => count(object, '0.0.0.0/0') + count(object, '::/0'),
    };
  }

  /**
   * Other caps, for the connections that are open as well; what objects count stays as it was. With very many rows the
   * former caps hold until all are summed up for the new ones: some turns.
   */
  configure(settings: Omit<OutboundCapSettings, 'objects'>): void {
    const caps = new OutboundCaps({ ...settings, objects: this.#objects });
    const sumsOf = (row: string, group?: string) => caps.sumsOf(row, group);
    const work = this.#take(caps, new OutboundTotals(sumsOf), new OutboundTotals(sumsOf));
    if (this.#own.size + this.#all.size <= rowsAtOnce) finish(work);
    else this.onWork(work);
  }

  *#take(caps: OutboundCaps, own: OutboundTotals, all: OutboundTotals): Work {
    const turn = ++this.#configured;
    for (const copying of [this.#own.copyTo(own), this.#all.copyTo(all)]) {
      for (const _ of copying) {
        yield;
        // Still other caps have come.
        if (turn !== this.#configured) return;
      }
    }
    this.#caps = caps;
    this.#own = own;
    this.#all = all;
  }

  mayConnect(attempt: OutboundAttempt): OutboundDecision {
    return this.#caps.decide(this.#counts, attempt);
  }

  /** Whether it may be opened by whoever has its slots. */
  mayOpen(attempt: OutboundAttempt): OutboundDecision {
    return this.#caps.decideBesideSlots(this.#counts, attempt);
  }

  strictCaps(attempt: OutboundAttempt): readonly StrictCap[] {
    return this.#caps.strictCaps(this.#counts, attempt);
  }

  /** @throws FlotillaError FLT-1302 for what cannot be counted; nothing has changed then */
  opened(connection: OutboundConnection): void {
    checkCountable(connection);
    this.#own.change(pairRow(connection.binding, domainKey(connection.domain)), 1, this.#groupOf(connection));
    if (connection.host !== undefined) this.#own.change(hostRow(connection.host), 1);
    this.#eachKey(connection, (table, key) => table.increment(key));
  }

  /** False when no such connection was open: then nothing is counted down (replication 4.11). */
  closed(connection: OutboundConnection): boolean {
    if (!this.#own.change(pairRow(connection.binding, domainKey(connection.domain)), -1)) return false;
    if (connection.host !== undefined) this.#own.change(hostRow(connection.host), -1);
    this.#eachKey(connection, (table, key) => table.decrement(key));
    return true;
  }

  stop(): void {
    this.#stopWatching();
  }

  #groupOf({ group, binding }: OutboundConnection): string {
    return group ?? this.#caps.groupOf(binding);
  }

  /** Every object that counts this connection, with the keys it counts it under. */
  #eachKey(connection: OutboundConnection, use: (table: OutboundTable, key: string) => void): void {
    const domain = domainKey(connection.domain);
    for (const { name, type, bindingGroup } of this.#objects) {
      const table = this.#tables.get(name);
      if (table === undefined) continue;
      if (bindingGroup !== undefined && bindingGroup !== this.#groupOf(connection)) continue;
      if (type === 'outbound_cidr') use(table, connection.address);
      if (type === 'outbound_domains') use(table, domain);
      if (type === 'outbound_binding_domains') {
        use(table, pairRow(connection.binding, domain));
        if (connection.host !== undefined) use(table, hostRow(connection.host));
      }
    }
  }
}

/** All keys before any of them is counted: half a connection would never be counted down again. */
function checkCountable({ binding, domain, host, address }: OutboundConnection): void {
  if (parseAddress(address) === undefined) throw new FlotillaError('FLT-1302', `'${address}'`);
  if (binding.includes(':')) throw new FlotillaError('FLT-1302', `binding '${binding}'`);
  const key = domainKey(domain);
  for (const text of [key, pairRow(binding, key), hostRow(host ?? '')]) checkedText(text);
}
