/** Whole clusters on virtual time: kept scenarios, fresh seeds, random schedules, and proof that the checkers check. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fault, Scenario } from './faults.ts';
import { allPlantedFaults, firstSeedThatCatches } from './plant.ts';
import { Simulation, simulate } from './simulation.ts';

const regressions = join(import.meta.dirname, 'regressions');
/** As many as take about half a minute; the long run is `npm run sim -- --runs 10000`. */
const seeds = Number(process.env.FLOTILLA_SIM_SEEDS ?? 150);

describe('scenarios that once found a fault', () => {
  it.each(readdirSync(regressions))('R1 BUS-11 %s stays without violation', (file) => {
    const scenario = JSON.parse(readFileSync(join(regressions, file), 'utf8')) as Scenario;
    expect(new Simulation(scenario).run().violations).toEqual([]);
  });
});

describe('random clusters', () => {
  it(`R1 BUS-9 BUS-10 BUS-11 BUS-12 BUS-14 INV-1 INV-8 INV-15 INV-16 INV-18 INV-32 LIFE-17 hold in ${seeds} seeds`, () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { violations } = simulate(seed);
      expect(violations, `replay: npm run sim -- --seed ${seed}`).toEqual([]);
    }
  });

  it('one seed always gives one history, and another seed another', () => {
    expect(simulate(7).traceHash).toBe(simulate(7).traceHash);
    expect(simulate(7).traceHash).not.toBe(simulate(8).traceHash);
  });

  it('R1 views converge and sums are exact after any schedule of faults', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const { violations } = new Simulation(scenario).run();
        expect(
          violations,
          `replay: save as FILE, npm run sim -- --scenario FILE\n${JSON.stringify(scenario)}`,
        ).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe('planted faults', () => {
  it('the checkers notice safeguards that are taken away', async () => {
    const sample = allPlantedFaults.filter(({ seed }) => seed !== undefined);
    expect(sample.length).toBeGreaterThanOrEqual(4);
    for (const fault of sample) {
      expect(await firstSeedThatCatches(fault, 1, fault.seed), fault.name).toBe(fault.seed);
    }
  });
});

const chaosMs = 12_000;
const nodes = fc.integer({ min: 3, max: 5 });

const scenarios: fc.Arbitrary<Scenario> = nodes.chain((count) => {
  const place = fc.nat(count - 1);
  const fault: fc.Arbitrary<Fault> = fc.oneof(
    fc.record({
      kind: fc.constant('partition' as const),
      sides: fc.array(fc.nat(1), { minLength: count, maxLength: count }),
    }),
    fc.record({ kind: fc.constant('one-way' as const), from: place, to: place, reaches: fc.boolean() }),
    fc.constant({ kind: 'heal' as const }),
    fc.record({ kind: fc.constant('loss' as const), probability: fc.constantFrom(0, 0.05, 0.2) }),
    fc.record({ kind: fc.constant('kill' as const), node: place, downMs: fc.nat(2000) }),
    fc.record({ kind: fc.constant('stop' as const), node: place, downMs: fc.nat(2000) }),
    fc.record({
      kind: fc.constant('pause' as const),
      node: place,
      forMs: fc.integer({ min: 50, max: 3000 }),
    }),
    fc.record({
      kind: fc.constant('server-down' as const),
      server: place,
      forMs: fc.integer({ min: 100, max: 2000 }),
    }),
    fc.record({
      kind: fc.constant('link-break' as const),
      node: place,
      link: fc.constantFrom('m' as const, 's' as const),
      forMs: fc.nat(2000),
    }),
  );
  return fc.record({
    seed: fc.nat(1_000_000),
    nodes: fc.constant(count),
    manager: fc.boolean(),
    servers: fc.constant(count),
    advisories: fc.boolean(),
    chaosMs: fc.constant(chaosMs),
    faults: fc.array(fc.record({ atMs: fc.integer({ min: 500, max: chaosMs - 1 }), fault }), {
      maxLength: 12,
    }),
    finalReach: fc.constant(undefined),
  });
});
