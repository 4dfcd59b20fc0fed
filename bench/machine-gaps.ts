/**
 * What the machine itself does to a thread: the longest jump of its processor clock between two readings that follow each
 * other at once. A host that takes a virtual processor away charges the thread that ran for it, so no figure of a single
 * turn can be better than this one.
 *
 * Owns a thread that reads the clock for two milliseconds of each ten, about as much as a node that logs computes.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { ThreadClock } from './thread-clock.ts';

const periodMs = 10;
const readingMs = 2;

export class MachineGaps {
  readonly #worker = new Worker(new URL(`./machine-gaps.mjs`, import.meta.url));
  #longestMs = 0;

  constructor() {
    this.#worker.on('message', (gapMs: number) => {
      this.#longestMs = Math.max(this.#longestMs, gapMs);
    });
  }

  /** Since this was last asked. */
  takeMs(): number {
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return longestMs;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

async function watch(): Promise<never> {
  const clock = new ThreadClock();
  for (;;) {
    let longestMs = 0;
    const endMs = performance.now() + readingMs;
    for (let beforeMs = clock.ranMs(); performance.now() < endMs; ) {
      const ranMs = clock.ranMs();
      longestMs = Math.max(longestMs, ranMs - beforeMs);
      beforeMs = ranMs;
    }
    parentPort!.postMessage(longestMs);
    await pause(periodMs - readingMs);
  }
}

if (!isMainThread) await watch();
