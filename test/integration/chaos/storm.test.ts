/** The short form of `npm run chaos -- --minutes N`, as part of all tests. Needs root, as the suite does. */
import { expect, test } from 'vitest';
import { startDemo } from '../demo-run.ts';

test('a fleet rides out a storm of a minute: R1 R2 R4, logs, caches and configuration', {
  timeout: 300_000,
}, async () => {
  // Always the same faults; the long form, with a seed of its own each time, looks for what this one does not meet.
  const run = startDemo('chaos.sh', '--minutes', '1', '--seed', '4');
  expect(await run.exited, run.output()).toBe(0);
  expect(run.output()).toMatch(/^violations +0$/m);
});
