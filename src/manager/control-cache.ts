/**
 * What nodes answered to the commands of a manager, in a SQLite file that survives a restart (MGR-19 .. MGR-22).
 *
 * Owns the file: no other process has it open at the same time, and no other user reads it. Invariants: for each command line
 * and node there is at most one answer, the newest, and it is whole or says that it is not (INV-35); no password that a line
 * sets is in the file; memory and file are bounded.
 */
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Counters } from '../actors/ports.ts';
import type { AnswerPart } from '../bus/control-sender.ts';
import type { AnswerState } from '../console/facts.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { withoutSecrets } from '../core/secrets.ts';
import type { ControlCacheSettings } from '../core/settings.ts';
import { loadFileLocks } from '../journal/file-locks.ts';
import { type SqliteRow, type SqliteStatement, SqliteThread } from '../net/databases/sqlite-thread.ts';
import { addition, beginning, limiting, schema, schemaVersion } from './control-cache-statements.ts';

export interface ControlCacheOptions {
  readonly settings: ControlCacheSettings & { readonly path: string };
  /** Whoever says so sees to it that no other process has the file open. */
  readonly unlocked?: boolean;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
}

/** A node that a command was sent to. */
export interface AskedNode {
  readonly node: string;
  readonly subcluster: string;
}

export interface CachedAnswer extends AskedNode {
  readonly id: number;
  readonly command: string;
  readonly privateName: string | undefined;
  readonly state: AnswerState;
  readonly status: number | undefined;
  /** When the node was done; of one that is not whole: when something of it came last. */
  readonly timeMs: number | undefined;
}

/** Part of the answers to one line. */
export interface AnswerChoice {
  readonly node?: string;
  readonly subcluster?: string;
  readonly command?: string;
}

type CacheLimits = Pick<ControlCacheSettings, 'maxBytes' | 'maxAgeMs'>;

type ArrivedPart = AnswerPart & { readonly subcluster: string };

/** What has arrived and waits for the disk; more is dropped, and its answers say that they are not whole. */
const maxWaitingBytes = 64 * 1024 * 1024;
/** Of one step on the disk. */
const maxStepBytes = 4 * 1024 * 1024;
/** Limits are kept once in so many bytes: it takes a look at all that is there. */
const limitEveryBytes = 4 * 1024 * 1024;
const upkeepMs = 60_000;
const mostAnswers = 1_000_000;
/** A part is up to 1 MiB long. */
const partsAtOnce = 4;

export class ControlCache {
  readonly #options: ControlCacheOptions;
  #limits: CacheLimits;
  readonly #file: FileHandle;
  readonly #thread: SqliteThread;
  #arrived: ArrivedPart[] = [];
  #arrivedBytes = 0;
  #writing: Promise<void> | undefined;
  #upkeep: Timer | undefined;
  #hasFailed = false;
  #fileBytes = 0;
  /** Written since the limits were kept. */
  #unlimitedBytes = 0;

  private constructor(options: ControlCacheOptions, file: FileHandle, thread: SqliteThread) {
    this.#options = options;
    this.#limits = options.settings;
    this.#file = file;
    this.#thread = thread;
    this.#keepUp();
  }

  /** Throws FLT-2701 when another process has the file, or when it cannot be made. */
  static async open(options: ControlCacheOptions): Promise<ControlCache> {
    const { path } = options.settings;
    const file = await owned(options);
    const thread = new SqliteThread(path, 'write');
    try {
      await prepare(thread).catch(async (error: Error) => {
        options.log.error(`the control cache ${path} is damaged and begins anew: ${error.message}`);
        await thread.close();
        await rm(`${path}-journal`, { force: true });
        await file.truncate();
        await prepare(thread);
      });
      return new ControlCache(options, file, thread);
    } catch (error) {
      await Promise.all([thread.close(), file.close()]);
      throw unusable(path, error as Error);
    }
  }

  /** What is too much now goes with the next command or within a minute. */
  configure(limits: CacheLimits): void {
    this.#limits = limits;
  }

  /** As it was a moment ago. */
  get fileBytes(): number {
    return this.#fileBytes;
  }

