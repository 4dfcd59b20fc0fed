import { defineConfig } from 'vitest/config';

/** Three kinds of tests: pure and fast (unit), real servers and sockets (integration), whole clusters on virtual time (sim). */
export default defineConfig({
  test: {
    projects: [
      // They run beside the tests with real servers, with what those leave of the processor.
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      { test: { name: 'sim', include: ['test/sim/**/*.test.ts'], testTimeout: 180_000 } },
    ],
  },
});
