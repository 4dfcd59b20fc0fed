/**
 * Keys that were taken out of all windows of a series (replication 9.12). Each node takes out what it has counted itself,
 * when it learns of the removal, and says so to others too; nobody speaks for rows of those who left, so all do.
 *
 * Invariant: what was counted in cells that began after a removal stays, however late the removal becomes known.
 */
import type { Work } from '../replica/work.ts';
import { type Cell, removalCell, type StreamDefinition, sameDefinition } from './cell.ts';
import { type Counted, type Stream, stepKeys } from './event-row.ts';
import type { OwnRow } from './own-row.ts';
import { isPast, type RetiredRows } from './retired-rows.ts';
import type { StreamKey } from './stream-key.ts';
import type { StreamTotals } from './stream-totals.ts';

export interface RemovalPorts {
  /** What it would tell others, these would drop. */
  readonly onlyReceives: boolean;
  nowMs(): number;
  /** Undefined when the stream is not counted here as it is defined. */
  totalsOf(definition: StreamDefinition): StreamTotals | undefined;
  readonly countOthers: Counted;
}

export class Removals {
  readonly #own: OwnRow;
  readonly #retired: RetiredRows;
  readonly #ports: RemovalPorts;

  constructor(own: OwnRow, retired: RetiredRows, ports: RemovalPorts) {
    this.#own = own;
    this.#retired = retired;
    this.#ports = ports;
  }

  /** Of removals that another node told, those that are news here. */
  *learn(definition: StreamDefinition, removals: Iterable<readonly [StreamKey, number]>): Work {
    let looked = 0;
    for (const [key, atMs] of removals) {
      if (++looked % stepKeys === 0) yield;
      if (!this.#ports.totalsOf(definition)) return;
      if (this.#ports.onlyReceives) {
        this.#removeRetired(definition, key, atMs);
        continue;
      }
      const stream = this.#own.streams.get(definition.id) ?? this.#own.define(definition);
      if (!sameDefinition(stream.definition, definition)) return;
      if (atMs <= this.#own.get(stream, removalCell, key) || this.#isOver(definition, atMs)) continue;
      this.removeOwn(stream, key, atMs);
      this.#removeRetired(definition, key, atMs);
    }
  }

  /** Takes the key out of what this node counted up to then. */
  removeOwn(stream: Stream, key: StreamKey, atMs: number): void {
    const { definition, cells } = stream;
    this.#own.set(stream, removalCell, key, atMs);
    for (const { number, values } of cells.values()) {
      const count = values.get(key);
      if (count === 0 || !isUpTo(definition, number, atMs)) continue;
      this.#own.set(stream, number, key, 0);
      this.#ports.totalsOf(definition)?.addOwn(number * definition.intervalS, key, -count);
    }
  }

  /** As work: sums follow rows, and those of a row that was exchanged before it left may be on their way. */
  *removeFromRetired({ definition }: Stream, key: StreamKey, atMs: number): Work {
    this.#removeRetired(definition, key, atMs);
    yield;
  }

  /** Nothing is kept any more from before those that are old. */
  *forget(stream: Stream): Work {
    let looked = 0;
    for (const [key, atMs] of stream.cells.get(removalCell)?.values ?? []) {
      if (this.#isOver(stream.definition, atMs)) this.#own.set(stream, removalCell, key, 0);
      if (++looked % stepKeys === 0) yield;
    }
  }

  #removeRetired(definition: StreamDefinition, key: StreamKey, atMs: number): void {
    for (const row of this.#retired.values()) {
      const stream = row.streams.get(definition.id);
      if (!stream || !sameDefinition(stream.definition, definition)) continue;
      const upTo = (cell: Cell) => isUpTo(definition, cell.number, atMs);
      for (const cell of stream.cells.values())
        if (upTo(cell)) row.put(stream, cell, key, 0, this.#ports.countOthers);
    }
  }

  #isOver(definition: StreamDefinition, atMs: number): boolean {
    const nowS = Math.floor(this.#ports.nowMs() / 1000);
    return isPast(definition, Math.floor(atMs / 1000 / definition.intervalS), nowS);
  }
}

/** What was counted in that cell is gone with a removal of that time. */
export function isUpTo({ intervalS }: StreamDefinition, cell: number, atMs: number): boolean {
  return cell !== removalCell && cell * intervalS * 1000 <= atMs;
}
