import { describe, expect, it } from 'vitest';
import type { Lease } from '../../../src/actors/kernel-port.ts';
import { LeaseKeeper } from '../../../src/actors/lease-keeper.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';
import { Recorder } from '../recorder.ts';
import { incarnation } from './fleet.ts';

const holdMs = 800;
const beatMs = 200;

/** A keeper over a lease as the kernel keeps it, with a beat every 200 ms that comes back after 2 ms. */
class Keep {
  readonly clock = new VirtualClock();
  readonly recorder = new Recorder();
  readonly keeper: LeaseKeeper;
  /** When the kernel's lease ends; in the past when there is none. */
  endsMs = Number.NEGATIVE_INFINITY;
  expired = 0;
  keepsOnOutage = false;
  timersEarlyMs = 0;
  /** What the bus still does with a beat. */
  echoes = true;
  hearers: string[] = [];
  /** The machinery answers so late, or not at all. */
  costMs = 1;
  broken = false;
  #count = 0;

  constructor(quorum?: number) {
    const { clock, recorder } = this;
    this.keeper = new LeaseKeeper(
      { holdMs, quorum },
      {
        clock: {
          nowMs: () => clock.nowMs(),
          wallMs: () => clock.wallMs(),
          after: (delayMs, run) => clock.after(Math.max(0, delayMs - this.timersEarlyMs), run),
        },
        log: recorder.log,
        lease: this.#lease(),
        expired: () => this.expired++,
        keepsOnOutage: () => this.keepsOnOutage,
      },
    );
    this.#beat();
  }

  static async held(quorum?: number): Promise<Keep> {
    const keep = new Keep(quorum);
    if (quorum !== undefined) keep.hearers = ['b', 'c'];
    keep.keeper.begin(new Set(['a', 'b', 'c']));
    await keep.pass(2 * beatMs + 10);
    expect(keep.keeper.state).toBe('held');
    return keep;
  }

  /** What the kernel thinks. */
  get alive(): boolean {
    return this.clock.nowMs() < this.endsMs;
  }

  async pass(durationMs: number): Promise<void> {
    await this.clock.advance(this.clock.nowMs() + durationMs);
    await new Promise((resolve) => setImmediate(resolve));
  }

  #beat(): void {
    const count = ++this.#count;
    this.keeper.beatSent(count);
    this.clock.after(2, () => {
      if (this.echoes) this.keeper.echoed(count);
      for (const name of this.hearers) this.keeper.heardBy(name, incarnation(name), count & 0xff);
    });
    this.clock.after(beatMs, () => this.#beat());
  }

  #lease(): Lease {
    const call = <T>(run: () => T): Promise<T> =>
      new Promise((resolve, reject) =>
        this.clock.after(this.costMs, () => (this.broken ? reject(new Error('nft died')) : resolve(run()))),
      );
    return {
      take: (durationMs: number) =>
        call(() => {
          this.endsMs = this.clock.nowMs() + durationMs;
        }),
      refresh: (durationMs: number) =>
        call(() => {
          if (!this.alive) return false;
          this.endsMs = this.clock.nowMs() + durationMs;
          return true;
        }),
      drop: () =>
        call(() => {
          this.endsMs = this.clock.nowMs();
        }),
    } as unknown as Lease;
  }
}

