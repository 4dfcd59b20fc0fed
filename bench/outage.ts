/**
 * What a node does while its aggregator is away, and how soon everything is caught up: 10,000 lines a second, before, while
 * and after the manager is gone. FLOTILLA_OUTAGE_SECONDS says for how long it is gone; the goal speaks of 600.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { LogOutput, LogProcess, type LoopTurns } from './log-process.ts';
import { MachineGaps } from './machine-gaps.ts';
import type { Benchmark, Figure } from './report.ts';

const outageSeconds = Number(process.env.FLOTILLA_OUTAGE_SECONDS ?? 20);
const linesPerSecond = 10_000;
const lineBytes = 200;
/** Before the outage, so that node and manager have met and their code is warm. */
const before = 5 * linesPerSecond;
/** Caught up: what is missing is what was logged in the last moment. */
const momentLines = linesPerSecond / 2;
const askMs = 50;
const limitMs = 600_000;

interface Outage {
  readonly away: LoopTurns & { readonly machineMs: number };
  readonly catchingUp: LoopTurns & { readonly machineMs: number };
  readonly caughtUpS: number;
}

async function measure(): Promise<Outage> {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-bench-outage-'));
  const processes = new Set<LogProcess>();
  const machine = new MachineGaps();
  try {
    const { url } = await startNatsServer();
    const start = (role: 'node' | 'manager'): LogProcess => {
      const started = new LogProcess({ role, url, folder, lineBytes });
      processes.add(started);
      return started;
    };
    const node = start('node');
    const output = new LogOutput(folder, lineBytes);
    await node.ask('pace', linesPerSecond);
    const manager = start('manager');
    await output.has(before, limitMs);
    processes.delete(manager);
    await manager.end();
    const turns = async () => ({ ...(await node.ask('turns', undefined)), machineMs: machine.takeMs() });
    await turns();
    await pause(outageSeconds * 1000);
    const away = await turns();
    start('manager');
    const beganMs = performance.now();
    while ((await node.ask('written', undefined)) - output.lines > momentLines) {
      await pause(askMs);
      if (performance.now() - beganMs > limitMs) throw new Error(`not caught up within ${limitMs} ms`);
    }
    const caughtUpS = (performance.now() - beganMs) / 1000;
    const catchingUp = await turns();
    await node.ask('pace', 0);
    const written = await node.ask('written', undefined);
    await output.has(written, limitMs);
    output.verify(written);
    return { away, catchingUp, caughtUpS };
  } finally {
    await machine.end();
    await Promise.all([...processes].map((each) => each.end()));
    await stopNatsServers();
    rmSync(folder, { recursive: true, force: true });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export const outageBenchmark: Benchmark = {
  name: 'outage',
  goals: ['P9'],
  about: `an aggregator that is away for ${outageSeconds} s (FLOTILLA_OUTAGE_SECONDS) while 10,000 lines a second are logged`,
  meaning:
    'the manager is killed and started again while a node logs 10,000 lines of 200 bytes a second without a pause. "Caught up" is ' +
    'from its start to the moment when all but the last half second is in its file; then each line is there once, or the ' +
    'benchmark fails. Turns are those of the node, in processor time of its main thread; "late" counts what it waited for a ' +
    'processor as well. A virtual machine whose host takes its processor away charges the thread that ran: the last two lines ' +
    'are the longest that happened to a thread which only reads its clock, 2 ms of each 10.',
  async run() {
    const { away, catchingUp, caughtUpS } = await measure();
    const size = `${outageSeconds} s away`;
    const turn = (what: string, value: number, target?: number): Figure => ({
      ...{ goal: 'P9', what, size, value, unit: 'ms' },
      ...(target === undefined ? {} : { target: { value: target } }),
    });
    return [
      {
        goal: 'P9',
        what: 'caught up after an outage',
        size,
        value: caughtUpS,
        unit: 's',
        target: { value: 120 },
      },
      turn('longest turn of the node, aggregator away', away.longestMs, 10),
      turn('longest turn of the node, catching up', catchingUp.longestMs, 10),
      turn('longest the node was late, aggregator away', away.latestMs),
      turn('longest the node was late, catching up', catchingUp.latestMs),
      turn('longest gap of a thread that does nothing, aggregator away', away.machineMs),
      turn('longest gap of a thread that does nothing, catching up', catchingUp.machineMs),
    ];
  },
};
