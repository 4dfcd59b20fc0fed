/**
 * The files of a journal as the rest of this folder sees them. Everything a journal does to the disk goes through these
 * operations, so that a harness can stop at the n-th one and a simulated disk can lose what was not synced.
 *
 * Missing files are values; everything else rejects with the error of the operating system, `code` included.
 */
import type { Clock } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';

export interface JournalFile {
  size(): Promise<number>;
  /** How many bytes were read: fewer than asked only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** All of them, or it rejects; then any part may have been written. */
  write(bytes: Uint8Array, position: number): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Resolves when data and size are on the disk. */
  sync(): Promise<void>;
  /**
   * An advisory lock on the whole file against every other open file, also of C programs and in this process; how to
   * let go of it, or undefined while another has it. Closing the file lets go too.
   */
  tryLock(): (() => void) | undefined;
  close(): Promise<void>;
}

export interface JournalFiles {
  /** False where the machine has no locks for us: then only the owner of a journal may write it. */
  readonly locks: boolean;
  readonly processId: number;
  isProcessAlive(processId: number): boolean;
  /** Undefined: there is no such file. */
  open(path: string, access: 'read' | 'write'): Promise<JournalFile | undefined>;
  /** For reading and writing, made with exactly this mode when missing. */
  create(path: string, mode: number): Promise<JournalFile>;
  /** Names of a directory; undefined when there is none, 'file' when it is something else. */
  list(path: string): Promise<readonly string[] | 'file' | undefined>;
  /** With its missing parents. */
  makeDirectory(path: string, mode: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** A file that is not there is fine. */
  remove(path: string): Promise<void>;
  /** Resolves when names made, changed and removed in the directory are on the disk. */
  syncDirectory(path: string): Promise<void>;
}

/** Longer than any write of a live process: who holds a lock for so long has been stopped. */
const longestLockMs = 10_000;
const lockPollMs = 2;

/** Waits for the lock of a file; `what` is for the error when its holder never lets go. */
export async function lockFile(file: JournalFile, clock: Clock, what: string): Promise<() => void> {
  const deadline = clock.nowMs() + longestLockMs;
  for (;;) {
    const unlock = file.tryLock();
    if (unlock) return unlock;
    if (clock.nowMs() > deadline)
      throw new FlotillaError(
        'FLT-2207',
        `${what}: another process has held its lock for ${longestLockMs} ms`,
      );
    await new Promise<void>((resolve) => clock.after(lockPollMs, resolve));
  }
}

/** The whole file, if it is not longer than `limit` bytes; its beginning else. */
export async function readWhole(file: JournalFile, limit: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.min(await file.size(), limit));
  return bytes.subarray(0, await file.read(bytes, 0));
}

/** `ENOSPC: no space left on device`, as the operating system says it. */
export function systemReason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
