/**
 * The frame around a demonstration: arguments, a folder for logs, Ctrl-C, a summary at the end.
 *
 * Invariant: however it ends, nothing of it stays: no process, no socket file, and no folder unless something was
 * wrong, when the logs in it are needed.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArguments } from './arguments.ts';
import { killAllChildren } from './child.ts';

export interface CastOptions {
  /** For logs and state. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** A process has ended and nobody told it to. */
  readonly onLost: (error: Error) => void;
}

/** All that runs. `stop` ends whatever was started, however far `start` came. */
export interface Cast {
  /** Resolves when it is time for the show. */
  start(): Promise<Show>;
  stop(): Promise<void>;
  /** Files of processes that were killed. */
  removeLeftovers(): void;
}

export interface Show {
  /** Throws the reason of the signal when it is stopped before its time. */
  run(durationMs: number | undefined): Promise<void>;
  /** What it all came to; to be asked while everything still runs. */
  summary(): Promise<{ readonly text: string; readonly hasFailed: boolean }>;
}

export interface Play {
  /** As it is typed. */
  readonly command: string;
  readonly usage: string;
  readonly minSeconds?: number;
  /** Said first, because starting takes seconds. */
  readonly opening: string;
  readonly cast: (options: CastOptions) => Cast;
}

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
/** Ctrl-C in a terminal also ends commands that are being waited for, whose failure may be heard of first. */
const signalNewsMs = 20;

/** The exit code. */
export async function perform(play: Play, argv: readonly string[]): Promise<number> {
  const given = parseArguments(argv, play.minSeconds);
  if (given.wants === 'nothing') {
    process.stderr.write(`${play.command}: ${given.problem}; see ${play.command} -- --help\n`);
    return usageExitCode;
  }
  if (given.wants === 'help') {
    process.stdout.write(play.usage);
    return 0;
  }
  return await run(play, given.durationMs);
}

async function run(play: Play, durationMs: number | undefined): Promise<number> {
  const stopping = new AbortController();
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-demo-'));
  let cast: Cast | undefined;
  process.on('exit', (exitCode) => {
    killAllChildren();
    cast?.removeLeftovers();
    if (exitCode !== failedExitCode) rmSync(folder, { recursive: true, force: true });
  });
  stopOnSignals(stopping);
  let exitCode = 0;
  let show: Show | undefined;
  let problem: string | undefined;
  try {
    process.stdout.write(play.opening);
    cast = play.cast({ folder, signal: stopping.signal, onLost: (error) => stopping.abort(error) });
    show = await cast.start();
    await show.run(durationMs);
  } catch (error) {
    await pause(signalNewsMs);
    const reason: unknown = stopping.signal.reason ?? error;
    // Ctrl-C is the usual end of a run without a duration, and the failure of one that had to last.
    if (reason instanceof Interrupted) exitCode = durationMs === undefined ? 0 : reason.exitCode;
    else problem = reason instanceof Error ? reason.message : String(reason);
  }
  const summary = await show?.summary();
  process.stdout.write(summary?.text ?? '');
  await cast?.stop();
  if (problem !== undefined) process.stderr.write(`\n${play.command}: ${problem}\n`);
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
