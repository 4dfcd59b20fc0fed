/**
 * Proof that the checkers check: faults planted in the product are noticed. Each costs a second and more for a process of
 * its own, so a run takes a quarter of those caught early. The source says which: one tree always takes the same, and the
 * next change takes others.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allPlantedFaults, firstSeedThatCatches, staleTexts } from './plant.ts';

/** `early` plants all that are caught early, which takes minutes; `all` every fault, and gives each 1,000 seeds: hours. */
const planted = process.env.FLOTILLA_PLANTED ?? 'sample';
const sampledOf = 4;

describe('planted faults', () => {
  const early = allPlantedFaults.filter(({ seed, scenario }) => seed || scenario);
  const source = digestOf('src', 'test/sim');
  const taken = {
    all: allPlantedFaults,
    early,
    sample: early.filter(({ name }) => isSampled(source + name)),
  }[planted];
  if (!taken) throw new Error(`FLOTILLA_PLANTED is '${planted}': sample, early or all`);
  /** The simulator's own changes move the seeds a little. */
  const seedsEach = planted === 'all' ? 1_000 : 25;
  const limitMs = planted === 'all' ? 3_600_000 : 300_000;

  it('R9 there are at least 20 for the membership alone, and a run takes 10 of all', () => {
    expect(allPlantedFaults.filter(({ file }) => !file.includes('/replica/')).length).toBeGreaterThanOrEqual(
      20,
    );
    expect(taken.length).toBeGreaterThanOrEqual(10);
  });

  it('R9 there are at least 15 for floating addresses that are caught early', () => {
    expect(early.filter(({ vips }) => vips).length).toBeGreaterThanOrEqual(15);
  });

  it.each(['series', 'quotas', 'caches', 'logs'] as const)(
    'R9 there are at least 4 for %s that are caught early',
    (kind) => {
      expect(early.filter(({ objects }) => objects?.includes(kind)).length).toBeGreaterThanOrEqual(4);
    },
  );

  it('R9 each of them, taken or not, finds in the product what it changes', () => {
    expect(allPlantedFaults.flatMap(staleTexts)).toEqual([]);
  });

  it('a fault that changes nothing is not caught, so it is the fault that is', async () => {
    const file = 'src/core/agreement/agreement.ts';
    const same = { name: 'nothing', file, find: 'export class Agreement', replace: 'export class Agreement' };
    expect(await firstSeedThatCatches(same, 2)).toBeUndefined();
  });

  it.each(taken)(
    'R9 the checkers notice: $name',
    async (fault) => {
      expect(await firstSeedThatCatches(fault, seedsEach, planted === 'all' ? 1 : fault.seed)).toBeDefined();
    },
    limitMs,
  );
});

function isSampled(text: string): boolean {
  return createHash('sha256').update(text).digest().readUInt32BE() % sampledOf === 0;
}

/** Of all sources in these folders. */
function digestOf(...folders: readonly string[]): string {
  const hash = createHash('sha256');
  for (const folder of folders.map((name) => resolve(import.meta.dirname, '../..', name))) {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (file.endsWith('.ts')) hash.update(readFileSync(join(folder, file)));
    }
  }
  return hash.digest('hex');
}
