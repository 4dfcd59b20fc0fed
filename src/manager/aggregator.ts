/**
 * The log aggregator of a manager: follows the members that are nodes, in all subclusters, and keeps a puller for each log
 * that they offer (logging 10.1). What becomes of the records is the store's business.
 *
 * Invariant: for each log of a node there is one puller at most, and the store is not called for it while an earlier one
 * has not finished.
 */
import { isDeepStrictEqual } from 'node:util';
import type { AggregateStore, LogServices } from '../actors/log-ports.ts';
import type { PullerWorld } from '../actors/log-puller.ts';
import type { Member } from '../actors/member.ts';
import { PulledNode } from '../actors/pulled-node.ts';
import { ActorSystem } from '../actors/system.ts';
import { LogClient } from '../bus/log-client.ts';
import type { GroupNames } from '../bus/subjects.ts';
import type { Wire } from '../bus/wire.ts';
import type { NodeLogs, PullerFacts } from '../console/facts.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Incarnation } from '../core/identity.ts';
import { PullBudget } from '../core/logs/pull-budget.ts';
import { isRefusal } from '../core/logs/service-messages.ts';
import type { Jobs } from '../node/jobs.ts';
import { logJobs } from '../node/log-jobs.ts';
import type { Surroundings } from '../node/surroundings.ts';
import { IntervalDecoder } from './record-decoder.ts';

/** What can change while it pulls. */
export interface PullPace {
  /** `log_idle_interval`: time of a cycle over the nodes. */
  readonly cycleMs: number;
  /** `ThreadPool "log_job" { backlog }`. */
  readonly maxRecords: number;
}

export interface AggregatorOptions extends PullPace {
  /** Of this manager; its pullers are known to the nodes by it. */
  readonly nodename: string;
  readonly groups: GroupNames;
  readonly store: AggregateStore;
  /** At the moment: names of subscribers to try in order; none: logs of this node are not pulled. */
  readonly subscribersOf: (node: string, subcluster: string) => readonly string[];
  readonly jobs: Jobs;
  readonly around: Surroundings;
}

/** What a life of the manager is to it. */
export interface AggregatedLife {
  readonly member: Pick<Member, 'membership'>;
  readonly links: { readonly s: Wire };
}

/** Intervals of up to 4 MiB in memory: more than the server lets one connection lag behind would end it. */
const maxIntervals = 12;

interface Followed {
  readonly pulled: PulledNode;
  readonly incarnation: Incarnation;
  readonly subcluster: string;
  /** With which it was begun. */
  readonly subscribers: readonly string[];
}

export class Aggregator {
  readonly #options: AggregatorOptions;
  readonly #system: ActorSystem;
  readonly #world: PullerWorld;
  readonly #budget: PullBudget;
  #pace: PullPace;
  readonly #nodes = new Map<string, Followed>();
  readonly #stopping = new Map<string, Promise<void>>();
  #client: LogClient | undefined;
  #life: AggregatedLife | undefined;
  #stopped = false;

