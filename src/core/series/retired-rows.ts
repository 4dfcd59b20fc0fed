/**
 * Rows of processes that have left: what they counted has happened, so it stays until it is too old (replication 4.5).
 * They are kept to be exchanged for a newer state of the same life when that comes back, and for the next life of the
 * node when that takes their counts over: nothing is counted twice then.
 */
import type { Incarnation } from '../identity.ts';
import { mostKeys } from '../replica/table.ts';
import type { Work } from '../replica/work.ts';
import { changedCell, isGauge, removalCell, type StreamDefinition, valueCell } from './cell.ts';
import { type EventRow, type Stream, stepKeys } from './event-row.ts';
import type { StreamKey } from './stream-key.ts';

const maxRows = 1024;
const maxKeys = 2 * mostKeys;

export class RetiredRows {
  /** Who left first comes first. */
  readonly #rows = new Map<Incarnation, EventRow>();

  values(): Iterable<EventRow> {
    return this.#rows.values();
  }

  entries(): Iterable<readonly [Incarnation, EventRow]> {
    return this.#rows;
  }

  /** Returns the rows for which there is no room any more. */
  put(origin: Incarnation, row: EventRow): EventRow[] {
    this.#rows.set(origin, row);
    let keys = 0;
    for (const { size } of this.#rows.values()) keys += size;
    const out: EventRow[] = [];
    for (const [oldest, old] of this.#rows) {
      if (this.#rows.size <= maxRows && keys <= maxKeys) break;
      this.#rows.delete(oldest);
      keys -= old.size;
      out.push(old);
    }
    return out;
  }

  take(origin: Incarnation): EventRow | undefined {
    const row = this.#rows.get(origin);
    this.#rows.delete(origin);
    return row;
  }

  takeStream(origin: Incarnation, id: string): Stream | undefined {
    const row = this.#rows.get(origin);
    const stream = row?.streams.get(id);
    if (stream) row!.remove(stream);
    return stream;
  }

  /** Drops cells that are too old, and rows that have none left. */
  *age(nowS: number): Work {
    for (const [origin, row] of this.#rows) {
      for (const stream of [...row.streams.values()]) {
        if (isGauge(stream.definition)) {
          yield* ageGauge(row, stream, nowS * 1000);
          continue;
        }
        for (const number of stream.cells.keys())
          if (isPast(stream.definition, number, nowS)) row.drop(stream, number);
        if (stream.cells.size === 0) row.remove(stream);
        yield;
      }
      if (row.streams.size === 0) this.#rows.delete(origin);
    }
  }
}

export function isPast(
  { intervalS, count }: Pick<StreamDefinition, 'intervalS' | 'count'>,
  cell: number,
  nowS: number,
): boolean {
  return cell < Math.floor(nowS / intervalS) - count;
}

/** Keys of a gauge cache go when they have expired; one that never expires stays until it is removed. */
function* ageGauge(row: EventRow, stream: Stream, nowMs: number): Work {
  const { intervalS } = stream.definition;
  let looked = 0;
  for (const [key, atMs] of stream.cells.get(changedCell)?.values ?? []) {
    if (atMs + intervalS * 1000 < nowMs) clearGauge(row, stream, key, atMs);
    if (++looked % stepKeys === 0) yield;
  }
  if ((stream.cells.get(changedCell)?.values.size ?? 0) === 0) row.remove(stream);
}

/** Takes a key out of a gauge cache unless it changed after that. */
export function clearGauge(row: EventRow, stream: Stream, key: StreamKey, upToMs: number): void {
  if ((stream.cells.get(changedCell)?.values.get(key) ?? 0) > upToMs) return;
  for (const number of [removalCell, valueCell, changedCell]) {
    const cell = stream.cells.get(number);
    if (cell) row.put(stream, cell, key, 0, () => {});
  }
}
