/**
 * The databases of one datasource: asked in turn, all equal (replication 14.1). One that could not be reached is left out
 * for a while; the query that found that out fails.
 */
import type { QueryLimits, QueryLoader } from '../../core/cache/query-cache.ts';
import type { Clock } from '../../core/clock.ts';
import { type Driver, plainRow, Unreachable } from './driver.ts';
import { OdbcDriver } from './odbc.ts';
import { PostgresqlDriver } from './postgresql.ts';
import { SqliteDriver } from './sqlite.ts';

const deadMs = 10_000;

const drivers: Readonly<Record<string, new (rest: string) => Driver>> = {
  sqlite: SqliteDriver,
  pgsql: PostgresqlDriver,
  postgresql: PostgresqlDriver,
  odbc: OdbcDriver,
};

interface Database {
  readonly driver: Driver;
  deadUntilMs: number;
}

export class Databases {
  readonly #databases: readonly Database[];
  readonly #clock: Clock;
  #next = 0;

  /** `uris`: `driver:rest`. Opens nothing yet. */
  constructor(uris: readonly string[], clock: Clock) {
    this.#databases = uris.map((uri) => ({ driver: driverOf(uri), deadUntilMs: Number.NEGATIVE_INFINITY }));
    this.#clock = clock;
  }

  readonly load: QueryLoader = async (query, parameters, limits: QueryLimits) => {
    const database = this.#choose();
    try {
      return (await database.driver.query(query, parameters, limits)).map(plainRow);
    } catch (error) {
      if (error instanceof Unreachable) database.deadUntilMs = this.#clock.nowMs() + deadMs;
      throw error;
    }
  };

  async close(): Promise<void> {
    await Promise.all(this.#databases.map(({ driver }) => driver.close()));
  }

  /** The next one in turn that is not dead; when all are, the next one. */
  #choose(): Database {
    const all = this.#databases;
    const inTurn = all.map((_, at) => all[(this.#next + at) % all.length]!);
    const nowMs = this.#clock.nowMs();
    const chosen = inTurn.find(({ deadUntilMs }) => deadUntilMs <= nowMs) ?? inTurn[0]!;
    this.#next = all.indexOf(chosen) + 1;
    return chosen;
  }
}

function driverOf(uri: string): Driver {
  const colon = uri.indexOf(':');
  const name = uri.slice(0, colon);
  const Driver = drivers[name.toLowerCase()];
  if (Driver) return new Driver(uri.slice(colon + 1));
  return {
    query: () => Promise.reject(new Error(`the driver '${name}' is not built in`)),
    close: () => Promise.resolve(),
  };
}
