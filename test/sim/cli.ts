/**
 * `npm run sim -- [--seed N] [--runs N] [--hours H] [--nodes N] [--chaos SECONDS]`: runs seeds one after another, prints
 * each violation with the command that replays it, and ends with 1 if there was one.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { makeScenario, type Scenario } from './faults.ts';
import { SeededRandom } from './seeded-random.ts';
import { Simulation, simulate } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string' },
    hours: { type: 'string' },
    nodes: { type: 'string' },
    chaos: { type: 'string' },
    /** Replays a saved scenario, or saves the one of --seed. */
    scenario: { type: 'string' },
    save: { type: 'string' },
    /** Stops at the first seed with a violation. */
    first: { type: 'boolean', default: false },
  },
});

const firstSeed = Number(values.seed);
const hours = values.hours === undefined ? undefined : Number(values.hours);
const runs =
  values.runs === undefined ? (hours === undefined ? 1 : Number.POSITIVE_INFINITY) : Number(values.runs);
const nodes = values.nodes === undefined ? undefined : Number(values.nodes);
const chaosMs = values.chaos === undefined ? undefined : Number(values.chaos) * 1000;
if (values.save) {
  const scenario = makeScenario(firstSeed, new SeededRandom(firstSeed, 'scenario'), { nodes, chaosMs });
  writeFileSync(values.save, `${JSON.stringify(scenario, undefined, 1)}\n`);
}
if (values.scenario) {
  const result = new Simulation(JSON.parse(readFileSync(values.scenario, 'utf8')) as Scenario).run();
  console.log(
    result.violations.length === 0 ? `no violation, trace ${result.traceHash}` : result.violations.join('\n'),
  );
  process.exit(result.violations.length === 0 ? 0 : 1);
}

const startedMs = Date.now();
let simulatedMs = 0;
let failures = 0;
let done = 0;
let slowestMs = 0;

for (let seed = firstSeed; done < runs; seed++) {
  if (hours !== undefined && Date.now() - startedMs > hours * 3_600_000) break;
  const result = simulate(seed, { nodes, chaosMs });
  done++;
  simulatedMs += result.simulatedMs;
  slowestMs = Math.max(slowestMs, result.settledAfterMs);
  if (result.violations.length > 0) {
    failures++;
    console.log(`seed ${seed}: ${result.violations.length} violations`);
    for (const violation of result.violations.slice(0, 5)) console.log(`  ${violation}`);
    const limits = `${values.nodes ? ` --nodes ${values.nodes}` : ''}${values.chaos ? ` --chaos ${values.chaos}` : ''}`;
    console.log(`  replay: npm run sim -- --seed ${seed}${limits}`);
    if (values.first) break;
  } else if (runs === 1) {
    console.log(`seed ${seed}: no violation, ${result.viewChanges} view installs, trace ${result.traceHash}`);
  }
}

const seconds = (Date.now() - startedMs) / 1000;
const speed = Math.round(simulatedMs / 1000 / seconds);
console.log(
  `${done} runs, ${failures} with violations; ${Math.round(simulatedMs / 1000)} simulated seconds in ${seconds.toFixed(1)} s (${speed} times real time); last view change at most ${Math.round(slowestMs)} ms after the last fault`,
);
process.exitCode = failures > 0 ? 1 : 0;
