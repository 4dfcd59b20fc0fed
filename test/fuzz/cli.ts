/**
 * `node --expose-gc --import tsx test/fuzz/cli.ts [--only NAME] [--runs N] [--seed N]`: each fuzzer by itself, one after
 * another, with what it took. Every fuzzer has a process of its own and runs in ten portions; the heap that is left
 * after each must not grow, and nothing may be left open at the end, or the run has failed.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { fuzzConfiguration } from './configuration.fuzz.ts';
import { fuzzConsole } from './console.fuzz.ts';
import { fuzzControlLogin, withPasswordFile } from './control-login.fuzz.ts';
import { fuzzFragments } from './fragments.fuzz.ts';
import { fuzzJournal } from './journal.fuzz.ts';
import { fuzzListener } from './listener.fuzz.ts';
import { fuzzCacheCodec, fuzzQuotaCodec } from './object-codec.fuzz.ts';
import { fuzzPeerHandshake } from './peer-handshake.fuzz.ts';
import { fuzzProgramCodec } from './program-codec.fuzz.ts';
import { fuzzProxyHeader } from './proxy-header.fuzz.ts';
import { fuzzSharedCodec } from './shared-codec.fuzz.ts';
import { fuzzViewCodec } from './view-codec.fuzz.ts';
import { fuzzVipCodec } from './vip-codec.fuzz.ts';

type Fuzzer = (runs: number, seed: number) => object | Promise<object>;

const fuzzers: Readonly<Record<string, Fuzzer>> = {
  'view-codec': fuzzViewCodec,
  'shared-codec': fuzzSharedCodec,
  'quota-codec': fuzzQuotaCodec,
  'cache-codec': fuzzCacheCodec,
  'vip-codec': fuzzVipCodec,
  'program-codec': fuzzProgramCodec,
  fragments: fuzzFragments,
  'proxy-header': fuzzProxyHeader,
  'peer-handshake': fuzzPeerHandshake,
  console: fuzzConsole,
  'control-login': (runs, seed) => withPasswordFile((file) => fuzzControlLogin(runs, seed, file)),
  journal: fuzzJournal,
  configuration: fuzzConfiguration,
  listener: fuzzListener,
};
const portions = 10;
/** Compiled code and pools of the runtime still grow a little after the first portion. */
const mostGrowthBytes = 16 * 2 ** 20;
const mostResidentBytes = 2 ** 30;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    runs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
  },
});
const runs = Number(values.runs);
const firstSeed = Number(values.seed);

if (values.only === undefined) runAll();
else await runOne(values.only);

function runAll(): void {
  for (const name of Object.keys(fuzzers)) {
    const own = [
      fileURLToPath(import.meta.url),
      '--only',
      name,
      '--runs',
      `${runs}`,
      '--seed',
      `${firstSeed}`,
    ];
    const { status } = spawnSync(process.execPath, [...process.execArgv, ...own], { stdio: 'inherit' });
    if (status !== 0) process.exitCode = 1;
  }
}

async function runOne(name: string): Promise<void> {
  const fuzz = fuzzers[name];
  if (fuzz === undefined || globalThis.gc === undefined)
    throw new Error(`no fuzzer "${name}", or no --expose-gc`);
  const startMs = performance.now();
  const totals = new Map<string, number>();
  const heaps: number[] = [];
  const portion = Math.ceil(runs / portions);
  for (let i = 0; i < portions; i++) {
    // The codecs take one seed for each run: portions must not overlap.
    addUp(totals, await fuzz(portion, firstSeed + i * portion));
    heaps.push(await heapLeft());
  }
  const residentBytes = process.resourceUsage().maxRSS * 1024;
  const open = process
    .getActiveResourcesInfo()
    .filter((kind) => !kind.startsWith('TTY') && kind !== 'PipeWrap');
  console.log(
    JSON.stringify({
      fuzzer: name,
      seconds: Math.round((performance.now() - startMs) / 1000),
      ...Object.fromEntries(totals),
      heapMiB: heaps.map((bytes) => Math.round(bytes / 2 ** 20)),
      mostResidentMiB: Math.round(residentBytes / 2 ** 20),
      open,
    }),
  );
  const growth = Math.max(...heaps) - heaps[0]!;
  if (growth > mostGrowthBytes) throw new Error(`${name}: the heap has grown by ${growth} bytes`);
  if (residentBytes > mostResidentBytes) throw new Error(`${name}: ${residentBytes} bytes were resident`);
  if (open.length > 0) throw new Error(`${name}: still open: ${open.join(', ')}`);
}

/** Sums of what portions report, element by element where it is a list; the most where it is a duration. */
function addUp(totals: Map<string, number>, summary: object): void {
  for (const [key, value] of Object.entries(summary).flatMap(flatten)) {
    const before = totals.get(key) ?? 0;
    totals.set(key, key.endsWith('Ms') ? Math.max(before, Math.round(value)) : before + value);
  }
}

function flatten([key, value]: [string, unknown]): [string, number][] {
  if (Array.isArray(value)) return value.map((each, index) => [`${key}.${index}`, Number(each)]);
  return [[key, Number(value)]];
}

/** Sockets and promises that are over are let go of in later turns of the event loop. */
async function heapLeft(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resume) => setImmediate(resume));
    globalThis.gc?.();
  }
  return process.memoryUsage().heapUsed;
}
