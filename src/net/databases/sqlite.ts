/**
 * SQLite files, read only, by the package node-sqlite3-wasm in a thread of its own: a query that takes a second must not
 * hold up the beats of the node for a second.
 */
import { Worker } from 'node:worker_threads';
import type { QueryLimits, QueryValue } from '../../core/cache/query-cache.ts';
import { type Driver, pathOfPackage, Unreachable } from './driver.ts';

type Row = Readonly<Record<string, unknown>>;

interface Waiting {
  resolve(rows: readonly Row[]): void;
  reject(error: Error): void;
}

interface Answer {
  readonly id: number;
  readonly rows?: readonly Row[];
  readonly error?: string;
}

/** As text, because a thread needs a file of its own, which a bundle does not have. */
const program = `
const { parentPort, workerData: { module, file } } = require('node:worker_threads');
const database = new (require(module).Database)(file, { fileMustExist: true, readOnly: true });
parentPort.on('message', ({ id, query, parameters, maxRows }) => {
  try {
    const statement = database.prepare(query);
    try {
      const rows = [];
      for (const row of statement.iterate(parameters)) {
        rows.push(row);
        if (rows.length === maxRows) break;
      }
      parentPort.postMessage({ id, rows });
    } finally {
      statement.finalize();
    }
  } catch (error) {
    parentPort.postMessage({ id, error: error.message });
  }
});`;

export class SqliteDriver implements Driver {
  readonly #file: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;

  constructor(file: string) {
    this.#file = file;
  }

  query(query: string, parameters: readonly QueryValue[], { maxRows }: QueryLimits): Promise<readonly Row[]> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, query, parameters, maxRows });
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const workerData = { module: pathOfPackage('node-sqlite3-wasm'), file: this.#file };
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
