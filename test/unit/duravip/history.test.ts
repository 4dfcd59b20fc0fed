import { describe, expect, it } from 'vitest';
import { type HistoryEntry, historyLength, OwnershipHistory } from '../../../src/core/duravip/history.ts';
import { address, incarnation } from './fleet.ts';

function entry(number: number): HistoryEntry {
  const to = { incarnation: incarnation('a'), node: 'a' };
  const view = { epoch: 1, coordinator: incarnation('a'), nonce: 0 };
  return { atMs: number, view, ip: address(number % 7), from: undefined, to, reason: 'elected' };
}

describe('history of ownership', () => {
  it('EXT-7 keeps the last 1000 changes, oldest first', () => {
    const history = new OwnershipHistory();
    for (let i = 0; i < 3; i++) history.add(entry(i));
    expect(history.list().map(({ atMs }) => atMs)).toEqual([0, 1, 2]);
    for (let i = 3; i < 2_500; i++) history.add(entry(i));
    const kept = history.list().map(({ atMs }) => atMs);
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([historyLength, 1_500, 2_499]);
    expect(kept).toEqual([...kept].sort((a, b) => a - b));
  });

  it('EXT-7 of one address only, when asked', () => {
    const history = new OwnershipHistory();
    for (let i = 0; i < 21; i++) history.add(entry(i));
    expect(history.list(address(3)).map(({ atMs }) => atMs)).toEqual([3, 10, 17]);
  });
});
