/**
 * The throttles of one shared object: the core that decides, its messages on the bus, and the actor that gives it time.
 *
 * Taking units is the hot path and never passes a mailbox: it is a direct call on the core. The machine hears when there
 * is something to wait for, earlier than it already waits.
 */
import { objectHash } from '../core/digest.ts';
import type { Incarnation } from '../core/identity.ts';
import { PartedMap } from '../core/parted-map.ts';
import type { Standing } from '../core/replica/replicator.ts';
import { sortedOrder } from '../core/replica/sliced-sort.ts';
import { paused, type Work } from '../core/replica/work.ts';
import type { ReplicaSettings, ReplicaType } from '../core/settings.ts';
import { isOfQuota, type SharedRow, type SharedStats } from '../core/shared-object.ts';
import type { QuotaMessage, ThrottleUse } from '../core/throttle/messages.ts';
import { rateText } from '../core/throttle/rate.ts';
import { type SharedThrottlePorts, SharedThrottles } from '../core/throttle/shared-throttles.ts';
import { UseSurvey } from '../core/throttle/use-survey.ts';
import type { View } from '../core/view.ts';
import { OtherTypes } from './other-types.ts';
import type { World } from './ports.ts';
import { inTurns } from './row-replica.ts';
import type { ReplicaBounds, SharedReplica } from './shared-replica.ts';
import type { ActorSystem, SupervisedActor } from './system.ts';
import { accountEvents, throttlesMachine } from './throttles-machine.ts';

/** What it needs of the world; without `shared` it is for this node alone. */
export type ThrottleWorld = Pick<World, 'clock' | 'log'> & {
  readonly self: Pick<World['self'], 'incarnation'>;
  readonly shared?: World['shared'];
};

export type ThrottleSettings = Pick<ReplicaSettings, 'name' | 'type' | 'maxThrottles' | 'maxWaitMs'>;

/** For the answers of other nodes to a listing. */
const surveyMs = 1_000;
const listingRows = 1024;

export class ThrottleReplica implements SharedReplica {
  readonly name: string;
  readonly type: ReplicaType;
  readonly kind = 'throttle table';
  readonly snapped = true;
  readonly objectHash: number;
  readonly throttles: SharedThrottles;
  readonly #world: ThrottleWorld;
  readonly #survey: UseSurvey;
  readonly #actor: SupervisedActor<typeof throttlesMachine>;
  readonly #stopListening: () => void;
  #others: readonly Incarnation[] = [];
  #standing: Standing = 'alone';
  /** When the machine wakes up. */
  #wakesMs = Number.POSITIVE_INFINITY;

