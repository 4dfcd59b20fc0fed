/**
 * What other lives counted: rows of members, and of those that have left; and how sums follow when a row comes, goes, or
 * is exchanged for a newer state of itself.
 *
 * Invariants: a life has one row, as a member or as one that has left. What a life had counted in a stream is in one row:
 * its own, or that of the later life of the node that says it has taken it over.
 */
import { FlotillaError } from '../errors.ts';
import type { Incarnation } from '../identity.ts';
import type { Changes } from '../replica/messages.ts';
import type { Work } from '../replica/work.ts';
import { type CellChanges, isGauge, removalCell, type StreamDefinition, sameDefinition } from './cell.ts';
import { type Counted, EventRow, eachCount, eachKey, partsOf, type Stream, stepKeys } from './event-row.ts';
import type { OwnRow } from './own-row.ts';
import { isUpTo } from './removals.ts';
import type { RetiredRows } from './retired-rows.ts';
import { plus, type StreamKey } from './stream-key.ts';

export interface OthersPorts {
  readonly own: OwnRow;
  readonly retired: RetiredRows;
  /** No sum here can show anything of it any more. */
  isOver(stream: Stream): boolean;
  /** Puts a change of a row into the sums, and tells those who listen. */
  readonly countOthers: Counted;
  /** Only into the sums. */
  readonly sumOthers: Counted;
  /** Removals that somebody told. */
  learnRemovals(definition: StreamDefinition, removals: Iterable<readonly [StreamKey, number]>): Work;
}

/** A stream as it is to be, and the streams whose counts are in the sums in its place. */
interface Exchange {
  readonly stream: Stream;
  readonly earlier: readonly Stream[];
}

export class OthersRows {
  readonly #ports: OthersPorts;
  readonly #members = new Map<Incarnation, EventRow>();
  readonly #retired: RetiredRows;

  constructor(ports: OthersPorts) {
    this.#ports = ports;
    this.#retired = ports.retired;
  }

  get members(): Iterable<EventRow> {
    return this.#members.values();
  }

