/**
 * Rates: how many units in how long a window (replication 7.1-7.3).
 *
 * Windows are numbered from the epoch, so that all nodes whose clocks are in step speak of the same window.
 */
import { FlotillaError } from '../errors.ts';

export interface Rate {
  /** Units in a window, 1 and up. */
  readonly units: number;
  readonly windowS: number;
}

/** A year: a longer window is a mistake in writing. */
export const longestWindowS = 31_536_000;
const ratePattern = /^(\d+)(?:\/(\d+))?$/;

/** `N` or `N/S`; undefined means no limit (`0`). Throws FLT-1801 for anything else. */
export function parseRate(text: string | number): Rate | undefined {
  const match = ratePattern.exec(String(text));
  const units = Number(match?.[1]);
  const windowS = Number(match?.[2] ?? 1);
  if (!Number.isSafeInteger(units) || windowS < 1 || windowS > longestWindowS)
    throw new FlotillaError('FLT-1801', `invalid throttle rate '${text}'`);
  return units === 0 ? undefined : { units, windowS };
}

/** As in configurations. */
export function rateText({ units, windowS }: Rate): string {
  return `${units}/${windowS}`;
}

export function windowAt(rate: Rate, wallMs: number): number {
  return Math.floor(wallMs / (rate.windowS * 1000));
}

export function windowStartMs(rate: Rate, window: number): number {
  return window * rate.windowS * 1000;
}

/** Negative when `a` admits less. Of two that admit the same in the long run, the one of the shorter window. */
export function compareRates(a: Rate, b: Rate): number {
  return a.units / a.windowS - b.units / b.windowS || a.windowS - b.windowS;
}
