/**
 * Files that are whole or not there: written under another name and to the disk before they get their own. Long ones leave
 * turns of the event loop to everything else.
 */
import { mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { Turns } from './turns.ts';

/** What a file is called until it is whole. */
export const newSuffix = '.new';

/** Lines written at once. */
const sliceLines = 512;

export type Pieces = Iterable<string | Uint8Array>;

export async function writeWhole(path: string, pieces: Pieces, clock: Clock): Promise<void> {
  await writeNew(path, pieces, clock);
  await nameNew(path);
}

/** Under its other name. The directory is made when it is needed. `mode`: of a file that is not there yet. */
export async function writeNew(path: string, pieces: Pieces, clock: Clock, mode = 0o666): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const turns = new Turns(clock);
  const file = await open(`${path}${newSuffix}`, 'w', mode);
  try {
    let text: string[] = [];
    const writeText = async () => {
      await file.appendFile(text.join(''));
      text = [];
      await turns.next();
    };
    for (const piece of pieces) {
      if (typeof piece === 'string') {
        if (text.push(piece) >= sliceLines) await writeText();
        continue;
      }
      await writeText();
      await file.appendFile(piece);
    }
    await writeText();
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function nameNew(path: string): Promise<void> {
  await rename(`${path}${newSuffix}`, path);
}
