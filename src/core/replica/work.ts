/**
 * Work too long for one turn of the event loop. Each step is at most about a millisecond of work; between two steps
 * everything that may be read is in order.
 */
export type Work = Generator<void, void, void>;

export function finish(work: Work): void {
  while (!work.next().done);
}
