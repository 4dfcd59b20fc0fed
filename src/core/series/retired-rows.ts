/**
 * Rows of processes that have left: what they counted has happened, so it stays until it is too old (replication 4.5).
 * They are kept to be exchanged for a newer state of the same life when that comes back or another member has one, and
 * for the next life of the node when that takes their counts over: nothing is counted twice then.
 *
 * Invariants: `digest` is that of the lives that are here, each with the number of its last batch; rows of one life at
 * one number have the same counts at all members, apart from streams that are over, taken over by a later life, and keys
 * that were removed.
 */
import type { Digest } from '../digest.ts';
import type { Incarnation } from '../identity.ts';
import { mostKeys } from '../replica/table.ts';
import type { Work } from '../replica/work.ts';
import {
  changedCell,
  DigestSum,
  isGauge,
  removalCell,
  type StreamDefinition,
  textDigest,
  valueCell,
} from './cell.ts';
import { type EventRow, type Stream, stepKeys } from './event-row.ts';
import type { StreamKey } from './stream-key.ts';

const maxRows = 1024;
const maxKeys = 2 * mostKeys;
const maxLetGo = 4 * maxRows;

export class RetiredRows {
  /** Who left first comes first. */
  readonly #rows = new Map<Incarnation, EventRow>();
  readonly digest = new DigestSum();
  /** Another one whenever a row came or went, except for its age. */
  version = 0;
  /** Lives for whose rows there was no room: who listens to counts has heard theirs, and is not to hear them again. */
  readonly #letGo = new Set<Incarnation>();

  get size(): number {
    return this.#rows.size;
  }

  get(origin: Incarnation): EventRow | undefined {
    return this.#rows.get(origin);
  }

  values(): Iterable<EventRow> {
    return this.#rows.values();
  }

  entries(): Iterable<readonly [Incarnation, EventRow]> {
    return this.#rows;
  }

  /** In place of the one that is there. Returns the rows for which there is no room any more. */
  put(origin: Incarnation, row: EventRow): EventRow[] {
    this.#delete(origin);
    this.version++;
    if (row.streams.size === 0) return [];
    this.#rows.set(origin, row);
    this.digest.add(rowDigest(origin, row));
    let keys = this.#keys;
    const out: EventRow[] = [];
    for (const [oldest, old] of this.#rows) {
      if (this.#rows.size <= maxRows && keys <= maxKeys) break;
      this.#delete(oldest);
      if (this.#letGo.size >= maxLetGo) this.#letGo.clear();
      this.#letGo.add(oldest);
      keys -= old.size;
      out.push(old);
    }
    return out;
  }

  /** Without having to let go of another one, or having done so with this one. */
  hasRoom(origin: Incarnation, row: EventRow): boolean {
    if (this.#letGo.has(origin)) return false;
    const before = this.#rows.get(origin);
    return (
      this.#rows.size + (before ? 0 : 1) <= maxRows && this.#keys - (before?.size ?? 0) + row.size <= maxKeys
    );
  }

  take(origin: Incarnation): EventRow | undefined {
    const row = this.#rows.get(origin);
    this.#delete(origin);
    this.version++;
    return row;
  }

  takeStream(origin: Incarnation, id: string): Stream | undefined {
    const row = this.#rows.get(origin);
    const stream = row?.streams.get(id);
    if (!row || !stream) return undefined;
    row.remove(stream);
    if (row.streams.size === 0) this.#delete(origin);
    this.version++;
    return stream;
  }

  /**
   * Drops streams of which nothing can be seen any more, and rows that have none left. Not cell by cell: a row is whole, or
   * one with an earlier clock would take what is left of it for all there was.
   */
  *age(nowMs: number, isOver: (stream: Stream) => boolean): Work {
    for (const [origin, row] of this.#rows) {
      for (const stream of [...row.streams.values()]) {
        if (isGauge(stream.definition)) yield* ageGauge(row, stream, nowMs);
        else if (isOver(stream)) row.remove(stream);
        yield;
      }
      if (row.streams.size === 0 && this.#rows.get(origin) === row) this.#delete(origin);
    }
  }

  get #keys(): number {
    let keys = 0;
    for (const { size } of this.#rows.values()) keys += size;
    return keys;
  }

  #delete(origin: Incarnation): void {
    const row = this.#rows.get(origin);
    if (!row) return;
    this.#rows.delete(origin);
    this.digest.subtract(rowDigest(origin, row));
  }
}

function rowDigest(origin: Incarnation, { sequence }: EventRow): Digest {
  return textDigest(`${origin} ${sequence}`);
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
