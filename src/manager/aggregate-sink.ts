/**
 * An output of the aggregator that is no file: a program, the system log, a journal. It has no state and cannot be cut
 * back, so after a crash it gets again what was not acknowledged: each record at least once (logging 10.2 step 3).
 */
import type { Clock } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { LineSink, LogLine } from '../logs/line-sink.ts';
import type { AggregateTarget, Portion } from './aggregate-file.ts';

/** Handed over at once. */
const sliceBytes = 256 * 1024;
/** As long as it only says that it is busy. */
const longestWaitMs = 10_000;
const newline = Buffer.from('\n');

export class AggregateSink implements AggregateTarget {
  readonly #sink: LineSink;
  readonly #clock: Clock;

  constructor(sink: LineSink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
  }

  /** Rejects with FLT-2502. */
  async append(portions: readonly Portion[]): Promise<void> {
    let lines: LogLine[] = [];
    let bytes = 0;
    for (const { records } of portions)
      for (const { timeUs, payload } of records) {
        if (payload.length === 0) continue;
        lines.push({ timeUs, bytes: lineOf(payload) });
        bytes += payload.length;
        if (bytes < sliceBytes) continue;
        await this.#write(lines);
        lines = [];
        bytes = 0;
      }
    if (lines.length > 0) await this.#write(lines);
  }

  close(): Promise<void> {
    return this.#sink.close();
  }

  async #write(lines: readonly LogLine[]): Promise<void> {
    const endMs = this.#clock.nowMs() + longestWaitMs;
    for (let rest = lines; ; ) {
      const { kept, problem, retryMs } = await this.#sink.write(rest);
      rest = rest.slice(kept);
      if (rest.length === 0) return;
      if (retryMs === undefined || this.#clock.nowMs() > endMs)
        throw new FlotillaError('FLT-2502', `${this.#sink.name}: ${problem ?? 'it takes no more lines'}`);
      await new Promise<void>((resolve) => this.#clock.after(retryMs, resolve));
    }
  }
}

/** With one newline. */
function lineOf(payload: Uint8Array): Buffer {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  return bytes.at(-1) === newline[0] ? bytes : Buffer.concat([bytes, newline]);
}
