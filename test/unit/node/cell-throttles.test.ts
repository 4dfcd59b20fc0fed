/** CL.THROTTLE on shared throttles: windows that hold the burst, all of a quantity or nothing. */
import { beforeEach, describe, expect, it } from 'vitest';
import { parseRate, windowAt, windowStartMs } from '../../../src/core/throttle/rate.ts';
import { SharedCellThrottles } from '../../../src/node/cell-throttles.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

/** Takes units as one node alone does. */
class Throttles {
  readonly rates = new Map<string, string>();
  /** Each decision takes a while, as when another node has to be asked. */
  delays = false;
  readonly #used = new Map<string, number>();
  readonly #clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  create(id: string, rate: string | number): void {
    this.rates.set(id, String(rate));
  }

  take(id: string, decide: (waitMs: number, window: number) => void): void {
    const rate = parseRate(this.rates.get(id)!)!;
    const wallMs = this.#clock.wallMs();
    const window = windowAt(rate, wallMs);
    const key = `${id} ${window}`;
    const used = this.#used.get(key) ?? 0;
    const isFree = used < rate.units;
    if (isFree) this.#used.set(key, used + 1);
    const waitMs = isFree ? 0 : windowStartMs(rate, window + 1) - wallMs;
    if (this.delays) setImmediate(() => decide(waitMs, window));
    else decide(waitMs, window);
  }

  giveBack(id: string, window: number): void {
    const key = `${id} ${window}`;
    this.#used.set(key, this.#used.get(key)! - 1);
  }
}

let clock: VirtualClock;
let throttles: Throttles;
let cells: SharedCellThrottles;

beforeEach(() => {
  clock = new VirtualClock();
  throttles = new Throttles(clock);
  cells = new SharedCellThrottles(() => throttles, clock);
});

/** To the beginning of a window. */
function align(seconds: number): void {
  clock.runUntil(clock.nowMs() + seconds * 1000 - (clock.wallMs() % (seconds * 1000)));
}

describe('CL.THROTTLE on shared throttles', () => {
  it('admits the burst at once and no more than the rate in the long run', async () => {
    align(32);
    const decisions = [];
    for (let i = 0; i < 17; i++)
      decisions.push(await cells.take('user', { maxBurst: 15, count: 30, periodS: 60 }, 1));
    expect(decisions[0]).toEqual({ isLimited: false, remaining: 15, retryAfterS: -1, resetAfterS: 32 });
    expect(decisions[15]).toEqual({ isLimited: false, remaining: 0, retryAfterS: -1, resetAfterS: 32 });
    expect(decisions[16]).toEqual({ isLimited: true, remaining: 0, retryAfterS: 32, resetAfterS: 32 });
    clock.runUntil(clock.nowMs() + 32_000);
    expect(await cells.take('user', { maxBurst: 15, count: 30, periodS: 60 }, 1)).toMatchObject({
      isLimited: false,
    });
    expect([...throttles.rates]).toEqual([['cell:16/32:user', '16/32']]);
  });

  it('takes all of a quantity or nothing', async () => {
    align(10);
    const rate = { maxBurst: 9, count: 10, periodS: 10 };
    expect(await cells.take('user', rate, 7)).toMatchObject({ isLimited: false, remaining: 3 });
    expect(await cells.take('user', rate, 4)).toMatchObject({ isLimited: true, retryAfterS: 10 });
    expect(await cells.take('user', rate, 3)).toMatchObject({ isLimited: false, remaining: 0 });
    expect(await cells.take('user', rate, 0)).toMatchObject({ isLimited: false, remaining: 0 });
    expect(await cells.take('user', rate, 11)).toMatchObject({ isLimited: true });
  });

  it('who asks later does not come between the units of who asked before', async () => {
    align(10);
    throttles.delays = true;
    const rate = { maxBurst: 4, count: 5, periodS: 10 };
    const quantities = [1, 3, 1, 2, 1, 0];
    const decisions = await Promise.all(quantities.map((quantity) => cells.take('user', rate, quantity)));
    expect(decisions.map(({ isLimited }) => isLimited)).toEqual([false, false, false, true, true, false]);
    expect((await cells.take('other', rate, 5)).isLimited).toBe(false);
  });

  it('a second is the shortest window', async () => {
    await cells.take('user', { maxBurst: 0, count: 100, periodS: 1 }, 1);
    await cells.take('user', { maxBurst: 99, count: 1000, periodS: 60 }, 1);
    expect([...throttles.rates.values()]).toEqual(['100/1', '100/6']);
  });
});
