import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { balance, isMovable, type Move } from '../../../src/core/duravip/balance.ts';
import { loadsOf } from '../../../src/core/duravip/vip-facts.ts';
import { type ArbitraryTable, anyTable, fullTable, plain } from './arbitrary-facts.ts';

const all = Number.POSITIVE_INFINITY;

function loads({ memberCount, vips }: ArbitraryTable): number[] {
  return [
    ...loadsOf(
      memberCount,
      vips.map(({ owner }) => owner),
    ),
  ];
}

function afterMoves({ memberCount, vips }: ArbitraryTable, moves: readonly Move[]): ArbitraryTable {
  const moved = [...vips];
  for (const { vip, to } of moves) moved[vip] = { ...moved[vip]!, owner: to };
  return { memberCount, vips: moved };
}

/** OWN-22 word by word, everything computed afresh for each move. */
function oneMoveByTheRule(table: ArbitraryTable): Move | undefined {
  const load = loads(table);
  const members = load.map((_, member) => member).sort((a, b) => load[b]! - load[a]! || a - b);
  for (const from of members) {
    const candidates = table.vips.flatMap((facts, vip) => {
      if (facts.owner !== from || !isMovable(facts)) return [];
      const targets = facts.eligible.filter((to) => load[from]! - load[to]! > 1);
      const to = targets.sort((a, b) => load[a]! - load[b]! || a - b)[0];
      return to === undefined ? [] : [{ vip, from, to }];
    });
    candidates.sort((a, b) => load[a.to]! - load[b.to]! || a.to - b.to || a.vip - b.vip);
    if (candidates[0]) return candidates[0];
  }
  return undefined;
}

function movesByTheRule(start: ArbitraryTable): readonly Move[] {
  const moves: Move[] = [];
  for (let table = start; ; ) {
    const move = oneMoveByTheRule(table);
    if (!move) return moves;
    moves.push(move);
    table = afterMoves(table, [move]);
  }
}

describe('balancing', () => {
  it('OWN-22 always: the moves are those of the rule, one by one, also with unequal participants', () => {
    fc.assert(
      fc.property(anyTable, (table) => {
        expect(balance(table.memberCount, table.vips, all)).toEqual(movesByTheRule(table));
      }),
      { numRuns: 1_000 },
    );
  });

  it('INV-17 OWN-24 always: a round of n moves is n rounds of one move', () => {
    fc.assert(
      fc.property(anyTable, fc.integer({ min: 1, max: 20 }), (table, limit) => {
        const round = balance(table.memberCount, table.vips, limit);
        let single = table;
        const singles: Move[] = [];
        while (singles.length < limit) {
          const [move] = balance(single.memberCount, single.vips, 1);
          if (!move) break;
          singles.push(move);
          single = afterMoves(single, [move]);
        }
        expect(round).toEqual(singles);
      }),
    );
  });

  it('INV-22 OWN-25 always: each move lowers the sum of squared loads by at least 2, and moves are at most as many as addresses', () => {
    fc.assert(
      fc.property(anyTable, (start) => {
        const moves = balance(start.memberCount, start.vips, all);
        expect(moves.length).toBeLessThanOrEqual(start.vips.length);
        const squares = (table: ArbitraryTable) => loads(table).reduce((sum, load) => sum + load * load, 0);
        let table = start;
        for (const move of moves) {
          const moved = afterMoves(table, [move]);
          expect(squares(table) - squares(moved)).toBeGreaterThanOrEqual(2);
          table = moved;
        }
      }),
    );
  });

  it('INV-38 OWN-22 always: in the end no movable address has a participant with a load more than 1 below its owner', () => {
    fc.assert(
      fc.property(anyTable, (start) => {
        const table = afterMoves(start, balance(start.memberCount, start.vips, all));
        const load = loads(table);
        for (const facts of table.vips.filter(isMovable)) {
          for (const member of facts.eligible) {
            expect(load[facts.owner]! - load[member]!).toBeLessThanOrEqual(1);
          }
        }
      }),
    );
  });

  it('OWN-23 never: an address that is immature, broken, held, preferred or unowned moves, or one goes to a node that may not own it', () => {
    fc.assert(
      fc.property(anyTable, ({ memberCount, vips }) => {
        for (const { vip, to } of balance(memberCount, vips, all)) {
          expect(isMovable(vips[vip]!)).toBe(true);
          expect(vips[vip]!.eligible).toContain(to);
        }
      }),
    );
  });

  it('INV-23 OWN-26 always: with equal participants loads end at most 1 apart after the fewest possible moves', () => {
    fc.assert(
      fc.property(fullTable, (start) => {
        const moves = balance(start.memberCount, start.vips, all);
        const end = loads(afterMoves(start, moves));
        expect(Math.max(...end) - Math.min(...end)).toBeLessThanOrEqual(1);
        expect(moves.length).toBe(fewestMoves(loads(start)));
      }),
    );
  });

  it('OWN-25 INV-22 an address may move twice when participants differ, each time downhill', () => {
    const eligible = [[1], [0, 1, 2], [0, 1], [1]];
    const vips = eligible.map((members, i) => ({ ...plain(i, 1, 3), eligible: members }));
    expect(balance(3, vips, all)).toEqual([
      { vip: 1, from: 1, to: 0 },
      { vip: 2, from: 1, to: 0 },
      { vip: 1, from: 0, to: 2 },
    ]);
  });
});

/** What exceeds the final loads has to leave; the larger loads keep the extra one. */
function fewestMoves(start: readonly number[]): number {
  const total = start.reduce((sum, load) => sum + load, 0);
  const share = Math.floor(total / start.length);
  const extra = total % start.length;
  const sorted = [...start].sort((a, b) => b - a);
  return sorted.reduce((sum, load, i) => sum + Math.max(0, load - (share + (i < extra ? 1 : 0))), 0);
}
