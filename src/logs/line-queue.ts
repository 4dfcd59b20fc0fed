/**
 * Lines on their way to a destination. Whoever logs never waits; the lines do, while the destination is slow or cannot
 * be written, and go in order when it can.
 *
 * Invariant: what waits is bounded: in bytes, and in lines (`spill`) while the destination fails. Lines beyond are
 * dropped and counted, and once a minute the log tells of it.
 */
import type { Counters } from '../actors/ports.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { LogGate } from '../core/log-gate.ts';
import { Turns } from '../journal/turns.ts';
import type { LineSink, LogLine } from './line-sink.ts';

export interface LineQueueOptions {
  readonly sink: LineSink;
  /** Lines kept while the destination cannot be written. */
  readonly spill: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  /** Bytes that may wait for a destination that is only slow. */
  readonly maxBytes?: number;
}

/** What a destination has done since the start. */
export interface DestinationFacts {
  readonly name: string;
  readonly waiting: number;
  readonly written: number;
  readonly dropped: number;
  /** Why it cannot be written now. */
  readonly problem: string | undefined;
}

const defaultMaxBytes = 64 * 1024 * 1024;
const batchLines = 512;
const firstRetryMs = 250;
const longestRetryMs = 10_000;
const noticeIntervalMs = 60_000;
const closeTimeoutMs = 5_000;

export class LineQueue {
  readonly #options: LineQueueOptions;
  readonly #maxBytes: number;
  readonly #turns = new Turns();
  readonly #gate: LogGate;
  #lines: LogLine[] = [];
  /** Before it the lines of the array are written. */
  #head = 0;
  #bytes = 0;
  #written = 0;
  #dropped = 0;
  #droppedBefore = 0;
  #problem: string | undefined;
  #retryMs = firstRetryMs;
  #retry: Timer | undefined;
  #isRunning = false;
  #closed = false;

  constructor(options: LineQueueOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? defaultMaxBytes;
    this.#gate = new LogGate(options.clock, noticeIntervalMs);
  }

  get facts(): DestinationFacts {
    return {
      name: this.#options.sink.name,
      waiting: this.#waiting,
      written: this.#written,
      dropped: this.#dropped,
      problem: this.#problem,
    };
  }

  /** False: there is no room, and the line is lost. */
  write(timeUs: number, text: string): boolean {
    const bytes = Buffer.from(text);
    if (this.#closed || this.#isFull(bytes.length)) {
      this.#drop(1);
      return false;
    }
    this.#lines.push({ timeUs, bytes });
    this.#bytes += bytes.length;
    if (!this.#retry) this.#run();
    return true;
  }

  /** What is open is closed and opened again, and what waits is tried at once. */
  async reopen(): Promise<void> {
    await this.#turns.run(() => this.#options.sink.reopen());
    await this.flush();
  }

  /** Resolves when all that waits was tried once: it is written, or the destination cannot be written. */
  async flush(): Promise<void> {
    this.#stopWaiting();
    this.#run();
    await this.#turns.run(async () => {});
  }

  /** What still cannot be written then is lost. A destination that hangs does not keep the process. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#atMost(closeTimeoutMs, this.flush());
    this.#closed = true;
    this.#stopWaiting();
    if (this.#waiting > 0) {
      const reason = this.#problem ?? 'it is too slow';
      this.#options.log.error(`${this.#waiting} lines for ${this.#name} are lost: ${reason}`);
      this.#drop(this.#waiting);
    }
    await this.#atMost(2 * closeTimeoutMs, this.#options.sink.close());
  }

  async #atMost(limitMs: number, done: Promise<void>): Promise<void> {
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.#options.clock.after(limitMs, resolve);
    });
    await Promise.race([done, late]);
    timer?.cancel();
  }

  get #waiting(): number {
    return this.#lines.length - this.#head;
  }

  get #name(): string {
    return this.#options.sink.name;
  }

  #isFull(bytes: number): boolean {
    // One may always wait: without it nobody would find out that the destination can be written again.
    const spill = Math.max(1, this.#options.spill);
    if (this.#problem !== undefined && this.#waiting >= spill) return true;
    return this.#waiting > 0 && this.#bytes + bytes > this.#maxBytes;
  }

  #run(): void {
    if (this.#isRunning || this.#waiting === 0) return;
    this.#isRunning = true;
    void this.#turns.run(async () => {
      // Lines that one piece of code writes in a row go together.
      await undefined;
      try {
        while (this.#waiting > 0 && (await this.#writeSome()));
      } finally {
        this.#isRunning = false;
      }
    });
  }

  /** False: not now. */
  async #writeSome(): Promise<boolean> {
    const batch = this.#lines.slice(this.#head, this.#head + batchLines);
    const { kept, problem, isLost = false, retryMs } = await this.#options.sink.write(batch);
    const isProgress = kept > 0;
    this.#written += kept;
    this.#options.counters.add('log_lines_written_total', kept);
    this.#forget(batch.slice(0, isLost ? batch.length : kept));
    if (isLost) {
      this.#problem = problem;
      this.#drop(batch.length - kept);
      return true;
    }
    if (kept === batch.length) {
      this.#recovered();
      return true;
    }
    if (isProgress) this.#retryMs = firstRetryMs;
    if (retryMs === undefined) this.#failed(problem ?? 'not all of it could be written');
    this.#waitFor(retryMs ?? this.#retryMs);
    if (retryMs === undefined) this.#retryMs = Math.min(this.#retryMs * 2, longestRetryMs);
    return false;
  }

  #forget(lines: readonly LogLine[]): void {
    this.#head += lines.length;
    for (const { bytes } of lines) this.#bytes -= bytes.length;
    if (this.#head < batchLines || this.#head * 2 < this.#lines.length) return;
    this.#lines = this.#lines.slice(this.#head);
    this.#head = 0;
  }

  #waitFor(delayMs: number): void {
    if (this.#closed) return;
    this.#retry = this.#options.clock.after(delayMs, () => {
      this.#retry = undefined;
      this.#run();
    });
  }

  #stopWaiting(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
  }

  #failed(problem: string): void {
    this.#problem = problem;
    this.#tell();
  }

  #recovered(): void {
    this.#retryMs = firstRetryMs;
    if (this.#problem === undefined) return;
    this.#problem = undefined;
    const lost = this.#dropped - this.#droppedBefore;
    this.#droppedBefore = this.#dropped;
    this.#options.log.error(`${this.#name} can be written again; ${lost} lines were lost`);
  }

  #drop(count: number): void {
    this.#dropped += count;
    this.#options.counters.add('log_lines_dropped_total', count);
    if (!this.#closed) this.#tell();
  }

  /** The alarm goes to the paniclog, which may be this very destination: one line a minute does no harm there. */
  #tell(): void {
    this.#gate.pass(() => {
      const reason = this.#problem ?? 'it takes lines more slowly than they come';
      this.#options.log.critical(`log destination ${this.#name}: ${reason}`, {
        waiting: this.#waiting,
        dropped: this.#dropped,
      });
    });
  }
}
