/** When the leader balances: by hand, on the table of a fleet, with a clock that the test moves. */
import { describe, expect, it } from 'vitest';
import { VipLeader } from '../../../src/actors/vip-leader.ts';
import type { Decision } from '../../../src/core/duravip/messages.ts';
import { addresses, Fleet, matureMs, vip } from './fleet.ts';

const intervalMs = 10_000;

/** a has six addresses, b has come and none is to mature any more: two moves are due at `set` a round. */
class Balancing {
  readonly fleet = Fleet.of(
    'a',
    addresses(6).map((ip) => vip(ip)),
  );
  readonly sent: string[] = [];
  readonly #leader: VipLeader;
  #applied = 0;
  /** The bus takes what is ordered. */
  works = true;

  constructor(set: number) {
    this.fleet.pass(matureMs);
    this.fleet.start('b', this.fleet.at('a').vips);
    this.fleet.views('a b');
    this.fleet.pass(matureMs);
    const { fleet } = this;
    this.#leader = new VipLeader(
      fleet.at('a').table,
      { balanceSetSize: set, balanceIntervalMs: intervalMs },
      {
        clock: { nowMs: () => fleet.nowMs, wallMs: () => fleet.nowMs, after: () => ({ cancel() {} }) },
        order: (decision) => this.#order(decision),
        applied: () => this.#applied,
        isHeard: () => false,
        hasQuorum: () => true,
      },
    );
    this.view();
  }

  /** The claims of another view are merged. */
  view(): void {
    this.#applied = 0;
    this.#leader.begin();
  }

  /** Until then, as the actor does: whenever there is something to decide. */
  pass(ms: number): void {
    const endMs = this.fleet.nowMs + ms;
    while (this.fleet.nowMs < endMs) {
      this.fleet.nowMs = Math.min(endMs, this.fleet.nowMs + this.#leader.untilSweepMs);
      this.#leader.sweep();
    }
  }

  #order(decision: Decision): boolean {
    const { verb, sequence, assignments } = decision;
    this.sent.push(`${this.fleet.nowMs / 1_000} ${verb} ${this.works ? sequence : 'lost'}`);
    if (!this.works) return false;
    expect(assignments.every(({ reason }) => reason === 'balanced')).toBe(true);
    this.fleet.decide('a', decision);
    this.#applied = sequence;
    return true;
  }
}

describe('balancing', () => {
  it('OWN-20 one BALANCE each interval while there is something to move, then silence', () => {
    const balancing = new Balancing(2);
    expect(balancing.fleet.nowMs).toBe(10_000);
    balancing.pass(100_000);
    expect(balancing.sent).toEqual(['20 balance 1', '30 balance 2']);
    expect(balancing.fleet.owners('a')).toBe('a: 4 5 6, b: 1 2 3');
  });

  it('OWN-21 the interval begins anew with each view, and so do the numbers', () => {
    const balancing = new Balancing(1);
    balancing.pass(9_900);
    balancing.view();
    balancing.pass(9_900);
    expect(balancing.sent).toEqual([]);
    balancing.pass(100);
    balancing.pass(5_000);
    balancing.view();
    balancing.pass(10_000);
    expect(balancing.sent).toEqual(['29.9 balance 1', '44.9 balance 1']);
  });

  it('OWN-28 best effort: a round that the bus does not take is left out, not made up for', () => {
    const balancing = new Balancing(1);
    balancing.works = false;
    balancing.pass(15_000);
    balancing.works = true;
    balancing.pass(20_000);
    expect(balancing.sent).toEqual(['20 balance lost', '30 balance 1', '40 balance 2']);
  });
});
