/** Proof that the checkers check: faults planted in the product are noticed. */
import { describe, expect, it } from 'vitest';
import { allPlantedFaults, firstSeedThatCatches } from './plant.ts';

/** `all` plants every fault and gives each 1,000 seeds, which takes minutes; otherwise those caught early. */
const planted = process.env.FLOTILLA_PLANTED ?? 'quick';

describe('planted faults', () => {
  const sample = allPlantedFaults.filter(({ seed, scenario }) => planted === 'all' || seed || scenario);
  /** The simulator's own changes move the seeds a little. */
  const seedsEach = planted === 'all' ? 1_000 : 25;
  const limitMs = planted === 'all' ? 3_600_000 : 300_000;

  it('R9 there are at least 20 for the membership alone, and the quick check takes 10', () => {
    expect(allPlantedFaults.filter(({ file }) => !file.includes('/replica/')).length).toBeGreaterThanOrEqual(
      20,
    );
    expect(sample.length).toBeGreaterThanOrEqual(10);
  });

  it('R9 there are at least 15 for floating addresses, and the quick check takes them', () => {
    expect(sample.filter(({ vips }) => vips).length).toBeGreaterThanOrEqual(15);
  });

  it.each(['series', 'quotas', 'caches', 'logs'] as const)(
    'R9 there are at least 4 for %s, and the quick check takes them',
    (kind) => {
      expect(sample.filter(({ objects }) => objects?.includes(kind)).length).toBeGreaterThanOrEqual(4);
    },
  );

  it('a fault that changes nothing is not caught, so it is the fault that is', async () => {
    const file = 'src/core/agreement/agreement.ts';
    const same = { name: 'nothing', file, find: 'export class Agreement', replace: 'export class Agreement' };
    expect(await firstSeedThatCatches(same, 2)).toBeUndefined();
  });

  it.each(sample)(
    'R9 the checkers notice: $name',
    async (fault) => {
      expect(await firstSeedThatCatches(fault, seedsEach, planted === 'all' ? 1 : fault.seed)).toBeDefined();
    },
    limitMs,
  );
});
