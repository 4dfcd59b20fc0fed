/**
 * Pulls one log of one node: opens it, fetches interval after interval, has each written by the store, and only then
 * acknowledges it (logging 10).
 *
 * Invariants: records reach the store in the order of the journal; what is acknowledged was confirmed by the store; the store
 * is never called twice at the same time; whatever fails is tried again, later and later, up to a minute.
 */
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { usualLeaseMs } from '../core/logs/lease.ts';
import { formatId, type LogId } from '../core/logs/log-id.ts';
import type { PullBudget, PullTurn } from '../core/logs/pull-budget.ts';
import {
  type FetchedInterval,
  isRefusal,
  type OpenedLog,
  type Refusal,
} from '../core/logs/service-messages.ts';
import type {
  AggregateStore,
  DecodedInterval,
  LogServices,
  PulledRecord,
  RecordDecoder,
} from './log-ports.ts';
import {
  type FetchOutcome,
  type KeepOutcome,
  type LogPullerDuties,
  logPullerMachine,
  type OpenOutcome,
} from './log-puller-machine.ts';
import type { LogJobs } from './log-subscriber.ts';
import type { Counters } from './ports.ts';
import type { ActorSystem, SupervisedActor } from './system.ts';

/** What all pullers of a manager share. */
export interface PullerWorld {
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
  readonly services: LogServices;
  readonly store: AggregateStore;
  readonly decoder: RecordDecoder;
  readonly budget: PullBudget;
  readonly jobs: LogJobs & { newId(): string };
  /** Name of this manager, the same over restarts, and this life of it. */
  readonly consumer: string;
  readonly instance: string;
  /** Time of a cycle over the nodes; `log_idle_interval`. */
  readonly cycleMs: number;
}

export interface PulledLog {
  readonly node: string;
  readonly subcluster: string;
  readonly log: string;
  /** Names to try in order; none: it is not to be pulled. */
  subscribers(): readonly string[];
}

const maxBytes = 4 * 1024 * 1024;
const firstBackOffMs = 1_000;
const longestBackOffMs = 60_000;
/** Requests in the time of a lease: it lives while a slow store writes, and while there is nothing to pull. */
const renewals = 3;

interface Fetched {
  readonly interval: FetchedInterval;
  readonly turn: PullTurn;
}

/** What belongs to one lease. */
interface Session {
  readonly opened: OpenedLog;
  readonly endJob: () => void;
  after: LogId;
  fetched: Fetched | undefined;
  keeping: Fetched | undefined;
  more: boolean;
  ended: boolean;
  cancelWait: () => void;
  bytes: number;
}

export class LogPuller implements LogPullerDuties {
  readonly #pulled: PulledLog;
  readonly #world: PullerWorld;
  readonly #actor: SupervisedActor<typeof logPullerMachine>;
  #session: Session | undefined;
  #waitMs = 0;
  #backOffMs = 0;
  #failures = 0;
  /** Leases lost since something went well. */
  #losses = 0;
  #openings = 0;
  /** Records came after the last fetch began. */
  #hinted = false;
  #told = '';
  #lastUs = 0;
  #kept: LogId | undefined;
  #keeping: Promise<unknown> = Promise.resolve();
  /** One call of the store at a time, also over sessions. */
  #storing: Promise<void> = Promise.resolve();

