/**
 * A crowd at the processors (R8): busy loops run beside four healthy nodes with floating addresses. Nobody may take a node
 * for dead that only waits for a processor: no view is installed, and no address goes to another machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { sharedNowMs } from '../../lab/lookout.ts';
import { Components } from './components.ts';
import { finePace, pause, Roads } from './roads.ts';

export interface CrowdOptions {
  readonly loops: number;
  readonly minutes: number;
  readonly profile: 'fast' | 'default';
  readonly onLine: (line: string) => void;
}

/** What should not have happened until now. */
interface Alarms {
  readonly views: readonly string[];
  readonly moves: readonly string[];
  readonly doubles: readonly string[];
  /** Longest time in which a client had no answer: it waits for the processor, too. */
  readonly gapMs: number;
}

const lookEveryMs = 60_000;
/** Ends with this process, however that ends. */
const busyLoop = `while kill -0 ${process.pid}; do :; done`;

/** The violations. */
export async function endureCrowd({ loops, minutes, profile, onLine }: CrowdOptions): Promise<string[]> {
  const roads = await Roads.open({ quorum: 'majority', asking: ['east'], profile, pace: finePace });
  const crowd: ChildProcess[] = [];
  try {
    for (let loop = 0; loop < loops; loop++) crowd.push(spawn('sh', ['-c', busyLoop], { stdio: 'ignore' }));
    await roads.begin();
    const beginMs = sharedNowMs();
    const endMs = beginMs + minutes * 60_000;
    let alarms = await alarmsOf(roads, beginMs);
    while (sharedNowMs() < endMs) {
      await pause(Math.min(lookEveryMs, endMs - sharedNowMs()));
      alarms = await alarmsOf(roads, beginMs);
      const { views, moves, doubles, gapMs } = alarms;
      onLine(
        `${((sharedNowMs() - beginMs) / 1000).toFixed(0)} s: ${views.length} views, ${moves.length} moves, ` +
          `${doubles.length} double answers, longest silence at a client ${gapMs.toFixed(0)} ms`,
      );
    }
    const { views, moves, doubles } = alarms;
    const violations = [...views, ...moves, ...doubles];
    return violations.length === 0 ? [] : [...violations, roads.logs()];
  } finally {
    for (const loop of crowd) loop.kill('SIGKILL');
    await roads.end();
  }
}

async function alarmsOf(roads: Roads, beginMs: number): Promise<Alarms> {
  const seen = await roads.reports();
  const wallAheadMs = Date.now() - sharedNowMs();
  const at = (atMs: number) => `${((atMs - beginMs) / 1000).toFixed(3)} s`;
  const views = roads.harbour.lives.flatMap((node) =>
    Components.ofLog(node.name, node.log(), wallAheadMs)
      .filter(({ atMs }) => atMs > beginMs)
      .map(({ machine, atMs, members }) => `${at(atMs)} ${machine} installed a view: ${members.join(' ')}`),
  );
  const told = (what: 'owner' | 'double', text: string) =>
    seen
      .filter(({ report }) => report.what === what)
      .map(({ report }) => `${text}: ${JSON.stringify(report)}`);
  return {
    views,
    moves: told('owner', 'an address moved'),
    doubles: told('double', 'two machines answered'),
    gapMs: Math.max(
      0,
      ...seen.map(({ report }) => (report.what === 'gap' ? report.untilMs - report.fromMs : 0)),
    ),
  };
}
