/**
 * What journals say of a netblock (replication 12.4 - 12.7): takes their entries, gives the lines of the answer.
 *
 * Invariants: addresses are put together as they come, so that memory holds one entry for each line of the longest
 * prefix; and there are at most `mostRows` of them, or an answer for all the world would end the process that gives it.
 */
import { formatPrefix } from '../address.ts';
import { PartedMap } from '../parted-map.ts';
import { sortedOrder } from '../replica/sliced-sort.ts';
import { paused } from '../replica/work.ts';
import type { CountQuery } from './cidr-query.ts';
import { compareKeys, stampOf } from './series-file.ts';
import { keyAddress, liesIn, maskedKey, plus, type StreamKey } from './stream-key.ts';

export const mostRows = 1_000_000;

/** Rows between two yields, and keys that are only moved. */
const sliceRows = 512;
const stepKeys = 16_384;

/** A netblock, a day as `YYYYMMDD`, or the block that was asked for; a count for each column. */
export interface CidrRow {
  readonly label: string;
  readonly counts: readonly number[];
}
type Row = CidrRow;

export class CidrCounts {
  readonly #query: CountQuery;
  /** Series of each column. */
  readonly #columns: readonly ReadonlySet<string>[];
  readonly #counts = new PartedMap<number[], StreamKey>();
  /** Entries for which there was no room. */
  refused = 0;

  constructor(query: CountQuery) {
    this.#query = query;
    const { series, isUnion } = query;
    this.#columns = isUnion ? [new Set(series)] : series.map((name) => new Set([name]));
  }

  /** Whether a journal has anything to say. */
  concerns(series: string, endMs: number): boolean {
    const { period } = this.#query;
    return endMs > period.startMs && endMs <= period.endMs && this.#query.series.includes(series);
  }

  add(series: string, endMs: number, key: StreamKey, by: number): void {
    if (!liesIn(key, this.#query.block)) return;
    const bucket = this.#bucket(key, endMs);
    let counts = this.#counts.get(bucket);
    if (!counts) {
      if (this.#counts.size >= mostRows) {
        this.refused++;
        return;
      }
      counts = new Array<number>(this.#columns.length).fill(0);
      this.#counts.set(bucket, counts);
    }
    for (const [i, names] of this.#columns.entries()) if (names.has(series)) counts[i] = plus(counts[i]!, by);
  }

  /** As many as were asked for, in their order; undefined leaves others a turn. */
  *rows(): Generator<CidrRow | undefined, void, void> {
    let left = this.#query.limit;
    for (const row of this.#ordered()) {
      if (left <= 0) return;
      if (row) left--;
      yield row;
    }
  }

  /** A journal belongs to the day that it ends in; at midnight, to the day before (12.6). */
  #bucket(key: StreamKey, endMs: number): StreamKey {
    const { aggregate, sizes } = this.#query;
    if (aggregate === 'all') return 'all';
    return aggregate === 'daily' ? stampOf(endMs - 1).slice(0, 8) : maskedKey(key, sizes[1]);
  }

  *#ordered(): Generator<Row | undefined, void, void> {
    if (this.#query.order === 'cidr') return yield* this.#byKey();
    const rows: Row[] = [];
    for (const row of this.#byKey()) {
      if (!row) yield undefined;
      else if (rows.length < mostRows) rows.push(row);
      else this.refused++;
    }
    // Equal counts stay in order of addresses: `a - b` is their order so far.
    const order = yield* paused(
      sortedOrder(rows.length, (a, b) => rows[b]!.counts[0]! - rows[a]!.counts[0]! || a - b),
      undefined,
    );
    for (const i of order) yield rows[i]!;
  }

  /** In order of addresses or days, and those that count for something only; undefined leaves others a turn. */
  *#byKey(): Generator<Row | undefined, void, void> {
    const keys: StreamKey[] = [];
    for (const [key] of this.#counts) if (keys.push(key) % stepKeys === 0) yield undefined;
    const order = yield* paused(
      sortedOrder(keys.length, (a, b) => compareKeys(keys[a]!, keys[b]!)),
      undefined,
    );
    const sorted: StreamKey[] = [];
    for (const i of order) if (sorted.push(keys[i]!) % stepKeys === 0) yield undefined;
    let seen = 0;
    for (const row of this.#query.aggregate === 'none' ? this.#netblocks(sorted) : this.#totals(sorted)) {
      if (++seen % sliceRows === 0) yield undefined;
      if (row && this.#isWanted(row)) yield row;
    }
  }

  *#totals(keys: readonly StreamKey[]): Generator<Row, void, void> {
    const { aggregate, block } = this.#query;
    for (const key of keys) {
      const label = aggregate === 'all' ? formatPrefix(block.address, block.bits) : String(key);
      yield { label, counts: this.#counts.get(key)! };
    }
  }

  /** Those of each size, a shorter one before the longer ones in it: keys of one netblock are neighbours. */
  *#netblocks(
    keys: readonly StreamKey[],
    bits = this.#query.sizes[0],
    from = 0,
    to = keys.length,
  ): Generator<Row | undefined, void, void> {
    for (let start = from; start < to; ) {
      const netblock = maskedKey(keys[start]!, bits);
      const counts = [...this.#counts.get(keys[start]!)!];
      let end = start + 1;
      for (; end < to && maskedKey(keys[end]!, bits) === netblock; end++) {
        for (const [i, count] of this.#counts.get(keys[end]!)!.entries()) counts[i] = plus(counts[i]!, count);
        if (end % sliceRows === 0) yield undefined;
      }
      yield { label: formatPrefix(keyAddress(netblock), bits), counts };
      if (bits < this.#query.sizes[1]) yield* this.#netblocks(keys, bits + 1, start, end);
      start = end;
    }
  }

  #isWanted({ counts }: Row): boolean {
    const { threshold } = this.#query;
    return counts.some((count) => count !== 0 && (threshold === undefined || count >= threshold));
  }
}

/** As the original prints it (12.4). */
export function cidrLine({ label, counts }: CidrRow): string {
  const [only] = counts;
  const figures = counts.length === 1 ? String(only).padStart(9) : counts.join(',');
  return `${label.padEnd(18)} : ${figures}\n`;
}
