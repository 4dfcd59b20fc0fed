/** What the tests of the aggregator's files share: a store on a simulated or a real disk, and records to put into it. */
import type { LogSource, PulledRecord } from '../../../src/actors/log-ports.ts';
import type { Clock } from '../../../src/core/clock.ts';
import type { LogsSettings } from '../../../src/core/settings.ts';
import type { JournalFiles } from '../../../src/journal/files.ts';
import { Aggregate, type AggregateStoreOptions } from '../../../src/manager/aggregate-store.ts';
import { settingsOf } from '../config/checked.ts';
import { Recorder } from '../recorder.ts';

const read = new Map<string, LogsSettings>();

/** `Logs { text }` */
export function logsSettings(text: string): LogsSettings {
  const settings = read.get(text) ?? settingsOf(`Logs { ${text} }`).aggregation;
  if (!settings) throw new Error('there is no Logs');
  read.set(text, settings);
  return settings;
}

/** Turns of the event loop are real, every longer time passes when the test says so. */
export class TestClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Map<object, { readonly atMs: number; readonly run: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  after(delayMs: number, run: () => void): { cancel(): void } {
    if (delayMs <= 0) {
      const immediate = setImmediate(run);
      return { cancel: () => clearImmediate(immediate) };
    }
    const key = {};
    this.#timers.set(key, { atMs: this.#nowMs + delayMs, run });
    return { cancel: () => this.#timers.delete(key) };
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    for (const [key, { atMs, run }] of this.#timers)
      if (atMs <= this.#nowMs && this.#timers.delete(key)) run();
  }
}

export const utc = { at: () => ({ offsetS: 0, name: 'UTC' }) };

export interface Tested extends Aggregate {
  readonly recorder: Recorder;
  readonly clock: TestClock;
}

export function aggregateOn(
  files: JournalFiles,
  text: string,
  more: Partial<AggregateStoreOptions> = {},
): Tested {
  const recorder = new Recorder();
  const clock = new TestClock();
  const store = new Aggregate({
    settings: logsSettings(text),
    manager: 'mgr',
    zone: utc,
    around: { files, clock, log: recorder.log, counters: recorder.counters },
    openDestination: async () => {
      throw new Error('no destination is expected');
    },
    ...more,
  });
  return Object.assign(store, { recorder, clock });
}

export function source(node: string, more: Partial<LogSource> = {}): LogSource {
  return { node, subcluster: 'default', log: 'mainlog', subscriber: 'mgr', journal: `id-${node}`, ...more };
}

/** 2023-11-14 22:13:20 UTC. */
export const baseS = 1_700_000_000;

export function record(marker: number, text: string | Uint8Array, timeS = baseS, segment = 0): PulledRecord {
  const payload = typeof text === 'string' ? Buffer.from(text) : text;
  return { id: { segment, marker }, timeUs: timeS * 1_000_000 + 5, payload };
}

/** Lines `NODE 1`, `NODE 2` ... */
export function numbered(node: string, from: number, to: number, timeS = baseS): PulledRecord[] {
  return Array.from({ length: to - from + 1 }, (_, n) => record(from + n, `${node} ${from + n}\n`, timeS));
}
