/**
 * Rates: how many units in how long a window (replication 7.1-7.3, 21.8).
 *
 * Windows are numbered from the epoch, so that all nodes whose clocks are in step speak of the same window. A rate with a
 * burst limit has shorter windows, of which as many as make up its length hold all its units together, none more than
 * the burst.
 */
import { FlotillaError } from '../errors.ts';

export interface Rate {
  /** Units in `windowS`, 1 and up. */
  readonly units: number;
  /** 0: slots. They belong to no window, and are held until they are given back (replication 21.1). */
  readonly windowS: number;
  /** Most units that are given out at once, 1 to `units`. */
  readonly burst?: number;
}

/** Names of limits: option and path of a stanza, or what policies make up. */
export const maxIdLength = 1024;
/** A year: a longer window is a mistake in writing. */
export const longestWindowS = 31_536_000;
/** Shorter ones would pass while nodes ask each other. */
const mostWindowsPerSecond = 10;
const ratePattern = /^(\d+)(?:\/(\d+))?(?:,burst=(\d+))?$/;

/** `N`, `N/S`, or one of these with `,burst=B`; undefined means no limit (`0`). Throws FLT-1801 for anything else. */
export function parseRate(text: string | number): Rate | undefined {
  const match = ratePattern.exec(String(text));
  const units = Number(match?.[1]);
  const windowS = Number(match?.[2] ?? 1);
  const burst = match?.[3] === undefined ? undefined : Number(match[3]);
  const rate = { units, windowS, ...(burst === undefined ? {} : { burst }) };
  if (units === 0 && windowS >= 1 && windowS <= longestWindowS) return undefined;
  if (!isRate(rate) || isSlots(rate)) throw new FlotillaError('FLT-1801', `invalid throttle rate '${text}'`);
  return rate;
}

export function slots(units: number): Rate {
  return { units, windowS: 0 };
}

export function isSlots(rate: Rate): boolean {
  return rate.windowS === 0;
}

/** As nodes tell each other, slots included. */
export function isRate({ units, windowS, burst = units }: Rate): boolean {
  const isLimited = Number.isSafeInteger(units) && units >= 1 && burst >= 1 && burst <= units;
  return isLimited && windowS >= 0 && windowS <= longestWindowS;
}

/** As in configurations. */
export function rateText({ units, windowS, burst }: Rate): string {
  if (windowS === 0) return `${units} slots`;
  return `${units}/${windowS}${burst === undefined ? '' : `,burst=${burst}`}`;
}

export function windowMs(rate: Rate): number {
  if (isSlots(rate)) return Number.POSITIVE_INFINITY;
  return (rate.windowS * 1000) / windowsOf(rate);
}

/** Numbers of windows mean the same in both. */
export function sameWindows(a: Rate, b: Rate): boolean {
  return a.windowS === b.windowS && windowsOf(a) === windowsOf(b);
}

export function windowAt(rate: Rate, wallMs: number): number {
  if (isSlots(rate)) return 0;
  const lengthMs = rate.windowS * 1000;
  const whole = Math.floor(wallMs / lengthMs);
  const windows = windowsOf(rate);
  return whole * windows + Math.floor(((wallMs - whole * lengthMs) * windows) / lengthMs);
}

/** The first whole millisecond of a window. */
export function windowStartMs(rate: Rate, window: number): number {
  if (isSlots(rate)) return window === 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const lengthMs = rate.windowS * 1000;
  const windows = windowsOf(rate);
  const whole = Math.floor(window / windows);
  return whole * lengthMs + Math.ceil(((window - whole * windows) * lengthMs) / windows);
}

export function unitsIn(rate: Rate, window: number): number {
  return unitsBefore(rate, window + 1) - unitsBefore(rate, window);
}

/** Of all windows from number 0. */
export function unitsBefore(rate: Rate, window: number): number {
  const windows = windowsOf(rate);
  if (windows === 1) return window * rate.units;
  const whole = Math.floor(window / windows);
  return whole * rate.units + Math.floor(((window - whole * windows) * rate.units) / windows);
}

/** Negative when `a` admits less. Of two that admit the same in the long run, the one of the shorter window. */
export function compareRates(a: Rate, b: Rate): number {
  if (isSlots(a) && isSlots(b)) return a.units - b.units;
  return a.units / a.windowS - b.units / b.windowS || windowMs(a) - windowMs(b);
}

/** Into how many windows `windowS` is divided. */
function windowsOf({ units, windowS, burst }: Rate): number {
  if (burst === undefined) return 1;
  return Math.min(Math.ceil(units / burst), windowS * mostWindowsPerSecond);
}
