/**
 * One SQLite file in a thread of its own, by the package node-sqlite3-wasm: a statement that takes a second must not hold up
 * the beats of the process for a second.
 *
 * Invariant: every call is answered; when the thread ends, calls under way fail, and the next one starts another thread.
 */
import { Worker } from 'node:worker_threads';
import type { QueryValue } from '../../core/cache/query-cache.ts';
import { pathOfPackage, Unreachable } from './driver.ts';

export type SqliteRow = Readonly<Record<string, unknown>>;

export interface SqliteStatement {
  readonly query: string;
  readonly parameters: readonly QueryValue[];
}

interface Waiting {
  resolve(rows: readonly (readonly SqliteRow[])[]): void;
  reject(error: Error): void;
}

interface Answer {
  readonly id: number;
  readonly rows?: readonly (readonly SqliteRow[])[];
  readonly error?: string;
}

/** As text, because a thread needs a file of its own, which a bundle does not have. */
const program = `
const { parentPort, workerData: { module, file, options } } = require('node:worker_threads');
if (!options.readOnly) require('node:fs').rmSync(file + '.lock', { recursive: true, force: true });
const database = new (require(module).Database)(file, options);
function rowsOf({ query, parameters }, maxRows) {
  const statement = database.prepare(query);
  try {
    const rows = [];
    for (const row of statement.iterate(parameters)) {
      rows.push(row);
      if (rows.length === maxRows) break;
    }
    return rows;
  } finally {
    statement.finalize();
  }
}
parentPort.on('message', ({ id, statements, isTransaction, maxRows }) => {
  try {
    if (isTransaction) database.exec('begin immediate');
    const rows = statements.map((statement) => rowsOf(statement, maxRows));
    if (isTransaction) database.exec('commit');
    parentPort.postMessage({ id, rows });
  } catch (error) {
    if (database.inTransaction) database.exec('rollback');
    parentPort.postMessage({ id, error: error.message });
  }
});`;

export class SqliteThread {
  readonly #file: string;
  readonly #isReadOnly: boolean;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;

  /**
   * A file that is only read must exist; another one is made. Who writes sees to it that nobody else does: the package marks
   * a file in use by a directory beside it, which a killed process leaves behind, so it is taken away at the start.
   */
  constructor(file: string, access: 'read' | 'write') {
    this.#file = file;
    this.#isReadOnly = access === 'read';
  }

  /** The rows of a query, at most so many. */
  async query(statement: SqliteStatement, maxRows: number | undefined): Promise<readonly SqliteRow[]> {
    const [rows = []] = await this.#ask({ statements: [statement], isTransaction: false, maxRows });
    return rows;
  }

  /** All of them or none. */
  async transaction(statements: readonly SqliteStatement[]): Promise<void> {
    await this.#ask({ statements, isTransaction: true });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #ask(request: object): Promise<readonly (readonly SqliteRow[])[]> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, ...request });
    });
  }

  #start(): Worker {
    const options = this.#isReadOnly ? { fileMustExist: true, readOnly: true } : {};
    const workerData = { module: pathOfPackage('node-sqlite3-wasm'), file: this.#file, options };
    const worker = new Worker(program, { eval: true, workerData });
    let reason = 'the thread ended';
    worker.on('message', (answer: Answer) => this.#answered(answer, worker));
    worker.on('error', (error) => {
      reason = error.message;
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
      const waiting = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const { reject } of waiting) reject(new Unreachable(reason));
    });
    return worker;
  }

  #answered({ id, rows, error }: Answer, worker: Worker): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    // An idle thread keeps no process alive.
    if (this.#waiting.size === 0) worker.unref();
    if (rows) waiting?.resolve(rows);
    else waiting?.reject(new Error(error));
  }
}
