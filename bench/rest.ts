/**
 * P11: what a node at rest costs: real `flotilla node` processes on one NATS server that do nothing but beat. Processor
 * time and resident memory are those of the kernel (/proc), averaged over the nodes.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { until } from '../test/integration/until.ts';
import { Company } from './company.ts';
import { NodeProcess, replicated } from './node-process.ts';
import type { Benchmark, Figure } from './report.ts';

/** Of the cluster. */
const sizes = [3, 8, 64];
/** Processes of their own: these are measured. The others share some, for this many more would want 200 % of a processor. */
const nodesMeasured = 3;
const companyMembers = 20;
const joinLimitMs = 120_000;
/** What a node leaves over from its start is collected when it has had little to do for a while: until then it has 15 MB more. */
const collectedMs = 120_000;
const measuredMs = 8_000;
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

interface Rest {
  readonly nodes: number;
  /** Percent of one core. */
  readonly processor: number;
  readonly residentMb: number;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function processorSeconds(pid: number): number {
  // The name, field 2, may hold blanks; user and system time are fields 14 and 15.
  const [, afterName = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const fields = afterName.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function residentMb(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return (Number(kilobytes) * 1024) / 1e6;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A node is asked by a process that takes more than a node at rest does in a minute, so few are asked, and seldom. */
async function areAll(
  size: number,
  nodes: readonly NodeProcess[],
  company: readonly Company[],
): Promise<void> {
  for (const each of company)
    await until(async () => (await each.ask('members', undefined)) === size, joinLimitMs);
  for (const node of nodes) await until(async () => (await node.members()) === size, joinLimitMs);
}

async function measure(size: number, nodes: readonly NodeProcess[]): Promise<Rest> {
  await pause(collectedMs);
  const startedMs = performance.now();
  const before = nodes.map(({ pid }) => processorSeconds(pid));
  await pause(measuredMs);
  const seconds = (performance.now() - startedMs) / 1000;
  const used = nodes.map(({ pid }, i) => processorSeconds(pid) - before[i]!);
  return {
    nodes: size,
    processor: (mean(used) / seconds) * 100,
    residentMb: mean(nodes.map(({ pid }) => residentMb(pid))),
  };
}

/** Until there are so many members. */
function startCompany(size: number, present: number, url: string): Company[] {
  const started: Company[] = [];
  for (let first = present + 1; first <= size; first += companyMembers) {
    const count = Math.min(companyMembers, size + 1 - first);
    started.push(new Company({ url, configText: `cluster { ${replicated} }`, first, count }));
  }
  return started;
}

async function measureAll(): Promise<Rest[]> {
  const { url } = await startNatsServer();
  const nodes = Array.from({ length: nodesMeasured }, (_, i) => new NodeProcess(`relay-${i + 1}`, url));
  const company: Company[] = [];
  const measured: Rest[] = [];
  let present = nodesMeasured;
  try {
    for (const size of sizes) {
      company.push(...startCompany(size, present, url));
      present = size;
      await areAll(size, nodes, company);
      measured.push(await measure(size, nodes));
    }
    return measured;
  } finally {
    await Promise.all([...nodes, ...company].map((each) => each.end()));
    await stopNatsServers();
  }
}

export const restBenchmark: Benchmark = {
  name: 'rest',
  goals: ['P11'],
  about: `nodes at rest in clusters of ${sizes.join(', ')}, ${measuredMs / 1000} s each`,
  meaning:
    `processor time and resident memory of ${nodesMeasured} real \`flotilla node\` processes on one nats-server that do ` +
    'nothing but beat, two minutes after the last member has joined; mean over the three. The members beyond three share ' +
    'processes.',
  run: async () => {
    const measured = await measureAll();
    const figures = (what: string, unit: string, limit: number, figure: 'processor' | 'residentMb') =>
      measured.map(
        (rest): Figure => ({
          goal: 'P11',
          what,
          size: `${rest.nodes} nodes`,
          value: rest[figure],
          unit,
          target: { value: limit },
        }),
      );
    return [
      ...figures('a node at rest, processor', '% of a core', 1, 'processor'),
      ...figures('a node at rest, resident memory', 'MB', 80, 'residentMb'),
    ];
  },
};
