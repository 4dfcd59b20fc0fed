/**
 * What a node does while its aggregator is away, and how soon everything is caught up: 10,000 lines a second, before, while
 * and after the manager is gone. FLOTILLA_OUTAGE_SECONDS says for how long it is gone; the goal speaks of 600.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNatsServer, stopNatsServers } from '../test/integration/nats-server.ts';
import { LogOutput, LogProcess, type LogProcessOptions, type LoopTurns } from './log-process.ts';
import { MachineGaps } from './machine-gaps.ts';
import type { Benchmark, Figure } from './report.ts';
import { longTurnMs } from './turn-meter.ts';

const outageSeconds = Number(process.env.FLOTILLA_OUTAGE_SECONDS ?? 20);
const linesPerSecond = 10_000;
const lineBytes = 200;
/** Before the outage, so that node and manager have met and their code is warm. */
const before = 5 * linesPerSecond;
/** Caught up: what is missing is what was logged in the last moment. */
const momentLines = linesPerSecond / 2;
const askMs = 50;
const limitMs = 600_000;

/** What one phase did to the node, to a process that appends the same lines to a plain file, and to an idle thread. */
interface Phase {
  readonly node: LoopTurns;
  readonly plain: LoopTurns;
  readonly machineMs: number;
}

interface Outage {
  readonly away: Phase;
  readonly catchingUp: Phase;
  readonly caughtUpS: number;
}

async function measure(): Promise<Outage> {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-bench-outage-'));
  const processes = new Set<LogProcess>();
  const machine = new MachineGaps();
  try {
    const { url } = await startNatsServer();
    const start = (role: LogProcessOptions['role']): LogProcess => {
      const started = new LogProcess({ role, url, folder, lineBytes });
      processes.add(started);
      return started;
    };
    const [node, plain] = [start('node'), start('plain')];
    const output = new LogOutput(folder, lineBytes);
    for (const each of [node, plain]) await each.ask('pace', linesPerSecond);
    const manager = start('manager');
    await output.has(before, limitMs);
    processes.delete(manager);
    await manager.end();
    const phase = async (): Promise<Phase> => ({
      node: await node.ask('turns', undefined),
      plain: await plain.ask('turns', undefined),
      machineMs: machine.takeMs(),
    });
    await phase();
    await pause(outageSeconds * 1000);
    const away = await phase();
    start('manager');
    const beganMs = performance.now();
    while ((await node.ask('written', undefined)) - output.lines > momentLines) {
      await pause(askMs);
      if (performance.now() - beganMs > limitMs) throw new Error(`not caught up within ${limitMs} ms`);
    }
    const caughtUpS = (performance.now() - beganMs) / 1000;
    const catchingUp = await phase();
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
    'processor as well. The peer is what the machine and Node themselves do: a process that makes the same lines at the same ' +
    'time, and appends them to a plain file by a stream. A virtual machine whose host takes its processor away charges the ' +
    'thread that ran; the last lines are the longest that happened to a thread which only reads its clock, 2 ms of each 10.',
  async run() {
    const { away, catchingUp, caughtUpS } = await measure();
    const size = `${outageSeconds} s away`;
    const phases = { 'aggregator away': away, 'catching up': catchingUp };
    return [
      {
        goal: 'P9',
        what: 'caught up after an outage',
        size,
        value: caughtUpS,
        unit: 's',
        target: { value: 120 },
      },
      ...Object.entries(phases).flatMap(([name, phase]) => figuresOf(name, phase, size)),
    ];
  },
};

function figuresOf(name: string, { node, plain, machineMs }: Phase, size: string): Figure[] {
  const figure = (what: string, value: number, unit = 'ms'): Figure => ({
    ...{ goal: 'P9', what: `${what}, ${name}`, size, value, unit },
  });
  const peer = (value: number) => ({ peer: { name: 'a plain file', value } });
  return [
    {
      ...figure('longest turn of the node', node.longestMs),
      target: { value: longTurnMs },
      ...peer(plain.longestMs),
    },
    { ...figure(`turns of the node above ${longTurnMs} ms`, node.long, ''), ...peer(plain.long) },
    { ...figure('longest the node was late', node.latestMs), ...peer(plain.latestMs) },
    figure('longest gap of a thread that does nothing', machineMs),
  ];
}
