/**
 * The lines that `cluster shared show` has for an event table (replication 18.7): each stream with the total of its
 * current window. Of the moment in which each of them is summed up; those of one stream may be many.
 */
import type { TableRow } from '../replica/table.ts';
import { Amounts } from './amounts.ts';
import { changedCell, gaugePrefix, isGauge } from './cell.ts';
import { type Stream, stepKeys } from './event-row.ts';
import { plus, type StreamKey } from './stream-key.ts';
import type { StreamTotals } from './stream-totals.ts';

interface Streams {
  readonly streams: ReadonlyMap<string, Stream>;
}

type Dump = Generator<readonly TableRow[], void, void>;

/** Of all nodes. */
export function* dumpAll(
  totals: ReadonlyMap<string, StreamTotals>,
  rows: readonly Streams[],
  nowS: number,
  under: string | undefined,
): Dump {
  for (const id of [...totals.keys()].sort()) {
    const sums = totals.get(id)!.current(nowS);
    if (isUnder(id, under)) yield* line(id, sums);
  }
  const ids = new Set(
    rows.flatMap(({ streams }) => [...streams.keys()].filter((id) => id.startsWith(gaugePrefix))),
  );
  for (const id of [...ids].sort()) if (isUnder(id, under)) yield* line(id, keysOf(rows, id, nowS));
}

/** Of one node. */
export function* dumpRow({ streams }: Streams, nowS: number, under: string | undefined): Dump {
  for (const id of [...streams.keys()].sort())
    if (isUnder(id, under)) yield* line(id, currentOf(streams.get(id), nowS));
}

function* line(id: string, entries: Iterable<readonly [StreamKey, number]>): Dump {
  let count = 0;
  let looked = 0;
  for (const [, amount] of entries) {
    count = id.startsWith(gaugePrefix) ? count + Number(amount !== 0) : plus(count, amount);
    if (++looked % stepKeys === 0) yield [];
  }
  if (count !== 0) yield [{ key: titleOf(id), count }];
}

/** Each key counts once; those that come again come as 0, so that whoever walks them can pause. */
function* keysOf(
  rows: readonly Streams[],
  id: string,
  nowS: number,
): Generator<readonly [StreamKey, number]> {
  const seen = new Amounts();
  for (const { streams } of rows) {
    for (const entry of currentOf(streams.get(id), nowS)) {
      yield seen.has(entry[0]) ? [entry[0], 0] : entry;
      seen.set(entry[0], 1);
    }
  }
}

function currentOf(stream: Stream | undefined, nowS: number): Iterable<readonly [StreamKey, number]> {
  if (!stream) return [];
  const { definition, cells } = stream;
  const number = isGauge(definition) ? changedCell : Math.floor(nowS / definition.intervalS);
  return cells.get(number)?.values ?? [];
}

/** `spam 60,5`, `connect`, `gauge:open`. */
function titleOf(id: string): string {
  return id.replace(/^series:(\d+,\d+):(.*)$/, '$2 $1');
}

function isUnder(id: string, under: string | undefined): boolean {
  const title = titleOf(id);
  return under === undefined || title === under || title.startsWith(`${under} `);
}
