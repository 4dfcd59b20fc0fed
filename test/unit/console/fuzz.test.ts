import { expect, it } from 'vitest';
import { fuzzConsole } from '../../fuzz/console.fuzz.ts';

it('INV-33, R7 20,000 random and mutated lines and frames: one status each, no crash', async () => {
  const { statuses, requests, malformed, broken } = await fuzzConsole(20_000, 7);
  // Each kind of outcome occurs often enough to mean something.
  for (const status of [0, 1, 2, 4]) expect(statuses[status]).toBeGreaterThan(100);
  expect(Math.min(requests, malformed, broken)).toBeGreaterThan(300);
});
