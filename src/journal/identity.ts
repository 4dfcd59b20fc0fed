/**
 * The identity of a journal, in a file beside its directory (`PATH.id`): by it a journal made anew, or one whose records
 * got other numbers, is known from the one before.
 *
 * Invariant: who mends a segment holds the lock of the file from before the identity changes until the records have their
 * new numbers, whichever process he is in. So what was read between two looks at the same identity has the numbers that
 * belong to it, and a checkpoint stored under the lock names the record that it means.
 */
import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import { type JournalFile, type JournalFiles, lockFile, readWhole } from './files.ts';
import { Turns } from './turns.ts';

const identityBytes = 16;

const identityPath = (path: string): string => `${path}.id`;

/** As the owner of the journal has it open. */
export class IdentityFile {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #file: JournalFile;
  /** A lock belongs to the open file: who has it twice would let go of both. */
  readonly #turns = new Turns();

  private constructor(path: string, clock: Clock, file: JournalFile) {
    this.#path = path;
    this.#clock = clock;
    this.#file = file;
  }

  /** Made when it is missing, and empty then. */
  static async open(path: string, files: JournalFiles, clock: Clock, mode: number): Promise<IdentityFile> {
    return new IdentityFile(path, clock, await files.create(identityPath(path), mode));
  }

  /** Nobody mends while it runs; `identity` is undefined where the file holds none. */
  locked<T>(run: (identity: string | undefined) => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      const unlock = await lockFile(this.#file, this.#clock, identityPath(this.#path));
      try {
        return await run(await this.#read());
      } finally {
        unlock();
      }
    });
  }

  current(): Promise<string | undefined> {
    return this.locked(async (identity) => identity);
  }

  /** Under the lock. In the place of another one, if there is one: a text of one sector is never torn. */
  async renew(random: Random): Promise<string> {
    const identity = random.hex(identityBytes);
    await this.#file.write(Buffer.from(`${identity}\n`), 0);
    await this.#file.sync();
    return identity;
  }

  close(): Promise<void> {
    return this.#turns.run(() => this.#file.close());
  }

  async #read(): Promise<string | undefined> {
    return decodeIdentity(await readWhole(this.#file, 2 * identityBytes + 1));
  }
}

export async function readIdentity(path: string, files: JournalFiles): Promise<string | undefined> {
  const file = await files.open(identityPath(path), 'read');
  try {
    return file && decodeIdentity(await readWhole(file, 2 * identityBytes + 1));
  } finally {
    await file?.close();
  }
}

function decodeIdentity(bytes: Buffer): string | undefined {
  const text = bytes.toString('latin1').trim();
  return /^[0-9a-f]{32}$/.test(text) ? text : undefined;
}
