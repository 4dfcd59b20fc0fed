import { describe, expect, it } from 'vitest';
import { vipView } from '../../../src/core/duravip/vip-view.ts';
import { address, addresses, Fleet, matureMs, vip } from './fleet.ts';

const six = addresses(6).map((ip) => vip(ip));
const one = address(1);

/** T1: a, b and c started together. */
function coldStart(vips = six): Fleet {
  const fleet = Fleet.of('a b c', vips);
  fleet.pass(matureMs);
  return fleet;
}

/** T2, T3: c dies and comes back in another life. */
function afterReturnOfC(vips = six, vipsOfC = vips): Fleet {
  const fleet = coldStart(vips);
  fleet.views('a b');
  fleet.sweep();
  fleet.pass(matureMs);
  fleet.start('c', vipsOfC);
  fleet.views('a b c');
  return fleet;
}

describe('test vectors of the specification', () => {
  it('T1 cold start of three nodes deals the addresses out in turn, once they are mature', () => {
    const fleet = Fleet.of('a b c', six);
    fleet.pass(matureMs - 1);
    expect(fleet.owners('a')).toBe('a: -, b: -, c: -');
    fleet.pass(1);
    expect(fleet.owners('a')).toBe('a: 1 4, b: 2 5, c: 3 6');
  });

  it('T2 INV-19 when c dies only its addresses move, at once', () => {
    const fleet = coldStart();
    fleet.views('a b');
    fleet.sweep();
    expect(fleet.owners('a')).toBe('a: 1 3 4, b: 2 5 6');
  });

  it('T3 LIFE-7 c returns: nothing moves on maturity, then one address a round', () => {
    const fleet = afterReturnOfC();
    expect(fleet.balance('a')).toEqual([]);
    expect(fleet.pass(matureMs)).toEqual([]);
    expect(fleet.balance('a')).toEqual(['1 a>c']);
    expect(fleet.balance('a')).toEqual(['2 b>c']);
    expect(fleet.balance('a')).toEqual([]);
    expect(fleet.owners('a')).toBe('a: 3 4, b: 5 6, c: 1 2');
  });

  it('T4 INV-20 c returns and address 1 prefers it: that one moves on maturity', () => {
    const preferring = six.map((each) => (each.ip === one ? { ...each, preference: ['c'] } : each));
    const fleet = afterReturnOfC(six, preferring);
    expect(fleet.pass(matureMs)).toEqual([
      { ip: one, from: fleet.id('a'), to: fleet.id('c'), reason: 'preferred' },
    ]);
    expect(fleet.balance('a')).toEqual(['2 b>c']);
    expect(fleet.balance('a')).toEqual([]);
    expect(fleet.owners('a')).toBe('a: 3 4, b: 5 6, c: 1 2');
  });

  it('T5 each side of a partition serves all addresses', () => {
    const fleet = coldStart();
    fleet.views('a b', 'c');
    fleet.sweep();
    expect(fleet.owners('a')).toBe('a: 1 3 4, b: 2 5 6');
    expect(fleet.owners('c')).toBe('c: 3 6');
    // One of three is less than half: it waits for maturity.
    fleet.pass(matureMs);
    expect(fleet.owners('c')).toBe('c: 1 2 3 4 5 6');
  });

  it('T5m the heal alone is balanced: no round follows', () => {
    const fleet = coldStart();
    fleet.views('a b', 'c');
    fleet.pass(matureMs);
    const outcome = fleet.views('a b c').get('b')!;
    expect(fleet.owners('a')).toBe('a: 1 4, b: 2 5, c: 3 6');
    expect(outcome.losses.map(({ ip, claimant }) => `${ip.at(-1)} ${fleet.nameOf(claimant)}`)).toEqual([
      '1 c',
      '2 c',
      '3 a',
      '4 c',
      '5 c',
      '6 b',
    ]);
    expect(fleet.pass(matureMs)).toEqual([]);
    expect(fleet.balance('a')).toEqual([]);
  });

  it('T6 two preferences cancel each other, until one of the preferred is gone', () => {
    const fleet = new Fleet();
    for (const [name, preferred] of [
      ['a', 'a'],
      ['b', 'b'],
      ['c', 'b'],
    ] as const) {
      fleet.start(
        name,
        six.map((each) => (each.ip === one ? { ...each, preference: [preferred] } : each)),
      );
    }
    fleet.views('a b c');
    fleet.pass(matureMs);
    expect(fleet.owners('a')).toBe('a: 1 4, b: 2 5, c: 3 6');
    const view = () => vipView(fleet.at('b').table, one, fleet.nowMs)!;
    expect(view()).toMatchObject({ labels: ['owned', 'safe', 'conflict'], preferred: undefined });
    fleet.at('b').vips = [];
    fleet.decide('a', { matured: [], assignments: [{ ip: one, owner: fleet.id('c'), reason: 'elected' }] });
    fleet.views('a c');
    expect(fleet.pass(matureMs)).toContainEqual({
      ip: one,
      from: fleet.id('c'),
      to: fleet.id('a'),
      reason: 'preferred',
    });
  });

  it('T7 balancing stops where participants allow no better, although loads are 3, 2, 1', () => {
    const participants: Record<string, readonly number[]> = { a: [1, 2, 3, 4, 5], b: [1, 2, 6], c: [6] };
    const fleet = new Fleet();
    for (const [name, numbers] of Object.entries(participants)) {
      fleet.start(
        name,
        numbers.map((number) => vip(address(number))),
      );
    }
    fleet.views('a b c');
    fleet.pass(matureMs);
    expect(fleet.owners('a')).toBe('a: 1 3 4 5, b: 2, c: 6');
    expect(fleet.balance('a')).toEqual(['1 a>b']);
    expect(fleet.balance('a')).toEqual([]);
    expect(fleet.owners('a')).toBe('a: 3 4 5, b: 1 2, c: 6');
  });

  it.each([
    [1, 20],
    [2, 10],
    [10, 2],
  ])('T8 a third node takes 20 of 60 addresses, %i a round in %i rounds', (batch, rounds) => {
    const sixty = addresses(60).map((ip) => vip(ip));
    const fleet = Fleet.of('a b', sixty);
    fleet.pass(matureMs);
    fleet.start('c', sixty);
    fleet.views('a b c');
    fleet.pass(matureMs);
    let done = 0;
    while (fleet.balance('a', batch).length > 0) done++;
    expect(done).toBe(rounds);
    const counts = ['a', 'b', 'c'].map((name) => fleet.at('b').table.ownedBy(fleet.id(name)).length);
    expect(counts).toEqual([20, 20, 20]);
  });
});
