/**
 * The file system as configuration sees it: four questions, so that tests need no disk.
 * Only regular files of a sensible size are read: a named pipe would hang the start, /dev/zero would eat the memory.
 */
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';

export type FileFacts =
  | { readonly kind: 'file'; readonly sizeBytes: number }
  | { readonly kind: 'directory' }
  /** Neither, or not reachable; `reason` as the system words it. */
  | { readonly kind: 'none'; readonly reason: string };

export interface ConfigurationFiles {
  facts(path: string): FileFacts;
  /** Undefined when it cannot be read. */
  read(path: string): Uint8Array | undefined;
  /** Names in a directory, in any order. */
  list(path: string): readonly string[];
  isWritable(path: string): boolean;
}

export const diskFiles: ConfigurationFiles = {
  facts(path) {
    try {
      const stats = statSync(path);
      if (stats.isFile()) return { kind: 'file', sizeBytes: stats.size };
      if (stats.isDirectory()) return { kind: 'directory' };
      return { kind: 'none', reason: 'neither a file nor a directory' };
    } catch (error) {
      return { kind: 'none', reason: reasonOf(error) };
    }
  },

  read(path) {
    try {
      return readFileSync(path);
    } catch {
      return undefined;
    }
  },

  list(path) {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  },

  isWritable(path) {
    try {
      accessSync(path, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  },
};

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such file or directory';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'ELOOP') return 'too many symbolic links';
  return code === '' ? String(error) : code;
}
