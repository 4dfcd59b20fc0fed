/**
 * A text file that is appended to. Made with the mode of its option, whatever the mask of the process, and with the
 * directories above it.
 *
 * Invariant: no line is torn by a full disk: what is missing of the last one is written first when there is room again.
 */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode, systemReason } from '../journal/files.ts';
import type { LineSink, LogLine, Written } from './line-sink.ts';

export class FileSink implements LineSink {
  readonly name: string;
  readonly #mode: number;
  #handle: FileHandle | undefined;
  /** Of a line that counts as kept. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string, mode: number) {
    this.name = path;
    this.#mode = mode;
  }

  async write(lines: readonly LogLine[]): Promise<Written> {
    const bytes = Buffer.concat([this.#rest, ...lines.map((line) => line.bytes)]);
    let length = 0;
    let problem: string | undefined;
    try {
      this.#handle ??= await openForAppending(this.name, this.#mode);
      while (length < bytes.length) length += (await this.#handle.write(bytes, length)).bytesWritten;
    } catch (error) {
      problem = systemReason(error);
    }
    return { kept: this.#account(lines, bytes, length), ...(problem === undefined ? {} : { problem }) };
  }

  async reopen(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    // The rest belongs to a line in the file that is left now.
    this.#rest = Buffer.alloc(0);
    await handle?.close().catch(() => {});
  }

  async close(): Promise<void> {
    await this.reopen();
  }

  /** How many lines are in the file, one that has only begun included. */
  #account(lines: readonly LogLine[], bytes: Buffer, written: number): number {
    let end = this.#rest.length;
    let kept = 0;
    if (written <= end) {
      this.#rest = bytes.subarray(written, end);
      return 0;
    }
    while (end < written) end += lines[kept++]!.bytes.length;
    this.#rest = bytes.subarray(written, end);
    return kept;
  }
}

export async function openForAppending(path: string, mode: number): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_EXCL, O_WRONLY } = constants;
  for (;;) {
    try {
      return await open(path, O_APPEND | O_WRONLY);
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
    }
    await mkdir(dirname(path), { recursive: true });
    try {
      const handle = await open(path, O_APPEND | O_CREAT | O_EXCL | O_WRONLY, mode);
      await handle.chmod(mode);
      return handle;
    } catch (error) {
      // Another writer was faster.
      if (systemCode(error) !== 'EEXIST') throw error;
    }
  }
}
