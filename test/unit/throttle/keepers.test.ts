import { describe, expect, it } from 'vitest';
import type { Incarnation } from '../../../src/core/identity.ts';
import { keepersOf } from '../../../src/core/throttle/keepers.ts';
import type { Process } from '../../../src/core/view.ts';

const nodes = Array.from({ length: 8 }, (_, number): Process => {
  const incarnation = number.toString(16).padStart(32, '0') as Incarnation;
  return { incarnation, type: 'Momentum', node: `relay-${number}`, number, seniority: number };
});
const ids = Array.from({ length: 4000 }, (_, i) => `domain-${i}`);

describe('keepers of accounts', () => {
  it('REP-7.18 accounts are spread evenly over nodes whose names differ in a digit', () => {
    const held = new Map<Incarnation, number>();
    for (const id of ids) {
      const { holder } = keepersOf(id, nodes);
      held.set(holder, (held.get(holder) ?? 0) + 1);
    }
    for (const { incarnation } of nodes) {
      expect(held.get(incarnation)).toBeGreaterThan(400);
      expect(held.get(incarnation)).toBeLessThan(600);
    }
  });

  it('REP-7.20 when the holder is lost its deputy is the next, and other accounts stay where they are', () => {
    const [lost, ...others] = nodes;
    for (const id of ids) {
      const before = keepersOf(id, nodes);
      const after = keepersOf(id, others);
      expect(after.holder).toBe(before.holder === lost!.incarnation ? before.deputy : before.holder);
    }
  });

  it('REP-7.18 one node has no deputy', () => {
    expect(keepersOf('a', nodes.slice(0, 1))).toEqual({ holder: nodes[0]!.incarnation, deputy: undefined });
  });
});
