import { describe, expect, it } from 'vitest';
import { PullBudget } from '../../../src/core/logs/pull-budget.ts';

describe('the budget of pullers', () => {
  it('MGR-15 with more room by another configuration whoever waits gets his turn at once', async () => {
    const budget = new PullBudget({ intervals: 1, records: 10 });
    const first = await budget.take(1).turn;
    first.parsed(10);
    const { turn } = budget.take(2);
    expect(budget.waiting).toBe(1);
    budget.configure({ intervals: 2, records: 10 });
    expect(budget.waiting).toBe(1);
    budget.configure({ intervals: 2, records: 11 });
    expect(budget.waiting).toBe(0);
    (await turn).end();
  });
});
