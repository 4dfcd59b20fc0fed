/**
 * Reads the log file of the embedded nats-server as it grows, and keeps it small.
 *
 * Invariant: one read at a time, at most 64 KiB of it in memory. Reading is asynchronous, because a disk that stalls
 * must not hold the event loop and with it the beats.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { Log } from '../core/log.ts';

const readBytes = 64 * 1024;
const maxFileBytes = 4 * 1024 * 1024;

export class ServerLog {
  readonly #path: string;
  readonly #log: Log;
  #offset = 0;
  #rest = '';
  #reading: Promise<void> | undefined;
  /** The last error the server told, for the message about its end; told again, it is no news. */
  lastError: string | undefined;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** Leaves out what earlier lives wrote. */
  async skipToEnd(): Promise<void> {
    await this.#withFile(async (file) => {
      this.#offset = (await file.stat()).size;
    });
  }

  /** Passes on what was written since the last call. */
  poll(): Promise<void> {
    this.#reading ??= this.#withFile((file) => this.#readOn(file)).finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #withFile(use: (file: FileHandle) => Promise<void>): Promise<void> {
    try {
      const file = await open(this.#path, 'r+');
      await use(file).finally(() => file.close());
    } catch (error) {
      this.#log.debug(`the log of nats-server cannot be read: ${(error as Error).message}`);
    }
  }

  async #readOn(file: FileHandle): Promise<void> {
    const { size } = await file.stat();
    if (size < this.#offset) this.#offset = 0;
    if (size === this.#offset) return;
    const { bytesRead, buffer } = await file.read(Buffer.alloc(readBytes), 0, readBytes, this.#offset);
    this.#offset += bytesRead;
    const lines = (this.#rest + buffer.toString('utf8', 0, bytesRead)).split('\n');
    this.#rest = (lines.pop() ?? '').slice(-readBytes);
    for (const line of lines) this.#passOn(line);
    if (this.#offset === size && size > maxFileBytes) await file.truncate(0);
  }

  /** `[4711] 2026/01/31 12:00:00.000000 [INF] text`; a panic has no such prefix. */
  #passOn(line: string): void {
    const [, level, text] = /^\[\d+\] \S+ \S+ \[(\w+)\] (.*)$/.exec(line) ?? [];
    const isError = level === 'ERR' || level === 'FTL' || line.startsWith('panic:');
    const isNews = isError && (text ?? line) !== this.lastError;
    if (isError) this.lastError = text ?? line;
    this.#log[isNews ? 'error' : 'debug'](`nats-server: ${text ?? line}`);
  }
}
