/**
 * Throttles as programs use them. Numbers and booleans go in and out; whoever waits gets a promise. The names of the
 * original calls stand beside each.
 *
 * Invariants: every promise is settled, at the latest when the node stops; a throttle of the cluster stays the same over a
 * cluster reset, and is one of this node alone, warned of once, where no such object is configured (replication 7.23).
 */

import type { ActorSystem } from '../actors/system.ts';
import { ThrottleReplica } from '../actors/throttle-replica.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Incarnation } from '../core/identity.ts';
import { InboundThrottles } from '../core/inbound-throttles.ts';
import type { ThrottleStanza } from '../core/outbound-settings.ts';
import { OutboundThrottles, type Throttled, type ThrottledAttempt } from '../core/outbound-throttles.ts';
import type { InboundThrottleSettings, NodeSettings, ReplicaType } from '../core/settings.ts';
import { NamedThrottles } from '../core/throttle/named-throttles.ts';
import type { SharedThrottles, ThrottleOptions } from '../core/throttle/shared-throttles.ts';
import type { PartitionPolicy } from '../core/throttle/shares.ts';
import type { Surroundings } from './surroundings.ts';

/** `waitMs` 0: a unit is taken. Else none is, and the next window with room begins after so long. */
export interface ThrottleDecision {
  readonly waitMs: number;
  /** For what never began: the unit is free again, within its window. */
  giveBack(): void;
}

/** A slot that is held. Giving it back twice does nothing. */
export interface Slot {
  giveBack(): void;
}

export interface ThrottleSources {
  readonly around: Surroundings;
  readonly system: ActorSystem;
  readonly maxNamed: number;
  readonly stanzas: readonly ThrottleStanza[];
  readonly inbound: InboundThrottleSettings;
  /** Of named throttles and slots that do not name one (replication 21.7). */
  readonly partition: PartitionPolicy;
  groupOf(binding: string): string;
  /** Of the first object of a type; undefined where none is configured. FLT-1301 before the node joins. */
  replica(type: ReplicaType): ThrottleReplica | undefined;
}

type Settle<T> = { readonly resolve: (value: T) => void; readonly reject: (error: unknown) => void };

/** A node alone keeps the accounts itself. */
const loneWaitMs = Number.POSITIVE_INFINITY;
/** For objects that belong to no process of the cluster. */
const nobody = '0'.repeat(32) as Incarnation;

export class Throttles {
  /** Named throttles of this node alone. */
  readonly local: LocalThrottles;
  /** Named throttles of the whole cluster; needs `Replicate "shared_named_throttles" {}`. */
  readonly shared: SharedNamedThrottles;
  /** At most so many at once in the whole cluster; they are kept beside the shared named throttles. */
  readonly slots: Slots;
  readonly #sources: ThrottleSources;
  readonly #outbound: OutboundThrottles;
  readonly #inbound: InboundThrottles;
  #partition: PartitionPolicy;
  readonly #lone = new Map<ReplicaType, ThrottleReplica>();
  readonly #named: NamedThrottles;
  readonly #pending = new Set<(error: unknown) => void>();
  #hasStopped = false;

