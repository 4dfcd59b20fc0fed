/**
 * The demonstration behind `npm start`: three relays, real mail, one of them killed; and whether the sums are right.
 *
 * Invariant: however it ends, nothing of it stays: no process, no socket file, and no folder unless something was
 * wrong, when the logs in it are needed.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArguments, usage } from './arguments.ts';
import { killAllChildren } from './child.ts';
import { Fleet } from './fleet.ts';
import { introduction } from './introduction.ts';
import { Show } from './show.ts';

type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Why it ends before its time. */
class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: StopSignal) {
    super(signal);
    this.exitCode = 128 + constants.signals[signal];
  }
}

const failedExitCode = 1;
const usageExitCode = 2;
/** One Ctrl-C may arrive as two signals: from the terminal, and from npm, which passes its own on. */
const sameWishMs = 500;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const given = parseArguments(argv);
  if (given.wants === 'nothing') {
    process.stderr.write(`npm start: ${given.problem}; see npm start -- --help\n`);
    return usageExitCode;
  }
  if (given.wants === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  return await run(given.durationMs);
}

async function run(durationMs: number | undefined): Promise<number> {
  const stopping = new AbortController();
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-demo-'));
  const fleet = new Fleet({ folder, signal: stopping.signal, onLost: (error) => stopping.abort(error) });
  process.on('exit', (exitCode) => {
    killAllChildren();
    fleet.removeLeftovers();
    if (exitCode !== failedExitCode) rmSync(folder, { recursive: true, force: true });
  });
  stopOnSignals(stopping);
  let exitCode = 0;
  let show: Show | undefined;
  let problem: string | undefined;
  try {
    process.stdout.write('Starting nats-server, three relays, three mail servers and the mail clients ...\n');
    const running = await fleet.start();
    process.stdout.write(introduction(running));
    show = new Show(running, stopping.signal);
    await show.run(durationMs);
  } catch (error) {
    const reason: unknown = stopping.signal.reason ?? error;
    // Ctrl-C is the usual end of a run without a duration, and the failure of one that had to last.
    if (reason instanceof Interrupted) exitCode = durationMs === undefined ? 0 : reason.exitCode;
    else problem = reason instanceof Error ? reason.message : String(reason);
  }
  const summary = await show?.summary();
  process.stdout.write(summary?.text ?? '');
  await fleet.stop();
  if (problem !== undefined) process.stderr.write(`\nnpm start: ${problem}\n`);
  if (problem === undefined && !summary?.hasFailed) return exitCode;
  if (readdirSync(folder).length > 0) process.stderr.write(`The logs are in ${folder}\n`);
  else rmSync(folder, { recursive: true });
  return failedExitCode;
}

function stopOnSignals(stopping: AbortController): void {
  let firstMs: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      firstMs ??= performance.now();
      const interruption = new Interrupted(signal);
      if (performance.now() - firstMs > sameWishMs) process.exit(interruption.exitCode);
      stopping.abort(interruption);
    });
  }
  // `npm start | head` closes the pipe: nobody looks any more.
  process.stdout.on('error', () => stopping.abort(new Interrupted('SIGTERM')));
}
