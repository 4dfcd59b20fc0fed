/** Which files of series are to be compressed, and which deleted (replication 11.8): `cidr_maintain`. */
import { parseDate } from './cidr-query.ts';
import { parseJournalName } from './series-file.ts';

export interface JournalUpkeep {
  /** Undefined: all. */
  readonly series: readonly string[] | undefined;
  /** Days before today whose files are kept. */
  readonly retentionDays: number;
  /** Days before today whose files stay as they are; undefined: none is compressed. */
  readonly plainDays: number | undefined;
}

export interface UpkeepPlan {
  /** Names of files. */
  readonly remove: readonly string[];
  readonly compress: readonly string[];
}

const dayMs = 86_400_000;

export function planUpkeep(
  names: readonly string[],
  { series, retentionDays, plainDays }: JournalUpkeep,
  nowMs: number,
): UpkeepPlan {
  const today = Math.floor(nowMs / dayMs);
  const remove: string[] = [];
  const compress: string[] = [];
  for (const name of names) {
    const journal = parseJournalName(name);
    const end = journal && parseDate(journal.stamp);
    if (!end || series?.includes(journal.series) === false) continue;
    // What ends at midnight is of the day before.
    const ageDays = today - Math.floor((end.ms - 1) / dayMs);
    if (ageDays > retentionDays) remove.push(name);
    else if (plainDays !== undefined && ageDays > plainDays && !name.endsWith('.gz')) compress.push(name);
  }
  return { remove, compress };
}
