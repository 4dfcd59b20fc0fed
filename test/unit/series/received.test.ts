/** What a member that writes files is told of the counts of others: each once, whatever happens to it and to them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventRow } from '../../../src/core/series/event-row.ts';
import type { EventTable } from '../../../src/core/series/event-table.ts';
import { hits, minutes, type Node, Nodes } from './nodes.ts';

/** The collector is a member like others that counts nothing; `files` is what it would have written. */
class Cluster {
  readonly nodes = new Nodes();
  readonly relays: Node[];
  collector: Node;
  files = 0;
  counted = 0;

  constructor() {
    this.collector = this.#collect();
    this.relays = [this.#relay('relay-1'), this.#relay('relay-2')];
    this.together();
  }

  add(relay: number, by: number): void {
    this.relays[relay]!.table.add(hits.id, 'x', by);
    this.counted += by;
  }

  together(): void {
    this.nodes.view();
    this.nodes.rest();
  }

  /** What it did not send is lost with it, and was never in a row. */
  crash(relay: number): void {
    const old = this.relays[relay]!;
    this.nodes.remove(old);
    this.together();
    this.relays[relay] = this.#relay(old.name);
  }

  /** It stops, saves what it had counted, and its next life takes that over. */
  restart(relay: number): void {
    const old = this.relays[relay]!;
    const saved = [0, 1, 2, 3, 4, 5].flatMap((back) =>
      [...old.table.entries(hits.id, 60, back, 'local')].map(
        ([key, sum]) => [old.table.windowNow(60) - back, key, sum] as const,
      ),
    );
    this.crash(relay);
    this.relays[relay]!.table.takeOver(hits, [old.self], saved);
  }

  reset(relay: number): void {
    this.relays[relay] = this.nodes.reset(this.relays[relay]!);
  }

  cut(relay: number): void {
    const apart = this.relays[relay]!;
    this.nodes.view(this.nodes.present.filter((node) => node !== apart));
    this.nodes.rest();
  }

  /** The next process knows the rows as they were saved. */
  restartCollector(whileAway: () => void): void {
    const saved = rowsOf(this.collector.table);
    this.nodes.remove(this.collector);
    this.nodes.view();
    whileAway();
    this.nodes.rest();
    this.collector = this.#collect();
    for (const [life, row] of saved) this.collector.table.restore(life, row);
  }

  #relay(name: string): Node {
    return this.nodes.add({ name });
  }

  #collect(): Node {
    const collector = this.nodes.add({ name: 'barca', isDefined: false });
    collector.table.onCounted = (_definition, _cell, _key, by) => {
      this.files += by;
    };
    return collector;
  }
}

function rowsOf(table: EventTable): Map<Node['self'], EventRow> {
  const rows = new Map<Node['self'], EventRow>();
  for (const [life, changes] of table.othersRows()) {
    const row = rows.get(life) ?? new EventRow();
    rows.set(life, row);
    row.apply(changes);
  }
  return rows;
}

const relay = fc.nat(1);
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), relay, by: fc.integer({ min: 1, max: 9 }) }),
  fc.record({
    kind: fc.constantFrom('rest', 'together', 'crash', 'restart', 'reset', 'cut', 'collector'),
    relay,
  }),
);

describe('what is received of other members', () => {
  it('REP-11.4 REP-11.5 each count is told once: over loss of contact, restarts, resets and of its own restart', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const cluster = new Cluster();
        for (const one of steps) {
          if (one.kind === 'add') cluster.add(one.relay, (one as { by: number }).by);
          else if (one.kind === 'rest') cluster.nodes.rest();
          else if (one.kind === 'together') cluster.together();
          else if (one.kind === 'cut') cluster.cut(one.relay);
          else if (one.kind === 'collector') {
            cluster.together();
            cluster.restartCollector(() => cluster.add(one.relay, 3));
          } else {
            cluster.together();
            cluster[one.kind as 'crash' | 'restart' | 'reset'](one.relay);
          }
        }
        cluster.together();
        expect(cluster.files).toBe(cluster.counted);
      }),
      { numRuns: 150 },
    );
  });

  it('REP-4.5 a life for whose row there is no room any more has counted all the same', () => {
    const cluster = new Cluster();
    for (let life = 0; life < 1_030; life++) {
      cluster.add(0, 1);
      cluster.nodes.present[1]!.replicator.flush();
      cluster.nodes.settle();
      const old = cluster.relays[0]!;
      cluster.nodes.remove(old);
      cluster.relays[0] = cluster.nodes.add({ name: old.name });
      cluster.nodes.present.splice(1, 0, cluster.nodes.present.pop()!);
      cluster.nodes.view();
      cluster.nodes.settle();
    }
    expect(cluster.files).toBe(cluster.counted);
  });

  it('REP-8.10 the rows of a restored table are in its windows, too', () => {
    const cluster = new Cluster();
    cluster.add(0, 4);
    cluster.together();
    const saved = rowsOf(cluster.collector.table);
    const next = cluster.nodes.add({ name: 'next' });
    next.table.define(hits, minutes, true);
    for (const [life, row] of saved) next.table.restore(life, row);
    cluster.nodes.settle();
    expect(next.sum('x')).toBe(4);
    expect(cluster.files).toBe(4);
  });
});
