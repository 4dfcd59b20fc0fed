/** Time that the thread which asks was on a processor. */
import koffi from 'koffi';

const clockGetTime = koffi.load(null).func('int clock_gettime(int, void *)');
/** CLOCK_THREAD_CPUTIME_ID: of the thread that asks. */
const threadClock = 3;

export class ThreadClock {
  readonly #time = Buffer.alloc(16);

  ranMs(): number {
    clockGetTime(threadClock, this.#time);
    return Number(this.#time.readBigInt64LE(0)) * 1e3 + Number(this.#time.readBigInt64LE(8)) / 1e6;
  }
}
