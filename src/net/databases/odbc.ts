/** Whatever an ODBC driver of this machine reaches, by the package odbc where it is installed. */
import type { QueryLimits, QueryValue } from '../../core/cache/query-cache.ts';
import { type Driver, messageOf, openPackage, Unreachable } from './driver.ts';

type Row = Readonly<Record<string, unknown>>;

interface Connection {
  query(query: string, parameters: readonly QueryValue[]): Promise<readonly Row[]>;
  close(): Promise<void>;
}

interface Odbc {
  connect(connectionString: string): Promise<Connection>;
}

/** What the driver manager and the driver say; the package's own text says only what it was doing. */
interface Diagnosis {
  readonly state: string;
  readonly message: string;
}

/** By the beginning of an SQLSTATE: what to do about it. */
const advice: readonly (readonly [state: RegExp, advice: string])[] = [
  [/^IM002/, "name a data source that 'odbcinst -q -s' lists (DSN=), or a driver (DRIVER=)"],
  [
    /^(IM003|IM004|IM005)/,
    "install the driver, or correct its Driver= in odbcinst.ini ('odbcinst -j' says where)",
  ],
  [/^01000/, "install the driver, or correct its Driver= in odbcinst.ini ('odbcinst -j' says where)"],
  [/^28/, 'correct user and password (UID= and PWD=, or odbc.ini)'],
  [/^(08|HYT)/, 'check that the server runs and that its address is right'],
];
/** Connection exceptions and timeouts; the driver manager could not even ask. */
const isUnreachable = /^(08|HYT|IM)/;
const install =
  "install unixODBC (apt-get install unixodbc) and the ODBC driver of the database, then run 'npm rebuild odbc'";

export class OdbcDriver implements Driver {
  readonly #connectionString: string;
  readonly #load: () => Odbc;
  #connection: Promise<Connection> | undefined;

  constructor(connectionString: string, load: () => Odbc = loadOdbc) {
    this.#connectionString = connectionString;
    this.#load = load;
  }

  async query(
    query: string,
    parameters: readonly QueryValue[],
    { maxRows }: QueryLimits,
  ): Promise<readonly Row[]> {
    this.#connection ??= this.#open();
    const connection = await this.#connection.catch((error: unknown) => {
      this.#connection = undefined;
      throw new Unreachable(textOf(error), { cause: error });
    });
    try {
      return [...(await connection.query(query, parameters))].slice(0, maxRows);
    } catch (error) {
      // ODBC does not tell a lost connection from a wrong query in the same way everywhere: begin anew in any case.
      await this.close();
      const Failure = diagnosesOf(error).some(({ state }) => isUnreachable.test(state)) ? Unreachable : Error;
      throw new Failure(textOf(error), { cause: error });
    }
  }

  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    this.#connection = undefined;
    await connection?.close().catch(() => {});
  }

  async #open(): Promise<Connection> {
    return this.#load().connect(this.#connectionString);
  }
}

/** `from`: whose packages. */
export function loadOdbc(from?: string): Odbc {
  return openPackage<Odbc>('odbc', { from, whenBroken: install });
}

function textOf(error: unknown): string {
  const diagnoses = diagnosesOf(error);
  const said = diagnoses.map(({ state, message }) => `${state} ${message.trim()}`);
  const text = [messageOf(error), ...said].join(': ');
  const known = advice.find(([pattern]) => diagnoses.some(({ state }) => pattern.test(state)));
  return known ? `${text}; ${known[1]}` : text;
}

function diagnosesOf(error: unknown): readonly Diagnosis[] {
  const { odbcErrors } = (error ?? {}) as { odbcErrors?: unknown };
  if (!Array.isArray(odbcErrors)) return [];
  return (odbcErrors as readonly Partial<Record<keyof Diagnosis, unknown>>[]).map(({ state, message }) => {
    return { state: String(state), message: String(message) };
  });
}