  /** Of members, then of those who have left. */
  get all(): readonly EventRow[] {
    return [...this.#members.values(), ...this.#retired.values()];
  }

  *streams(id: string): Generator<Stream, void, void> {
    for (const rows of [this.#members.values(), this.#retired.values()]) {
      for (const { streams } of rows) {
        const stream = streams.get(id);
        if (stream) yield stream;
      }
    }
  }

  /** All rows in parts, without gauge caches. */
  *parts(): Generator<readonly [Incarnation, Changes], void, void> {
    for (const [origin, { streams }] of [...this.#members, ...this.#retired.entries()]) {
      const counted = [...streams.values()].filter(({ definition }) => !isGauge(definition));
      for (const part of partsOf(counted)) yield [origin, part];
    }
  }

  row(origin: Incarnation): EventRow {
    const row = this.#members.get(origin);
    if (!row) throw new FlotillaError('FLT-1303', origin);
    return row;
  }

  /** Who was here before is back: what it had counted is known, its snapshot will tell what came in between. */
  add(origin: Incarnation): void {
    this.#members.set(origin, this.#retired.take(origin) ?? new EventRow());
  }

  write(origin: Incarnation, block: CellChanges, run: (work: Work) => void): void {
    const row = this.row(origin);
    for (const stream of this.#continuedBy(block)) run(this.#takeBack(stream));
    row.write(block, this.#ports.countOthers);
  }

  replace(origin: Incarnation, after: EventRow): Work {
    const before = this.row(origin);
    this.#members.set(origin, after);
    return this.#exchange(this.#exchanges(before, after));
  }

  /** The row is kept, and so are the sums: what it counted has happened (4.5). `sequence`: of the last batch in it. */
  remove(origin: Incarnation, sequence: number): Work {
    const row = this.row(origin);
    this.#members.delete(origin);
    const over = this.#takeContinued(origin, row);
    row.sequence = Math.max(row.sequence, sequence);
    return this.#takeBackAll(over, this.#retired.put(origin, row));
  }

  /** What another member has of a life that left; newer than what is here, or not known here at all. */
  *learn(life: Incarnation, sequence: number, after: EventRow): Work {
    const before = this.#retired.get(life);
    if (this.#members.has(life) || (before && before.sequence >= sequence)) return;
    this.#takeContinued(life, after);
    if (this.isOver(after) || !this.#retired.hasRoom(life, after)) return;
    after.sequence = sequence;
    this.#retired.put(life, after);
    yield* this.#exchange(this.#exchanges(before, after));
    yield* this.#takeOutRemoved(life, after);
  }

  /** The row of a life as an earlier process here knew it: only what is more than that is news. */
  restore(life: Incarnation, row: EventRow, run: (work: Work) => void): void {
    this.#retired.put(life, row);
    for (const stream of row.streams.values()) run(eachCount(stream, this.#ports.sumOthers));
  }

  /** This node counts on what those lives had counted in the stream. */
  takenOver(lives: readonly Incarnation[], { definition }: Stream, run: (work: Work) => void): void {
    for (const stream of this.#continuedBy({ definition, continues: lives })) run(this.#takeBack(stream));
  }

  /** The streams of lives that have left whose counts are in this one: taken out of their rows. */
  #continuedBy({ definition, continues }: Pick<Stream, 'definition' | 'continues'>): Stream[] {
    return continues.flatMap((life) => this.#retired.takeStream(life, definition.id) ?? []);
  }

  /** Takes out of a row what later lives of the node have taken over. */
  #takeContinued(origin: Incarnation, row: EventRow): Stream[] {
    const over = [...row.streams.values()].filter(({ definition }) =>
      this.#isContinued(origin, definition.id),
    );
    for (const stream of over) row.remove(stream);
    return over;
  }

  /** The next look at what is too old drops it. */
  isOver({ streams }: EventRow): boolean {
    for (const stream of streams.values())
      if (isGauge(stream.definition) || !this.#ports.isOver(stream)) return false;
    return true;
  }

  #isContinued(origin: Incarnation, id: string): boolean {
    if (this.#ports.own.continues(id).includes(origin)) return true;
    for (const { continues } of this.streams(id)) if (continues.includes(origin)) return true;
    return false;
  }

  /** Nobody speaks for those who have left: what was removed meanwhile is taken out here. */
  *#takeOutRemoved(life: Incarnation, row: EventRow): Work {
    let looked = 0;
    for (const stream of row.streams.values()) {
      if (isGauge(stream.definition)) continue;
      const { id } = stream.definition;
      const own = this.#ports.own.streams.get(id);
      for (const { definition, cells } of [...(own ? [own] : []), ...this.streams(id)]) {
        if (!sameDefinition(definition, stream.definition)) continue;
        for (const [key, atMs] of cells.get(removalCell)?.values ?? []) {
          if (++looked % stepKeys === 0) yield;
          if (this.#retired.get(life) !== row) return;
          for (const cell of stream.cells.values())
            if (isUpTo(definition, cell.number, atMs)) row.put(stream, cell, key, 0, this.#ports.countOthers);
        }
      }
    }
  }

  #exchanges(before: EventRow | undefined, after: EventRow): Exchange[] {
    return [...after.streams.values()].map((stream) => {
      const same = before?.streams.get(stream.definition.id);
      const earlier = this.#continuedBy(stream);
      return { stream, earlier: same ? [same, ...earlier] : earlier };
    });
  }

  /** Key by key from what was counted to what is. A cell that is not in the new stream was dropped: its counts stay. */
  *#exchange(exchanges: readonly Exchange[]): Work {
    for (const { stream, earlier } of exchanges) {
      const { definition, cells } = stream;
      const same = earlier.filter(({ definition: { intervalS } }) => intervalS === definition.intervalS);
      for (const cell of cells.values()) {
        const befores = same.flatMap((old) => old.cells.get(cell.number) ?? []);
        yield* eachKey([cell, ...befores], (key) => {
          const before = befores.reduce((sum, old) => plus(sum, old.values.get(key)), 0);
          const by = plus(cell.values.get(key), -before);
          if (by !== 0) this.#ports.countOthers(definition, cell.number, key, by);
        });
      }
      if (!isGauge(definition))
        yield* this.#ports.learnRemovals(definition, cells.get(removalCell)?.values ?? []);
    }
  }

  /** What rows without room had counted has happened all the same; only sums could have it twice when they come back. */
  *#takeBackAll(over: readonly Stream[], noRoom: readonly EventRow[]): Work {
    for (const stream of over) yield* this.#takeBack(stream);
    for (const { streams } of noRoom)
      for (const stream of streams.values()) yield* this.#takeBack(stream, this.#ports.sumOthers);
  }

  *#takeBack(stream: Stream, count = this.#ports.countOthers): Work {
    yield* eachCount(stream, (definition, cell, key, by) => count(definition, cell, key, -by));
  }
}
