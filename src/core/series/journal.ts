/**
 * What was counted of some series since they were last written, by key: the content of the next files. A node writes what
 * it counted itself, a manager what it received (replication 11).
 *
 * Invariant: one page for each name, as there is one file. Series of one name whose keys are addresses go together.
 */
import { mostKeys } from '../replica/table.ts';
import type { Work } from '../replica/work.ts';
import { Amounts } from './amounts.ts';
import type { KeyType } from './cell.ts';
import { stepKeys } from './event-row.ts';
import { encodedName } from './series-file.ts';
import { plus, type StreamKey } from './stream-key.ts';

export interface JournalPage {
  readonly series: string;
  readonly keyType: KeyType;
  readonly amounts: Amounts;
}

/** With stamp and suffixes it is the name of a file, of 255 characters at most. */
const maxNameLength = 230;

export class Journal {
  #pages = new Map<string, JournalPage>();
  /** Counts that found no room, no name for a file, or had keys of another kind than the first ones of the name. */
  refused = 0;

  add(series: string, keyType: KeyType, key: StreamKey, by: number): void {
    const amounts = this.#amountsOf(series, keyType);
    if (!amounts || (amounts.size >= mostKeys && !amounts.has(key))) this.refused++;
    else amounts.set(key, plus(amounts.get(key), by));
  }

  /** Since it began; of series that counted something (11.5). */
  get pages(): JournalPage[] {
    return [...this.#pages.values()].filter(({ amounts }) => amounts.size > 0);
  }

  /** Begins anew. */
  take(): JournalPage[] {
    const { pages } = this;
    this.#pages = new Map();
    return pages;
  }

  /** It could not be written: its counts are in the next one. */
  *putBack({ series, keyType, amounts }: JournalPage): Work {
    let added = 0;
    for (const [key, by] of amounts) {
      this.add(series, keyType, key, by);
      if (++added % stepKeys === 0) yield;
    }
  }

  #amountsOf(series: string, keyType: KeyType): Amounts | undefined {
    const known = this.#pages.get(series);
    if (known?.keyType === keyType) return known.amounts;
    if (known && (keyType === 'text' || known.keyType === 'text')) return undefined;
    if (encodedName(series).length > maxNameLength) return undefined;
    const page = known
      ? { ...known, keyType: 'address' as const }
      : { series, keyType, amounts: new Amounts() };
    this.#pages.set(series, page);
    return page.amounts;
  }
}