  /**
   * A command is about to be sent to these nodes; what they answered to the same line before is forgotten. `isForAll`: what
   * any node answered. Lines that differ in a secret alone are the same one here. Throws FLT-2701.
   */
  async begin(
    command: string,
    line: string,
    { nodes, isForAll }: { readonly nodes: readonly AskedNode[]; readonly isForAll: boolean },
  ): Promise<void> {
    const { settings, clock } = this.#options;
    const nowMs = Math.round(clock.wallMs());
    const statements = [
      ...beginning({ command, line: withoutSecrets(line), nodes, isForAll, nowMs }),
      ...limiting(this.#limits, nowMs),
    ];
    await this.#thread.transaction(statements).catch((error: Error) => {
      throw unusable(settings.path, error);
    });
  }

  /** It was not sent after all. */
  async forget(command: string): Promise<void> {
    await this.#change([{ query: 'delete from run where id = ?', parameters: [command] }]);
  }

  /** Resolves when it is on the disk, or could not get there, which is in the log. */
  async add(part: ArrivedPart): Promise<void> {
    const bytes = Buffer.byteLength(part.text);
    if (this.#arrivedBytes + bytes > maxWaitingBytes) {
      this.#options.counters.add('control_parts_dropped');
      return;
    }
    this.#arrived.push(part);
    this.#arrivedBytes += bytes;
    this.#writing ??= this.#writeArrived().finally(() => {
      this.#writing = undefined;
    });
    await this.#writing;
  }

  /** In order of nodes; to the line as it was typed, or as it is shown. */
  async answers(line: string, { node, subcluster, command }: AnswerChoice = {}): Promise<CachedAnswer[]> {
    await this.#limit();
    const choices = Object.entries({
      'answer.node': node,
      'answer.subcluster': subcluster,
      'run.id': command,
    });
    const chosen = choices.filter(([, value]) => value !== undefined);
    const rows = await this.#query(
      `select answer.id as id, run.id as command, node, subcluster, name, state, status, ended_ms, heard_ms
         from answer join run on answer.run = run.id
        where line = ? ${chosen.map(([column]) => `and ${column} = ?`).join(' ')} order by node`,
      [withoutSecrets(line), ...chosen.map(([, value]) => value ?? '')],
      mostAnswers,
    );
    return rows.map(answerOf);
  }

  /** The text of an answer, in pieces; what has come of it, when it is not whole. */
  async *text({ id, state }: Pick<CachedAnswer, 'id' | 'state'>): AsyncGenerator<string, void, void> {
    for (let last = 0; ; ) {
      const rows = await this.#query(
        'select number, text from part where answer = ? and number > ? order by number',
        [id, last],
        partsAtOnce,
      );
      for (const row of rows) yield String(row.text);
      last = Number(rows.at(-1)?.number ?? last);
      if (rows.length < partsAtOnce) break;
    }
    // Otherwise the beginning of an answer that is gone by now would look like a whole one.
    const [still] = await this.#query('select state from answer where id = ?', [id], 1);
    if (state === 'whole' && still?.state !== 'whole') yield '\n(The rest has been forgotten meanwhile.)\n';
  }

  async unfinished(command: string): Promise<number> {
    const query = `select count(*) as count from answer where run = ? and state in ('waiting', 'arriving')`;
    const [row] = await this.#query(query, [command], 1);
    return Number(row?.count ?? 0);
  }

  async flush(): Promise<void> {
    await this.#change([{ query: 'delete from run', parameters: [] }]);
  }

  async close(): Promise<void> {
    this.#upkeep?.cancel();
    await this.#writing;
    await this.#thread.close();
    await this.#file.close();
  }

  /** Waits until more parts have come than go in one step: each step is one sync of the disk. */
  async #writeArrived(): Promise<void> {
    const { clock } = this.#options;
    while (this.#arrived.length > 0) {
      const parts = this.#takeStep();
      const nowMs = Math.round(clock.wallMs());
      const isDue = this.#unlimitedBytes > limitEveryBytes;
      if (isDue) this.#unlimitedBytes = 0;
      try {
        await this.#thread.transaction([
          ...parts.flatMap((part) => addition(part, nowMs)),
          ...(isDue ? limiting(this.#limits, nowMs) : []),
        ]);
        this.#hasFailed = false;
      } catch (error) {
        this.#failed(error as Error, parts.length);
      }
    }
  }

  #takeStep(): ArrivedPart[] {
    let bytes = 0;
    let count = 0;
    while (count < this.#arrived.length && (count === 0 || bytes < maxStepBytes))
      bytes += Buffer.byteLength(this.#arrived[count++]!.text);
    this.#arrivedBytes -= bytes;
    this.#unlimitedBytes += bytes;
    return this.#arrived.splice(0, count);
  }

  #failed(error: Error, parts: number): void {
    const { counters, log, settings } = this.#options;
    counters.add('control_parts_dropped', parts);
    if (!this.#hasFailed) log.error(`the control cache ${settings.path} cannot be written: ${error.message}`);
    this.#hasFailed = true;
  }

  #keepUp(): void {
    this.#upkeep = this.#options.clock.after(upkeepMs, () => {
      this.#keepUp();
      this.#limit().catch((error: Error) => this.#failed(error, 0));
    });
  }

  async #limit(): Promise<void> {
    await this.#change(limiting(this.#limits, Math.round(this.#options.clock.wallMs())));
    this.#fileBytes = (await this.#file.stat()).size;
  }

  async #change(statements: readonly SqliteStatement[]): Promise<void> {
    await this.#thread.transaction(statements).catch((error: Error) => {
      throw unusable(this.#options.settings.path, error);
    });
  }

  async #query(
    query: string,
    parameters: SqliteStatement['parameters'],
    maxRows: number,
  ): Promise<readonly SqliteRow[]> {
    return await this.#thread.query({ query, parameters }, maxRows).catch((error: Error) => {
      throw unusable(this.#options.settings.path, error);
    });
  }
}

