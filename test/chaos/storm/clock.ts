/**
 * The wall clock of one process, which libfaketime shows it: another one than the machine's. What is monotonic goes on
 * undisturbed.
 */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import type { Undo } from '../../../lab/network.ts';

/** Of Debian's package faketime, in a folder for each architecture. */
const libraryFolders = '/usr/lib';
const library = 'faketime/libfaketimeMT.so.1';

/** A process looks at the file once in a second. */
const noticedMs = 1_000;
/** Times of writes count on from those of a clock that is ahead, until the others have caught up; but not from further. */
const followedMs = 60_000;

export class ProcessClock {
  readonly #file: string;
  readonly #steps: { readonly fromMs: number; untilMs: number }[] = [];

  constructor(file: string) {
    this.#file = file;
    this.#set('+0');
  }

  static get isAvailable(): boolean {
    return readdirSync(libraryFolders).some((folder) => existsSync(`${libraryFolders}/${folder}/${library}`));
  }

  /** For a process that is to have this clock. */
  get environment(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: `/usr/$LIB/${library}`,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      // Each look at the clock would read the file.
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
  }

  step(seconds: number): Undo {
    const step = { fromMs: Date.now(), untilMs: Number.POSITIVE_INFINITY };
    this.#steps.push(step);
    this.#set(`${seconds < 0 ? '' : '+'}${seconds}`);
    return () => {
      this.#set('+0');
      step.untilMs = Date.now() + noticedMs + Math.min(Math.max(0, seconds) * 1_000, followedMs);
    };
  }

  /** Whether times that processes write down were others than the machine's. */
  wasOff(atMs: number): boolean {
    return this.#steps.some(({ fromMs, untilMs }) => atMs >= fromMs && atMs <= untilMs);
  }

  #set(offset: string): void {
    writeFileSync(this.#file, `${offset}\n`);
  }
}
