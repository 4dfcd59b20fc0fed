/**
 * A shared object of rows, whatever is counted in them: the replicator that keeps them equal with the other members, and
 * the actor that gives it time.
 *
 * Counting, batches and beats are the hot path and never pass a mailbox: they are direct calls on table and replicator.
 * The machine hears once that the table became dirty, that rows are missing or complete, that there is work for later
 * turns.
 */
import type { RowDigest } from '../core/agreement/messages.ts';
import type { Clock } from '../core/clock.ts';
import { objectHash } from '../core/digest.ts';
import type { Incarnation } from '../core/identity.ts';
import { upkeepPeriodMs } from '../core/replica/count-slot.ts';
import type { SharedMessage } from '../core/replica/messages.ts';
import {
  Replicator,
  type ReplicatorStats,
  type RowVerdict,
  type Standing,
} from '../core/replica/replicator.ts';
import type { ReplicatedRows, TableStats } from '../core/replica/table.ts';
import { finish, type Work } from '../core/replica/work.ts';
import type { ReplicaSettings, ReplicaType } from '../core/settings.ts';
import { isOfRows, type SharedKind, type SharedRow } from '../core/shared-object.ts';
import type { View } from '../core/view.ts';
import { OtherTypes } from './other-types.ts';
import type { World } from './ports.ts';
import { replicaMachine } from './replica-machine.ts';
import type { ReplicaBounds, SharedReplica } from './shared-replica.ts';
import type { ActorSystem, SupervisedActor } from './system.ts';

/** Longest wait between two looks at rows that are missing. */
const longestRetryMs = 1_000;
/** Without all rows for this long, caps are enforced on what is there, and somebody should know (replication 4.18). */
const lateMs = 10_000;
/** Time a listing takes of one turn. */
const listingTurnMs = 2;

export type ReplicaStats = ReplicatorStats & TableStats;

export abstract class RowReplica<Rows extends ReplicatedRows> implements SharedReplica {
  readonly name: string;
  readonly type: ReplicaType;
  abstract readonly kind: SharedKind;
  abstract readonly snapped: boolean;
  readonly objectHash: number;
  readonly #table: Rows;
  readonly #world: World;
  readonly #replicator: Replicator;
  readonly #actor: SupervisedActor<typeof replicaMachine>;
  readonly #stopListening: (() => void)[];
  #standing: Standing = 'alone';
  #partialSinceMs = 0;
  #late = false;

  constructor(system: ActorSystem, world: World, settings: ReplicaSettings, table: Rows) {
    const { name, type, maxDelayMs, maxPending } = settings;
    this.name = name;
    this.type = type;
    this.objectHash = objectHash(name);
    this.#world = world;
    this.#table = table;
    const otherTypes = new OtherTypes(name, type, world.log);
    this.#replicator = new Replicator(
      table,
      { object: name, type, self: world.self.incarnation, maxDelayMs, maxPending },
      {
        broadcast: (message) => world.shared.broadcast(message),
        send: (to, message) => world.shared.send(to, message),
        nowMs: () => world.clock.nowMs(),
        changesPending: () => this.#actor.send({ type: 'CHANGES' }),
        workPending: () => this.#actor.send({ type: 'WORK' }),
        rowsChanged: () => this.#assess(),
        wrongType: (from, other) => otherTypes.warn(from, other),
      },
    );
    this.#actor = system.start(`replica ${name}`, replicaMachine, { duties: this.#duties() });
    const { s } = world.links;
    this.#stopListening = [
      world.shared.onMessage(name, (message) => {
        if (isOfRows(message)) this.receive(message);
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
    return this.#standing;
  }

  digest(): RowDigest {
    return this.#replicator.digest;
  }

  viewInstalled(view: View): void {
    this.#replicator.viewInstalled(view);
  }

  beatDigest(from: Incarnation, digest: RowDigest | undefined): void {
    if (digest) this.#replicator.beat(from, digest);
  }

  configure(bounds: ReplicaBounds): void {
    this.#replicator.configure(bounds);
  }

  flush(): void {
    this.#replicator.flush();
  }

  flushAll(): void {
    this.#replicator.flushAll();
  }

  verify(): readonly RowVerdict[] {
    return this.#replicator.verify();
  }

  stats(): ReplicaStats {
    return { ...this.#replicator.stats, ...this.#table.stats };
  }

  protected receive(message: SharedMessage): void {
    this.#replicator.receive(message);
  }

  abstract rows(from?: Incarnation, under?: string): AsyncGenerator<readonly SharedRow[], void, void>;

  /** Ends this replica; what it has received is in its table then. */
  finish(): void {
    this.stop();
    finish(this.#replicator.rest());
  }

  /** Ends this replica, in steps: the own row is alone in its table then. */
  *end(): Work {
    this.stop();
    this.#replicator.forgetMembers();
    yield* this.#replicator.rest();
  }

  /** Gives the table, with the own row alone in it, to the next replica. Long if this one has not ended. */
  handOver(self: Incarnation): Rows {
    finish(this.end());
    this.#table.become(self);
    return this.#table;
  }

  stop(): void {
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
      get retryDelayMs() {
        return Math.min(Math.max(0, replicator.deadlineMs - clock.nowMs()), longestRetryMs);
      },
      upkeepPeriodMs,
      get changesWait() {
        return replicator.flushDueMs !== undefined;
      },
      get hasWork() {
        return replicator.hasWork;
      },
      flushDue: () => replicator.flushDue(),
      step: () => replicator.step(),
      startUpkeep: () => replicator.startUpkeep(),
      tick: () => {
        this.#warnWhenLate();
        replicator.tick();
      },
    };
  }

  #assess(): void {
    const { standing } = this.#replicator;
    if (standing === this.#standing) return;
    this.#standing = standing;
    this.#partialSinceMs = this.#world.clock.nowMs();
    this.#late = false;
    this.#actor.send({ type: 'STANDING' });
  }

  #warnWhenLate(): void {
    if (this.#late || this.#world.clock.nowMs() - this.#partialSinceMs < lateMs) return;
    this.#late = true;
    this.#world.log.warning(`'${this.name}' still lacks rows of other nodes; caps see only what is here`, {
      object: this.name,
      missing: this.#replicator.stats.origins
        .filter(({ state }) => state !== 'whole')
        .map(({ origin }) => origin),
    });
  }
}

/** With a turn of the event loop to everything else after every few milliseconds. */
export async function* inTurns(
  slices: Generator<readonly SharedRow[], void, void>,
  clock: Clock,
): AsyncGenerator<readonly SharedRow[], void, void> {
  let turnEndsMs = clock.nowMs() + listingTurnMs;
  for (const rows of slices) {
    if (rows.length > 0) yield rows;
    if (clock.nowMs() < turnEndsMs) continue;
    await new Promise<void>((resolve) => clock.after(0, resolve));
    turnEndsMs = clock.nowMs() + listingTurnMs;
  }
}