const ownerOnly = 0o600;

/** Held open with a lock, which SQLite, in a thread without locks of the system, does not have. */
async function owned({ settings: { path }, unlocked, log }: ControlCacheOptions): Promise<FileHandle> {
  let file: FileHandle | undefined;
  try {
    await mkdir(dirname(path), { recursive: true });
    file = await open(path, 'a+', ownerOnly);
    const locks = unlocked ? undefined : await loadFileLocks();
    if (locks && !locks.lock(file.fd)) throw new Error('another process has it open');
    await closeToOthers(file, path, log);
    return file;
  } catch (error) {
    await file?.close();
    throw unusable(path, error as Error);
  }
}

/** A file that was there before. SQLite gives its journal the mode of the file. */
async function closeToOthers(file: FileHandle, path: string, log: Log): Promise<void> {
  const { mode } = await file.stat();
  if ((mode & 0o777 & ~ownerOnly) === 0) return;
  const failed = (error: Error) => log.warning(`others can read the control cache ${path}: ${error.message}`);
  await file.chmod(ownerOnly).catch(failed);
}

async function prepare(thread: SqliteThread): Promise<void> {
  const [row] = await thread.query({ query: 'pragma user_version', parameters: [] }, 1);
  const version = Number(row?.user_version);
  if (version === schemaVersion) return;
  if (version !== 0) throw new Error(`it has format ${version}`);
  // Before the first table, or the file never becomes smaller again.
  await thread.query({ query: 'pragma auto_vacuum = full', parameters: [] }, 1);
  await thread.transaction(schema);
}

function answerOf(row: SqliteRow): CachedAnswer {
  const { id, command, node, subcluster, name, state, status, ended_ms: endedMs, heard_ms: heardMs } = row;
  const timeMs = endedMs ?? heardMs;
  return {
    id: Number(id),
    command: String(command),
    node: String(node),
    subcluster: String(subcluster),
    privateName: name === null ? undefined : String(name),
    state: state as AnswerState,
    status: status === null ? undefined : Number(status),
    timeMs: timeMs === null ? undefined : Number(timeMs),
  };
}

function unusable(path: string, error: Error): FlotillaError {
  if (error instanceof FlotillaError) return error;
  return new FlotillaError('FLT-2701', `${path}: ${error.message}`, error);
}
