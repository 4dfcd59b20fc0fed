/**
 * P11: what a node at rest costs: real `flotilla node` processes on one NATS server that do nothing but beat. Processor
 * time and resident memory are those of the kernel (/proc), averaged over the nodes.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { until } from '../test/integration/until.ts';
import { NodeProcess } from './node-process.ts';
import type { Benchmark, Figure } from './report.ts';

/** Largest first: the rest of them is stopped for the next size. */
const sizes = [64, 8, 3];
/** All at once would wait for the processor so long that they took each other for dead. */
const startedTogether = 8;
const joinLimitMs = 120_000;
const settleMs = 2_000;
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

/** In one view. Only two are asked: whoever asks is a process that takes more than a node at rest does in a minute. */
async function areAll(nodes: readonly NodeProcess[]): Promise<void> {
  for (const node of [nodes[0]!, nodes.at(-1)!])
    await until(async () => (await node.members()) === nodes.length, joinLimitMs);
}

async function startNodes(count: number, url: string, nodes: NodeProcess[]): Promise<void> {
  while (nodes.length < count) {
    const more = Math.min(startedTogether, count - nodes.length);
    for (let each = 0; each < more; each++) nodes.push(new NodeProcess(`relay-${nodes.length + 1}`, url));
    await areAll(nodes);
  }
}

async function measure(nodes: readonly NodeProcess[]): Promise<Rest> {
  await areAll(nodes);
  await pause(settleMs);
  const startedMs = performance.now();
  const before = nodes.map(({ pid }) => processorSeconds(pid));
  await pause(measuredMs);
  const seconds = (performance.now() - startedMs) / 1000;
  const used = nodes.map(({ pid }, i) => processorSeconds(pid) - before[i]!);
  return {
    nodes: nodes.length,
    processor: (mean(used) / seconds) * 100,
    residentMb: mean(nodes.map(({ pid }) => residentMb(pid))),
  };
}

export const restBenchmark: Benchmark = {
  name: 'rest',
  goals: ['P11'],
  about: `clusters of ${sizes.join(', ')} nodes at rest, ${measuredMs / 1000} s each`,
  meaning:
    'processor time and resident memory of real `flotilla node` processes on one nats-server that do ' +
    'nothing but beat, two minutes after the last one has joined; mean over the nodes.',
  run: async () => {
    const { url } = await startNatsServer();
    const nodes: NodeProcess[] = [];
    try {
      await startNodes(sizes[0]!, url, nodes);
      await pause(collectedMs);
      const measured: Rest[] = [];
      for (const size of sizes) {
        await Promise.all(nodes.splice(size).map((node) => node.end()));
        measured.unshift(await measure(nodes));
      }
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
    } finally {
      await Promise.all(nodes.map((node) => node.end()));
      await stopNatsServers();
    }
  },
};
