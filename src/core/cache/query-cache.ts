/**
 * Results of queries of one datasource (replication 14): kept for a while, published to the other nodes where the
 * replicated cache of the same name is there to carry them.
 *
 * A result is kept as text, so that everybody gets the same, whoever asked the database. Errors are never kept. Two
 * callers that ask the same at the same time share one query.
 */
import { FlotillaError } from '../errors.ts';
import type { Cache } from './cache.ts';
import type { CacheCounts } from './cache-counts.ts';
import { fits, maxKeyBytes, maxValueBytes } from './entry.ts';

export type QueryValue = string | number | boolean | null;
/** A row of a result, by names of columns. */
export type QueryRow = Readonly<Record<string, QueryValue>>;

export interface QueryLimits {
  /** Rows to fetch at most; undefined: all. */
  readonly maxRows: number | undefined;
}

/** Asks the database, or whatever knows. What it throws or rejects with is the caller's. */
export type QueryLoader = (
  query: string,
  parameters: readonly QueryValue[],
  limits: QueryLimits,
) => Promise<readonly QueryRow[]>;

export interface QueryOptions {
  /** Ask the database in any case, and keep nothing. */
  readonly noCache?: boolean;
}

export interface QueryCacheSettings {
  readonly name: string;
  /** 0: until there is no room. */
  readonly lifeMs: number;
  readonly maxRows: number | undefined;
  readonly noCache: boolean;
}

/** Queries under way of one datasource; a database that does not answer must not fill the memory. */
const maxRunning = 10_000;
/** Expired results dropped with each lookup: more than can come with one. */
const turnPurges = 16;

export class QueryCache {
  #settings: QueryCacheSettings;
  readonly #cache: Cache;
  readonly #hash: (text: string) => string;
  readonly #running = new Map<string, Promise<string>>();
  #asking = 0;
  #waited = 0;
  /** Undefined: there is nobody to ask. */
  loader: QueryLoader | undefined;

  /** `hash`: of long texts, such that nobody finds two that have the same. */
  constructor(settings: QueryCacheSettings, cache: Cache, hash: (text: string) => string) {
    this.#settings = settings;
    this.#cache = cache;
    this.#hash = hash;
  }

  /** For results that come from now on; what is there stays for as long as it was to. */
  configure(settings: QueryCacheSettings): void {
    this.#settings = settings;
  }

  get counts(): CacheCounts {
    this.#cache.purge(turnPurges);
    return { ...this.#cache.counts, pending: this.#waited };
  }

  /** Rejects with FLT-2005 when the query fails. */
  async query(
    query: string,
    parameters: readonly QueryValue[] = [],
    { noCache = this.#settings.noCache }: QueryOptions = {},
  ): Promise<readonly QueryRow[]> {
    if (noCache) return rowsOf(await this.#ask(query, parameters));
    const key = this.#keyOf(query, parameters);
    const running = this.#running.get(key);
    if (running) {
      this.#waited++;
      return rowsOf(await running);
    }
    this.#cache.purge(turnPurges);
    const known = this.#cache.get(key);
    if (known !== undefined) return rowsOf(known);
    const asked = this.#ask(query, parameters);
    this.#running.set(key, asked);
    try {
      const text = await asked;
      if (fits(text, maxValueBytes)) this.#cache.set(key, text, this.#settings.lifeMs);
      return rowsOf(text);
    } finally {
      this.#running.delete(key);
    }
  }

  async #ask(query: string, parameters: readonly QueryValue[]): Promise<string> {
    const { name, maxRows } = this.#settings;
    if (!this.loader)
      throw new FlotillaError('FLT-2005', `nothing to ask is known of '${name}': its Datasource has no uri`);
    if (this.#asking >= maxRunning)
      throw new FlotillaError('FLT-2005', `${maxRunning} queries of '${name}' are under way`);
    this.#asking++;
    try {
      const rows = await this.loader(query, parameters, { maxRows });
      return JSON.stringify(maxRows === undefined ? rows : rows.slice(0, maxRows));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new FlotillaError('FLT-2005', `'${name}': ${reason}`, error);
    } finally {
      this.#asking--;
    }
  }

  /** NUL keeps results apart from the pairs of the same cache (replication 14.4). */
  #keyOf(query: string, parameters: readonly QueryValue[]): string {
    const text = `\0q${JSON.stringify([query, parameters])}`;
    return fits(text, maxKeyBytes) ? text : `\0h${this.#hash(text)}`;
  }
}

function rowsOf(text: string): readonly QueryRow[] {
  return JSON.parse(text) as QueryRow[];
}
