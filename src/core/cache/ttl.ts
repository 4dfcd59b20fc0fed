/** Times to live as configurations and policies write them (replication 13.7). */
import { FlotillaError } from '../errors.ts';

const unitMs: Record<string, number> = { '': 1_000, M: 60_000, H: 3_600_000 };

/** Some thousand years: the moment of expiry stays a whole number of milliseconds. */
export const maxTtlMs = 1e14;

/** `"90"` seconds, `"15M"`, `"2H"`; `"0"` never expires, which is 0 here, too. */
export function ttlMsOf(text: string): number {
  const parts = /^(\d+)([HMhm]?)$/.exec(text);
  const ttlMs = parts ? Number(parts[1]) * unitMs[parts[2]!.toUpperCase()]! : Number.NaN;
  if (ttlMs <= maxTtlMs) return ttlMs;
  throw new FlotillaError('FLT-2001', `invalid ttl '${text}'`);
}
