/** Leaves turns of the event loop to everything else while something long is done. */
import type { Clock } from '../core/clock.ts';
import type { Work } from '../core/replica/work.ts';

const turnMs = 2;

export class Turns {
  readonly #clock: Clock;
  #endMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#endMs = clock.nowMs() + turnMs;
  }

  /** Between two steps. */
  async next(): Promise<void> {
    if (this.#clock.nowMs() < this.#endMs) return;
    await new Promise<void>((resolve) => this.#clock.after(0, resolve));
    this.#endMs = this.#clock.nowMs() + turnMs;
  }
}

/** Does work to its end, some milliseconds in a turn. */
export async function runInTurns(work: Work, clock: Clock): Promise<void> {
  const turns = new Turns(clock);
  for (const _ of work) await turns.next();
}
