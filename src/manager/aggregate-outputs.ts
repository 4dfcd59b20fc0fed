/**
 * The outputs of the aggregator: which are open, and in which order they are written.
 *
 * Owns their handles. Invariants: what waits for an output is written in one step, whoever sent it (group commit); each
 * output is written by one job at a time, and those that wait take turns; no more than `max_open` are open, the least
 * recently written one makes room; one that nobody writes is closed after `max_idle`.
 */
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { systemReason } from '../journal/files.ts';
import type { AggregateTarget, Portion } from './aggregate-file.ts';

/** What an output is, and how it is opened. */
export interface OutputPlace {
  readonly key: string;
  readonly maxOpen: number;
  readonly maxIdleMs: number;
  open(): Promise<AggregateTarget>;
}

interface Job {
  readonly portion: Portion;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Output {
  /** As it was wanted last. */
  place: OutputPlace;
  readonly jobs: Job[];
  target: AggregateTarget | undefined;
  /** Being opened, written or closed. */
  isBusy: boolean;
  mustClose: boolean;
  idle: Timer | undefined;
}

/** Written at the same time; more would only wait for the threads that write. */
const parallelJobs = 8;

export class AggregateOutputs {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #outputs = new Map<string, Output>();
  /** With jobs, in the order in which they are served. */
  readonly #ready = new Set<Output>();
  /** Open and not at work, the least recently written first: who waits here for a turn can still make room. */
  readonly #idle = new Set<Output>();
  readonly #running = new Set<Promise<void>>();
  readonly #closing = new Set<Promise<void>>();
  #writing = 0;
  #open = 0;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Outputs that are open, or being opened or closed. */
  get open(): number {
    return this.#open;
  }

  /** Resolves when the portion is kept. */
  add(place: OutputPlace, portion: Portion): Promise<void> {
    let output = this.#outputs.get(place.key);
    if (!output) {
      output = { place, jobs: [], target: undefined, isBusy: false, mustClose: false, idle: undefined };
      this.#outputs.set(place.key, output);
    }
    output.place = place;
    const { jobs } = output;
    const kept = new Promise<void>((resolve, reject) => jobs.push({ portion, resolve, reject }));
    this.#rest(output);
    return kept;
  }

  /** Everything that is open is closed when what it does is done; what is written next opens it anew. */
  async reopen(): Promise<void> {
    for (const output of this.#outputs.values()) output.mustClose = output.isBusy;
    for (const output of this.#idle) this.#run(this.#close(output));
    await Promise.allSettled([...this.#running]);
  }

  /** What waits is written first. */
  async stop(): Promise<void> {
    await this.#whenDone();
    for (const output of this.#idle) this.#run(this.#close(output));
    await this.#whenDone();
  }

  async #whenDone(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled([...this.#running]);
  }

  #run(work: Promise<void>): void {
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  /** Of an output that is not at work: what comes next. */
  #rest(output: Output): void {
    if (output.isBusy) return;
    if (output.target && !this.#idle.has(output)) {
      this.#idle.add(output);
      output.idle = this.#clock.after(output.place.maxIdleMs, () => this.#run(this.#close(output)));
    }
    if (output.jobs.length > 0) this.#ready.add(output);
    else if (!output.target) this.#outputs.delete(output.place.key);
    this.#startReady();
  }

  #startReady(): void {
    for (const output of this.#ready) {
      // There is always room for those at work: whoever else is open is idle and can be closed.
      if (this.#writing >= Math.min(parallelJobs, output.place.maxOpen)) return;
      this.#begin(output);
      this.#writing++;
      this.#run(this.#write(output));
    }
  }

  #begin(output: Output): void {
    output.isBusy = true;
    output.idle?.cancel();
    this.#idle.delete(output);
    this.#ready.delete(output);
  }

  async #write(output: Output): Promise<void> {
    const jobs = output.jobs.splice(0);
    try {
      output.target ??= await this.#openNew(output.place);
      await output.target.append(jobs.map(({ portion }) => portion));
      for (const { resolve } of jobs) resolve();
    } catch (error) {
      await this.#mend(output);
      for (const { reject } of jobs) reject(error);
    }
    if (output.mustClose) await this.#shut(output);
    output.isBusy = false;
    this.#writing--;
    this.#rest(output);
  }

  async #openNew(place: OutputPlace): Promise<AggregateTarget> {
    while (this.#open >= place.maxOpen) {
      const [victim] = this.#idle;
      // Neither: others are at work, whose stanza allows more.
      if (!victim && this.#closing.size === 0) break;
      await (victim ? this.#close(victim) : Promise.race(this.#closing));
    }
    this.#open++;
    try {
      return await place.open();
    } catch (error) {
      this.#open--;
      throw error;
    }
  }

  /** What a failed job has left is taken away at once if it can be: on a full disk others may need the room. */
  async #mend(output: Output): Promise<void> {
    if (!output.target) return;
    await this.#shut(output);
    output.target = await this.#openNew(output.place).catch(() => undefined);
  }

  async #close(output: Output): Promise<void> {
    this.#begin(output);
    await this.#shut(output);
    output.isBusy = false;
    this.#rest(output);
  }

  async #shut(output: Output): Promise<void> {
    const { target, place } = output;
    output.target = undefined;
    output.mustClose = false;
    if (!target) return;
    const closing = target
      .close()
      .catch((error: unknown) => {
        this.#log.warning(`aggregate: ${place.key} cannot be closed: ${systemReason(error)}`);
      })
      .then(() => {
        this.#closing.delete(closing);
        this.#open--;
      });
    this.#closing.add(closing);
    await closing;
  }
}
