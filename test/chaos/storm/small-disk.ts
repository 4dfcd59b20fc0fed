/**
 * A small file system in memory that can be filled to the last byte and emptied again. `remove` unmounts it, also when the
 * process ends.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Undo } from '../../../lab/network.ts';

const pageBytes = 64 * 1024;

export class SmallDisk {
  readonly path: string;
  readonly #removeNow = () => this.remove();

  constructor(path: string, megabytes: number) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path]);
    process.on('exit', this.#removeNow);
  }

  /** Until it is undone nothing more can be written. */
  fill(): Undo {
    const file = join(this.path, '.ballast');
    const fd = openSync(file, 'w');
    try {
      for (const bytes of [pageBytes, 1])
        for (const page = Buffer.alloc(bytes); writeSync(fd, page) === bytes; );
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(fd);
    }
    return () => rmSync(file, { force: true });
  }

  remove(): void {
    process.off('exit', this.#removeNow);
    spawnSync('umount', ['-l', this.path]);
  }
}
