/**
 * A replicated cache of this process: its content, the replicator that keeps it equal with the other members, and the
 * actor that gives it time.
 *
 * Reading, writing, batches and beats never pass a mailbox. The content outlives a reset of the membership: it belongs to
 * the process.
 */
import type { RowDigest } from '../core/agreement/messages.ts';
import { bucketCount, Cache } from '../core/cache/cache.ts';
import { CacheReplicator } from '../core/cache/cache-replicator.ts';
import type { CacheEntry } from '../core/cache/entry.ts';
import { utf8Bytes } from '../core/cache/entry.ts';
import { objectHash } from '../core/digest.ts';
import type { Incarnation } from '../core/identity.ts';
import type { RowVerdict, Standing } from '../core/replica/replicator.ts';
import type { ReplicaSettings } from '../core/settings.ts';
import { isOfCache, type SharedRow, type SharedStats } from '../core/shared-object.ts';
import type { View } from '../core/view.ts';
import { OtherTypes } from './other-types.ts';
import type { World } from './ports.ts';
import { replicaMachine } from './replica-machine.ts';
import type { ReplicaBounds, SharedReplica } from './shared-replica.ts';
import type { ActorSystem, SupervisedActor } from './system.ts';

/** Between two looks at partners that may be silent, and at what may have expired. */
const lookPeriodMs = 1_000;
const complaintPeriodMs = 60_000;
/** Nodes remembered of whose clocks was complained. */
const maxRemembered = 1024;

export class CacheReplica implements SharedReplica {
  readonly name: string;
  readonly type = 'cache';
  readonly kind = 'cache';
  readonly snapped: boolean;
  readonly objectHash: number;
  readonly cache: Cache;
  readonly #world: World;
  readonly #replicator: CacheReplicator;
  readonly #actor: SupervisedActor<typeof replicaMachine>;
  readonly #stopListening: (() => void)[];
  readonly #complainedMs = new Map<Incarnation, number>();
  #view: View | undefined;

  /** `earlier`: the replica of the life before, whose content is taken over. */
  constructor(system: ActorSystem, world: World, settings: ReplicaSettings, earlier?: CacheReplica) {
    const { name, type, maxDelayMs, maxPending, maxSize } = settings;
    const self = world.self.incarnation;
    const wallMs = () => world.clock.wallMs();
    this.name = name;
    this.snapped = settings.parameters.includes('snapshot');
    this.objectHash = objectHash(name);
    this.#world = world;
    this.cache = earlier?.handOver(self) ?? new Cache({ self, maxSize, wallMs });
    const otherTypes = new OtherTypes(name, type, world.log);
    this.#replicator = new CacheReplicator(
      this.cache,
      { object: name, type, self, maxDelayMs, maxPending, snapshot: this.snapped },
      {
        broadcast: (message) => world.shared.broadcast(message),
        send: (to, message) => world.shared.send(to, message),
        nowMs: () => world.clock.nowMs(),
        wallMs,
        changesPending: () => this.#actor.send({ type: 'CHANGES' }),
        workPending: () => this.#actor.send({ type: 'WORK' }),
        standingChanged: () => this.#actor.send({ type: 'STANDING' }),
        wrongType: (from, other) => otherTypes.warn(from, other),
        clockAhead: (origin) => this.#complainOfClock(origin),
      },
    );
    this.#actor = system.start(`cache ${name}`, replicaMachine, { duties: this.#duties() });
    const { s } = world.links;
    this.#stopListening = [
      world.shared.onMessage(name, (message) => {
        if (isOfCache(message)) this.#replicator.receive(message);
        else otherTypes.warn(message.from, message.type);
      }),
      s.onState((state) => this.#replicator.linkChanged(state === 'up')),
    ];
    this.#replicator.linkChanged(s.state === 'up');
  }

  /** State names of the actor: standing, buffer, work, upkeep. */
  get state(): string {
    return this.#actor.state;
  }

  get standing(): Standing {
    return this.#replicator.standing;
  }

  digest(): RowDigest | undefined {
    return this.#replicator.digest;
  }

  beatDigest(from: Incarnation, digest: RowDigest | undefined): void {
    this.#replicator.beat(from, digest);
  }

  viewInstalled(view: View): void {
    this.#view = view;
    this.#replicator.viewInstalled(view);
  }

  configure(bounds: ReplicaBounds): void {
    this.#replicator.configure(bounds);
    this.cache.maxSize = bounds.maxSize;
  }

  flush(): void {
    this.#replicator.flush();
  }

  verify(): readonly RowVerdict[] {
    return this.#replicator.verify();
  }

  stats(): SharedStats {
    const { elements, hits, misses, inserts, manual, expired, evicted } = this.cache.counts;
    const counts = { hits, misses, inserts, deleted: manual, expired, evicted };
    return { keys: elements, ...counts, ...this.#replicator.stats, origins: [] };
  }

  /**
   * Key and length of the value; of a member, what it was the last to write (replication 18.7). Each bucket is of one
   * moment: a list of all entries at once would hold up everything else.
   */
  async *rows(from?: Incarnation): AsyncGenerator<readonly SharedRow[], void, void> {
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      const shown = this.cache
        .bucketEntries(bucket)
        .filter(({ value, origin }) => value !== undefined && (from ?? origin) === origin);
      if (shown.length === 0) continue;
      yield shown.map(rowOf);
      await new Promise<void>((resolve) => this.#world.clock.after(0, resolve));
    }
  }

  /** Ends this replica and gives its content to the next one. */
  handOver(self: Incarnation): Cache {
    this.stop();
    this.cache.become(self);
    return this.cache;
  }

  /** What waits is sent: once the process has ended, nobody could ask it for what it wrote last. */
  stop(): void {
    this.#replicator.flushAll();
    for (const stop of this.#stopListening) stop();
    this.#actor.stop();
  }

  #duties() {
    const replicator = this.#replicator;
    const { clock } = this.#world;
    return {
      get standing() {
        return replicator.standing;
      },
      get flushDelayMs() {
        return Math.max(0, (replicator.flushDueMs ?? 0) - clock.nowMs());
      },
      retryDelayMs: lookPeriodMs,
      upkeepPeriodMs: lookPeriodMs,
      get changesWait() {
        return replicator.flushDueMs !== undefined;
      },
      get hasWork() {
        return replicator.hasWork;
      },
      flushDue: () => replicator.flushDue(),
      step: () => replicator.step(),
      tick: () => replicator.tick(),
      startUpkeep: () => replicator.tick(),
    };
  }

  #complainOfClock(origin: Incarnation): void {
    const nowMs = this.#world.clock.nowMs();
    if (nowMs - (this.#complainedMs.get(origin) ?? Number.NEGATIVE_INFINITY) < complaintPeriodMs) return;
    if (this.#complainedMs.size >= maxRemembered) this.#complainedMs.clear();
    this.#complainedMs.set(origin, nowMs);
    const node = this.#view?.members.find(({ incarnation }) => incarnation === origin)?.node ?? origin;
    this.#world.log.error(
      `the clock of ${node} is more than a minute ahead: its writes to '${this.name}' are refused here`,
      { code: 'FLT-2003', object: this.name, node },
    );
  }
}

function rowOf({ key, value }: CacheEntry): SharedRow {
  return { key: shownKey(key), count: utf8Bytes(value ?? '') };
}

/** A line stays one line, whatever is in a key. */
function shownKey(key: string): string {
  return key.replaceAll(
    /\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
