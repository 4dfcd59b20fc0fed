import fc from 'fast-check';
import { expect, test } from 'vitest';
import { timeline } from '../../../examples/three-relays/timeline.ts';

const told = (durationMs: number) =>
  [...timeline(durationMs)].map(({ atMs, what }) => `${what} at ${atMs / 1000}`);

test('30 seconds: a step every 3 seconds, the kill after 12 and the restart after 18', () => {
  expect(told(30_000)).toEqual([
    ...['look at 3', 'look at 6', 'look at 9', 'kill at 12', 'look at 15'],
    ...['restart at 18', 'look at 21', 'look at 24', 'look at 27', 'look at 30'],
  ]);
});

test('without an end: a step every 5 seconds, the kill after 20 and the restart after 30, for ever', () => {
  const steps = timeline(undefined);
  const first = Array.from({ length: 1000 }, () => steps.next().value);
  expect(first[999]).toEqual({ atMs: 5_000_000, what: 'look' });
  expect(first.filter((step) => step?.what !== 'look')).toEqual([
    { atMs: 20_000, what: 'kill' },
    { atMs: 30_000, what: 'restart' },
  ]);
});

test('whatever the duration, sums are seen before the kill, while the node is dead, after its return and at the end', () => {
  fc.assert(
    fc.property(fc.integer({ min: 10_000, max: 3_600_000 }), (durationMs) => {
      const steps = [...timeline(durationMs)];
      expect(steps.map(({ what }) => what).join(' ')).toMatch(/^(look )+kill (look )+restart (look )*look$/);
      for (const [at, { atMs }] of steps.entries()) {
        const sinceMs = atMs - (steps[at - 1]?.atMs ?? 0);
        expect(sinceMs).toBeGreaterThan(0);
        expect(sinceMs).toBeLessThanOrEqual(5000.001);
      }
      expect(steps.at(-1)?.atMs).toBeCloseTo(durationMs, 3);
    }),
  );
});
