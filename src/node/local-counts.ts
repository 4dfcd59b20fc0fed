/** Counts over time that no other node is told of: a table without a cluster, and the turns that its work takes. */
import type { Timer } from '../core/clock.ts';
import type { Incarnation } from '../core/identity.ts';
import { upkeepPeriodMs } from '../core/replica/count-slot.ts';
import type { Work } from '../core/replica/work.ts';
import { EventTable } from '../core/series/event-table.ts';
import type { Surroundings } from './surroundings.ts';

const maxKeys = 1_000_000;
/** Time for one turn of work. */
const turnMs = 2;
const takenAtOnce = 8192;

export class LocalCounts {
  readonly table: EventTable;
  readonly #clock: Surroundings['clock'];
  readonly #work: Work[] = [];
  #turn: Timer | undefined;
  #upkeep: Timer | undefined;

  constructor(self: Incarnation, { clock }: Surroundings) {
    this.#clock = clock;
    this.table = new EventTable({
      self,
      maxKeys,
      hasSnapshots: true,
      nowMs: () => clock.wallMs(),
      clash: () => {},
    });
    this.table.onWork = (work) => this.#queue(work);
    // Nobody is told of changes; left where they are, they would be kept for ever.
    this.table.onPending = () => {
      while (this.table.pending > 0) this.table.takeChanges(takenAtOnce);
    };
    this.#lookAfter();
  }

  stop(): void {
    this.#turn?.cancel();
    this.#upkeep?.cancel();
  }

  #lookAfter(): void {
    this.#upkeep = this.#clock.after(upkeepPeriodMs, () => {
      this.#queue(this.table.upkeep());
      this.#lookAfter();
    });
  }

  #queue(work: Work): void {
    this.#work.push(work);
    this.#turn ??= this.#clock.after(0, () => this.#step());
  }

  #step(): void {
    const endMs = this.#clock.nowMs() + turnMs;
    while (this.#work.length > 0 && this.#clock.nowMs() < endMs)
      if (this.#work[0]!.next().done) this.#work.shift();
    this.#turn = this.#work.length > 0 ? this.#clock.after(0, () => this.#step()) : undefined;
  }
}
