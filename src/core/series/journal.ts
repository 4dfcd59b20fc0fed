/**
 * What was counted of some series since they were last written, by key: the content of the next files. A node writes what
 * it counted itself, a manager what it received (replication 11).
 */
import { mostKeys } from '../replica/table.ts';
import { Amounts } from './amounts.ts';
import type { KeyType } from './cell.ts';
import { plus, type StreamKey } from './stream-key.ts';

export interface JournalPage {
  readonly series: string;
  readonly keyType: KeyType;
  readonly amounts: Amounts;
}

export class Journal {
  #pages = new Map<string, JournalPage>();
  /** Keys that found no room. */
  refused = 0;

  add(series: string, keyType: KeyType, key: StreamKey, by: number): void {
    const id = `${keyType} ${series}`;
    let page = this.#pages.get(id);
    if (!page) {
      page = { series, keyType, amounts: new Amounts() };
      this.#pages.set(id, page);
    }
    const { amounts } = page;
    if (amounts.size >= mostKeys && !amounts.has(key)) this.refused++;
    else amounts.set(key, plus(amounts.get(key), by));
  }

  /** Begins anew. Series without counts are not in it (11.5). */
  take(): JournalPage[] {
    const pages = [...this.#pages.values()].filter(({ amounts }) => amounts.size > 0);
    this.#pages = new Map();
    return pages;
  }
}
