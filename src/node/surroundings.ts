/** What every part of a running process is given: time, randomness, log, counters. */
import type { Counters } from '../actors/ports.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Random } from '../core/random.ts';
import type { NodeSettings } from '../core/settings.ts';
import { type AdjustableLog, createLog, type LineOutput } from '../observe/log.ts';
import type { Paniclog } from '../observe/paniclog.ts';
import { systemClock, systemRandom } from './system-clock.ts';

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Counters;
}

export interface SurroundingParts {
  readonly paniclog: Paniclog;
  readonly counters: Counters;
  /** Where the log goes; default: standard error. */
  readonly logOutput?: LineOutput;
}

export function surroundingsOf(
  { logLevel }: NodeSettings,
  { paniclog, counters, logOutput }: SurroundingParts,
): Surroundings & { readonly log: AdjustableLog } {
  const output = logOutput ? { output: logOutput } : {};
  const log = createLog({ level: logLevel, paniclog, clock: systemClock, ...output });
  return { clock: systemClock, random: systemRandom, log, counters };
}
