/**
 * `npm run sim -- [--seed N] [--runs N] [--hours H] [--jobs N] [--nodes N] [--chaos SECONDS] [--first]`: runs seeds one
 * after another, prints each violation with the command that replays it, and ends with 1 if there was one.
 * `--save FILE` writes the scenario of a seed down, `--scenario FILE` runs one that was written down.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type Scenario, scenarioOf } from './faults.ts';
import { objectKinds } from './object-checker.ts';
import { runSeeds, serveOrders } from './seed-runner.ts';
import { type RunResult, Simulation } from './simulation.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string' },
    hours: { type: 'string' },
    jobs: { type: 'string' },
    nodes: { type: 'string' },
    chaos: { type: 'string' },
    /** With floating addresses. */
    vips: { type: 'boolean', default: false },
    /** With counts over time. */
    series: { type: 'boolean', default: false },
    /** With shared throttles. */
    quotas: { type: 'boolean', default: false },
    /** With a replicated cache. */
    caches: { type: 'boolean', default: false },
    /** With journals, the log service and an aggregator. */
    logs: { type: 'boolean', default: false },
    scenario: { type: 'string' },
    save: { type: 'string' },
    /** Stops at the first seed with a violation. */
    first: { type: 'boolean', default: false },
    /** Started by another run of this program, to take orders from it. */
    worker: { type: 'boolean', default: false },
  },
});

const progressPeriodMs = 30_000;
const optional = (text: string | undefined) => (text === undefined ? undefined : Number(text));
const firstSeed = Number(values.seed);
const hours = optional(values.hours);
const runs = optional(values.runs) ?? (hours === undefined ? 1 : Number.POSITIVE_INFINITY);
const chaosSeconds = optional(values.chaos);
const limits = {
  nodes: optional(values.nodes),
  chaosMs: chaosSeconds === undefined ? undefined : chaosSeconds * 1000,
  vips: values.vips,
  objects: objectKinds.filter((kind) => values[kind]),
};

class Tally {
  readonly #startedMs = Date.now();
  #reportedMs = Date.now();
  #simulatedMs = 0;
  #slowestMs = 0;
  done = 0;
  failures = 0;

  get elapsedMs(): number {
    return Date.now() - this.#startedMs;
  }

  add(result: RunResult): void {
    this.done++;
    this.#simulatedMs += result.simulatedMs;
    this.#slowestMs = Math.max(this.#slowestMs, result.settledAfterMs);
    if (result.violations.length > 0) {
      this.failures++;
      report(result);
    } else if (runs === 1) {
      const { seed, viewChanges, traceHash } = result;
      console.log(`seed ${seed}: no violation, ${viewChanges} view installs, trace ${traceHash}`);
    }
    if (Date.now() - this.#reportedMs < progressPeriodMs) return;
    this.#reportedMs = Date.now();
    console.log(`… ${this.summary}`);
  }

  get summary(): string {
    const seconds = this.elapsedMs / 1000;
    const simulated = Math.round(this.#simulatedMs / 1000);
    return (
      `${this.done} runs, ${this.failures} with violations; ${simulated} simulated seconds in ${seconds.toFixed(1)} s ` +
      `(${Math.round(simulated / seconds)} times real time); last view change at most ` +
      `${Math.round(this.#slowestMs)} ms after the last fault`
    );
  }
}

function report({ seed, violations }: RunResult): void {
  console.log(`seed ${seed}: ${violations.length} violations`);
  for (const violation of violations.slice(0, 5)) console.log(`  ${violation}`);
  const numbers = (['nodes', 'chaos'] as const).map((name) =>
    values[name] ? ` --${name} ${values[name]}` : '',
  );
  const switches = (['vips', ...objectKinds] as const).map((name) => (values[name] ? ` --${name}` : ''));
  console.log(`  replay: npm run sim -- --seed ${seed}${[...numbers, ...switches].join('')}`);
}

async function replay(file: string): Promise<boolean> {
  const scenario = JSON.parse(readFileSync(file, 'utf8')) as Scenario;
  const { violations, traceHash } = await new Simulation(scenario).run();
  console.log(violations.length === 0 ? `no violation, trace ${traceHash}` : violations.join('\n'));
  return violations.length === 0;
}

async function runAll(): Promise<boolean> {
  const tally = new Tally();
  function* seeds(): Iterator<number> {
    for (let i = 0; i < runs; i++) {
      if (hours !== undefined && tally.elapsedMs > hours * 3_600_000) return;
      if (values.first && tally.failures > 0) return;
      yield firstSeed + i;
    }
  }
  const jobs = Math.min(runs, optional(values.jobs) ?? availableParallelism());
  await runSeeds({ seeds: seeds(), limits, jobs, onResult: (result) => tally.add(result) });
  console.log(tally.summary);
  return tally.failures === 0;
}

if (values.worker) {
  serveOrders();
} else {
  if (values.save) {
    const scenario = scenarioOf(firstSeed, limits);
    writeFileSync(values.save, `${JSON.stringify(scenario, undefined, 1)}\n`);
  }
  const passed = values.scenario ? await replay(values.scenario) : await runAll();
  process.exitCode = passed ? 0 : 1;
}
