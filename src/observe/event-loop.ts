/**
 * How late turns of the event loop are: whatever holds one up delays beats, leases and clients.
 *
 * Two stretches of a quarter of a minute are looked at, the running one and the one before, so that a figure neither
 * depends on who asked before nor remembers for ever what happened once.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock, Timer } from '../core/clock.ts';

export interface LoopDelay {
  readonly p99S: number;
  readonly maxS: number;
}

const stretchMs = 15_000;
/** Each look is a timer of the runtime: a node at rest must not be woken more often than by its beats. */
const resolutionMs = 20;
const nsInS = 1e9;
const none: LoopDelay = { p99S: 0, maxS: 0 };

export class EventLoop {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #histogram: IntervalHistogram;
  #before = none;
  #timer: Timer | undefined;

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
    this.#histogram = monitorEventLoopDelay({ resolution: resolutionMs });
    this.#histogram.enable();
    this.#next();
  }

  get delay(): LoopDelay {
    const now = this.#running();
    return {
      p99S: Math.max(now.p99S, this.#before.p99S),
      maxS: Math.max(now.maxS, this.#before.maxS),
    };
  }

  stop(): void {
    this.#timer?.cancel();
    this.#histogram.disable();
  }

  #next(): void {
    this.#timer = this.#clock.after(stretchMs, () => {
      this.#before = this.#running();
      this.#histogram.reset();
      this.#next();
    });
  }

  /** The histogram holds the whole time between two looks; what is beyond the time wanted is the delay. */
  #running(): LoopDelay {
    const histogram = this.#histogram;
    if (histogram.count === 0) return none;
    const beyond = (ns: number) => Math.max(0, ns / nsInS - resolutionMs / 1000);
    return { p99S: beyond(histogram.percentile(99)), maxS: beyond(histogram.max) };
  }
}
