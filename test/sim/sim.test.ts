/** Whole clusters on virtual time: kept scenarios, fresh seeds, random schedules. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyScenario } from './arbitrary-scenario.ts';
import type { Scenario } from './faults.ts';
import { objectKinds } from './object-checker.ts';
import { Simulation, simulate } from './simulation.ts';

const regressions = join(import.meta.dirname, 'regressions');
const kept = readdirSync(regressions);
/** As many as take about a minute in all; the long run is `npm run sim -- --runs 10000`. */
const seeds = Number(process.env.FLOTILLA_SIM_SEEDS ?? 48);
/** One takes five times as long. */
const vipSeeds = Math.ceil(seeds / 4);
const objectSeeds = Math.ceil(seeds / 12);

const scenarioOf = (file: string) => JSON.parse(readFileSync(join(regressions, file), 'utf8')) as Scenario;

describe('kept scenarios', () => {
  it.each(kept)('R1 %s stays without violation', async (file) => {
    const { violations } = await new Simulation(scenarioOf(file)).run();
    expect(violations, `replay: npm run sim -- --scenario test/sim/regressions/${file}`).toEqual([]);
  });

  it.each(kept.filter((file) => scenarioOf(file).mostInstalls))(
    'BUS-21 %s takes one view for each change and no more, whoever notices first',
    async (file) => {
      const scenario = scenarioOf(file);
      for (let seed = 1; seed <= 12; seed++) {
        const { violations } = await new Simulation({ ...scenario, seed }).run();
        expect(violations, `with "seed": ${seed}`).toEqual([]);
      }
    },
  );
});

describe('random clusters', () => {
  it(`R1 BUS-9 BUS-10 BUS-11 BUS-12 BUS-14 INV-1 INV-8 INV-15 INV-16 INV-18 INV-32 LIFE-17 hold in ${seeds} seeds`, async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { violations } = await simulate(seed);
      expect(violations, `replay: npm run sim -- --seed ${seed}`).toEqual([]);
    }
  });

  it(`INV-1 INV-2 INV-3 INV-4 INV-5 INV-6 INV-7 INV-9 INV-10 INV-11 INV-12 INV-14 INV-23 INV-24 INV-26 INV-27 INV-28 INV-29 INV-30 INV-38 LIFE-11 ARP-7 R2 R3 hold with floating addresses in ${vipSeeds} seeds`, async () => {
    for (let seed = 1; seed <= vipSeeds; seed++) {
      const { violations } = await simulate(seed, { vips: true });
      expect(violations, `replay: npm run sim -- --vips --seed ${seed}`).toEqual([]);
    }
  });

  it.each(objectKinds)(
    `R4 R6 REP-7.18 REP-8.8 REP-13.6 hold in ${objectSeeds} seeds with %s`,
    async (kind) => {
      for (let seed = 1; seed <= objectSeeds; seed++) {
        const { violations } = await simulate(seed, { objects: [kind] });
        expect(violations, `replay: npm run sim -- --${kind} --seed ${seed}`).toEqual([]);
      }
    },
  );

  it('one seed always gives one history, and another seed another', async () => {
    const hashes: string[] = [];
    for (const seed of [7, 7, 8, 9]) hashes.push((await simulate(seed)).traceHash);
    expect(hashes[0]).toBe(hashes[1]);
    expect(new Set(hashes).size).toBe(3);
  });

  it('R1 always: views converge and sums are exact after any schedule of faults', async () => {
    await fc.assert(
      fc.asyncProperty(anyScenario, async (scenario) => {
        const { violations } = await new Simulation(scenario).run();
        const replay = `save this as FILE and run: npm run sim -- --scenario FILE\n${JSON.stringify(scenario)}`;
        expect(violations, replay).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
