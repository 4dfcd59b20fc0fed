/**
 * A shared object of events over time: `metrics`, which all nodes count together, or `eccmgr_metrics`, which nodes tell
 * managers only (replication 4.13).
 */
import type { Incarnation } from '../core/identity.ts';
import { isOfRetired, type SharedMessage } from '../core/replica/messages.ts';
import { EventTable } from '../core/series/event-table.ts';
import { RetiredExchange } from '../core/series/retired-exchange.ts';
import type { ReplicaSettings } from '../core/settings.ts';
import type { SharedRow } from '../core/shared-object.ts';
import type { View } from '../core/view.ts';
import type { World } from './ports.ts';
import { inTurns, RowReplica } from './row-replica.ts';
import type { ActorSystem } from './system.ts';

export class SeriesReplica extends RowReplica<EventTable> {
  readonly kind = 'event series';
  readonly snapped: boolean;
  /** Words of `parameters`: what is replicated. */
  readonly words: ReadonlySet<string>;
  readonly table: EventTable;
  /** What those counted who have left, between the members that are there. */
  readonly retired: RetiredExchange;
  readonly #world: World;
  readonly #isForManagers: boolean;

  /** `earlier`: the replica of the life before, whose counts go on in this one. */
  static of(
    system: ActorSystem,
    world: World,
    settings: ReplicaSettings,
    earlier?: SeriesReplica,
  ): SeriesReplica {
    const { incarnation, type } = world.self;
    const hasSnapshots = settings.parameters.includes('snapshot');
    const table =
      earlier?.handOver(incarnation) ??
      new EventTable({
        self: incarnation,
        maxKeys: settings.maxKeys,
        hasSnapshots,
        onlyReceives: type !== 'Momentum',
        nowMs: () => world.clock.wallMs(),
        clash: ({ id, keyType }) =>
          world.log.warning(`'${settings.name}': others count '${id}' by ${keyType}, which is not so here`, {
            object: settings.name,
            stream: id,
          }),
      });
    return new SeriesReplica(system, world, settings, table);
  }

  private constructor(system: ActorSystem, world: World, settings: ReplicaSettings, table: EventTable) {
    super(system, world, settings, table);
    this.#world = world;
    this.table = table;
    this.words = new Set(settings.parameters);
    this.snapped = this.words.has('snapshot');
    this.#isForManagers = settings.type === 'eccmgr_metrics';
    const { incarnation, type } = world.self;
    this.retired = new RetiredExchange(
      table,
      { object: settings.name, type: settings.type, self: incarnation, onlyReceives: type !== 'Momentum' },
      { send: (to, message) => world.shared.send(to, message), nowMs: () => world.clock.nowMs() },
    );
  }

  /** Nodes do not receive what others tell managers. */
  override viewInstalled(view: View): void {
    const { type, incarnation } = this.#world.self;
    const isMine = this.#isForManagers && type === 'Momentum';
    const members = isMine
      ? view.members.filter((member) => member.incarnation === incarnation)
      : view.members;
    super.viewInstalled({ ...view, members });
    const others = members.map((member) => member.incarnation).filter((member) => member !== incarnation);
    this.retired.viewInstalled(others);
  }

  protected override receive(message: SharedMessage): void {
    if (isOfRetired(message)) this.retired.receive(message);
    else super.receive(message);
  }

  /** One line for each series, with the total of the current window (replication 18.7). */
  rows(from?: Incarnation, under?: string): AsyncGenerator<readonly SharedRow[], void, void> {
    return inTurns(this.table.dump(from, under), this.#world.clock);
  }
}
