/**
 * What became of outbound messages over the last hour, by destination domain: the words `delivery`, `transfail` and
 * `permfail` of `parameters` (replication 8.7), in windows of a minute.
 */
import { domainKey } from '../domain.ts';
import { checkWindows } from './audit-argument.ts';
import type { EventTable } from './event-table.ts';

export const outboundResults = ['delivery', 'transfail', 'permfail'] as const;
export type OutboundResult = (typeof outboundResults)[number];

const monitor = { sizeS: 60, count: 60 };

export class OutboundResults {
  readonly #tables: readonly EventTable[];

  /** The first table is the one that is read; in each, these results are shared. */
  constructor(tables: readonly (readonly [EventTable, ReadonlySet<string>])[]) {
    this.#tables = tables.map(([table]) => table);
    for (const [table, shared] of tables)
      for (const id of outboundResults)
        table.define(
          { id, keyType: 'text', intervalS: monitor.sizeS, count: monitor.count },
          [monitor],
          shared.has(id),
        );
  }

  count(result: OutboundResult, domain: string, by = 1): void {
    for (const table of this.#tables) table.add(result, domainKey(domain), by);
  }

  /** The sum over minutes `start` to `end`, 0 being the current one; over all nodes where the result is replicated. */
  during(result: OutboundResult, domain: string, start = 0, end = start): number {
    checkWindows(monitor, start, end, ['start', 'end']);
    return this.#tables[0]!.sum(result, monitor.sizeS, start, end, domainKey(domain));
  }
}