  /** `earlier`: that of the life before, whose throttles go on, also for those who wait. */
  constructor(
    system: ActorSystem,
    world: ThrottleWorld,
    settings: ThrottleSettings,
    earlier?: ThrottleReplica,
  ) {
    const { name, type, maxThrottles, maxWaitMs } = settings;
    const self = world.self.incarnation;
    this.name = name;
    this.type = type;
    this.objectHash = objectHash(name);
    this.#world = world;
    earlier?.stop();
    this.throttles =
      earlier?.throttles ??
      new SharedThrottles(
        // Throttles of stanzas are as many as there are stanzas, and last as long as these.
        {
          object: name,
          type,
          self,
          capacity: maxThrottles,
          expires: type === 'shared_named_throttles',
          maxWaitMs,
        },
        this.#ports(),
      );
    this.#survey = new UseSurvey({ object: name, type }, self, {
      send: (to, message) => world.shared?.send(to, message) ?? false,
      uses: () => this.throttles.uses(),
      run: (work) => this.#run(work),
    });
    this.#actor = system.start(
      `throttles ${name}`,
      throttlesMachine,
      { duties: this.#duties() },
      { onRestart: () => this.#actor.send(accountEvents[this.#standing]) },
    );
    const otherTypes = new OtherTypes(name, type, world.log);
    this.#stopListening =
      world.shared?.onMessage(name, (message) => {
        if (isOfQuota(message) && message.type === type) this.#receive(message);
        else otherTypes.warn(message.from, message.type);
      }) ?? (() => {});
    if (earlier) this.throttles.become(self, this.#ports());
  }

  /** State names of the actor: accounts, calls. */
  get state(): string {
    return this.#actor.state;
  }

  get standing(): Standing {
    return this.#standing;
  }

  /** With whom this node shares the accounts. The membership may be a view ahead. */
  get others(): readonly Incarnation[] {
    return this.#others;
  }

  /** Grants are confirmed one by one: there is nothing that could differ unnoticed. */
  digest(): undefined {
    return undefined;
  }

  beatDigest(): void {}

  viewInstalled(view: View, ended: readonly string[]): void {
    const self = this.#world.self.incarnation;
    const nodes = view.members.filter(({ type }) => type === 'Momentum');
    this.#others = nodes.map(({ incarnation }) => incarnation).filter((member) => member !== self);
    this.throttles.viewInstalled(view, ended);
    this.#assess();
  }

  /** There is another view, of which not everything is known yet. */
  suspend(): void {
    this.throttles.suspend();
    this.#assess();
  }

  /** Nothing ever waits to be sent, and a throttle has no delay. */
  configure(bounds: Pick<ReplicaBounds, 'maxWaitMs'>): void {
    this.throttles.configure(bounds);
  }

  flush(): void {}

  verify(): readonly [] {
    return [];
  }

  stats(): SharedStats & { waitingCallers: number; refusals: number; evictions: number } {
    const { throttles, waiting, refusals, evictions, drops } = this.throttles.stats;
    return { keys: throttles, pending: 0, drops, waitingCallers: waiting, refusals, evictions, origins: [] };
  }

  /** What is used in the running windows: by one node, or by all that answer within a second. By id. */
  async *rows(from?: Incarnation): AsyncGenerator<readonly SharedRow[], void, void> {
    const asked = this.#others.filter((member) => from === undefined || member === from);
    const uses = [...(await this.#usesOf(asked))];
    const isWanted = from === undefined || from === this.#world.self.incarnation;
    yield* inTurns(summed(uses, isWanted ? this.throttles.uses() : []), this.#world.clock);
  }

  stop(): void {
    this.#stopListening();
    this.#actor.stop();
  }

  /** A step a turn; each sends a message. */
  #run(work: Work): void {
    if (!work.next().done) this.#world.clock.after(0, () => this.#run(work));
  }

  #usesOf(members: readonly Incarnation[]): Promise<readonly ThrottleUse[]> {
    return new Promise((resolve) => {
      const end = this.#survey.begin(members, resolve);
      this.#world.clock.after(surveyMs, end);
    });
  }

  #receive(message: QuotaMessage): void {
    if (message.kind === 'uses' || message.kind === 'uses-ask') {
      this.#survey.receive(message);
      return;
    }
    this.throttles.receive(message);
    this.#assess();
  }

  #ports(): SharedThrottlePorts {
    const { clock, log, shared } = this.#world;
    return {
      clock,
      send: (to, message) => shared?.send(to, message) ?? false,
      dueChanged: () => this.#wake(),
      ratesDiffer: (id, own, used) =>
        log.warning(
          `throttle '${id}' of '${this.name}' is ${rateText(own)} here and ${rateText(used)} elsewhere; the smaller rate counts`,
          { object: this.name, throttle: id },
        ),
    };
  }

  /** Later than it waits for anyway is no news: it looks again then. */
  #wake(): void {
    const { dueMs } = this.throttles;
    if (dueMs !== undefined && dueMs < this.#wakesMs) this.#actor.send({ type: 'DUE' });
  }

  #duties() {
    const replica = this;
    const { clock } = this.#world;
    return {
      get isWaiting() {
        return replica.throttles.dueMs !== undefined;
      },
      get dueDelayMs() {
        const nowMs = clock.nowMs();
        replica.#wakesMs = Math.max(nowMs, replica.throttles.dueMs ?? nowMs);
        return replica.#wakesMs - nowMs;
      },
      tick: () => {
        replica.#wakesMs = Number.POSITIVE_INFINITY;
        replica.throttles.tick();
        replica.#assess();
      },
    };
  }

  #assess(): void {
    const whole = this.#others.length === 0 ? 'alone' : 'whole';
    const standing = this.throttles.isReady ? whole : 'partial';
    if (standing === this.#standing) return;
    this.#standing = standing;
    this.#actor.send(accountEvents[standing]);
  }
}

function add(rows: PartedMap<SharedRow>, { id, rate, used }: ThrottleUse): void {
  const known = rows.get(id);
  rows.set(id, { key: id, count: (known?.count ?? 0) + used, rate: known?.rate ?? rate });
}

/** By id. */
function* summed(
  others: readonly ThrottleUse[],
  own: Iterable<ThrottleUse | undefined>,
): Generator<readonly SharedRow[], void, void> {
  const rows = new PartedMap<SharedRow>();
  let looked = 0;
  for (const uses of [own, others]) {
    for (const use of uses) {
      if (use) add(rows, use);
      if (!use || ++looked % listingRows === 0) yield [];
    }
  }
  const list: SharedRow[] = [];
  for (const [, row] of rows) if (list.push(row) % listingRows === 0) yield [];
  const order = yield* paused(
    sortedOrder(list.length, (a, b) => (list[a]!.key < list[b]!.key ? -1 : 1)),
    [],
  );
  for (let at = 0; at < order.length; at += listingRows)
    yield Array.from(order.subarray(at, at + listingRows), (i) => list[i]!);
}
