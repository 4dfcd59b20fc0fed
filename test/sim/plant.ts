/**
 * `npx tsx test/sim/plant.ts [--seeds N] [--only TEXT] [--from N]`: plants each fault and reports at which seed it is
 * caught. Without --from the search begins at the seed that is known to catch it. `--controls`: plants nothing, and
 * everything has to be quiet.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { objectKinds } from './object-checker.ts';
import { type Edit, type PlantedFault, plantedFaults, type Schedule } from './planted-faults.ts';
import { plantedLogFaults } from './planted-logs.ts';
import { plantedObjectFaults } from './planted-objects.ts';
import { plantedReplicationFaults, smallParts } from './planted-replication.ts';
import { plantedVipFaults } from './planted-vips.ts';

export const allPlantedFaults: readonly PlantedFault[] = [
  ...plantedFaults,
  ...plantedReplicationFaults,
  ...plantedObjectFaults,
  ...plantedLogFaults,
  ...plantedVipFaults.map((fault) => ({ ...fault, vips: true })),
];

/** Who is slower hangs: seconds are enough, but at the lowest priority beside tests with real servers they take minutes. */
const limitMs = 280_000;
/** They share a process, which takes as long to start as a few of them. */
const portionSeeds = 10;
/** Every so many seeds one has much traffic; see simulation.ts. */
const busySeeds = 8;
const root = resolve(import.meta.dirname, '../..');

/** Changes that are none: with them the checkers have to keep quiet, or they would catch no faults but themselves. */
export const controls: readonly PlantedFault[] = [
  withoutFault('nothing'),
  { ...withoutFault('rows in many small parts'), also: smallParts },
  ...objectKinds.map((kind) => ({ ...withoutFault(`nothing, with ${kind}`), objects: [kind] })),
  ...[...new Set(allPlantedFaults.map(({ schedule }) => schedule))]
    .filter((schedule) => schedule !== undefined)
    .map((schedule, i) => ({ ...withoutFault(`nothing, schedule ${i + 1}`), schedule })),
];

/**
 * The first seed that reports a violation, or undefined when none of them does. A fault that names a scenario is run
 * with that alone, and the seed is the scenario's.
 */