  /** @internal */
  constructor(sources: ThrottleSources) {
    this.#sources = sources;
    const { around, stanzas, inbound } = sources;
    const calls = {
      wait: <T>(begin: (settle: Settle<T>) => void) => this.#wait(begin),
      count: (name: string) => around.counters.add(name),
      clock: around.clock,
    };
    this.#partition = sources.partition;
    const named = {
      throttles: () => this.#throttlesOf('shared_named_throttles'),
      partition: () => this.#partition,
    };
    this.#named = new NamedThrottles(sources.maxNamed, around.clock);
    this.local = new LocalThrottles(this.#named, calls);
    this.shared = new SharedNamedThrottles(named, calls);
    this.slots = new Slots(named, calls);
    this.#inbound = new InboundThrottles(inbound, () => around.clock.wallMs());
    this.#outbound = new OutboundThrottles(stanzas, {
      wallMs: () => around.clock.wallMs(),
      groupOf: (binding) => sources.groupOf(binding),
      shared: (throttled) => this.#throttlesOf(throttled === 'messages' ? 'OBTM' : 'OBTC'),
    });
  }

  /** Before each delivery attempt: `outbound_throttle_messages` and `cluster_outbound_throttle_messages`. */
  takeMessage(attempt: ThrottledAttempt): Promise<ThrottleDecision> {
    return this.#take('messages', attempt);
  }

  /** Before each connection: `outbound_throttle_connections` and `cluster_outbound_throttle_connections`. */
  takeConnection(attempt: ThrottledAttempt): Promise<ThrottleDecision> {
    return this.#take('connections', attempt);
  }

  /** Before a message is accepted: `inbound_throttle_messages` of this pathway, else the global one. Of this node alone. */
  takeInbound(pathway?: string): ThrottleDecision {
    const { waitMs, giveBack } = this.#inbound.take(pathway);
    this.#sources.around.counters.add(waitMs === 0 ? 'throttle_units_total' : 'throttle_delays_total');
    return { waitMs, giveBack: once(giveBack) };
  }

  /** @internal */
  configure({
    throttles,
    inboundThrottles,
    partition,
  }: Pick<NodeSettings, 'throttles' | 'inboundThrottles' | 'partition'>): void {
    this.#outbound.configure(throttles);
    this.#inbound.configure(inboundThrottles);
    this.#partition = partition;
  }

  /** @internal Of throttles without an object; the others are in the figures of their objects. */
  get figures(): { readonly waiting: number; readonly held: number; readonly evictions: number } {
    const lone = [...this.#lone.values()].map(({ throttles }) => throttles.stats);
    return {
      waiting: lone.reduce((sum, { waiting }) => sum + waiting, 0),
      held: lone.reduce((sum, { throttles }) => sum + throttles, this.#named.size),
      evictions: lone.reduce((sum, { evictions }) => sum + evictions, this.#named.evictions),
    };
  }

  /** @internal Whoever still waits is told that it is in vain. */
  stop(): void {
    this.#hasStopped = true;
    for (const replica of this.#lone.values()) replica.stop();
    for (const reject of this.#pending) reject(new FlotillaError('FLT-1806', 'the node has stopped'));
    this.#pending.clear();
  }

  #take(throttled: Throttled, attempt: ThrottledAttempt): Promise<ThrottleDecision> {
    return this.#wait(({ resolve }) =>
      this.#outbound.take(throttled, attempt, (waitMs, giveBack) => {
        this.#sources.around.counters.add(waitMs === 0 ? 'throttle_units_total' : 'throttle_delays_total');
        resolve({ waitMs, giveBack: once(giveBack) });
      }),
    );
  }

  /** What throws on the way is the answer, and so is the end of the node. */
  #wait<T>(begin: (settle: Settle<T>) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#hasStopped) throw new FlotillaError('FLT-1806', 'the node has stopped');
      const settled =
        <V>(settle: (value: V) => void) =>
        (value: V) => {
          this.#pending.delete(reject);
          settle(value);
        };
      this.#pending.add(reject);
      try {
        begin({ resolve: settled(resolve), reject: settled(reject) });
      } catch (error) {
        if (error instanceof FlotillaError && error.code === 'FLT-1804')
          this.#sources.around.counters.add('throttle_refusals_total');
        settled(reject)(error);
      }
    });
  }

  #throttlesOf(type: ReplicaType): SharedThrottles {
    return (this.#sources.replica(type) ?? this.#loneReplica(type)).throttles;
  }

  #loneReplica(type: ReplicaType): ThrottleReplica {
    const known = this.#lone.get(type);
    if (known) return known;
    const { around, system, maxNamed } = this.#sources;
    around.log.warning(`there is no Replicate "${type}": its throttles count what this node does`, {
      object: type,
    });
    const world = { clock: around.clock, log: around.log, self: { incarnation: nobody } };
    const maxThrottles = type === 'shared_named_throttles' ? maxNamed : Number.POSITIVE_INFINITY;
    const replica = new ThrottleReplica(system, world, {
      name: type,
      type,
      maxThrottles,
      maxWaitMs: loneWaitMs,
    });
    this.#lone.set(type, replica);
    return replica;
  }
}

/** Where named throttles are. */
interface Named {
  throttles(): SharedThrottles;
  /** For those that do not name one. */
  partition(): PartitionPolicy;
}

interface Calls {
  wait<T>(begin: (settle: Settle<T>) => void): Promise<T>;
  count(name: string): void;
  readonly clock: Surroundings['clock'];
}

/** `ec_throttle_*` (replication 7.10-7.15). FLT-1802 for a name that is not held, FLT-1801 for what is no rate. */
class LocalThrottles {
  readonly #named: NamedThrottles;
  readonly #calls: Calls;

  constructor(named: NamedThrottles, calls: Calls) {
    this.#named = named;
    this.#calls = calls;
  }

  /** `ec_throttle_create`: `rate` as `N`, `N/S`, with or without `,burst=B`. Nothing happens when the name is held. */
  create(name: string, rate: string | number): void {
    this.#named.create(name, rate);
  }

