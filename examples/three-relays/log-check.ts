/**
 * Whether the manager's files are right. Relays number what they write about a client with the process and a count from 0,
 * so each number has to be there once, and one that is missing belongs to a session that is still open.
 */
import type { Manager } from './manager.ts';
import type { Relay } from './relay.ts';
import { kernelSockets, totalOf } from './truth.ts';
import { until } from './until.ts';

export interface LogCheck {
  /** In all files, without marks of the time. */
  readonly lines: number;
  readonly twice: number;
  /** Of relays that were not killed: neither open nor written down. */
  readonly missing: number;
  /** Until the last line had arrived. */
  readonly arrivedMs: number;
}

/** What was written is in the files within milliseconds; after so long it is missing. */
const limitMs = 5_000;
const number = /(\d\d\/\d\d-\d+-)([0-9a-f]{8})/;

/** Only while no client connects or leaves. */
export async function checkLogs(
  manager: Manager,
  relays: readonly Relay[],
  wasKilled: (relay: Relay) => boolean,
  signal: AbortSignal,
): Promise<LogCheck> {
  const startMs = performance.now();
  let counts = { lines: 0, twice: 0, missing: 0 };
  await until(
    () => {
      const { accepted } = kernelSockets();
      counts = { lines: 0, twice: 0, missing: 0 };
      for (const relay of relays) {
        const { lines, twice, absent } = numbersIn(manager.files(relay.name));
        const open = totalOf(accepted.get(relay.frontPort) ?? new Map());
        counts.lines += lines;
        counts.twice += twice;
        if (!wasKilled(relay)) counts.missing += Math.max(0, absent - open);
      }
      return counts.missing === 0;
    },
    { limitMs, everyMs: 20, signal },
  );
  return { ...counts, arrivedMs: performance.now() - startMs };
}

/** `absent`: numbers below the highest of their process that no line of any log has. */
function numbersIn(files: readonly (readonly string[])[]): { lines: number; twice: number; absent: number } {
  const seen = new Map<string, Set<number>>();
  let twice = 0;
  let count = 0;
  for (const lines of files) {
    const inThisLog = new Set<string>();
    for (const line of lines) {
      const [name, life, hex] = number.exec(line) ?? [];
      // Marks of the time.
      if (name === undefined || life === undefined || hex === undefined) continue;
      count++;
      if (inThisLog.has(name)) twice++;
      inThisLog.add(name);
      const numbers = seen.get(life) ?? new Set();
      seen.set(life, numbers.add(Number.parseInt(hex, 16)));
    }
  }
  let absent = 0;
  for (const numbers of seen.values()) absent += Math.max(...numbers) + 1 - numbers.size;
  return { lines: count, twice, absent };
}
