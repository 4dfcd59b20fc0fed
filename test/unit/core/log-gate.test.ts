import { expect, test } from 'vitest';
import { LogGate } from '../../../src/core/log-gate.ts';
import { VirtualClock } from '../../sim/virtual-clock.ts';

test('one line passes each interval and tells how many were held back', () => {
  const clock = new VirtualClock();
  const gate = new LogGate(clock, 1000);
  const lines: [atMs: number, heldBack: number][] = [];
  for (let i = 0; i < 25; i++) {
    gate.pass((heldBack) => lines.push([clock.nowMs(), heldBack]));
    clock.runUntil(clock.nowMs() + 100);
  }
  expect(lines).toEqual([
    [0, 0],
    [1000, 9],
    [2000, 9],
  ]);
});
