/** The parent's side of a node that logs, and of the manager that pulls it, each in a process of its own (log-program.ts). */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../test/integration/until.ts';
import { TaskProcess } from './task-process.ts';

/** What a node can be asked, and what it answers. */
export interface LogTasks {
  /** Logs so many lines as fast as it can, and answers when all of them are in the journal. */
  write: { readonly given: number; readonly answer: undefined };
  /** Logs so many lines a second from now on, until it is given 0. */
  pace: { readonly given: number; readonly answer: undefined };
  /** Lines logged so far. */
  written: { readonly given: undefined; readonly answer: number };
  /** Longest turn of the event loop since this was last asked, and the longest it came late. */
  turns: { readonly given: undefined; readonly answer: LoopTurns };
}

export interface LoopTurns {
  /** Processor time of its thread. */
  readonly longestMs: number;
  /** How many took more than `longTurnMs`. */
  readonly long: number;
  /** With what it waited for a processor. */
  readonly latestMs: number;
}

export interface LogProcessOptions {
  readonly role: 'node' | 'manager' | 'plain';
  /** Of the NATS server. */
  readonly url: string;
  /** Of all processes of a measurement: journals and output. */
  readonly folder: string;
  readonly lineBytes: number;
}

export class LogProcess extends TaskProcess<LogTasks> {
  constructor({ role, url, folder, lineBytes }: LogProcessOptions) {
    super('log-program', [role, url, folder, String(lineBytes)]);
  }
}

/** What the manager writes. All lines have one length, and begin with their number and the time they were logged. */
export class LogOutput {
  readonly #path: string;
  readonly #lineBytes: number;

  constructor(folder: string, lineBytes: number) {
    this.#path = join(folder, 'out');
    this.#lineBytes = lineBytes;
  }

  get lines(): number {
    return Math.floor((statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0) / this.#lineBytes);
  }

  /** Waits until it has so many lines. */
  async has(lines: number, limitMs: number): Promise<void> {
    await until(() => this.lines >= lines, limitMs);
  }

  /** When each of the lines from `from` to `to` was logged, in microseconds. */
  loggedUs(from: number, to: number): number[] {
    const file = openSync(this.#path, 'r');
    try {
      const bytes = Buffer.alloc((to - from) * this.#lineBytes);
      readSync(file, bytes, 0, bytes.length, from * this.#lineBytes);
      return Array.from({ length: to - from }, (_, n) =>
        Number(bytes.toString('latin1', n * this.#lineBytes + 11, n * this.#lineBytes + 27)),
      );
    } finally {
      closeSync(file);
    }
  }

  /** Throws unless each line is there once and in its place. */
  verify(lines: number): void {
    const file = openSync(this.#path, 'r');
    const slice = Buffer.alloc(4096 * this.#lineBytes);
    try {
      for (let number = 0; number < lines; ) {
        const length = readSync(file, slice, 0, slice.length, number * this.#lineBytes);
        if (length < this.#lineBytes) throw new Error(`line ${number} of ${lines} is missing`);
        for (let at = 0; at + this.#lineBytes <= length && number < lines; at += this.#lineBytes, number++)
          if (Number(slice.toString('latin1', at, at + 10)) !== number)
            throw new Error(`${slice.toString('latin1', at, at + 10)} stands where line ${number} should`);
      }
    } finally {
      closeSync(file);
    }
  }
}
