import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeaseTerm } from '../../../src/core/duravip/lease-term.ts';
import type { Incarnation } from '../../../src/core/identity.ts';

const life = (name: string) => name as Incarnation;

describe('the term of a lease without quorum', () => {
  it('LIFE-18 ends `bus_loss_hold` after the sending of the last beat that came back', () => {
    const term = new LeaseTerm({ holdMs: 800, quorum: undefined });
    expect(term.endsMs).toBe(Number.NEGATIVE_INFINITY);
    term.beatSent(1, 1_000);
    term.beatSent(2, 1_200);
    term.echoed(1);
    expect(term.endsMs).toBe(1_800);
    term.echoed(2);
    expect(term.endsMs).toBe(2_000);
    term.echoed(1);
    expect(term.endsMs).toBe(2_000);
  });

  it('LIFE-18 is not prolonged by an echo of a beat that was never sent, or long ago', () => {
    const term = new LeaseTerm({ holdMs: 800, quorum: undefined });
    for (let count = 1; count <= 300; count++) term.beatSent(count, count * 200);
    term.echoed(301);
    term.echoed(10);
    expect(term.endsMs).toBe(Number.NEGATIVE_INFINITY);
  });
});

describe('the term of a lease with quorum', () => {
  it('LIFE-18 counts the last beat that so many nodes heard, itself included', () => {
    const term = new LeaseTerm({ holdMs: 800, quorum: 3 });
    for (let count = 1; count <= 5; count++) term.beatSent(count, count * 200);
    term.echoed(5);
    term.heardBy('b', life('b1'), 4);
    expect(term.endsMs).toBe(Number.NEGATIVE_INFINITY);
    term.heardBy('c', life('c1'), 2);
    term.heardBy('d', life('d1'), 3);
    expect(term.endsMs).toBe(600 + 800);
    term.keepOnly(new Set(['a', 'b', 'c']));
    expect(term.endsMs).toBe(400 + 800);
  });

  it('LIFE-18 a node that began anew counts by what its new life heard', () => {
    const term = new LeaseTerm({ holdMs: 800, quorum: 2 });
    for (let count = 1; count <= 5; count++) term.beatSent(count, count * 200);
    term.echoed(5);
    term.heardBy('b', life('b1'), 5);
    term.heardBy('b', life('b2'), 1);
    expect(term.endsMs).toBe(200 + 800);
  });

  it('LIFE-18 eight bits always name the right beat, as long as it is not older than 128 beats', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 0, max: 127 }), (count, behind) => {
        fc.pre(count - behind > 0);
        const term = new LeaseTerm({ holdMs: 0, quorum: 2 });
        for (let i = Math.max(1, count - 300); i <= count; i++) term.beatSent(i, i);
        term.echoed(count);
        term.heardBy('b', life('b'), (count - behind) & 0xff);
        expect(term.endsMs).toBe(count - behind);
      }),
    );
  });
});