export async function firstSeedThatCatches(
  fault: PlantedFault,
  seeds: number,
  firstSeed = 1,
): Promise<number | undefined> {
  mkdirSync(join(root, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, '.cache/planted-'));
  try {
    const outfile = join(folder, 'sim.mjs');
    await bundle(fault, outfile);
    if (fault.schedule) return firstOfSchedule(fault.schedule, outfile, seeds, firstSeed);
    if (fault.scenario) {
      const kept = join(root, 'test/sim/regressions', fault.scenario);
      return simulate(outfile, ['--scenario', kept]).status === 0 ? undefined : firstSeed;
    }
    const kinds = [...(fault.vips ? ['vips'] : []), ...(fault.objects ?? [])];
    return firstOfRandom(
      outfile,
      seeds,
      firstSeed,
      kinds.map((kind) => `--${kind}`),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function firstOfRandom(
  outfile: string,
  seeds: number,
  firstSeed: number,
  flags: readonly string[],
): number | undefined {
  for (let seed = firstSeed, left = seeds; left > 0; seed += portionSeeds, left -= portionSeeds) {
    const runs = Math.min(portionSeeds, left);
    const what = ['--seed', String(seed), '--runs', String(runs), '--first', '--jobs', '1', ...flags];
    const { status, stdout } = simulate(outfile, what);
    if (status === 0) continue;
    const caught = /^seed (\d+): \d+ violations/m.exec(stdout);
    // An exception is a catch too: the fault did not pass unnoticed.
    return caught ? Number(caught[1]) : seed;
  }
  return undefined;
}

function firstOfSchedule(
  { scenario, busy }: Schedule,
  outfile: string,
  seeds: number,
  firstSeed: number,
): number | undefined {
  const file = join(dirname(outfile), 'schedule.json');
  const step = busy ? busySeeds : 1;
  for (let seed = Math.ceil(firstSeed / step) * step, tries = 0; tries < seeds; seed += step, tries++) {
    writeFileSync(file, JSON.stringify({ ...scenario, seed }));
    if (simulate(outfile, ['--scenario', file]).status !== 0) return seed;
  }
  return undefined;
}

/** Whoever gets no answer has measured nothing: to count that as a catch would hide that no checker notices the fault. */
function simulate(outfile: string, what: readonly string[]): { status: number | null; stdout: string } {
  const { status, stdout, signal, error } = spawnSync(process.execPath, [outfile, ...what], {
    encoding: 'utf8',
    cwd: root,
    timeout: limitMs,
  });
  if (error || signal) throw new Error(`no result of ${what.join(' ')}: ${error?.message ?? signal}`);
  return { status, stdout };
}

async function bundle(fault: PlantedFault, outfile: string): Promise<void> {
  const edits = [fault, ...(fault.also ?? [])];
  await build({
    entryPoints: [join(root, 'test/sim/cli.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    outfile,
    logLevel: 'error',
    plugins: [
      {
        name: 'plant',
        setup: (esbuild) =>
          esbuild.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const here = edits.filter(({ file }) => path === join(root, file));
            if (here.length === 0) return undefined;
            const contents = here.reduce(
              (source, edit) => applied(edit, source, fault.name),
              readFileSync(path, 'utf8'),
            );
            return { contents, loader: 'ts' };
          }),
      },
    ],
  });
}

/** What a fault would change and the product no longer contains: it would be noticed only when the fault's turn comes. */
export function staleTexts(fault: PlantedFault): string[] {
  return [fault, ...(fault.also ?? [])]
    .filter(({ file, find }) => !readFileSync(join(root, file), 'utf8').includes(find))
    .map(({ file, find }) => `'${fault.name}' looks in ${file} for: ${find}`);
}

function applied({ file, find, replace }: Edit, source: string, name: string): string {
  if (!source.includes(find)) throw new Error(`'${name}': its text is no longer in ${file}`);
  return source.replace(find, () => replace);
}

function withoutFault(name: string): PlantedFault {
  return { name, file: 'src/core/hash.ts', find: 'export', replace: 'export' };
}

interface Plan {
  readonly faults: readonly PlantedFault[];
  readonly seeds: number;
  readonly firstSeed: number | undefined;
}

/** All of these have to be caught. */
async function plant({ faults, seeds, firstSeed }: Plan): Promise<number> {
  let missed = 0;
  let failed = 0;
  for (const fault of faults) {
    const startedMs = Date.now();
    const found = await firstSeedThatCatches(fault, seeds, firstSeed ?? fault.seed ?? fault.rareSeed).catch(
      noResult,
    );
    if (found === undefined) missed++;
    if (found === 'no result') failed++;
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(1).padStart(5);
    console.log(`${outcome(found)}  ${seconds} s  ${fault.name}`);
  }
  console.log(`${missed} of ${faults.length} missed, ${failed} without result, each given ${seeds} seeds`);
  return missed + failed;
}

function noResult(error: Error): 'no result' {
  console.log(error.message);
  return 'no result';
}

function outcome(found: number | 'no result' | undefined): string {
  if (typeof found === 'number') return `seed ${String(found).padStart(4)}`;
  return found ?? 'MISSED   ';
}

/** And none of these. */
async function control(seeds: number): Promise<number> {
  let noisy = 0;
  for (const harmless of controls) {
    const seed = await firstSeedThatCatches(harmless, seeds);
    if (seed !== undefined) noisy++;
    console.log(`${seed === undefined ? 'quiet   ' : `seed ${seed}`}  ${harmless.name}`);
  }
  return noisy;
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '25' },
      from: { type: 'string' },
      only: { type: 'string', default: '' },
      controls: { type: 'boolean', default: false },
    },
  });
  const seeds = Number(values.seeds);
  const faults = allPlantedFaults.filter(({ name }) => name.includes(values.only));
  const firstSeed = values.from === undefined ? undefined : Number(values.from);
  const wrong = values.controls ? await control(seeds) : await plant({ faults, seeds, firstSeed });
  process.exitCode = wrong > 0 ? 1 : 0;
}
