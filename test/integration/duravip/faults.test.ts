/**
 * One real fault of each kind, by the code of `npm run chaos`: who answers is asked on the wire, machine by machine.
 * Needs root. Neighbour tables get a margin and questions are rarer here, because the machine may be busy; `npm run
 * chaos` judges by 100 ms.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { kinds } from '../../chaos/kinds.ts';
import type { Outcome } from '../../chaos/round.ts';
import { sail } from '../../chaos/voyage.ts';

const outcomes = new Map<string, Outcome>();

beforeAll(async () => {
  await sail({
    kinds,
    rounds: 1,
    jobs: 2,
    seed: 1,
    profile: 'default',
    blipsOf100: 0,
    neighboursKnowMs: 1_000,
    pace: { clientMs: 100, lookoutMs: 20 },
    onOutcome: (outcome) => outcomes.set(outcome.kind, outcome),
  });
}, 300_000);

describe('after a fault each address has one owner, whom clients reach, and neighbours know him', () => {
  it.each(kinds.map(({ name }) => name))('R2 R3 INV-3 INV-23 INV-26 %s', (kind) => {
    const { violations, record } = outcomes.get(kind)!;
    expect(violations, record).toEqual([]);
  });
});
