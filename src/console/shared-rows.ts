/**
 * Rows of a shared object on their way to a console: chosen, ordered, written. The only place that knows the line
 * formats of trees and tables (replication 5.10, 5.13).
 */
import type { SharedKind, SharedRow } from '../core/shared-object.ts';
import { escapeXml } from './xml.ts';

export type RowBatches = AsyncIterable<readonly SharedRow[]>;

/** What is left out; everything is kept without it (replication 21.6). */
export interface RowFilter {
  /** `*` stands for any run of characters, `?` for one. */
  readonly keyPattern: string | undefined;
  readonly minCount: number | undefined;
  /** The largest counts first. Of a tree only whole addresses: a sum of netblocks would always win. */
  readonly top: number | undefined;
}

/** Most rows that `top` keeps and sorts. */
export const maxTop = 10_000;

/** Rows that `top` gives out in one batch. */
const batchRows = 1024;

export function filtered(rows: RowBatches, kind: SharedKind, filter: RowFilter): RowBatches {
  const wanted = matching(rows, filter);
  return filter.top === undefined ? wanted : largest(wanted, kind, filter.top);
}

async function* matching(
  rows: RowBatches,
  { keyPattern, minCount = 0 }: RowFilter,
): AsyncGenerator<readonly SharedRow[]> {
  const pattern = keyPattern === undefined ? undefined : new KeyPattern(keyPattern);
  for await (const batch of rows) {
    const wanted = batch.filter((row) => row.count >= minCount && (pattern?.matches(row.key) ?? true));
    if (wanted.length > 0) yield wanted;
  }
}

/**
 * Keeps `top` rows beside a batch, so a million rows cost no memory, and orders only a batch at a time, so none of them
 * holds up the node.
 */
async function* largest(
  rows: RowBatches,
  kind: SharedKind,
  top: number,
): AsyncGenerator<readonly SharedRow[]> {
  let kept: readonly SharedRow[] = [];
  for await (const batch of rows) {
    const least = kept.length < top ? -1 : kept[top - 1]!.count;
    const better = batch.filter((row) => row.count > least && (kind !== 'cidrtree' || isAddress(row)));
    // The sort is stable, so equal counts stay in dump order.
    if (better.length > 0)
      kept = merged(
        kept,
        better.sort((a, b) => b.count - a.count),
        top,
      );
  }
  for (let at = 0; at < kept.length; at += batchRows) yield kept.slice(at, at + batchRows);
}

/** The `top` largest of two lists, largest first; of equals those of the first list come first. */
function merged(first: readonly SharedRow[], second: readonly SharedRow[], top: number): SharedRow[] {
  const all: SharedRow[] = [];
  for (let i = 0, j = 0; all.length < top && (i < first.length || j < second.length); ) {
    const fromFirst = j === second.length || (i < first.length && first[i]!.count >= second[j]!.count);
    all.push(fromFirst ? first[i++]! : second[j++]!);
  }
  return all;
}

function isAddress(row: SharedRow): boolean {
  return row.key.endsWith(row.key.includes(':') ? '/128' : '/32');
}

export async function* asLines(rows: RowBatches, kind: SharedKind): AsyncGenerator<string> {
  const line = lines[kind];
  for await (const batch of rows) yield batch.map(line).join('');
}

export async function* asXml(rows: RowBatches): AsyncGenerator<string> {
  for await (const batch of rows) {
    yield batch
      .map(
        ({ key, count, rate }) =>
          `<Row><Key>${escapeXml(key)}</Key><Count>${count}</Count>${rate ? `<Units>${rate.units}</Units><Window>${rate.windowS}</Window>` : ''}</Row>`,
      )
      .join('');
  }
}

/** The rows of a JSON array, without its brackets. */
export async function* asJson(rows: RowBatches): AsyncGenerator<string> {
  let separator = '';
  for await (const batch of rows) {
    yield separator + batch.map(({ key, count, rate }) => JSON.stringify({ key, count, ...rate })).join(',');
    separator = ',';
  }
}

/** `      5                         10.0.0.0/8` */
function treeLine(row: SharedRow): string {
  return `${String(row.count).padStart(7)}${' '.repeat(25)}${row.key}\n`;
}

/** `                                                     aol.com:            1` */
function tableLine(row: SharedRow): string {
  return `${row.key.padStart(60)}:${String(row.count).padStart(13)}\n`;
}

/** `                                                  newsletters:       40/100 per 60 s` (replication 18.7) */
function throttleLine({ key, count, rate }: SharedRow): string {
  return `${key.padStart(60)}:${`${count}/${rate?.units}`.padStart(13)} per ${rate?.windowS} s\n`;
}

const lines: Readonly<Record<SharedKind, (row: SharedRow) => string>> = {
  cidrtree: treeLine,
  'gauge table': tableLine,
  'throttle table': throttleLine,
  'event series': tableLine,
  cache: tableLine,
};

/**
 * A pattern with `*` and `?`. Not a regular expression: `*a*a*a*b` made into one takes exponential time on a long key.
 */
class KeyPattern {
  readonly #pattern: string;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  /** Greedy with one point of return, the last `*`: at most length of key times length of pattern. */
  matches(key: string): boolean {
    const pattern = this.#pattern;
    let at = 0;
    let star = -1;
    let resumeAt = 0;
    for (let index = 0; index < key.length; ) {
      if (at < pattern.length && pattern[at] === '*') {
        star = at++;
        resumeAt = index;
      } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === key[index])) {
        at++;
        index++;
      } else if (star >= 0) {
        at = star + 1;
        index = ++resumeAt;
      } else return false;
    }
    while (pattern[at] === '*') at++;
    return at === pattern.length;
  }
}
