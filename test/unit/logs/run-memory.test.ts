/** Memory that records are read into and that is used again (logging 9.2). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogId } from '../../../src/core/logs/log-id.ts';
import type { OpenedLog, ReadInterval } from '../../../src/core/logs/service-messages.ts';
import { PullingWorld } from './pulling-world.ts';

const request = { log: 'mainlog', subscribers: ['master'], consumer: 'barca', instance: 'a' };
const recordSizes = [10, 300_000, 90_000, 90_000, 10, 250_000, 12_000];

const step = fc.oneof(
  fc.record({ fetch: fc.integer({ min: 1, max: 800_000 }) }),
  fc.record({ release: fc.nat(5), times: fc.integer({ min: 1, max: 2 }) }),
);

describe('the runs of an interval', () => {
  it('R6 LOG-9.2 always keep their bytes until they are released, however many are read, released or released twice meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), async (steps) => {
        const world = new PullingWorld(1, 600_000);
        await world.node.start();
        for (const size of recordSizes) world.append(1, size);
        await world.advance(0);
        const service = world.node.service!;
        const { lease } = (await service.open(request)) as OpenedLog;
        const held: { readonly interval: ReadInterval; readonly copy: Buffer }[] = [];
        let after: LogId | undefined;
        for (const each of steps) {
          if ('fetch' in each) {
            const answer = await service.fetch({ lease, maxBytes: each.fetch, after });
            after = 'runs' in answer ? answer.last : undefined;
            if ('runs' in answer) held.push({ interval: answer, copy: Buffer.concat(answer.runs) });
          } else {
            const [gone] = held.splice(each.release, 1);
            for (let n = 0; gone && n < each.times; n++) gone.interval.release();
          }
          for (const { interval, copy } of held) {
            expect(Buffer.concat(interval.runs).equals(copy)).toBe(true);
            expect(interval.length).toBe(copy.length);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});