  constructor(options: AggregatorOptions) {
    this.#options = options;
    const { around, store, nodename, jobs } = options;
    this.#pace = options;
    this.#system = new ActorSystem(around);
    this.#budget = new PullBudget(limitsOf(options));
    const pace = () => this.#pace;
    this.#world = {
      ...around,
      services: this.#services(),
      store,
      decoder: new IntervalDecoder(around.clock),
      budget: this.#budget,
      jobs: logJobs(jobs),
      consumer: nodename,
      instance: around.random.hex(8),
      get cycleMs() {
        return pace().cycleMs;
      },
    };
  }

  /** A life of the manager begins. */
  follow(life: AggregatedLife): void {
    const { around, groups } = this.#options;
    this.#client?.end();
    this.#life = life;
    const wire = life.links.s;
    const client = new LogClient({ wire, groups, ...around });
    this.#client = client;
    client.onReady((node, log) => this.#nodes.get(node)?.pulled.ready(log));
    const update = () => this.#update();
    life.member.membership.listen({ viewInstalled: update, infoLearned: update });
    wire.onState((state) => {
      if (state === 'up' && this.#life === life)
        for (const { pulled } of this.#nodes.values()) pulled.retry();
    });
    this.#update();
  }

  /** Also the names of subscribers may be others now: what is pulled under one that is not wanted any more is begun anew. */
  configure(pace: PullPace): void {
    const isOtherCycle = pace.cycleMs !== this.#pace.cycleMs;
    this.#pace = pace;
    this.#budget.configure(limitsOf(pace));
    for (const [node, { pulled, subcluster, subscribers }] of this.#nodes) {
      if (!isDeepStrictEqual(subscribers, this.#options.subscribersOf(node, subcluster)))
        this.#drop(node, () => pulled.finish());
      else if (isOtherCycle) pulled.retry();
    }
  }

  /** Resolves when the store is not called any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#nodes.values()].map(({ pulled }) => pulled.finish()));
    await Promise.all(this.#stopping.values());
    this.#client?.end();
    this.#system.stop();
  }

  /** Records parsed and not yet written. */
  get records(): number {
    return this.#budget.records;
  }

  pullers(): readonly PullerFacts[] {
    return [...this.#nodes].flatMap(([node, { pulled }]) =>
      [...pulled.pullers].map(([log, { state }]) => ({ node, log, state })),
    );
  }

  /** What each node says of its logs, or why it does not. */
  async list(): Promise<readonly NodeLogs[]> {
    const nodes = [...this.#nodes.keys()].sort();
    return Promise.all(
      nodes.map(async (node) => {
        try {
          const answer = await (this.#client ?? this.#away()).list(node);
          if (isRefusal(answer)) return { node, logs: [], problem: answer.text };
          return { node, logs: answer.logs };
        } catch (error) {
          return { node, logs: [], problem: error instanceof Error ? error.message : String(error) };
        }
      }),
    );
  }

  /** Nodes come and go with the views; one that started again has forgotten its leases. */
  #update(): void {
    if (this.#stopped || !this.#life) return;
    const { member } = this.#life;
    const present = member.membership.members().filter(({ process }) => process.type === 'Momentum');
    const names = new Set(present.map(({ process }) => process.node));
    for (const [node, { pulled }] of this.#nodes) if (!names.has(node)) this.#drop(node, () => pulled.stop());
    for (const { process, info } of present) {
      const { node, incarnation } = process;
      const followed = this.#nodes.get(node);
      // Its subcluster is part of the names of files.
      if (!info || this.#stopping.has(node)) continue;
      if (!followed) this.#add(node, info.subcluster, incarnation);
      else if (followed.incarnation !== incarnation) {
        this.#nodes.set(node, { ...followed, incarnation });
        followed.pulled.retry();
      }
    }
  }

  #add(node: string, subcluster: string, incarnation: Incarnation): void {
    const subscribers = () => this.#options.subscribersOf(node, subcluster);
    const pulled = new PulledNode(this.#system, { node, subcluster, subscribers }, this.#world);
    this.#nodes.set(node, { pulled, incarnation, subcluster, subscribers: subscribers() });
  }

  #drop(node: string, stop: () => Promise<void>): void {
    this.#nodes.delete(node);
    const stopping = stop().then(() => {
      this.#stopping.delete(node);
      this.#update();
    });
    this.#stopping.set(node, stopping);
  }

  /** Of the present life: pullers outlive it. */
  #services(): LogServices {
    const client = () => this.#client ?? this.#away();
    return {
      open: async (node, request) => client().open(node, request),
      fetch: async (node, request) => client().fetch(node, request),
      ack: async (node, lease, id) => client().ack(node, lease, id),
      close: (node, lease) => this.#client?.close(node, lease),
      names: async (node) => client().names(node),
      onReady: () => () => {},
    };
  }

  #away(): never {
    throw new FlotillaError('FLT-2601', 'the bus is away');
  }
}

function limitsOf({ maxRecords }: PullPace) {
  return { intervals: maxIntervals, records: Math.max(1, maxRecords) };
}
