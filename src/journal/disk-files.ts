/**
 * The files of journals on a real disk. All calls run on the threads of libuv: a slow disk never holds the event loop.
 * Modes are set whatever the mask of the process is, which is neither asked nor changed.
 */
import { constants } from 'node:fs';
import { chmod, type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { loadFileLocks } from './file-locks.ts';
import { type JournalFile, type JournalFiles, systemCode } from './files.ts';
import { defaultMode } from './layout.ts';

export async function openDiskFiles(): Promise<JournalFiles> {
  const locks = await loadFileLocks();

  function journalFile(handle: FileHandle): JournalFile {
    return {
      size: async () => (await handle.stat()).size,
      read: (into, position) => readFully(handle, into, position),
      write: (bytes, position) => writeFully(handle, bytes, position),
      truncate: (length) => handle.truncate(length),
      sync: () => handle.datasync(),
      tryLock() {
        if (locks && !locks.lock(handle.fd)) return undefined;
        return () => {
          // A handle closed meanwhile has let go already, and its number may belong to another file by now.
          if (handle.fd >= 0) locks?.unlock(handle.fd);
        };
      },
      close: () => handle.close(),
    };
  }

  return {
    locks: locks !== undefined,
    processId: process.pid,
    isProcessAlive,
    async open(path, access) {
      const handle = await unlessMissing(open(path, access === 'read' ? 'r' : 'r+'));
      return handle && journalFile(handle);
    },
    async create(path, mode) {
      const present = await unlessMissing(open(path, 'r+'));
      if (present) return journalFile(present);
      const handle = await open(path, constants.O_RDWR | constants.O_CREAT, mode);
      await handle.chmod(mode);
      return journalFile(handle);
    },
    async list(path) {
      try {
        return await readdir(path);
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return undefined;
        if (systemCode(error) === 'ENOTDIR') return 'file';
        throw error;
      }
    },
    async makeDirectory(path, mode) {
      await mkdir(dirname(path), { recursive: true });
      await mkdir(path, mode);
      await chmod(path, mode);
    },
    rename,
    remove: (path) => rm(path, { force: true }),
    async syncDirectory(path) {
      const handle = await open(path, 'r');
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    },
  };
}

/** Files that somebody makes beside those of a journal get their mode. What is wrong with the path is for who opens it. */
export async function journalMode(path: string): Promise<number> {
  const stats = await stat(join(path, 'metastore')).catch(() => undefined);
  return stats ? stats.mode & 0o777 : defaultMode;
}

async function unlessMissing<T>(opening: Promise<T>): Promise<T | undefined> {
  try {
    return await opening;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function readFully(handle: FileHandle, into: Uint8Array, position: number): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const { bytesRead } = await handle.read(into, length, into.length - length, position + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return length;
}

/** A full disk takes what fits and refuses only the next write, so short writes are followed up. */
async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let length = 0;
  while (length < bytes.length)
    length += (await handle.write(bytes, length, bytes.length - length, position + length)).bytesWritten;
}

function isProcessAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}
