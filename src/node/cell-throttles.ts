/**
 * CL.THROTTLE of redis-cell, answered by shared named throttles. redis-cell lets units drip; here they come in windows
 * that all nodes number alike, as many at once as the burst allows, and no more in the long run than was asked for.
 *
 * Deviations: at the edge of two windows the burst can come twice; where it is less than what one second admits, a second
 * is the shortest window; `remaining` knows what this node took, and only the refusal knows of all.
 */
import type { Clock } from '../core/clock.ts';
import { parseRate, type Rate, windowAt, windowStartMs } from '../core/throttle/rate.ts';
import type { SharedThrottles } from '../core/throttle/shared-throttles.ts';
import type { CellDecision, CellRate, CellThrottles } from '../net/resp/store.ts';

type Throttles = Pick<SharedThrottles, 'create' | 'take' | 'giveBack'>;

interface Wanted {
  readonly id: string;
  readonly rate: Rate;
  readonly quantity: number;
}

interface Taken {
  readonly window: number;
  units: number;
}

/** Keys of which is known what was taken; of those beyond it `remaining` is too much. */
const maxRemembered = 10_000;
const noMore = () => {};

export class SharedCellThrottles implements CellThrottles {
  readonly #throttles: () => Throttles;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #taken = new Map<string, Taken>();
  /** Throttles of which several units are being taken, one after another: who comes later is to come later. */
  readonly #severals = new Map<string, Promise<unknown>>();

  constructor(throttles: () => Throttles, clock: Pick<Clock, 'wallMs'>) {
    this.#throttles = throttles;
    this.#clock = clock;
  }

  async take(key: string, cell: CellRate, quantity: number): Promise<CellDecision> {
    const throttles = this.#throttles();
    const text = rateTextOf(cell);
    const rate = parseRate(text)!;
    // A key may be asked with different rates: each is a throttle of its own, as all nodes must mean the same by a name.
    const id = `cell:${text}:${key}`;
    while (this.#severals.has(id)) await this.#severals.get(id);
    throttles.create(id, text);
    const taking = this.#take(throttles, { id, rate, quantity });
    if (quantity > 1) {
      const over = taking.then(noMore, noMore).finally(() => this.#severals.delete(id));
      this.#severals.set(id, over);
    }
    const waitMs = await taking;
    const used = this.#count(id, rate, waitMs > 0 ? 0 : quantity);
    return {
      isLimited: waitMs > 0,
      remaining: waitMs > 0 ? 0 : Math.max(0, Math.min(rate.units, cell.maxBurst + 1) - used),
      retryAfterS: waitMs > 0 ? Math.ceil(waitMs / 1000) : -1,
      resetAfterS: Math.ceil(this.#windowLeftMs(rate) / 1000),
    };
  }

  /** All units or none. 0, or how long until there may be so many. */
  async #take(throttles: Throttles, { id, rate, quantity }: Wanted): Promise<number> {
    const windows: number[] = [];
    let waitMs = quantity > rate.units ? this.#windowLeftMs(rate) : 0;
    while (windows.length < quantity && waitMs === 0) {
      const answer = await takeOne(throttles, id);
      waitMs = answer.waitMs;
      if (waitMs === 0) windows.push(answer.window);
    }
    if (waitMs > 0) for (const window of windows) throttles.giveBack(id, window);
    return waitMs;
  }

  #windowLeftMs(rate: Rate): number {
    const wallMs = this.#clock.wallMs();
    return Math.max(1, windowStartMs(rate, windowAt(rate, wallMs) + 1) - wallMs);
  }

  #count(id: string, rate: Rate, units: number): number {
    const window = windowAt(rate, this.#clock.wallMs());
    const known = this.#taken.get(id);
    const taken = known?.window === window ? known : { window, units: 0 };
    taken.units += units;
    this.#taken.delete(id);
    this.#taken.set(id, taken);
    const [oldest] = this.#taken.keys();
    if (this.#taken.size > maxRemembered) this.#taken.delete(oldest!);
    return taken.units;
  }
}

/** Windows that hold the burst, and that last as long as the rate needs to make up for it. */
function rateTextOf({ maxBurst, count, periodS }: CellRate): string {
  const burst = maxBurst + 1;
  const lengthS = (burst * periodS) / count;
  return lengthS >= 1 ? `${burst}/${Math.ceil(lengthS)}` : `${Math.max(1, Math.floor(count / periodS))}/1`;
}

function takeOne(
  throttles: Pick<SharedThrottles, 'take'>,
  id: string,
): Promise<{ readonly waitMs: number; readonly window: number }> {
  return new Promise((resolve) => throttles.take(id, (waitMs, window) => resolve({ waitMs, window })));
}
