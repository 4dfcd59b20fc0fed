/**
 * The databases of one datasource: asked in turn, all equal (replication 14.1). One that could not be reached is left out
 * for a while; the query that found that out fails, and the log says so: the program that asked may keep it to itself.
 */
import type { QueryLimits, QueryLoader } from '../../core/cache/query-cache.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { LogGate } from '../../core/log-gate.ts';
import { withoutCredentials } from '../../core/secrets.ts';
import { type Driver, messageOf, plainRow, Unreachable } from './driver.ts';
import { OdbcDriver } from './odbc.ts';
import { PostgresqlDriver } from './postgresql.ts';
import { SqliteDriver } from './sqlite.ts';

const deadMs = 10_000;
const logIntervalMs = 60_000;

const drivers: Readonly<Record<string, new (rest: string) => Driver>> = {
  sqlite: SqliteDriver,
  pgsql: PostgresqlDriver,
  postgresql: PostgresqlDriver,
  odbc: OdbcDriver,
};

interface Database {
  /** For whoever reads of it: without passwords. */
  readonly shownUri: string;
  readonly driver: Driver;
  readonly logGate: LogGate;
  deadUntilMs: number;
}

export interface DatabasesOptions {
  /** Of the datasource. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Pick<Log, 'error'>;
}

export class Databases {
  readonly #databases: readonly Database[];
  readonly #options: DatabasesOptions;
  #next = 0;

  /** `uris`: `driver:rest`. Opens nothing yet. */
  constructor(uris: readonly string[], options: DatabasesOptions) {
    this.#databases = uris.map((uri) => ({
      shownUri: withoutCredentials(uri),
      driver: driverOf(uri),
      logGate: new LogGate(options.clock, logIntervalMs),
      deadUntilMs: Number.NEGATIVE_INFINITY,
    }));
    this.#options = options;
  }

  readonly load: QueryLoader = async (query, parameters, limits: QueryLimits) => {
    const database = this.#choose();
    try {
      return (await database.driver.query(query, parameters, limits)).map(plainRow);
    } catch (error) {
      const text = `${database.shownUri}: ${messageOf(error)}`;
      if (!(error instanceof Unreachable)) throw new Error(text, { cause: error });
      this.#markDead(database, text);
      throw new Unreachable(text, { cause: error });
    }
  };

  async close(): Promise<void> {
    await Promise.all(this.#databases.map(({ driver }) => driver.close()));
  }

  #markDead(database: Database, text: string): void {
    const { name, clock, log } = this.#options;
    database.deadUntilMs = clock.nowMs() + deadMs;
    database.logGate.pass((heldBack) =>
      log.error(`datasource '${name}': ${text}`, { code: 'FLT-2005', datasource: name, heldBack }),
    );
  }

  /** The next one in turn that is not dead; when all are, the next one. */
  #choose(): Database {
    const all = this.#databases;
    const inTurn = all.map((_, at) => all[(this.#next + at) % all.length]!);
    const nowMs = this.#options.clock.nowMs();
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
    query: () => Promise.reject(new Unreachable(notBuiltIn(name))),
    close: () => Promise.resolve(),
  };
}

function notBuiltIn(name: string): string {
  const known = Object.keys(drivers).join(', ');
  return `the driver '${name}' is not built in; known are ${known}: reach it by ODBC, or by a function of the program (setLoader)`;
}
