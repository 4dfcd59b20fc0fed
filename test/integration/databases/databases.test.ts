/** Queries of datasources against real databases: SQLite, and PostgreSQL as Debian has it (replication 14). */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Databases } from '../../../src/net/databases/databases.ts';
import { systemClock } from '../../../src/node/system-clock.ts';
import { Recorder } from '../../unit/recorder.ts';
import { type PostgresqlServer, startPostgresql } from './postgresql.ts';

const limits = { maxRows: undefined };
let folder: string;
let server: PostgresqlServer;
const opened: Databases[] = [];
const recorder = new Recorder();

interface WritableDatabase {
  exec(sql: string): void;
  close(): void;
}

function databases(...uris: string[]): Databases {
  const all = new Databases(uris, { name: 'users', clock: systemClock, log: recorder.log });
  opened.push(all);
  return all;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flotilla-sqlite-'));
  const { Database } = createRequire(import.meta.url)('node-sqlite3-wasm') as {
    Database: new (file: string) => WritableDatabase;
  };
  const file = new Database(join(folder, 'users.db'));
  file.exec(`create table users (name text, quota integer, rate real, key blob);
    insert into users values ('anna', 5, 1.5, x'00ff'), ('bert', 9007199254740993, null, null)`);
  file.close();
  server = await startPostgresql();
  server.sql(`create table users (name text, quota bigint, rate real, since timestamptz, tags jsonb, is_on boolean);
    insert into users values ('anna', 5, 1.5, '2026-01-02T03:04:05Z', '["a"]', true), ('bert', null, null, null, null, false)`);
}, 60_000);

afterAll(async () => {
  await Promise.all(opened.map((each) => each.close()));
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('SQLite', () => {
  it('REP-14.3 answers with rows by names of columns, as plain values, no more than asked for', async () => {
    const { load } = databases(`sqlite:${join(folder, 'users.db')}`);
    expect(await load('select * from users where name = ?', ['anna'], limits)).toEqual([
      { name: 'anna', quota: 5, rate: 1.5, key: 'AP8=' },
    ]);
    expect(await load('select quota from users order by name', [], limits)).toEqual([
      { quota: 5 },
      { quota: '9007199254740993' },
    ]);
    expect(await load('select name from users order by name', [], { maxRows: 1 })).toEqual([
      { name: 'anna' },
    ]);
  });

  it('REP-14.3 says what is wrong with a query, and goes on', async () => {
    const { load } = databases(`sqlite:${join(folder, 'users.db')}`);
    await expect(load('select * from absent', [], limits)).rejects.toThrow(/no such table/);
    await expect(load("insert into users values ('c', 1, 1, null)", [], limits)).rejects.toThrow(/readonly/);
    expect(await load('select count(*) as n from users', [], limits)).toEqual([{ n: 2 }]);
  });

  it('REP-14.1 a file that is not there is left out, the next one asked', async () => {
    const { load } = databases(`sqlite:${join(folder, 'nothing.db')}`, `sqlite:${join(folder, 'users.db')}`);
    await expect(load('select 1 as one', [], limits)).rejects.toThrow(/Could not open/);
    for (let i = 0; i < 3; i++) expect(await load('select 1 as one', [], limits)).toEqual([{ one: 1 }]);
  });
});

describe('PostgreSQL', () => {
  it.each(['url', 'conninfo'])('REP-14.3 answers with rows, named by %s', async (form) => {
    const rest =
      form === 'url'
        ? `postgresql://flotilla@127.0.0.1:${server.port}/postgres`
        : `pgsql:host=127.0.0.1 port=${server.port} user=flotilla dbname='postgres'`;
    const { load } = databases(rest);
    expect(await load('select * from users where name = $1', ['anna'], limits)).toEqual([
      { name: 'anna', quota: '5', rate: 1.5, since: '2026-01-02T03:04:05.000Z', tags: '["a"]', is_on: true },
    ]);
    expect(await load('select name from users order by name', [], { maxRows: 1 })).toEqual([
      { name: 'anna' },
    ]);
    await expect(load('select * from absent', [], limits)).rejects.toThrow(
      /relation "absent" does not exist/,
    );
    expect(await load('select 1 as one', [], limits)).toEqual([{ one: 1 }]);
  });

  it('REP-14.1 databases are asked in turn, and a dead one is left out', async () => {
    const alive = `postgresql://flotilla@127.0.0.1:${server.port}/postgres`;
    const both = databases(`${alive}?application_name=a`, `${alive}?application_name=b`);
    const names = [];
    for (let i = 0; i < 4; i++)
      names.push(
        (await both.load("select current_setting('application_name') as name", [], limits))[0]?.name,
      );
    expect(names).toEqual(['a', 'b', 'a', 'b']);
    const { load } = databases('postgresql://flotilla@127.0.0.1:1/postgres', alive);
    await expect(load('select 1 as one', [], limits)).rejects.toThrow(
      /^postgresql:\/\/flotilla@127.0.0.1:1\/postgres: .*ECONNREFUSED/,
    );
    expect(recorder.texts('error')).toContainEqual(
      expect.stringMatching(
        /^error: datasource 'users': postgresql:\/\/flotilla@127.0.0.1:1\/postgres: .*ECONNREFUSED/,
      ),
    );
    for (let i = 0; i < 3; i++) expect(await load('select 1 as one', [], limits)).toEqual([{ one: 1 }]);
  });
});

describe('other drivers', () => {
  it('REP-14.9 say what is missing', async () => {
    await expect(databases('odbc:DSN=users').load('select 1', [], limits)).rejects.toThrow(
      /^odbc:DSN=users: the package 'odbc' is not installed; run 'npm install odbc' in /,
    );
    await expect(databases('mysql:db').load('select 1', [], limits)).rejects.toThrow(
      /'mysql' is not built in/,
    );
  });
});
