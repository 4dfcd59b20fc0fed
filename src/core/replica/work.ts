/**
 * Work too long for one turn of the event loop. Each step is at most about a millisecond of work; between two steps
 * everything that may be read is in order.
 */
export type Work = Generator<void, void, void>;

export function finish(work: Work): void {
  while (!work.next().done);
}

/** Work with a result, in a generator that gives out something else: `pause` between two steps. */
export function* paused<Pause, Result>(
  work: Generator<void, Result, void>,
  pause: Pause,
): Generator<Pause, Result, void> {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
    yield pause;
  }
}
