import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConfigBus, connectConfigBus } from '../../../src/bus/config-bus.ts';
import { hashOf, type TreeEntry } from '../../../src/config/repository/tree.ts';
import { Checkout } from '../../../src/node/repository/checkout.ts';
import { Repository } from '../../../src/node/repository/repository.ts';
import { WorkingCopy } from '../../../src/node/repository/working-copy.ts';
import { systemClock, systemRandom } from '../../../src/node/system-clock.ts';
import { stopNatsServers } from '../nats-server.ts';
import { Workbench } from './workbench.ts';

const around = { clock: systemClock, random: systemRandom };
const kills = 200;
const files = Array.from(
  { length: 24 },
  (_, index) => `${['default', 'relay-1', 'relay-2'][index % 3]}/file-${index}.conf`,
);
/** Beside the sources, so that it finds the packages it needs. */
const program = join(import.meta.dirname, '../../../.cache/puller-process.mjs');

let bench: Workbench;
let bus: ConfigBus;

beforeEach(async () => {
  bench = await Workbench.open();
  bus = await connectConfigBus({
    urls: [bench.server.url],
    credentials: {},
    tls: undefined,
    clusterGroup: 'ec_cluster',
    timeoutMs: 5_000,
  });
  await build({
    entryPoints: [join(import.meta.dirname, 'puller-process.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
});

afterEach(async () => {
  await bus.close();
  bench.close();
  await stopNatsServers();
});

describe('a pull that is killed', () => {
  it(`CONF-13.7 SIGKILL at ${kills} random points leaves the old or the new tree, complete, with local changes`, {
    timeout: 600_000,
  }, async () => {
    const machine = bench.machine('relay-1');
    const repository = new Repository('default', await bus.create('default'), around);
    await commit(repository, 0);
    const workingCopy = new WorkingCopy({ conf: machine.conf, around, patienceMs: 5_000 });
    await workingCopy.bootstrap(bus, { clusterGroup: 'ec_cluster', subcluster: 'default', keepLocal: false });
    writeFileSync(join(machine.conf, 'default/local.conf'), 'only here');
    const left = { old: 0, new: 0 };
    let longestMs = 20;
    let generation = 0;
    for (let kill = 0; kill < kills; kill++) {
      const before = generationOf(machine.conf);
      expect(before).toBe(generation);
      await commit(repository, before + 1);
      const tookMs = await pullAndKill(machine.conf, Math.random() * longestMs * 1.3);
      longestMs = Math.max(longestMs, tookMs ?? 0);
      generation = generationOf(machine.conf);
      expect([before, before + 1]).toContain(generation);
      left[generation === before ? 'old' : 'new']++;
      const { record } = await Checkout.open(machine.conf);
      expect(record.own.tree.get(files[0]!)?.hash).toBe(
        hashOf(Buffer.from(contentOf(files[0]!, generation))),
      );
      if (generation !== before) continue;
      // The next one ends what this one began, whatever it was.
      expect((await workingCopy.pull(bus, { resolution: 'none' })).kind).toBe('updated');
      generation = generationOf(machine.conf);
      expect(generation).toBe(before + 1);
    }
    const checkouts = readdirSync(machine.etc).filter((name) => /^\.conf\.r/.test(name));
    expect(checkouts.length, JSON.stringify(left)).toBeLessThanOrEqual(3);
    await commit(repository, generation + 1);
    await workingCopy.pull(bus, { resolution: 'none' });
    expect(readdirSync(machine.etc).filter((name) => /^\.conf\.(r|link)/.test(name))).toHaveLength(2);
    console.log(`killed ${kills} pulls: ${left.old} left the old tree, ${left.new} the new one`);
  });
});

function contentOf(path: string, generation: number): string {
  return `${path} of generation ${generation}\n`.repeat(200);
}

async function commit(repository: Repository, generation: number): Promise<void> {
  const contents = new Map(files.map((path) => [path, Buffer.from(contentOf(path, generation))]));
  const byHash = new Map([...contents.values()].map((content) => [hashOf(content), content]));
  const changes = new Map<string, TreeEntry>(
    [...contents].map(([path, content]) => [path, { hash: hashOf(content), mode: 0o644 }]),
  );
  const outcome = await repository.commit({
    repository: undefined,
    author: 'test',
    message: '',
    base: (await repository.head())?.tree ?? new Map(),
    changes,
    read: async (hash) => byHash.get(hash)!,
  });
  expect(outcome.kind).toBe('committed');
}

/** All files are whole and of one generation, which is returned. */
function generationOf(conf: string): number {
  const generations = files.map((path) => {
    const text = readFileSync(join(conf, path), 'utf8');
    const generation = Number(/generation (\d+)/.exec(text)?.[1]);
    expect(text).toBe(contentOf(path, generation));
    return generation;
  });
  expect(new Set(generations).size).toBe(1);
  expect(readFileSync(join(conf, 'default/local.conf'), 'utf8')).toBe('only here');
  return generations[0]!;
}

/** How long the pull took, if it was faster. */
async function pullAndKill(conf: string, delayMs: number): Promise<number | undefined> {
  const child = spawn(process.execPath, [program, conf, bench.server.url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const begun = once(child.stdout, 'data');
  await Promise.race([begun, exited]);
  const startedMs = performance.now();
  let tookMs: number | undefined;
  child.stdout.on('data', () => {
    tookMs = performance.now() - startedMs;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), delayMs);
  await exited;
  clearTimeout(timer);
  return tookMs;
}
