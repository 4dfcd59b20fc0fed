/** PostgreSQL by the package pg: a few connections, kept while they are used. */
import type { QueryLimits, QueryValue } from '../../core/cache/query-cache.ts';
import { type Driver, messageOf, openPackage, Unreachable } from './driver.ts';

type Row = Readonly<Record<string, unknown>>;

/** The part of pg's Pool that is used. */
interface Pool {
  query(query: string, parameters: readonly QueryValue[]): Promise<{ readonly rows: readonly Row[] }>;
  on(event: 'error', listener: () => void): void;
  end(): Promise<void>;
}

interface Pg {
  readonly Pool: new (options: object) => Pool;
}

const limits = {
  max: 4,
  connectionTimeoutMillis: 5_000,
  idleTimeoutMillis: 60_000,
  query_timeout: 30_000,
  statement_timeout: 30_000,
  allowExitOnIdle: true,
};

export class PostgresqlDriver implements Driver {
  readonly #options: object;
  #pool: Pool | undefined;

  /** `rest`: `//user:password@host:port/database` or `host=... dbname=... user=...`. */
  constructor(rest: string) {
    this.#options = rest.startsWith('//') ? { connectionString: `postgresql:${rest}` } : optionsOf(rest);
  }

  async query(
    query: string,
    parameters: readonly QueryValue[],
    { maxRows }: QueryLimits,
  ): Promise<readonly Row[]> {
    this.#pool ??= this.#open();
    try {
      const { rows } = await this.#pool.query(query, parameters);
      return rows.slice(0, maxRows);
    } catch (error) {
      throw isOfQuery(error) ? error : new Unreachable(messageOf(error));
    }
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }

  #open(): Pool {
    const pg = openPackage<Pg>('pg');
    const pool = new pg.Pool({ ...limits, ...this.#options });
    // Of idle connections; the next query makes new ones.
    pool.on('error', () => {});
    return pool;
  }
}

/** Class 08 and 57P are those of servers that are going or gone, and what is no SQLSTATE comes from the network. */
function isOfQuery(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P)/.test(code);
}

const names: Readonly<Record<string, string>> = { dbname: 'database', hostaddr: 'host' };

/** `key=value` by blanks, values in quotes where they hold some, as libpq reads them. */
function optionsOf(text: string): object {
  const options: Record<string, string> = {};
  for (const [, key, quoted, plain] of text.matchAll(/(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S*))/g))
    options[names[key!] ?? key!] = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '';
  return options;
}
