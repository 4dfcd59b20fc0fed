/**
 * The log service of a node: which logs are offered, who reads them, and where everybody stands (logging 9.2). It adds no
 * subscriber, ever: URIs and `flotilla jlog` do.
 *
 * Invariants: whatever a request asks for, the node goes on; transfers under way and actors are bounded; with no log
 * configured nothing is answered.
 */
import type { Timer } from '../core/clock.ts';
import { isFlotillaError } from '../core/errors.ts';
import type { LogId } from '../core/logs/log-id.ts';
import {
  type FetchRequest,
  isRefusal,
  type LogListing,
  type NodeListing,
  type NothingNew,
  type OpenedLog,
  type OpenRequest,
  type ReadInterval,
  type Refusal,
  type SubscriberListing,
} from '../core/logs/service-messages.ts';
import type { LogJournal, LogJournals, OfferedLog } from './log-ports.ts';
import { LogSubscriber, type LogWorld } from './log-subscriber.ts';
import type { ActorSystem } from './system.ts';

export interface LogServiceOptions {
  readonly node: string;
  readonly subcluster: string;
  /** In the order of the configuration. */
  readonly logs: readonly OfferedLog[];
  readonly journals: LogJournals;
}

const maxBytesOfFetch = 4 * 1024 * 1024;
/** Actors: subscribers that somebody has opened. */
const maxSubscribers = 1024;
/** At most one hint of a log in this time. */
const hintMs = 10;

export class LogService {
  /** A log has got records that somebody waits for. */
  onReady: (log: string) => void = () => {};
  readonly #system: ActorSystem;
  readonly #world: LogWorld;
  readonly #options: LogServiceOptions;
  #logs: readonly OfferedLog[];
  readonly #subscribers = new Map<string, { readonly log: OfferedLog; readonly actor: LogSubscriber }>();
  readonly #watched = new Map<LogJournal, () => void>();
  /** Logs that somebody wants and that have no journal yet. */
  readonly #missing = new Set<OfferedLog>();
  readonly #unwatchOpenings: () => void;
  /** Logs with somebody who has read them to their end. */
  readonly #awaited = new Set<string>();
  /** Given a moment ago; `again`: records came since. */
  readonly #hints = new Map<string, { readonly timer: Timer; again: boolean }>();

  #listing: Promise<NodeListing> | undefined;

  constructor(system: ActorSystem, world: LogWorld, options: LogServiceOptions) {
    this.#system = system;
    this.#world = world;
    this.#options = options;
    this.#logs = options.logs;
    this.#unwatchOpenings = options.journals.onOpened(() => void this.#lookForMissing());
  }

  /** What is not offered any more is taken from whoever reads it. */
  configure(logs: readonly OfferedLog[]): void {
    this.#logs = logs;
    const isOffered = (log: OfferedLog) =>
      logs.some(({ name, path }) => name === log.name && path === log.path);
    for (const [key, { log, actor }] of this.#subscribers) {
      if (isOffered(log)) continue;
      this.#subscribers.delete(key);
      void actor.stop();
    }
    for (const log of this.#missing) if (!isOffered(log)) this.#missing.delete(log);
    this.#forgetJournals();
  }

  get offersAny(): boolean {
    return this.#logs.length > 0;
  }

  get leases(): number {
    return [...this.#subscribers.values()].filter(({ actor }) => actor.lease !== undefined).length;
  }

  get names(): readonly string[] {
    return this.#logs.map(({ name }) => name);
  }

  async open(request: OpenRequest): Promise<OpenedLog | Refusal> {
    const log = this.#logs.find(({ name }) => name === request.log);
    if (!log) return this.#refuse({ refused: 'unknown-log', text: `'${request.log}' is not offered here` });
    return this.#guarded(async () => {
      // Before it looks: one that is made right after that is told of.
      this.#missing.add(log);
      const journal = await this.#journal(log).catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      });
      if (!journal) return { refused: 'no-journal', text: `${log.name} has no journal yet` };
      this.#missing.delete(log);
      const there = await journal.subscribers();
      const [subscriber, ...others] = request.subscribers.filter((name) => there.has(name));
      if (subscriber === undefined)
        return {
          refused: 'no-subscriber',
          text: `${log.name} has none of ${request.subscribers.join(', ')}`,
        };
      const actor = this.#actor(log, subscriber);
      return actor
        ? actor.open(journal, request, others)
        : { refused: 'busy', text: `${maxSubscribers} subscribers are served` };
    });
  }