  /** `ec_throttle_inc`: adds one, and never refuses. */
  increment(name: string): void {
    this.#named.increment(name);
  }

  /** `ec_throttle_dec`: takes one back, not below zero. */
  decrement(name: string): void {
    this.#named.decrement(name);
  }

  /** `ec_throttle_check`: true when more is used than there is in this window. Meant for after `increment`. */
  check(name: string): boolean {
    return this.#named.check(name);
  }

  /** `ec_throttle_tarpit`: adds one; resolves when it is allowed, with the ms waited. FLT-1804 when too many wait. */
  tarpit(name: string): Promise<number> {
    return this.#calls.wait(({ resolve }) => {
      const waitMs = this.#named.tarpit(name);
      if (waitMs === 0) resolve(0);
      else this.#calls.clock.after(waitMs, () => resolve(waitMs));
    });
  }
}

/** `ec_shared_throttle_*` (replication 7.16). The same errors, FLT-1803 for what is no epsilon, FLT-1804, FLT-1805. */
class SharedNamedThrottles {
  readonly #named: Named;
  readonly #calls: Calls;

  constructor(named: Named, calls: Calls) {
    this.#named = named;
    this.#calls = calls;
  }

  /** `ec_shared_throttle_create`. Nothing happens when the name is held; the smallest rate of all nodes counts. */
  create(name: string, rate: string | number, options?: ThrottleOptions): void {
    this.#named.throttles().create(name, rate, { partition: this.#named.partition(), ...options });
  }

  /** `ec_shared_throttle_inc`: adds one, and never refuses. */
  increment(name: string): void {
    this.#named.throttles().increment(name);
  }

  /** `ec_shared_throttle_check`: true when more is used here than was granted, and there is no more in this window. */
  check(name: string): Promise<boolean> {
    return this.#calls.wait(({ resolve }) => this.#named.throttles().check(name, resolve));
  }

  /** `ec_shared_throttle_tarpit`: resolves when a unit is had, with the ms waited. */
  tarpit(name: string): Promise<number> {
    const { clock, count, wait } = this.#calls;
    const sinceMs = clock.nowMs();
    return wait(({ resolve }) =>
      this.#named.throttles().tarpit(name, () => {
        count('throttle_units_total');
        resolve(clock.nowMs() - sinceMs);
      }),
    );
  }

  /** A unit now, or how long until there may be one. */
  take(name: string): Promise<ThrottleDecision> {
    return this.#calls.wait(({ resolve }) =>
      this.#named.throttles().take(name, (waitMs, window) => {
        this.#calls.count(waitMs === 0 ? 'throttle_units_total' : 'throttle_delays_total');
        const giveBack = () => this.#named.throttles().giveBack(name, window);
        resolve({ waitMs, giveBack: once(waitMs === 0 ? giveBack : () => {}) });
      }),
    );
  }
}

/** Strict caps (replication 21.1): never more than `count` are held while the nodes agree on who is there. */
class Slots {
  readonly #named: Named;
  readonly #calls: Calls;

  constructor(named: Named, calls: Calls) {
    this.#named = named;
    this.#calls = calls;
  }

  /** Nothing happens when the name is held; the smallest count of all nodes is the one that counts. FLT-1801. */
  create(name: string, count: number, options?: Pick<ThrottleOptions, 'partition'>): void {
    this.#named
      .throttles()
      .createSlots(idOf(name), count, { partition: this.#named.partition(), ...options });
  }

  /** A slot, or undefined when all are held. */
  take(name: string): Promise<Slot | undefined> {
    return this.#calls.wait(({ resolve }) =>
      this.#named
        .throttles()
        .take(idOf(name), (waitMs) => resolve(waitMs === 0 ? this.#slot(name) : undefined)),
    );
  }

  /** A slot, as soon as there is one. In turn: among nodes, and among callers of a node. */
  wait(name: string): Promise<Slot> {
    return this.#calls.wait(({ resolve }) =>
      this.#named.throttles().tarpit(idOf(name), () => resolve(this.#slot(name))),
    );
  }

  #slot(name: string): Slot {
    this.#calls.count('throttle_units_total');
    return { giveBack: once(() => this.#named.throttles().giveBack(idOf(name), 0)) };
  }
}

/** Slots and throttles of one name have nothing to do with each other. */
function idOf(name: string): string {
  return `slots ${name}`;
}

function once(run: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    run();
  };
}

export type { LocalThrottles, SharedNamedThrottles, Slots };
