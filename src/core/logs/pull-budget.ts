/**
 * What all pullers of a manager may have in memory: intervals fetched or being fetched, and records parsed and not yet
 * written (logging 10.2 step 6). Who holds the oldest unread line is next.
 *
 * Invariant: whoever waits gets his turn or is told that he need not wait any more.
 */

/** Room for one interval, until it is written or given up. */
export interface PullTurn {
  /** So many records of it were parsed. */
  parsed(records: number): void;
  /** Safe to call again. */
  end(): void;
}

interface Waiter {
  readonly oldestUs: number;
  readonly resolve: (turn: PullTurn) => void;
}

export interface PullLimits {
  /** Intervals of up to 4 MiB. */
  readonly intervals: number;
  /** `ThreadPool "log_job" { backlog }`. */
  readonly records: number;
}

export class PullBudget {
  #limits: PullLimits;
  #waiters: Waiter[] = [];
  #intervals = 0;
  #records = 0;

  constructor(limits: PullLimits) {
    this.#limits = limits;
  }

  /** Parsed and not yet written. */
  get records(): number {
    return this.#records;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  configure(limits: PullLimits): void {
    this.#limits = limits;
    this.#serve();
  }

  /** `oldestUs`: time of the last line that was pulled; behind it is the oldest unread one. */
  take(oldestUs: number): { readonly turn: Promise<PullTurn>; cancel(): void } {
    let waiter: Waiter | undefined;
    const turn = new Promise<PullTurn>((resolve) => {
      waiter = { oldestUs, resolve };
      this.#waiters.push(waiter);
    });
    this.#serve();
    return {
      turn,
      cancel: () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
      },
    };
  }

  #serve(): void {
    while (
      this.#waiters.length > 0 &&
      this.#intervals < this.#limits.intervals &&
      this.#records < this.#limits.records
    ) {
      const next = this.#waiters.reduce((oldest, each) => (each.oldestUs < oldest.oldestUs ? each : oldest));
      this.#waiters = this.#waiters.filter((other) => other !== next);
      this.#intervals++;
      next.resolve(this.#turn());
    }
  }

  #turn(): PullTurn {
    let records = 0;
    let ended = false;
    return {
      parsed: (count) => {
        if (ended) return;
        records += count;
        this.#records += count;
      },
      end: () => {
        if (ended) return;
        ended = true;
        this.#intervals--;
        this.#records -= records;
        this.#serve();
      },
    };
  }
}
