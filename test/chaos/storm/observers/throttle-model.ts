/**
 * Grants of a shared throttle, against what its rate allows (R4, replication 7.18). A client knows when it asked and when it
 * was answered; the unit was admitted in some window in between. What was granted is too much when no assignment of grants
 * to windows keeps the rate, whichever windows each of them may have been from. Pure.
 *
 * Windows count in which all members agree about who is there, and those in which one of them went: there its own grants are
 * not counted, for one that is cut off has a share of its own.
 */
import type { Grant } from '../notes.ts';
import type { TimeLine } from '../time-line.ts';

export interface WindowRate {
  readonly units: number;
  readonly windowMs: number;
}

/** What was under way when a change began, or ended, is over. */
const calmMs = 1_500;

export class ThrottleModel {
  readonly #rate: WindowRate;
  #grants: Grant[] = [];
  /** The first window that was not judged. */
  #next: number | undefined;
  granted = 0;
  judgedWindows = 0;
  /** Windows judged in which all units were granted: else it was no test of a limit. */
  fullWindows = 0;

  constructor(rate: WindowRate) {
    this.#rate = rate;
  }

  add(grants: readonly Grant[]): void {
    this.#grants.push(...grants);
    this.granted += grants.length;
    if (grants.length > 0) this.#next ??= this.#windowAt(Math.min(...grants.map(({ askedMs }) => askedMs)));
  }

  /** Judges all windows about which everything is known by now, once. */
  judge(nowMs: number, timeLine: Pick<TimeLine, 'standing' | 'seconds'>): string[] {
    const violations: string[] = [];
    const { windowMs } = this.#rate;
    let carried: Grant[] = [];
    for (this.#next ??= this.#windowAt(nowMs); (this.#next + 1) * windowMs + calmMs < nowMs; this.#next++) {
      const fromMs = this.#next * windowMs;
      const { is, gone } = timeLine.standing(fromMs - windowMs - calmMs, fromMs + windowMs + calmMs);
      if (is === 'unknown') {
        carried = [];
        continue;
      }
      const { excess, left } = this.#fill(fromMs, carried, gone);
      carried = left;
      if (excess > 0)
        violations.push(
          `R4 ${excess} units more than ${this.#rate.units} were granted at ${timeLine.seconds(fromMs)} (${is})`,
        );
    }
    this.#grants = this.#grants.filter(({ answeredMs }) => answeredMs >= this.#next! * windowMs);
    return violations;
  }

  /**
   * Those that end soonest first: nothing else assigns more. `carried` could have been admitted earlier, but did not
   * fit there.
   */
  #fill(fromMs: number, carried: readonly Grant[], exempt: readonly string[]) {
    const { units, windowMs } = this.#rate;
    const untilMs = fromMs + windowMs;
    const begun = this.#grants.filter(
      ({ askedMs, node }) => askedMs >= fromMs && askedMs < untilMs && !exempt.includes(node),
    );
    const waiting = [...carried, ...begun].sort((one, other) => one.answeredMs - other.answeredMs);
    const left = waiting.slice(units);
    this.judgedWindows += 1;
    if (waiting.length >= units) this.fullWindows += 1;
    const excess = left.filter(({ answeredMs }) => answeredMs < untilMs).length;
    return { excess, left: left.filter(({ answeredMs }) => answeredMs >= untilMs) };
  }

  #windowAt(atMs: number): number {
    return Math.floor(atMs / this.#rate.windowMs);
  }
}
