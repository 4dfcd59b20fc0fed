import { expect, it } from 'vitest';
import { fuzzConsole } from '../../fuzz/console.fuzz.ts';
import { fuzzControlLogin, withPasswordFile } from '../../fuzz/control-login.fuzz.ts';

it('INV-33, R7 20,000 random and mutated lines and frames: one status each, no crash', async () => {
  const { statuses, requests, malformed, broken } = await fuzzConsole(20_000, 7);
  // Each kind of outcome occurs often enough to mean something.
  for (const status of [0, 1, 2, 4]) expect(statuses[status]).toBeGreaterThan(100);
  expect(Math.min(requests, malformed, broken)).toBeGreaterThan(300);
});

it('INV-33, INV-34, R7 2,000 streams of logins and commands: nobody comes in, nothing runs that no role allows', async () => {
  const summary = await withPasswordFile((file) => fuzzControlLogin(2_000, 11, file));
  for (const each of ['requests', 'malformed', 'logins', 'allowed', 'refused'] as const)
    expect(summary[each]).toBeGreaterThan(100);
  expect(summary.broken).toBeGreaterThan(50);
}, 120_000);
