/**
 * Puts addresses on and takes them off, many at a time: what the actors ask for in one turn of the event loop goes to
 * the kernel in batches (1,024 addresses take 21 ms that way, 1.4 s one by one). While the kernel puts on one batch the
 * one before is let answer, announced and reported; so no turn of the event loop is longer than a batch takes.
 *
 * Invariants: in the order asked for, what goes on never together with what comes off; an address is put into the owned
 * set of the lease only after it is on, and leaves it before anything else is done about its release, so that a release
 * that hangs answers nobody.
 */
import type { Clock } from '../core/clock.ts';
import type { Ip } from '../core/duravip/vip.ts';
import type { Log } from '../core/log.ts';
import type { KernelPort, PlumbedAddress, PlumbOutcome } from './kernel-port.ts';

/** An address and the followers that go with it, each with its place. */
export interface PlumbJob {
  readonly ip: Ip;
  readonly addresses: readonly PlumbedAddress[];
  /** They are on interfaces, and are about to answer: what takes one off from now on is news. */
  readonly plumbed?: () => void;
  /** Asked before the addresses begin to answer: they may be somebody else's by now, or have been taken off again. */
  readonly wanted: () => boolean;
  readonly done: (outcome: PlumbOutcome) => void;
}

export interface PlumberOptions {
  readonly kernel: KernelPort;
  readonly clock: Clock;
  readonly log: Log;
  /** The addresses answer from now on: tell the neighbours (ARP-1). */
  readonly acquired: (addresses: readonly PlumbedAddress[]) => void;
}

type Direction = 'on' | 'off';

/** Reporting so many takes milliseconds, so that a lease of 80 ms is renewed in time. */
const jobsAtOnce = 128;

export class Plumber {
  readonly #options: PlumberOptions;
  readonly #waiting: { readonly direction: Direction; readonly job: PlumbJob }[] = [];
  #busy = false;
  #scheduled = false;

  constructor(options: PlumberOptions) {
    this.#options = options;
  }

  /** Jobs that wait or are being done. */
  get pending(): number {
    return this.#waiting.length;
  }

  plumb(job: PlumbJob): void {
    this.#add('on', job);
  }

  unplumb(job: PlumbJob): void {
    this.#add('off', job);
  }

  #add(direction: Direction, job: PlumbJob): void {
    this.#waiting.push({ direction, job });
    if (this.#busy || this.#scheduled) return;
    this.#scheduled = true;
    // A later turn: the other actors that obey the same decision have their say first.
    this.#options.clock.after(0, () => {
      this.#scheduled = false;
      void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#waiting.length > 0) {
        if (this.#waiting[0]!.direction === 'on') await this.#putOn();
        else await this.#takeOff(this.#take('off'));
      }
    } finally {
      this.#busy = false;
    }
  }

  /** The next batch, empty when something else comes first. */
  #take(direction: Direction): PlumbJob[] {
    const some = this.#waiting.slice(0, jobsAtOnce);
    const end = some.findIndex((entry) => entry.direction !== direction);
    return this.#waiting.splice(0, end < 0 ? some.length : end).map(({ job }) => job);
  }

  /** Until something is to be taken off. */
  async #putOn(): Promise<void> {
    let jobs = this.#take('on');
    let plumbing = this.#plumb(jobs);
    while (jobs.length > 0) {
      const plumbed = await plumbing;
      const next = this.#take('on');
      plumbing = this.#plumb(next);
      await this.#letAnswer(jobs, plumbed);
      jobs = next;
    }
  }

  async #plumb(jobs: readonly PlumbJob[]): Promise<readonly PlumbOutcome[]> {
    if (jobs.length === 0) return [];
    const addresses = jobs.flatMap((job) => job.addresses);
    const outcomes = await this.#attempt(jobs, async () =>
      byJob(jobs, await this.#options.kernel.plumb(addresses)),
    );
    for (const [i, job] of jobs.entries()) if (outcomes[i]!.ok) job.plumbed?.();
    return outcomes;
  }

  async #letAnswer(jobs: readonly PlumbJob[], plumbed: readonly PlumbOutcome[]): Promise<void> {
    const { kernel } = this.#options;
    const outcomes = await this.#attempt(jobs, async () => {
      const good = jobs.filter((job, i) => plumbed[i]!.ok && job.wanted());
      if (good.length > 0)
        await kernel.lease.own(good.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)));
      const kept = good.filter((job) => job.wanted());
      this.#options.acquired(kept.flatMap(({ addresses }) => addresses));
      // Somebody took one off meanwhile: its followers would answer, and nobody would have been told of them.
      const dropped = good.filter((job) => !kept.includes(job));
      if (dropped.length > 0)
        await kernel.lease.disown(dropped.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)));
      return plumbed;
    });
    const failed = jobs.filter((_, i) => !outcomes[i]!.ok);
    if (failed.length > 0) await this.#undo(failed);
    for (const [i, job] of jobs.entries()) job.done(outcomes[i]!);
  }

  async #takeOff(jobs: readonly PlumbJob[]): Promise<void> {
    const { kernel } = this.#options;
    const addresses = jobs.flatMap((job) => job.addresses);
    const outcomes = await this.#attempt(jobs, async () => {
      await kernel.lease.disown(addresses.map(({ ip }) => ip));
      return byJob(jobs, await kernel.unplumb(addresses));
    });
    for (const [i, job] of jobs.entries()) job.done(outcomes[i]!);
  }

  /** NET-8: what could not be put on whole is taken off again. */
  async #undo(jobs: readonly PlumbJob[]): Promise<void> {
    const addresses = jobs.flatMap((job) => job.addresses);
    const { kernel, log } = this.#options;
    try {
      await kernel.lease.disown(addresses.map(({ ip }) => ip));
      await kernel.unplumb(addresses);
    } catch (error) {
      log.error(`cannot undo: ${describe(error)}`);
    }
  }

  /** The machinery may be broken as a whole (no `ip`, a dead `nft`): then every job of the batch has failed. */
  async #attempt(
    jobs: readonly PlumbJob[],
    run: () => Promise<readonly PlumbOutcome[]>,
  ): Promise<readonly PlumbOutcome[]> {
    try {
      return await run();
    } catch (error) {
      return jobs.map(() => ({ ok: false, reason: describe(error) }));
    }
  }
}

/** Outcomes of addresses as outcomes of jobs: the first that failed decides. */
function byJob(jobs: readonly PlumbJob[], outcomes: readonly PlumbOutcome[]): PlumbOutcome[] {
  let at = 0;
  return jobs.map(({ addresses }) => {
    const own = outcomes.slice(at, at + addresses.length);
    at += addresses.length;
    return own.find(({ ok }) => !ok) ?? { ok: true };
  });
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
