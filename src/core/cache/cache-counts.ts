/** Counters of a cache and the rows in which the consoles show them (replication 14.7, 18.9). */

export interface CacheCounts {
  elements: number;
  hits: number;
  misses: number;
  /** Lookups that waited for one that was under way. */
  pending: number;
  inserts: number;
  /** Deletions by hand (delete, flush), by time to live, and for want of room. */
  manual: number;
  expired: number;
  evicted: number;
}

export function noCounts(): CacheCounts {
  return { elements: 0, hits: 0, misses: 0, pending: 0, inserts: 0, manual: 0, expired: 0, evicted: 0 };
}

export const queryCacheHeading = `\
cache name                      lookups %                  deletions %
                       elts  hit miss pend  total  inserts man ttl lru  total
----------------------- ----- -------------------- -------- ------------------
`;

/** The line of numbers below a cache's name in `ds_core stats`. */
export function queryCacheRow(counts: CacheCounts): string {
  return `${' '.repeat(23)}${padded(counts.elements, 5)}${figures(counts, 6)}`;
}

/** A line of `cache stats`; a name that is longer than its column pushes the figures to the right. */
export function cacheRow(name: string, counts: CacheCounts): string {
  return `${name.padEnd(22)} ${padded(counts.elements, 4)}${figures(counts, 8)}`;
}

function figures(counts: CacheCounts, totalWidth: number): string {
  const { hits, misses, pending, inserts, manual, expired, evicted } = counts;
  const lookups = hits + misses + pending;
  const deletions = manual + expired + evicted;
  const percents = (parts: number[], whole: number) => parts.map((part) => percent(part, whole)).join('');
  return [
    percents([hits, misses, pending], lookups),
    ` ${padded(lookups, 8)}`,
    ` ${padded(inserts, 8)}`,
    percents([manual, expired, evicted], deletions),
    ` ${padded(deletions, totalWidth)}`,
  ].join('');
}

function percent(part: number, whole: number): string {
  return ` ${padded(whole === 0 ? 0 : Math.round((part / whole) * 100), 3)}`;
}

function padded(value: number, width: number): string {
  return String(value).padStart(width);
}
