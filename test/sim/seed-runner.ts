/**
 * Runs many seeds, on several processors. Each worker is this program once more, told one seed at a time over IPC, so a
 * slow seed holds up nobody and a crash is charged to the seed that caused it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import type { ScenarioLimits } from './faults.ts';
import { type RunResult, simulate } from './simulation.ts';

export interface SeedRun {
  /** Seeds to run; it is read until it ends. */
  readonly seeds: Iterator<number>;
  readonly limits: ScenarioLimits;
  readonly jobs: number;
  onResult(result: RunResult): void;
}

interface Order {
  readonly seed: number;
  readonly limits: ScenarioLimits;
}

export async function runSeeds(run: SeedRun): Promise<void> {
  if (run.jobs > 1) {
    await Promise.all(Array.from({ length: run.jobs }, () => employ(run)));
    return;
  }
  for (let next = run.seeds.next(); !next.done; next = run.seeds.next())
    run.onResult(await simulate(next.value, run.limits));
}

/** In a worker: answers each order with its result until the parent goes. */
export function serveOrders(): void {
  process.on('message', async ({ seed, limits }: Order) => process.send!(await simulate(seed, limits)));
  process.on('disconnect', () => process.exit(0));
}

function employ(run: SeedRun): Promise<void> {
  return new Promise((resolve, reject) => {
    // Most of what a simulation makes is garbage a moment later; and each core has a simulation of its own, from which
    // helpers of a collector would take an eighth.
    const execArgv = ['--max-semi-space-size=32', '--single-threaded-gc'];
    const worker = fork(process.argv[1]!, ['--worker'], { execArgv });
    let current: number | undefined;
    const giveNext = () => {
      const next = run.seeds.next();
      current = next.done ? undefined : next.value;
      if (current === undefined) worker.disconnect();
      else worker.send({ seed: current, limits: run.limits } satisfies Order);
    };
    worker.on('message', (result: RunResult) => {
      run.onResult(result);
      giveNext();
    });
    worker.on('exit', (code) => {
      if (current === undefined) resolve();
      else reject(new Error(`the simulator ended with ${code} in seed ${current}`));
    });
    giveNext();
    endWithParent(worker);
  });
}

function endWithParent(worker: ChildProcess): void {
  process.once('exit', () => worker.kill());
}