  constructor(system: ActorSystem, pulled: PulledLog, world: PullerWorld) {
    this.#pulled = pulled;
    this.#world = world;
    this.#actor = system.start(
      `pull ${pulled.node} ${pulled.log}`,
      logPullerMachine,
      { duties: this },
      {
        onFailure: () => this.endSession(),
      },
    );
  }

  get state(): string {
    return this.#actor.state;
  }

  /** The last record that was written and acknowledged. */
  get position(): LogId | undefined {
    return this.#kept;
  }

  ready(): void {
    this.#hinted = true;
    this.#actor.send({ type: 'READY' });
  }

  /** The node or the bus is back. */
  retry(): void {
    this.#failures = 0;
    this.#losses = 0;
    this.#actor.send({ type: 'RETRY' });
  }

  /** Resolves when nothing is given to the store any more. */
  async stop(): Promise<void> {
    this.#openings++;
    this.#actor.stop();
    this.endSession();
    await this.#storing;
  }

  /** As `stop`, but what is being written is acknowledged before: whoever pulls next would write it again. */
  async finish(): Promise<void> {
    this.#openings++;
    this.#actor.stop();
    await this.#keeping;
    await this.stop();
  }

  get hasFetched(): boolean {
    return this.#session?.fetched !== undefined;
  }

  get hasMore(): boolean {
    return this.#hinted || this.#session?.more === true;
  }

  get waitMs(): number {
    return this.#waitMs;
  }

  get backOffMs(): number {
    return this.#backOffMs;
  }

  async open(): Promise<OpenOutcome> {
    const { services, consumer, instance, jobs, cycleMs } = this.#world;
    const { node, log } = this.#pulled;
    const subscribers = this.#pulled.subscribers();
    if (subscribers.length === 0) {
      this.#backOffMs = cycleMs;
      return 'unwanted';
    }
    const opening = ++this.#openings;
    try {
      const request = { log, subscribers, consumer, instance, job: jobs.newId() };
      const answer = await services.open(node, request);
      if (isRefusal(answer)) return this.#refused(answer);
      if (opening !== this.#openings) {
        services.close(node, answer.lease);
        return 'failed';
      }
      this.#begin(answer);
      return 'opened';
    } catch (error) {
      return this.#failed(error);
    }
  }

  async fetch(): Promise<FetchOutcome> {
    const session = this.#session!;
    const { services, budget, counters } = this.#world;
    const { node } = this.#pulled;
    const { turn: coming, cancel } = budget.take(this.#lastUs);
    session.cancelWait = () => {
      cancel();
      void coming.then((late) => late.end());
    };
    const turn = await coming;
    session.cancelWait = () => {};
    this.#hinted = false;
    try {
      const request = { lease: session.opened.lease, maxBytes, after: session.after };
      const answer = session.ended ? undefined : await services.fetch(node, request);
      if (answer === undefined || session.ended) {
        turn.end();
        return 'failed';
      }
      if ('bytes' in answer) {
        session.after = answer.last;
        session.more = answer.more;
        session.bytes += answer.bytes.length;
        session.fetched = { interval: answer, turn };
        this.#waitMs = Math.min(answer.waitMs, renewMsOf(session.opened));
        counters.add('log_records_pulled_total', answer.count);
        counters.add('log_bytes_pulled_total', answer.bytes.length);
        return 'records';
      }
      turn.end();
      if (isRefusal(answer)) return this.#refusedFetch(answer);
      session.after = answer.last;
      session.more = false;
      this.#waitMs = Math.min(answer.waitMs, renewMsOf(session.opened));
      this.#well();
      return 'nothing';
    } catch (error) {
      turn.end();
      return this.#failed(error);
    }
  }

  handOver(): void {
    const session = this.#session!;
    session.keeping = session.fetched;
    session.fetched = undefined;
  }

  keep(): Promise<KeepOutcome> {
    const keeping = this.#keep();
    this.#keeping = keeping;
    return keeping;
  }

  async #keep(): Promise<KeepOutcome> {
    const session = this.#session!;
    const { interval, turn } = session.keeping!;
    const renewal = this.#renewal(session);
    try {
      const outcome = await this.#write(session, interval, turn);
      if (outcome !== 'kept' || session.ended) return outcome;
      return await this.#acknowledge(session, interval.last, interval.count);
    } finally {
      renewal.cancel();
      turn.end();
    }
  }

  endSession(): void {
    const session = this.#session;
    if (!session || session.ended) return;
    session.ended = true;
    this.#session = undefined;
    session.cancelWait();
    session.fetched?.turn.end();
    session.endJob();
    this.#world.services.close(this.#pulled.node, session.opened.lease);
  }

  #begin(opened: OpenedLog): void {
    const { jobs, log } = this.#world;
    const { node, log: name } = this.#pulled;
    const job = jobs.begin(
      {
        peer: node,
        bytes: () => session.bytes,
        progress: () => `${name} ${formatId(this.#kept ?? opened.checkpoint)}, ${this.state}`,
        abort: () => this.#abort(),
      },
      opened.job,
    );
    const session: Session = {
      opened,
      endJob: () => job.end(),
      after: opened.checkpoint,
      fetched: undefined,
      keeping: undefined,
      more: false,
      ended: false,
      cancelWait: () => {},
      bytes: 0,
    };
    this.#session = session;
    this.#kept = opened.checkpoint;
    this.#hinted = false;
    if (opened.others.length > 0)
      this.#tell(
        'warning',
        `subscribers ${opened.others.join(', ')} are not served besides '${opened.subscriber}', and hold disk space`,
      );
    log.info(`${this.#text}: pulled as '${opened.subscriber}' from ${formatId(opened.checkpoint)}`);
  }

  async #write(session: Session, interval: FetchedInterval, turn: PullTurn): Promise<KeepOutcome> {
    const { decoder } = this.#world;
    let decoded: DecodedInterval;
    try {
      decoded = await decoder.decode(interval);
    } catch (error) {
      return this.#failed(error);
    }
    const { records, unreadable } = decoded;
    turn.parsed(interval.count);
    const stored = this.#storing.then(() => (session.ended ? undefined : this.#store(session, records)));
    this.#storing = stored.then(
      () => {},
      () => {},
    );
    try {
      await stored;
    } catch (error) {
      this.#backOffMs = longestBackOffMs;
      this.#tell('error', `its records cannot be written: ${textOf(error)}`);
      this.#world.counters.add('log_store_failures_total');
      return 'held';
    }
    this.#passOver(unreadable);
    const last = records.at(-1);
    if (last) this.#lastUs = last.timeUs;
    return 'kept';
  }

  /** Waiting for them would keep all that follow, for good. Told once the others are stored: what cannot be stored comes again. */
  #passOver(unreadable: readonly LogId[]): void {
    const [first] = unreadable;
    if (first === undefined) return;
    const others = unreadable.length > 1 ? ` and ${unreadable.length - 1} more` : '';
    this.#tell('error', `record ${formatId(first)}${others} cannot be expanded: passed over`);
    this.#world.counters.add('log_unreadable_records_total', unreadable.length);
  }

  #store({ opened }: Session, records: readonly PulledRecord[]): Promise<void> {
    const { node, subcluster, log } = this.#pulled;
    const { subscriber, journal } = opened;
    return this.#world.store.store({ node, subcluster, log, subscriber, journal }, records);
  }

  async #acknowledge(session: Session, last: LogId, count: number): Promise<KeepOutcome> {
    const { services, counters } = this.#world;
    try {
      const answer = await services.ack(this.#pulled.node, session.opened.lease, last);
      if (isRefusal(answer)) {
        if (answer.refused === 'lost-lease') return this.#lost(answer.text);
        return this.#failed(new Error(answer.text));
      }
      counters.add('log_records_acknowledged_total', count);
      this.#kept = answer.checkpoint;
      this.#well();
      return 'kept';
    } catch (error) {
      return this.#failed(error);
    }
  }

  /** A store may take longer than the lease lasts; an acknowledgement of what is stored already changes nothing. */
  #renewal(session: Session): Timer {
    const { clock, services } = this.#world;
    const renewMs = renewMsOf(session.opened);
    let timer = clock.after(renewMs, () => renew());
    const renew = () => {
      if (session.ended) return;
      timer = clock.after(renewMs, () => renew());
      services.ack(this.#pulled.node, session.opened.lease, this.#kept!).catch(() => {});
    };
    return { cancel: () => timer.cancel() };
  }

  #refused({ refused, text, by, retryMs }: Refusal): OpenOutcome {
    const { cycleMs } = this.#world;
    if (refused === 'leased' || refused === 'aborted') {
      this.#backOffMs = Math.max(retryMs ?? usualLeaseMs, firstBackOffMs);
      this.#tell('info', refused === 'leased' ? `${by ?? 'somebody else'} pulls it` : text);
      return refused;
    }
    if (refused === 'no-subscriber' || refused === 'no-journal') {
      this.#backOffMs = cycleMs;
      this.#tell('notice', text);
      return refused;
    }
    return this.#failed(new Error(text));
  }

  #refusedFetch({ refused, text, retryMs }: Refusal): FetchOutcome {
    if (refused === 'lost-lease') return this.#lost(text);
    if (refused === 'busy') {
      this.#waitMs = retryMs ?? firstBackOffMs;
      this.#session!.more = false;
      return 'nothing';
    }
    if (refused !== 'damaged') return this.#failed(new Error(text));
    this.#backOffMs = longestBackOffMs;
    this.#tell('error', `the journal is damaged: ${text}`);
    return 'damaged';
  }

  /** Opened again at once; one that is lost each time is somebody else's as well. */
  #lost(text: string): 'lost' | 'failed' {
    if (this.#losses++ > 0) return this.#failed(new Error(`the lease was lost again: ${text}`));
    this.#tell('info', `the lease was lost: ${text}`);
    return 'lost';
  }

  #abort(): void {
    this.#backOffMs = longestBackOffMs;
    this.#tell('notice', 'an operator ended the transfer');
    this.#actor.send({ type: 'ABORT' });
  }

  #failed(error: unknown): 'failed' {
    this.#backOffMs = Math.min(firstBackOffMs * 2 ** this.#failures, longestBackOffMs);
    this.#failures = Math.min(this.#failures + 1, 16);
    this.#tell('warning', textOf(error));
    return 'failed';
  }

  #well(): void {
    this.#failures = 0;
    this.#losses = 0;
    this.#told = '';
  }

  /** The same thing once: it is tried for as long as it takes. */
  #tell(level: 'info' | 'notice' | 'warning' | 'error', what: string): void {
    if (what === this.#told) return;
    this.#told = what;
    this.#world.log[level](`${this.#text}: ${what}`);
  }

  get #text(): string {
    return `log ${this.#pulled.log} of ${this.#pulled.node}`;
  }
}

const renewMsOf = ({ ttlMs }: OpenedLog): number => Math.max(ttlMs / renewals, firstBackOffMs / 2);

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
