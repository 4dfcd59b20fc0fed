/**
 * The control cache in the words of SQLite: a run is a command that was sent, with one answer for each node, in parts.
 *
 * Invariants: of one line each node has at most one answer; parts are stored in order and without a gap, and an answer with a
 * gap is broken; what is kept is bounded in bytes and in age.
 */
import type { AnswerPart } from '../bus/control-sender.ts';
import type { ControlCacheSettings } from '../core/settings.ts';
import type { SqliteStatement } from '../net/databases/sqlite-thread.ts';
import type { AskedNode } from './control-cache.ts';

/** In the file, as `pragma user_version`. In files of format 1 lines have their secrets. */
export const schemaVersion = 2;

/** Of a row, beside its text. */
const rowBytes = 512;
/** An answer of which nothing more has come for so long is broken, and what has come of it is dropped (MGR-21). */
const mostSilenceMs = 60_000;

export const schema: readonly SqliteStatement[] = [
  `create table run (id text primary key, line text not null, sent_ms integer not null, bytes integer not null)`,
  'create index run_line on run (line)',
  `create table answer (
     id integer primary key autoincrement,
     run text not null references run (id) on delete cascade,
     node text not null, subcluster text not null, name text,
     state text not null, status integer, ended_ms integer, heard_ms integer,
     next integer not null, bytes integer not null, unique (run, node))`,
  `create table part (
     answer integer not null references answer (id) on delete cascade,
     number integer not null, text text not null, primary key (answer, number)) without rowid`,
  `pragma user_version = ${schemaVersion}`,
].map((query) => ({ query, parameters: [] }));

export interface Beginning {
  readonly command: string;
  readonly line: string;
  readonly nodes: readonly AskedNode[];
  readonly isForAll: boolean;
  readonly nowMs: number;
}

export function beginning({ command, line, nodes, isForAll, nowMs }: Beginning): SqliteStatement[] {
  const earlier = isForAll
    ? [{ query: 'delete from run where line = ?', parameters: [line] }]
    : nodes.map(({ node }) => ({
        query: 'delete from answer where node = ? and run in (select id from run where line = ?)',
        parameters: [node, line],
      }));
  return [
    ...earlier,
    {
      query: 'delete from run where line = ? and not exists (select 1 from answer where run = run.id)',
      parameters: [line],
    },
    {
      query: 'insert into run values (?, ?, ?, ?)',
      parameters: [command, line, nowMs, rowBytes + Buffer.byteLength(line)],
    },
    ...nodes.map(({ node, subcluster }) => ({
      query: `insert into answer (run, node, subcluster, state, next, bytes)
              values (?, ?, ?, 'waiting', 1, ${rowBytes})`,
      parameters: [command, node, subcluster],
    })),
  ];
}

/** What is no part of a known command, comes again, or comes from another process of the same name changes nothing. */
export function addition(
  part: AnswerPart & { readonly subcluster: string },
  nowMs: number,
): SqliteStatement[] {
  const { command, node, subcluster, privateName, number, text, end } = part;
  const isIts = `run = ? and node = ? and (name is null or name = ?) and state in ('waiting', 'arriving')`;
  const its = [command, node, privateName];
  const state = end ? 'whole' : 'arriving';
  return [
    {
      // A node that the manager did not know of when it sent the command, unless it has a newer answer.
      query: `insert into answer (run, node, subcluster, state, next, bytes)
              select id, ?2, ?3, 'waiting', 1, ${rowBytes} from run as sent
               where id = ?1 and not exists (
                 select 1 from answer join run on answer.run = run.id
                  where run.line = sent.line and answer.node = ?2)`,
      parameters: [command, node, subcluster],
    },
    {
      query: `insert into part select id, ?, ? from answer where ${isIts} and next = ?`,
      parameters: [number, text, ...its, number],
    },
    {
      query: `update answer set name = ?, state = ?, status = ?, ended_ms = ?, heard_ms = ?, next = next + 1,
                bytes = bytes + ? where ${isIts} and next = ?`,
      parameters: [
        privateName,
        state,
        end?.status ?? null,
        end?.endedMs ?? null,
        nowMs,
        Buffer.byteLength(text),
        ...its,
        number,
      ],
    },
    {
      query: `update answer set name = ?, state = 'broken', heard_ms = ? where ${isIts} and next < ?`,
      parameters: [privateName, nowMs, ...its, number],
    },
  ];
}

/** Old commands go, then the oldest until the rest fits; of the last one what is too much. */
export function limiting(
  { maxBytes, maxAgeMs }: Pick<ControlCacheSettings, 'maxBytes' | 'maxAgeMs'>,
  nowMs: number,
): SqliteStatement[] {
  return [
    { query: 'delete from run where sent_ms < ?', parameters: [nowMs - maxAgeMs] },
    {
      query: `update answer set state = 'broken' where state = 'arriving' and heard_ms < ?`,
      parameters: [nowMs - mostSilenceMs],
    },
    {
      query: `delete from run where id in (
                select id from (
                  select id, row_number() over newest as place, sum(size) over newest as total from (
                    select id, sent_ms, rowid as at,
                      bytes + coalesce((select sum(bytes) from answer where run = run.id), 0) as size from run)
                  window newest as (order by sent_ms desc, at desc))
                where total > ? and place > 1)`,
      parameters: [maxBytes],
    },
    {
      query: `update answer set state = 'broken', status = null, heard_ms = ?1 - ${mostSilenceMs} - 1 where state <> 'broken' and id in (
                select id from (select id, sum(bytes) over (order by state = 'whole' desc, bytes, id) as total from answer)
                 where total > ?2) and (select count(*) from run) = 1`,
      parameters: [nowMs, maxBytes],
    },
    {
      query: `delete from part where answer in (
                select id from answer where state = 'broken' and bytes > ${rowBytes} and heard_ms < ?)`,
      parameters: [nowMs - mostSilenceMs],
    },
    {
      query: `update answer set bytes = ${rowBytes} where state = 'broken' and bytes > ${rowBytes} and heard_ms < ?`,
      parameters: [nowMs - mostSilenceMs],
    },
  ];
}
