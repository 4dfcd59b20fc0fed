/**
 * `npx tsx test/sim/plant.ts [--seeds N] [--only TEXT] [--from N]`: plants each fault and reports after how many seeds it
 * is caught.
 */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { type Edit, type PlantedFault, plantedFaults } from './planted-faults.ts';
import { plantedReplicationFaults } from './planted-replication.ts';

export const allPlantedFaults: readonly PlantedFault[] = [...plantedFaults, ...plantedReplicationFaults];

/** A fault that makes the simulator hang is caught by that. */
const hangAfterMs = 240_000;
const root = resolve(import.meta.dirname, '../..');

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
    const what = fault.scenario
      ? ['--scenario', join(root, 'test/sim/regressions', fault.scenario)]
      : ['--seed', String(firstSeed), '--runs', String(seeds), '--first'];
    const run = spawnSync(process.execPath, [outfile, ...what], {
      encoding: 'utf8',
      cwd: root,
      timeout: hangAfterMs,
    });
    const caught = /^seed (\d+): \d+ violations/m.exec(run.stdout);
    if (caught) return Number(caught[1]);
    // An exception or a hang is a catch too: the fault did not pass unnoticed.
    return run.status === 0 ? undefined : firstSeed;
  } finally {
    rmSync(folder, { recursive: true });
  }
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

function applied({ file, find, replace }: Edit, source: string, name: string): string {
  if (!source.includes(find)) throw new Error(`'${name}': its text is no longer in ${file}`);
  return source.replace(find, () => replace);
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      only: { type: 'string' },
    },
  });
  let missed = 0;
  for (const fault of allPlantedFaults) {
    if (values.only && !fault.name.includes(values.only)) continue;
    const seed = await firstSeedThatCatches(fault, Number(values.seeds), Number(values.from));
    if (seed === undefined) missed++;
    console.log(`${seed === undefined ? 'MISSED' : `seed ${String(seed).padStart(4)}`}  ${fault.name}`);
  }
  console.log(
    `${allPlantedFaults.length - missed} of ${allPlantedFaults.length} caught within ${values.seeds} seeds`,
  );
  process.exitCode = missed > 0 ? 1 : 0;
}
