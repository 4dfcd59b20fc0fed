/** SQLite files as a datasource, read only. */
import type { QueryLimits, QueryValue } from '../../core/cache/query-cache.ts';
import type { Driver } from './driver.ts';
import { type SqliteRow, SqliteThread } from './sqlite-thread.ts';

export class SqliteDriver implements Driver {
  readonly #thread: SqliteThread;

  constructor(file: string) {
    this.#thread = new SqliteThread(file, 'read');
  }

  query(
    query: string,
    parameters: readonly QueryValue[],
    { maxRows }: QueryLimits,
  ): Promise<readonly SqliteRow[]> {
    return this.#thread.query({ query, parameters }, maxRows);
  }

  close(): Promise<void> {
    return this.#thread.close();
  }
}
