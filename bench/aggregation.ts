/** P9: from a line that a node logs to the same line in the file of a manager, over a real NATS server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { LogOutput, LogProcess } from './log-process.ts';
import { type Figure, percentile } from './report.ts';
import { nowUs } from './task-process.ts';

export interface AggregationLoad {
  readonly lineBytes: number;
  /** That wait in the journal when the manager comes. */
  readonly lines: number;
}

/** Lines a second while it is measured how late each of them is, and for how long. */
const probesPerSecond = 500;
const probedMs = 10_000;
const limitMs = 300_000;

export async function measureAggregation(
  load: AggregationLoad,
): Promise<{ perSecond: number; p99Ms: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-bench-aggregation-'));
  const processes: LogProcess[] = [];
  try {
    const { url } = await startNatsServer();
    const start = (role: 'node' | 'manager'): LogProcess => {
      const started = new LogProcess({ role, url, folder, lineBytes: load.lineBytes });
      processes.push(started);
      return started;
    };
    const node = start('node');
    const output = new LogOutput(folder, load.lineBytes);
    await node.ask('write', load.lines);
    start('manager');
    await output.has(1, limitMs);
    const [beganMs, begun] = [performance.now(), output.lines];
    await output.has(load.lines, limitMs);
    const perSecond = ((load.lines - begun) * 1000) / (performance.now() - beganMs);
    return { perSecond, p99Ms: percentile(await probe(node, output, load.lines), 0.99) };
  } finally {
    await Promise.all(processes.map((each) => each.end()));
    await stopNatsServers();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How late each line was in the file, sorted; looked at each millisecond. */
async function probe(node: LogProcess, output: LogOutput, before: number): Promise<number[]> {
  const latenciesMs: number[] = [];
  const endMs = performance.now() + probedMs;
  await node.ask('pace', probesPerSecond);
  for (let seen = before; performance.now() < endMs; ) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const { lines } = output;
    if (lines === seen) continue;
    const sawUs = nowUs();
    for (const loggedUs of output.loggedUs(seen, lines)) latenciesMs.push((sawUs - loggedUs) / 1000);
    seen = lines;
  }
  await node.ask('pace', 0);
  await output.has(await node.ask('written', undefined), limitMs);
  output.verify(await node.ask('written', undefined));
  return latenciesMs.sort((a, b) => a - b);
}

export async function aggregationFigures(load: AggregationLoad, isGoal: boolean): Promise<Figure[]> {
  const { perSecond, p99Ms } = await measureAggregation(load);
  const size = `${load.lineBytes} B`;
  const target = (value: number) => (isGoal ? { target: { value } } : {});
  return [
    {
      ...{
        goal: 'P9',
        what: 'lines into one aggregator',
        size,
        value: perSecond,
        unit: '/s',
        better: 'more',
      },
      ...target(300_000),
    },
    {
      ...{
        goal: 'P9',
        what: 'logged until in the aggregate file, 99th percentile',
        size,
        value: p99Ms,
        unit: 'ms',
      },
      ...target(50),
    },
  ];
}
