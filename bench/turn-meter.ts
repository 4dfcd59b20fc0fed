/**
 * The longest turn of the event loop of this process, in time that its main thread was on a processor: what it waits for
 * one belongs to the machine, and on a busy one it is most of all.
 *
 * It is what the thread ran between two firings of a timer of a millisecond, so a turn and some short ones beside it.
 */
import koffi from 'koffi';

const clockGetTime = koffi.load(null).func('int clock_gettime(int, void *)');
/** CLOCK_THREAD_CPUTIME_ID: of the thread that asks. */
const threadClock = 3;
const periodMs = 1;

export class TurnMeter {
  readonly #time = Buffer.alloc(16);
  #beforeMs = this.#ranMs();
  #longestMs = 0;

  constructor() {
    setInterval(() => {
      const ranMs = this.#ranMs();
      this.#longestMs = Math.max(this.#longestMs, ranMs - this.#beforeMs);
      this.#beforeMs = ranMs;
    }, periodMs);
  }

  /** Since this was last asked. */
  takeMs(): number {
    const longestMs = this.#longestMs;
    this.#longestMs = 0;
    return longestMs;
  }

  #ranMs(): number {
    clockGetTime(threadClock, this.#time);
    return Number(this.#time.readBigInt64LE(0)) * 1e3 + Number(this.#time.readBigInt64LE(8)) / 1e6;
  }
}
