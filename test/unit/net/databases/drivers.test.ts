/** What an operator is told of databases that cannot be asked: which one, why, and what to do. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Databases } from '../../../../src/net/databases/databases.ts';
import { openPackage, Unreachable } from '../../../../src/net/databases/driver.ts';
import { loadOdbc, OdbcDriver } from '../../../../src/net/databases/odbc.ts';
import { VirtualClock } from '../../../sim/virtual-clock.ts';
import { Recorder } from '../../recorder.ts';

const limits = { maxRows: undefined };
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-packages-'));
  write('package.json', '{}');
});

afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** A program in that folder, as it would ask for packages. */
function program(path: string): string {
  return pathToFileURL(join(folder, path)).href;
}

/** As the package odbc throws them. */
function odbcError(
  message: string,
  ...odbcErrors: { state: string; message: string; code: number }[]
): Error {
  return Object.assign(new Error(message), { odbcErrors });
}

function refusing(error: Error): OdbcDriver {
  return new OdbcDriver('DSN=users', () => ({ connect: () => Promise.reject(error) }));
}

function failingQueries(error: Error): OdbcDriver {
  const connection = { query: () => Promise.reject(error), close: () => Promise.resolve() };
  return new OdbcDriver('DSN=users', () => ({ connect: () => Promise.resolve(connection) }));
}

async function failure(driver: OdbcDriver): Promise<Error> {
  return await driver.query('select 1', [], limits).then(
    () => new Error('it did not fail'),
    (error: Error) => error,
  );
}

describe('the package of a driver', () => {
  it('REP-14.9 that is not installed: which one, and where to install it', () => {
    expect(() => loadOdbc(program('dist/net/databases/odbc.js'))).toThrow(
      `the package 'odbc' is not installed; run 'npm install odbc' in ${folder}`,
    );
    // Flotilla as a dependency of a program: beside it, not in it.
    write('node_modules/flotilla/package.json', '{}');
    expect(() => loadOdbc(program('node_modules/flotilla/dist/net/databases/odbc.js'))).toThrow(
      `the package 'odbc' is not installed; run 'npm install odbc' in ${folder}`,
    );
  });

  it('REP-14.9 that cannot be loaded: why, and what to install; once mended it is used without a restart', async () => {
    const index = 'node_modules/odbc/index.js';
    write(
      index,
      "throw new Error('libodbc.so.2: cannot open shared object file: No such file\\nRequire stack:\\n- x');",
    );
    const driver = new OdbcDriver('DSN=users', () => loadOdbc(program('dist/odbc.js')));
    const error = await failure(driver);
    expect(error).toBeInstanceOf(Unreachable);
    expect(error.message).toBe(
      `the package 'odbc' is installed (${join(folder, 'node_modules/odbc')}), but cannot be loaded: ` +
        'libodbc.so.2: cannot open shared object file: No such file; install unixODBC (apt-get install unixodbc) ' +
        `and the ODBC driver of the database, then run 'npm rebuild odbc' in ${folder}`,
    );
    write(
      index,
      'exports.connect = async (text) => ({ query: async () => [{ text }], close: async () => {} });',
    );
    expect(await driver.query('select 1', [], limits)).toEqual([{ text: 'DSN=users' }]);
  });

  it('of another driver: it is to be rebuilt', () => {
    write('node_modules/pg/index.js', "throw new Error('no');");
    expect(() => openPackage('pg', { from: program('dist/postgresql.js') })).toThrow(
      `the package 'pg' is installed (${join(folder, 'node_modules/pg')}), but cannot be loaded: no; run 'npm rebuild pg' in ${folder}`,
    );
  });
});

describe('what an ODBC driver says', () => {
  const connecting = '[odbc] Error connecting to the database';

  it.each([
    [
      'IM002',
      '[unixODBC][Driver Manager]Data source name not found, and no default driver specified',
      "name a data source that 'odbcinst -q -s' lists (DSN=), or a driver (DRIVER=)",
    ],
    [
      '01000',
      "[unixODBC][Driver Manager]Can't open lib '/nowhere.so' : file not found",
      "install the driver, or correct its Driver= in odbcinst.ini ('odbcinst -j' says where)",
    ],
    [
      '28000',
      '[FreeTDS][SQL Server]Login failed for user',
      'correct user and password (UID= and PWD=, or odbc.ini)',
    ],
    [
      '08001',
      '[unixODBC]could not connect to server',
      'check that the server runs and that its address is right',
    ],
  ])('REP-14.9 when it refuses, with %s: its words, and what to do', async (state, message, advice) => {
    const error = await failure(refusing(odbcError(connecting, { state, message: `${message}\n`, code: 0 })));
    expect(error).toBeInstanceOf(Unreachable);
    expect(error.message).toBe(`${connecting}: ${state} ${message}; ${advice}`);
  });

  it('REP-14.9 of all its words none is lost, also where nothing is known about them', async () => {
    const said = odbcError(
      connecting,
      { state: 'HY000', message: 'one', code: 1 },
      { state: 'XX001', message: 'two', code: 2 },
    );
    expect((await failure(refusing(said))).message).toBe(`${connecting}: HY000 one: XX001 two`);
    expect((await failure(refusing(new Error('plain')))).message).toBe('plain');
  });

  it('REP-14.1 of a query leaves the database in use, unless the connection is gone', async () => {
    const executing = '[odbc] Error executing the sql statement';
    const wrong = await failure(
      failingQueries(odbcError(executing, { state: '42S02', message: 'no such table: x', code: 1 })),
    );
    expect(wrong).not.toBeInstanceOf(Unreachable);
    expect(wrong.message).toBe(`${executing}: 42S02 no such table: x`);
    const gone = await failure(
      failingQueries(odbcError(executing, { state: '08S01', message: 'link failure', code: 1 })),
    );
    expect(gone).toBeInstanceOf(Unreachable);
    expect(gone.message).toMatch(/^.*: 08S01 link failure; check that the server runs/);
  });
});

describe('a database that cannot be asked', () => {
  it('REP-14.1 is in the log with its datasource, once a minute, and no password is', async () => {
    const clock = new VirtualClock();
    const recorder = new Recorder();
    const { load } = new Databases(['mysql://relay:hunter2@db/mail'], {
      name: 'users',
      clock,
      log: recorder.log,
    });
    const text =
      "mysql://relay:...@db/mail: the driver 'mysql' is not built in; known are sqlite, pgsql, postgresql, odbc: " +
      'reach it by ODBC, or by a function of the program (setLoader)';
    const ask = () => expect(load('select 1', [], limits)).rejects.toThrow(text);
    for (let i = 0; i < 3; i++) await ask();
    expect(recorder.lines).toEqual([
      {
        level: 'error',
        text: `datasource 'users': ${text}`,
        fields: { code: 'FLT-2005', datasource: 'users', heldBack: 0 },
      },
    ]);
    clock.runUntil(clock.nowMs() + 60_000);
    await ask();
    expect(recorder.lines.map(({ fields }) => fields.heldBack)).toEqual([0, 2]);
  });
});
