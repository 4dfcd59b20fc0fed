/**
 * `npm run bench [-- NAME ...] [--write]`: runs all benchmarks or the ones named and prints what they measured;
 * `--write` also writes docs/benchmarks.md, which takes all of them.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { duravipBenchmark } from './duravip.ts';
import { joinBenchmark } from './join.ts';
import { journalBenchmark } from './journal.ts';
import { limitersBenchmark } from './limiters.ts';
import { listenerBenchmark } from './listener.ts';
import { membershipBenchmark } from './membership.ts';
import { memoryBenchmark } from './memory.ts';
import { outageBenchmark } from './outage.ts';
import { writtenPage } from './page.ts';
import { propagationBenchmark } from './propagation.ts';
import { type Benchmark, type Measured, renderFigures } from './report.ts';
import { restBenchmark } from './rest.ts';
import { rowTransferBenchmark } from './row-transfer.ts';
import { simulatorBenchmark } from './simulator.ts';
import { tablesBenchmark } from './tables.ts';
import { turnsBenchmark } from './turns.ts';

/** In the order of the goals. */
const benchmarks: readonly Benchmark[] = [
  tablesBenchmark,
  listenerBenchmark,
  propagationBenchmark,
  memoryBenchmark,
  joinBenchmark,
  rowTransferBenchmark,
  turnsBenchmark,
  limitersBenchmark,
  duravipBenchmark,
  journalBenchmark,
  outageBenchmark,
  simulatorBenchmark,
  membershipBenchmark,
  restBenchmark,
];
const usageExitCode = 2;
const page = 'docs/benchmarks.md';

// Machines that benchmarks have made go away with the process, but not with one that a signal ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  const choice = choose(words);
  if (typeof choice === 'string') {
    process.stderr.write(`bench: ${choice}\n`);
    return usageExitCode;
  }
  const [loadBefore = 0] = loadavg();
  const measured: Measured[] = [];
  for (const benchmark of choice.chosen) {
    process.stderr.write(`${benchmark.name}: ${benchmark.about}\n`);
    const startedMs = performance.now();
    const figures = await benchmark.run();
    process.stderr.write(`${benchmark.name}: ${((performance.now() - startedMs) / 1000).toFixed(0)} s\n`);
    measured.push({ benchmark, figures });
  }
  process.stdout.write(`${renderFigures(measured.flatMap(({ figures }) => figures))}\n`);
  if (choice.write) writeFileSync(page, writtenPage(measured, loadBefore));
  return 0;
}

/** What to run, or what is wrong with the words given. */
function choose(words: readonly string[]): { chosen: readonly Benchmark[]; write: boolean } | string {
  const names = words.filter((word) => word !== '--write');
  const write = names.length < words.length;
  const unknown = names.find((name) => !benchmarks.some((benchmark) => benchmark.name === name));
  if (unknown !== undefined)
    return `there is no benchmark '${unknown}'; there are ${benchmarks.map(({ name }) => name).join(', ')} and --write`;
  if (write && names.length > 0) return `--write takes all benchmarks, for ${page} has one table of them`;
  return {
    chosen: names.length === 0 ? benchmarks : benchmarks.filter(({ name }) => names.includes(name)),
    write,
  };
}
