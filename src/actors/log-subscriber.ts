/**
 * A subscriber of a log on a node: who may read as it, and what is read for him (logging 9.2). One actor for each
 * (log, subscriber); one request at a time.
 *
 * Invariants: what is sent is on the disk, so that no power loss gives its numbers to other records; a checkpoint is only
 * moved over what was sent under the present lease. Where somebody else moves it, the lease ends: the holder begins
 * again where it stands now.
 */
import type { Clock } from '../core/clock.ts';
import { isFlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { Lease, type LeaseHolder } from '../core/logs/lease.ts';
import { compareIds, formatId, type LogId } from '../core/logs/log-id.ts';
import type {
  FetchRequest,
  NothingNew,
  OpenedLog,
  ReadInterval,
  Refusal,
  SubscriberListing,
} from '../core/logs/service-messages.ts';
import type { Random } from '../core/random.ts';
import type { LogIntervals } from '../core/settings.ts';
import type { LogInterval, LogJournal, LogReader } from './log-ports.ts';
import { barMs, logSubscriberMachine } from './log-subscriber-machine.ts';
import type { Counters } from './ports.ts';
import { RunBuffers, runBytes } from './run-buffers.ts';
import type { ActorSystem, SupervisedActor } from './system.ts';

/** Transfers as an operator sees and ends them; implemented by the jobs of the node. */
export interface LogJobs {
  /** Under this id if it is free, else under another one; returns the id and how to say that it is over. */
  begin(job: LogJob, id?: string): { readonly id: string; end(): void };
}

export interface LogJob {
  /** The other end. */
  readonly peer: string;
  readonly bytes: () => number;
  readonly progress: () => string;
  readonly abort: () => void;
}

export interface LogWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly counters: Counters;
  readonly jobs: LogJobs;
  readonly intervals: LogIntervals;
}

export interface SubscriberName {
  readonly log: string;
  readonly subscriber: string;
}

/** A holder sends a fetch, one ahead and an acknowledgement; somebody else may ask to open. */
const maxWaiting = 8;

const lost = (text: string): Refusal => ({ refused: 'lost-lease', text });

