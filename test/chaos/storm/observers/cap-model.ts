/**
 * Connections held under a strict cap (R4, replication 21.1): never more at one moment than the cap, while all members
 * agree. What a node gave out ends with the first fault that strikes the node. Pure.
 */
import type { Hold } from '../notes.ts';
import type { TimeLine } from '../time-line.ts';

/** What was under way when a change began, or ended, is over. */
const calmMs = 1_500;
/** A process that is told to end answers until it does: what it gave out meanwhile ends with it, too. */
const endingMs = 500;

export class CapModel {
  readonly #cap: number;
  readonly #longestMs: number;
  #holds: Hold[] = [];
  held = 0;
  /** Most that were held at a time that counts. */
  most = 0;

  constructor(cap: number, longestMs: number) {
    this.#cap = cap;
    this.#longestMs = longestMs;
  }

  add(holds: readonly Hold[]): void {
    this.#holds.push(...holds);
    this.held += holds.length;
  }

  /** Judges what began so long ago that everything about that time is known, once. */
  judge(nowMs: number, timeLine: Pick<TimeLine, 'standing' | 'struckAfter' | 'seconds'>): string[] {
    const knownMs = nowMs - 2 * this.#longestMs - calmMs;
    const holds = this.#holds.map((hold) => ({
      ...hold,
      untilMs: Math.min(hold.untilMs, timeLine.struckAfter(hold.node, hold.fromMs - endingMs)),
    }));
    const violations = holds.flatMap(({ fromMs }) => {
      if (fromMs > knownMs) return [];
      const { is } = timeLine.standing(fromMs - this.#longestMs - calmMs, fromMs + calmMs);
      if (is === 'unknown') return [];
      const together = holds.filter((other) => other.fromMs <= fromMs && other.untilMs > fromMs);
      this.most = Math.max(this.most, together.length);
      if (together.length <= this.#cap) return [];
      const spans = together.map((hold) => `${hold.node} since ${timeLine.seconds(hold.fromMs)}`);
      const when = `${timeLine.seconds(fromMs)} (${is})`;
      return [
        `R4 ${together.length} connections under a cap of ${this.#cap} at ${when}: ${spans.join(', ')}`,
      ];
    });
    this.#holds = this.#holds.filter(({ fromMs, untilMs }) => fromMs > knownMs || untilMs > knownMs);
    return violations;
  }
}
