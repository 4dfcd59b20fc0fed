import { defineConfig } from 'vitest/config';

/** Machines and processes of their own, much waiting: `npm test` runs them beside the others with real servers. */
const waiting = [
  'bus/embedded-server',
  'demo-vip',
  'duravip/faults',
  'duravip/takeover',
  'guides/operating',
  'peers/queue-host',
  'cluster/logs',
  'cluster/partition',
  'linux/guardian',
  'linux/lease',
  'linux/neighbours',
  'linux/process-user',
  'repository/server-cluster',
  'upgrade/upgrade',
].map((name) => `test/integration/${name}.test.ts`);

/** Unit tests that set what is one for a whole process, so that a thread may not: its umask. */
const umask = ['journal/layout', 'logs/sinks', 'manager/aggregate-store'].map(
  (name) => `test/unit/${name}.test.ts`,
);

const withServers = { testTimeout: 60_000, hookTimeout: 60_000, fileParallelism: false };

/**
 * Kinds of tests: pure and fast (unit, umask), real servers and sockets (integration, and waiting for those that take longest),
 * whole clusters on virtual time (sim).
 */
export default defineConfig({
  test: {
    projects: [
      // They run beside the tests with real servers, with what those leave of the processor, which may be a tenth: limits
      // end what hangs, and say nothing of what is slow.
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          exclude: umask,
          // A fifth less work than with a process for each file.
          pool: 'threads',
          testTimeout: 300_000,
          expect: { poll: { timeout: 300_000 } },
        },
      },
      { test: { name: 'umask', include: umask, testTimeout: 300_000 } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: waiting,
          ...withServers,
        },
      },
      { test: { name: 'waiting', include: waiting, ...withServers } },
      { test: { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 600_000 } },
    ],
  },
});