describe('the lease of this node', () => {
  it('LIFE-18 its end is noticed also by a timer that comes early, as those of Node.js do', async () => {
    const keep = await Keep.held();
    keep.timersEarlyMs = 0.7;
    await keep.pass(2 * beatMs);
    keep.echoes = false;
    await keep.pass(holdMs + beatMs);
    expect([keep.keeper.state, keep.expired, keep.alive]).toEqual(['lost', 1, false]);
  });

  it('LIFE-18 is taken only in a view, and with the first sign that it is heard', async () => {
    const keep = new Keep();
    await keep.pass(1_000);
    expect([keep.keeper.state, keep.alive]).toEqual(['none', false]);
    keep.echoes = false;
    await keep.pass(1_000);
    keep.keeper.begin(new Set(['a']));
    await keep.pass(1_000);
    expect([keep.keeper.state, keep.alive]).toEqual(['pending', false]);
    keep.echoes = true;
    await keep.pass(beatMs + 10);
    expect([keep.keeper.state, keep.alive]).toEqual(['held', true]);
  });

  it('LIFE-18 goes on for as long as beats come back', async () => {
    const keep = await Keep.held();
    for (let i = 0; i < 50; i++) {
      await keep.pass(beatMs);
      expect([keep.keeper.state, keep.alive]).toEqual(['held', true]);
    }
    expect(keep.expired).toBe(0);
  });

  it('LIFE-18, INV-10 ends bus_loss_hold after the sending of the last beat that came back', async () => {
    const keep = await Keep.held();
    keep.echoes = false;
    const lastSentMs = Math.floor(keep.clock.nowMs() / beatMs) * beatMs;
    await keep.pass(lastSentMs + holdMs - keep.clock.nowMs() - 10);
    expect([keep.alive, keep.expired]).toEqual([true, 0]);
    // What one call to the kernel takes comes on top.
    await keep.pass(10 + keep.costMs);
    expect([keep.alive, keep.expired, keep.keeper.state]).toEqual([false, 1, 'lost']);
  });

  it('LIFE-18 once lost it is not taken again before the node has a place in a new view', async () => {
    const keep = await Keep.held();
    keep.echoes = false;
    await keep.pass(2 * holdMs);
    keep.echoes = true;
    await keep.pass(10 * beatMs);
    expect([keep.keeper.state, keep.alive, keep.expired]).toEqual(['lost', false, 1]);
    keep.keeper.begin(new Set(['a']));
    await keep.pass(2 * beatMs);
    expect([keep.keeper.state, keep.alive]).toEqual(['held', true]);
  });

  it('LIFE-19 an interruption shorter than that leaves it alone', async () => {
    const keep = await Keep.held();
    keep.echoes = false;
    await keep.pass(500);
    keep.echoes = true;
    await keep.pass(1_000);
    expect([keep.keeper.state, keep.alive, keep.expired]).toEqual(['held', true, 0]);
  });

  it('LIFE-18, MEM-19 the kernel says that it ran out: everything is given up, whatever this process believed', async () => {
    const keep = await Keep.held();
    keep.endsMs = keep.clock.nowMs();
    await keep.pass(beatMs + 10);
    expect([keep.keeper.state, keep.expired]).toEqual(['lost', 1]);
    await keep.pass(1_000);
    expect([keep.alive, keep.expired]).toEqual([false, 1]);
  });

  it('LIFE-18 a view that follows another leaves a lease that is held alone', async () => {
    const keep = await Keep.held();
    keep.keeper.begin(new Set(['a', 'b']));
    expect(keep.keeper.state).toBe('held');
    await keep.pass(1_000);
    expect(keep.expired).toBe(0);
  });

  it('LIFE-18, EXT-1 with a quorum the own echo proves nothing: so many have to have heard it', async () => {
    const keep = await Keep.held(3);
    keep.hearers = ['b'];
    await keep.pass(2 * holdMs);
    expect([keep.keeper.state, keep.alive, keep.expired]).toEqual(['lost', false, 1]);
  });

  it('LIFE-18, EXT-1 with a quorum of two one other is enough, and the own echo is still needed', async () => {
    const keep = await Keep.held(2);
    keep.hearers = ['c'];
    await keep.pass(3 * holdMs);
    expect([keep.keeper.state, keep.alive]).toEqual(['held', true]);
    keep.echoes = false;
    await keep.pass(2 * holdMs);
    expect([keep.keeper.state, keep.alive]).toEqual(['lost', false]);
  });

  it('EXT-1 whoever is out of the view no longer counts for a quorum', async () => {
    const keep = new Keep(2);
    keep.hearers = ['b'];
    await keep.pass(1_000);
    keep.hearers = [];
    keep.keeper.begin(new Set(['a']));
    await keep.pass(holdMs);
    expect([keep.keeper.state, keep.alive]).toEqual(['pending', false]);
  });

  it('LIFE-20 keep: while nobody is heard it goes on, and ends when somebody is heard again', async () => {
    const keep = await Keep.held();
    keep.keepsOnOutage = true;
    keep.echoes = false;
    for (let i = 0; i < 20; i++) {
      await keep.pass(holdMs / 2);
      expect([keep.keeper.state, keep.expired]).toEqual(['held', 0]);
    }
    keep.keepsOnOutage = false;
    await keep.pass(holdMs + 10);
    expect([keep.keeper.state, keep.alive, keep.expired]).toEqual(['lost', false, 1]);
  });

  it('LIFE-20, MEM-19 keep: a process that was stopped takes its own silence for an outage, and is refused', async () => {
    const keep = await Keep.held();
    keep.keepsOnOutage = true;
    keep.echoes = false;
    keep.endsMs = keep.clock.nowMs();
    await keep.pass(holdMs);
    expect([keep.keeper.state, keep.alive, keep.expired]).toEqual(['lost', false, 1]);
  });

  it('LIFE-20 keep: the bus is back, and the lease follows the beats again', async () => {
    const keep = await Keep.held();
    keep.keepsOnOutage = true;
    keep.echoes = false;
    await keep.pass(5_000);
    keep.keepsOnOutage = false;
    keep.echoes = true;
    await keep.pass(3_000);
    expect([keep.keeper.state, keep.alive, keep.expired]).toEqual(['held', true, 0]);
  });

  it('LIFE-18 a broken machinery is reported, and the lease runs out with it', async () => {
    const keep = await Keep.held();
    keep.broken = true;
    await keep.pass(2 * holdMs);
    expect(keep.alive).toBe(false);
    expect(keep.recorder.texts('error')[0]).toBe('error: the lease could not be extended: Error: nft died');
    keep.broken = false;
    await keep.pass(beatMs + 10);
    // Never revived: the kernel refuses, or the timer had noticed.
    expect([keep.keeper.state, keep.expired]).toEqual(['lost', 1]);
  });

  it('LIFE-9 ends in good order: no expiry follows', async () => {
    const keep = await Keep.held();
    const ended = keep.keeper.end();
    await keep.pass(5);
    await ended;
    expect(keep.alive).toBe(false);
    await keep.pass(5_000);
    expect([keep.keeper.state, keep.alive, keep.expired]).toEqual(['none', false, 0]);
  });
});
