/** Real processes killed at operations of their files; `npm run kills` does it a thousand times. */
import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import { runJournal } from '../../kills/journal-kills.ts';
import { bundle } from '../../kills/spawn-life.ts';

it('R6 of processes killed with SIGKILL no acknowledged record is lost, and none is there twice', async () => {
  const program = await bundle('life');
  const run = await runJournal({ program, seed: 1, kills: 8, place: tmpdir() });
  expect(run.violations).toEqual([]);
  expect(run.kills).toBeGreaterThanOrEqual(8);
  expect(run.acknowledged).toBeGreaterThan(0);
}, 120_000);

it.each(['early', 'twice', 'skip'] as const)(
  'R6 the harness notices a node that errs: %s',
  async (fault) => {
    const program = await bundle('life');
    const run = await runJournal({ program, seed: 1, kills: 3, place: tmpdir(), fault });
    expect(run.violations).not.toEqual([]);
  },
  120_000,
);
