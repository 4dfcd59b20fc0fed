/** Whatever an ODBC driver of this machine reaches, by the package odbc where it is installed. */
import { pathToFileURL } from 'node:url';
import type { QueryLimits, QueryValue } from '../../core/cache/query-cache.ts';
import { type Driver, pathOfPackage, Unreachable } from './driver.ts';

type Row = Readonly<Record<string, unknown>>;

interface Connection {
  query(query: string, parameters: readonly QueryValue[]): Promise<readonly Row[]>;
  close(): Promise<void>;
}

interface Odbc {
  readonly default: { connect(connectionString: string): Promise<Connection> };
}

export class OdbcDriver implements Driver {
  readonly #connectionString: string;
  #connection: Promise<Connection> | undefined;

  constructor(connectionString: string) {
    this.#connectionString = connectionString;
  }

  async query(
    query: string,
    parameters: readonly QueryValue[],
    { maxRows }: QueryLimits,
  ): Promise<readonly Row[]> {
    this.#connection ??= this.#open();
    const connection = await this.#connection.catch((error: Error) => {
      this.#connection = undefined;
      throw new Unreachable(error.message);
    });
    try {
      return [...(await connection.query(query, parameters))].slice(0, maxRows);
    } catch (error) {
      // ODBC does not tell a lost connection from a wrong query in the same way everywhere: begin anew in any case.
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    await connection?.close().catch(() => {});
  }

  async #open(): Promise<Connection> {
    const odbc = (await import(pathToFileURL(pathOfPackage('odbc')).href)) as Odbc;
    return odbc.default.connect(this.#connectionString);
  }
}
