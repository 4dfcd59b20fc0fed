/** Nodes, a manager and the NATS server between them, killed by SIGKILL; `npm run kills` does it a thousand times. */
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { clusterFaults, runCluster } from '../../kills/cluster-kills.ts';
import { bundle } from '../../kills/spawn-life.ts';
import { stopNatsServers } from '../nats-server.ts';

let program: string;
beforeAll(async () => {
  program = await bundle('cluster-life');
});
afterAll(stopNatsServers);

it('R6 processes and servers are killed: each acknowledged record is in the files of the manager, once', async () => {
  const run = await runCluster({ program, seed: 1, kills: 8, place: tmpdir() });
  expect(run.violations).toEqual([]);
  expect(run.kills).toBeGreaterThanOrEqual(8);
  expect(run.acknowledged).toBeGreaterThan(0);
}, 120_000);

it.each(clusterFaults)(
  'R6 the harness notices a process that errs: %s',
  async (fault) => {
    const run = await runCluster({ program, seed: 2, kills: 6, place: tmpdir(), fault });
    expect(run.violations).not.toEqual([]);
  },
  120_000,
);
