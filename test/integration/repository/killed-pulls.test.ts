import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, describe, expect, it } from 'vitest';
import { Checkout } from '../../../src/node/repository/checkout.ts';
import { WorkingCopy } from '../../../src/node/repository/working-copy.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';
import { busAt, contentOf, files, treeOf } from './generations.ts';

/** `FLOTILLA_PULL_KILLS=200` for a long run. */
const kills = Number(process.env.FLOTILLA_PULL_KILLS ?? 30);
const around = { clock: systemClock, random: systemRandom };
const etc = mkdtempSync(join(tmpdir(), 'flotilla-killed-pulls-'));
const conf = join(etc, 'conf');
/** Beside the sources, so that it finds the packages it needs. */
const program = join(import.meta.dirname, '../../../.cache/puller-process.mjs');

afterEach(() => rmSync(etc, { recursive: true, force: true }));

describe('a pull that is killed', () => {
  const title = `CONF-13.7 SIGKILL at ${kills} random points leaves the old or the new tree, complete, with local changes`;
  it(title, { timeout: 600_000 }, async () => {
    await buildProgram();
    const workingCopy = new WorkingCopy({ conf, around, patienceMs: 5_000 });
    const into = { clusterGroup: 'ec_cluster', subcluster: 'default', keepLocal: false };
    await workingCopy.bootstrap(busAt(1), into);
    writeFileSync(join(conf, 'default/local.conf'), 'only here');
    let [generation, spanMs] = [1, 10];
    for (let kill = 0; kill < kills; kill++) {
      const before = generation;
      await pullAndKill(before + 1, Math.random() * spanMs);
      generation = await generationNow();
      expect([before, before + 1]).toContain(generation);
      // The switch stays within the span, however fast this machine is at the moment.
      spanMs *= generation === before ? 1.4 : 0.7;
    }
    // On both sides of the switch, or nothing was tried.
    expect(generation).toBeGreaterThan(1);
    expect(generation).toBeLessThan(kills + 1);
    // Whatever they left: the next pull is as any other, and tidies up.
    expect((await workingCopy.pull(busAt(generation + 1), { resolution: 'none' })).kind).toBe('updated');
    expect(await generationNow()).toBe(generation + 1);
    expect(readdirSync(etc).filter((name) => /^\.conf\.(r|link)/.test(name))).toHaveLength(2);
    process.stderr.write(`${kills} pulls were killed; ${generation - 1} had done their work before\n`);
  });
});

async function buildProgram(): Promise<void> {
  const entryPoints = [join(import.meta.dirname, 'puller-process.ts')];
  await build({
    entryPoints,
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
}

/** All files are whole and of one generation, which is returned; so is what the checkout says about itself. */
async function generationNow(): Promise<number> {
  const generations = files.map((path) => {
    const text = readFileSync(join(conf, path), 'utf8');
    const generation = Number(/generation (\d+)/.exec(text)?.[1]);
    expect(text).toBe(contentOf(path, generation));
    return generation;
  });
  const [generation = 0] = generations;
  expect(new Set(generations)).toEqual(new Set([generation]));
  expect(readFileSync(join(conf, 'default/local.conf'), 'utf8')).toBe('only here');
  const checkout = await Checkout.open(conf);
  expect(checkout.record.own.rev).toBe(generation);
  expect(new Map(checkout.record.own.tree)).toEqual(treeOf(generation));
  for (const { hash } of checkout.record.own.tree.values())
    expect(await checkout.original(hash)).toBeDefined();
  return generation;
}

/** Within so long after it has begun, unless it is faster. */
async function pullAndKill(generation: number, delayMs: number): Promise<void> {
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  const child = spawn(process.execPath, [program, conf, String(generation)], { stdio: [...stdio] });
  const exited = once(child, 'exit');
  await Promise.race([once(child.stdout!, 'data'), exited]);
  const timer = setTimeout(() => child.kill('SIGKILL'), delayMs);
  await exited;
  clearTimeout(timer);
}