  async fetch(request: FetchRequest): Promise<ReadInterval | NothingNew | Refusal> {
    const found = this.#holder(request.lease);
    if (!found) return this.#lost();
    // Before it looks: what is written right after that is told of.
    this.#awaited.add(found.log.name);
    const answer = await this.#guarded(async () =>
      found.actor.fetch(await this.#journal(found.log), {
        ...request,
        maxBytes: Math.min(request.maxBytes, maxBytesOfFetch),
      }),
    );
    if ('runs' in answer) {
      this.#world.counters.add('log_records_sent_total', answer.count);
      this.#world.counters.add('log_bytes_sent_total', answer.length);
    }
    return answer;
  }

  async ack(token: string, id: LogId): Promise<{ readonly checkpoint: LogId } | Refusal> {
    const found = this.#holder(token);
    if (!found) return this.#lost();
    return this.#guarded(async () => found.actor.ack(await this.#journal(found.log), token, id));
  }

  async close(token: string): Promise<Refusal | undefined> {
    const found = this.#holder(token);
    return found ? found.actor.close(token) : this.#lost();
  }

  /** Everything that `cluster show logs` says. Whoever asks while it is looked at gets the same: it reads files. */
  list(): Promise<NodeListing> {
    this.#listing ??= this.#list().finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  async #list(): Promise<NodeListing> {
    const { node, subcluster } = this.#options;
    const logs: LogListing[] = [];
    for (const log of this.#logs) logs.push(await this.#listingOf(log));
    return { node, subcluster, logs };
  }

  /** Unread bytes of whoever is furthest behind, over all logs that can be read. */
  async largestLag(): Promise<number> {
    let largest = 0;
    for (const log of this.#logs) {
      try {
        const journal = await this.#journal(log);
        for (const checkpoint of (await journal.subscribers()).values())
          largest = Math.max(largest, (await journal.lag(checkpoint)).bytes);
      } catch {
        // `list` says why.
      }
    }
    return largest;
  }

  /** Takes a subscriber out of every journal that has it (logging 12); the names of their logs. */
  async dropSubscriber(name: string): Promise<{ readonly dropped: string[]; readonly problems: string[] }> {
    const dropped: string[] = [];
    const problems: string[] = [];
    for (const log of this.#logs) {
      try {
        const journal = await this.#journal(log);
        if (!(await journal.subscribers()).has(name)) continue;
        this.#subscribers.get(keyOf(log, name))?.actor.release();
        await journal.removeSubscriber(name);
        dropped.push(log.name);
      } catch (error) {
        if (!isMissing(error)) problems.push(`${log.name}: ${textOf(error)}`);
      }
    }
    return { dropped, problems };
  }

  async stop(): Promise<void> {
    for (const { timer } of this.#hints.values()) timer.cancel();
    this.#unwatchOpenings();
    for (const unwatch of this.#watched.values()) unwatch();
    this.#watched.clear();
    await Promise.all([...this.#subscribers.values()].map(({ actor }) => actor.stop()));
    this.#subscribers.clear();
  }

  async #listingOf(log: OfferedLog): Promise<LogListing> {
    try {
      const journal = await this.#journal(log);
      const bounds = await journal.bounds();
      const subscribers: SubscriberListing[] = [];
      for (const [name, checkpoint] of [...(await journal.subscribers())].sort(byName)) {
        const lag = await journal.lag(checkpoint);
        const actor = this.#subscribers.get(keyOf(log, name))?.actor;
        const standing = actor?.standing ?? { state: 'free', holder: undefined, contactMs: undefined };
        const oldestMs =
          lag.oldestUs === undefined
            ? undefined
            : Math.max(0, this.#world.clock.wallMs() - lag.oldestUs / 1000);
        const figures = { lagBytes: lag.bytes, lagRecords: lag.records, oldestMs };
        subscribers.push({ name, checkpoint, ...figures, ...standing });
      }
      return {
        ...log,
        onDisk: await journal.diskBytes(),
        first: bounds?.first,
        last: bounds?.last,
        subscribers,
        problem: undefined,
      };
    } catch (error) {
      return {
        ...log,
        onDisk: 0,
        first: undefined,
        last: undefined,
        subscribers: [],
        problem: textOf(error),
      };
    }
  }

  /** As it is now; who waits for it is told when it gets records. */
  async #journal(log: OfferedLog): Promise<LogJournal> {
    const journal = await this.#options.journals.journal(log.path);
    if (!this.#watched.has(journal)) {
      // Of one that `reopen logs` has closed nothing is heard any more.
      if (this.#watched.size >= 4 * this.#logs.length) this.#forgetJournals();
      this.#watched.set(
        journal,
        journal.onWritten(() => this.#written(log.name)),
      );
    }
    return journal;
  }

  /** Else the first line of a new log would wait until a manager asks again. */
  async #lookForMissing(): Promise<void> {
    for (const log of this.#missing) {
      try {
        await this.#journal(log);
      } catch {
        continue;
      }
      if (this.#missing.delete(log)) this.onReady(log.name);
    }
  }

  #forgetJournals(): void {
    for (const unwatch of this.#watched.values()) unwatch();
    this.#watched.clear();
  }

  #written(log: string): void {
    if (!this.#awaited.has(log)) return;
    const earlier = this.#hints.get(log);
    if (earlier) {
      earlier.again = true;
      return;
    }
    this.#awaited.delete(log);
    this.onReady(log);
    const timer = this.#world.clock.after(hintMs, () => {
      const { again } = this.#hints.get(log)!;
      this.#hints.delete(log);
      if (again) this.#written(log);
    });
    this.#hints.set(log, { timer, again: false });
  }

  #actor(log: OfferedLog, subscriber: string): LogSubscriber | undefined {
    const key = keyOf(log, subscriber);
    const found = this.#subscribers.get(key);
    if (found) return found.actor;
    if (this.#subscribers.size >= maxSubscribers) return undefined;
    const actor = new LogSubscriber(this.#system, { log: log.name, subscriber }, this.#world);
    this.#subscribers.set(key, { log, actor });
    return actor;
  }

  #holder(token: string): { readonly log: OfferedLog; readonly actor: LogSubscriber } | undefined {
    return [...this.#subscribers.values()].find(({ actor }) => actor.lease?.token === token);
  }

  #lost(): Refusal {
    return this.#refuse({ refused: 'lost-lease', text: 'nobody has this lease' });
  }

  async #guarded<Answer extends object>(run: () => Promise<Answer | Refusal>): Promise<Answer | Refusal> {
    try {
      const answer = await run();
      return isRefusal(answer) ? this.#refuse(answer) : answer;
    } catch (error) {
      return this.#refuse({ refused: 'unavailable', text: textOf(error) });
    }
  }

  #refuse(refusal: Refusal): Refusal {
    this.#world.counters.add('log_requests_refused_total');
    return refusal;
  }
}

const keyOf = (log: OfferedLog, subscriber: string): string => `${log.name}\0${subscriber}`;

const byName = ([a]: [string, LogId], [b]: [string, LogId]): number => (a < b ? -1 : a > b ? 1 : 0);

/** Nothing has been logged to it so far. */
const isMissing = (error: unknown): boolean => isFlotillaError(error) && error.code === 'FLT-2201';

function textOf(error: unknown): string {
  if (isFlotillaError(error)) return error.message;
  return error instanceof Error ? error.message : String(error);
}