export class LogSubscriber {
  readonly #name: SubscriberName;
  readonly #world: LogWorld;
  readonly #actor: SupervisedActor<typeof logSubscriberMachine>;
  #lease: Lease | undefined;
  #endJob: () => void = () => {};
  #barredUntilMs = 0;
  #journal: LogJournal | undefined;
  #reader: LogReader | undefined;
  /** Of the journal that is leased. */
  #identity: string | undefined;
  /** The checkpoint as this actor knows it. */
  #stored: LogId | undefined;
  readonly #buffers = new RunBuffers();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(system: ActorSystem, name: SubscriberName, world: LogWorld) {
    this.#name = name;
    this.#world = world;
    const duties = {
      get termMs() {
        return world.intervals.leaseMs;
      },
      expired: () => {
        world.log.notice(`${this.#text}: ${this.#lease?.holder.consumer} was silent, its lease is over`);
        this.#forget();
      },
    };
    this.#actor = system.start(`log ${name.log} ${name.subscriber}`, logSubscriberMachine, { duties });
  }

  get state(): string {
    return this.#actor.state;
  }

  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** What `list` says of the holder. */
  get standing(): Pick<SubscriberListing, 'state' | 'holder' | 'contactMs'> {
    const contactMs = this.#lease?.contactMs(this.#world.clock.nowMs());
    return { state: this.state, holder: this.#lease?.holder.consumer, contactMs };
  }

  open(
    journal: LogJournal,
    holder: LeaseHolder & { readonly job?: string },
    others: readonly string[],
  ): Promise<OpenedLog | Refusal> {
    return this.#inTurn(async () => {
      const { clock, log } = this.#world;
      const nowMs = clock.nowMs();
      const keptOut = this.#keptOut(holder, nowMs);
      if (keptOut) return keptOut;
      const identity = await journal.identity();
      if (identity === undefined) return { refused: 'unavailable', text: 'another process owns the journal' };
      if (this.#lease) this.#end('RELEASED');
      await this.#use(journal);
      const checkpoint = await this.#reader!.stored();
      this.#stored = checkpoint;
      this.#identity = identity;
      const lease = this.#grant(holder, checkpoint, nowMs);
      log.info(`${this.#text}: leased to ${holder.consumer} at ${formatId(checkpoint)}`, { job: lease.job });
      const { token, job } = lease;
      const { subscriber } = this.#name;
      const ttlMs = this.#world.intervals.leaseMs;
      return { lease: token, subscriber, ttlMs, checkpoint, journal: identity, job, others };
    });
  }

  fetch(journal: LogJournal, request: FetchRequest): Promise<ReadInterval | NothingNew | Refusal> {
    return this.#leased(request.lease, journal, async (lease, reader) => {
      const after = request.after ?? this.#stored!;
      const isAtCheckpoint = compareIds(after, this.#stored!) <= 0;
      if (!isAtCheckpoint && !lease.covers(after))
        return { refused: 'bad-id', text: `${formatId(after)} is beyond what was sent` };
      this.#actor.send({ type: 'READING' });
      await journal.syncWritten();
      // From the checkpoint itself without an id, so that the step from a consumed segment to the next frees it.
      const interval = await reader.interval(isAtCheckpoint ? undefined : after);
      if (isAtCheckpoint) this.#stored = await reader.stored();
      const { activeMs, idleMs } = this.#world.intervals;
      if (interval.count === 0) {
        // The beginning of the next segment, perhaps, behind which the holder asks next.
        lease.noteSent(interval.last, 0, 0);
        this.#buffers.drop();
        return { count: 0, last: interval.last, waitMs: idleMs };
      }
      const read = await this.#read(reader, interval, request.maxBytes);
      // What was written since the first sync may be in it.
      await journal.syncWritten();
      const more = compareIds(read.last, interval.last) < 0 || (await reader.interval(read.last)).count > 0;
      lease.noteSent(read.last, read.count, read.length);
      return { ...read, format: journal.format, more, waitMs: more ? 0 : activeMs };
    });
  }

  ack(journal: LogJournal, token: string, id: LogId): Promise<{ checkpoint: LogId } | Refusal> {
    return this.#leased(token, journal, async (lease, reader) => {
      if (!lease.covers(id)) return { refused: 'bad-id', text: `${formatId(id)} is beyond what was sent` };
      // A late repetition.
      if (compareIds(id, this.#stored!) <= 0) return { checkpoint: this.#stored! };
      this.#stored = await reader.checkpoint(id, this.#identity);
      return { checkpoint: this.#stored };
    });
  }

  close(token: string): Promise<Refusal | undefined> {
    return this.#inTurn(async () => {
      if (this.#lease?.token !== token) return lost('nobody has this lease');
      this.#end('RELEASED');
      await this.#dropReader();
      return undefined;
    });
  }

  /** Nobody reads as it any more until somebody opens it again. */
  release(): void {
    if (this.#lease) this.#end('RELEASED');
  }

  async stop(): Promise<void> {
    this.release();
    this.#actor.stop();
    await this.#last;
    await this.#dropReader();
  }

  get #text(): string {
    return `log ${this.#name.log}, subscriber '${this.#name.subscriber}'`;
  }

  #keptOut(holder: LeaseHolder, nowMs: number): Refusal | undefined {
    if (nowMs < this.#barredUntilMs)
      return { refused: 'aborted', text: 'an operator ended it', retryMs: this.#barredUntilMs - nowMs };
    if (!this.#lease?.keepsOut(holder)) return undefined;
    const by = this.#lease.holder.consumer;
    const retryMs = this.#lease.leftMs(nowMs, this.#world.intervals.leaseMs);
    return { refused: 'leased', text: `${by} has it`, by, retryMs };
  }

  #grant(holder: LeaseHolder & { readonly job?: string }, checkpoint: LogId, nowMs: number): Lease {
    const { random, jobs } = this.#world;
    const job = jobs.begin(
      {
        peer: holder.consumer,
        bytes: () => this.#lease?.bytes ?? 0,
        progress: () =>
          `${this.#name.log} ${formatId(this.#stored ?? checkpoint)}, ${this.#lease?.records ?? 0} records sent`,
        abort: () => this.#abort(),
      },
      holder.job,
    );
    this.#endJob = () => job.end();
    this.#lease = new Lease(random.hex(16), holder, job.id, checkpoint, nowMs);
    this.#actor.send({ type: 'GRANTED' });
    return this.#lease;
  }

  #abort(): void {
    this.#barredUntilMs = this.#world.clock.nowMs() + barMs;
    this.#end('ABORTED');
  }

  #end(type: 'RELEASED' | 'ABORTED'): void {
    this.#forget();
    this.#actor.send({ type });
  }

  #forget(): void {
    this.#lease = undefined;
    this.#buffers.drop();
    this.#endJob();
    this.#endJob = () => {};
  }

  /** For who has the lease, with a reader of the journal as it is now. */
  #leased<Answer>(
    token: string,
    journal: LogJournal,
    run: (lease: Lease, reader: LogReader) => Promise<Answer | Refusal>,
  ): Promise<Answer | Refusal> {
    return this.#inTurn(async () => {
      const lease = this.#lease;
      if (lease?.token !== token) return lost('nobody has this lease');
      lease.renew(this.#world.clock.nowMs());
      this.#actor.send({ type: 'RENEWED' });
      const ended = await this.#lostBecause(journal);
      if (ended !== undefined) {
        this.release();
        return lost(ended);
      }
      try {
        const answer = await run(lease, this.#reader!);
        this.#actor.send({ type: 'READ' });
        const changed = await this.#changed(journal);
        if (changed !== undefined) {
          this.release();
          return lost(changed);
        }
        // Expired, closed or aborted meanwhile: what was read is nobody's business.
        return this.#lease === lease ? answer : lost('it ended meanwhile');
      } catch (error) {
        const isDamaged = isFlotillaError(error) && error.code === 'FLT-2203';
        this.#actor.send({ type: isDamaged ? 'DAMAGED' : 'READ' });
        if (!isDamaged) throw error;
        return { refused: 'damaged', text: error.message };
      }
    });
  }

  async #lostBecause(journal: LogJournal): Promise<string | undefined> {
    const changed = await this.#changed(journal);
    if (changed !== undefined) return changed;
    try {
      await this.#use(journal);
      const stored = await this.#reader!.stored();
      return compareIds(stored, this.#stored!) === 0
        ? undefined
        : `the subscriber was moved to ${formatId(stored)}`;
    } catch (error) {
      if (isFlotillaError(error) && error.code === 'FLT-2208') return 'the subscriber was removed';
      throw error;
    }
  }

  /** Also while it is read: damage that is cut out on the way gives records other numbers. */
  async #changed(journal: LogJournal): Promise<string | undefined> {
    return (await journal.identity()) === this.#identity
      ? undefined
      : 'the journal was made anew, or its records got other numbers';
  }

  async #read(
    reader: LogReader,
    interval: LogInterval,
    maxBytes: number,
  ): Promise<Pick<ReadInterval, 'first' | 'last' | 'count' | 'runs' | 'length' | 'release'>> {
    const { after, last } = interval;
    const { segment } = last;
    const runs: Uint8Array[] = [];
    const taken = new Set<Uint8Array>();
    let marker = after.marker + 1;
    let length = 0;
    while (marker <= last.marker && (runs.length === 0 || length < maxBytes)) {
      const left = maxBytes - length;
      const buffer = this.#buffers.take();
      taken.add(buffer);
      const run = await reader.run(interval, Math.min(left, runBytes), marker, buffer);
      // The first record is sent however large it is.
      if (runs.length > 0 && run.bytes.length > left) break;
      runs.push(run.bytes);
      marker += run.count;
      length += run.bytes.length;
    }
    const first = { segment, marker: after.marker + 1 };
    const release = () => {
      // Given back twice, two fetches would be read into one.
      if (this.#lease) this.#buffers.give(taken);
      taken.clear();
    };
    return {
      ...{ first, last: { segment, marker: marker - 1 }, count: marker - first.marker },
      ...{ runs, length, release },
    };
  }

  async #use(journal: LogJournal): Promise<void> {
    if (journal === this.#journal && this.#reader) return;
    await this.#dropReader();
    this.#reader = await journal.reader(this.#name.subscriber);
    this.#journal = journal;
  }

  async #dropReader(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#journal = undefined;
    await reader?.close();
  }

  async #inTurn<Answer>(run: () => Promise<Answer | Refusal>): Promise<Answer | Refusal> {
    if (this.#waiting >= maxWaiting)
      return { refused: 'busy', text: `${maxWaiting} requests wait for ${this.#text}` };
    this.#waiting++;
    const turn = this.#last.then(run).finally(() => this.#waiting--);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
