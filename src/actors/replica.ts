/** A shared object that is a table of counters: a CIDR tree, or a gauge table. */
import type { Incarnation } from '../core/identity.ts';
import { createTable } from '../core/replica/create-table.ts';
import { GaugeTable } from '../core/replica/gauge-table.ts';
import type { ReplicatedTable, SharedTable, TableRow } from '../core/replica/table.ts';
import type { ReplicaSettings } from '../core/settings.ts';
import type { World } from './ports.ts';
import { inTurns, RowReplica } from './row-replica.ts';
import type { ActorSystem } from './system.ts';

export class Replica extends RowReplica<ReplicatedTable> {
  readonly snapped = true;
  readonly table: SharedTable;
  readonly #rows: ReplicatedTable;
  readonly #world: World;

  /**
   * `earlier`: the replica of the life before, whose table is taken over with the own row, because the connections counted
   * there are still open. Undefined for a type that has no table.
   */
  static of(
    system: ActorSystem,
    world: World,
    settings: ReplicaSettings,
    earlier?: Replica,
  ): Replica | undefined {
    const { incarnation } = world.self;
    const table = earlier?.handOver(incarnation) ?? createTable(settings, incarnation, world.random);
    return table && new Replica(system, world, settings, table);
  }

  private constructor(system: ActorSystem, world: World, settings: ReplicaSettings, table: ReplicatedTable) {
    super(system, world, settings, table);
    this.#world = world;
    this.#rows = table;
    this.table = table;
  }

  get kind(): SharedTable['kind'] {
    return this.#rows.kind;
  }

  /** The table where it is one of text keys, which also tells of each change. */
  get gaugeTable(): GaugeTable | undefined {
    return this.#rows instanceof GaugeTable ? this.#rows : undefined;
  }

  /**
   * Shows the counts of the moment it was first asked for a batch, however long it takes and whatever is counted, joins or
   * leaves meanwhile (`SharedTable.dump`).
   */
  rows(from?: Incarnation, under?: string): AsyncGenerator<readonly TableRow[], void, void> {
    return inTurns(this.#rows.dump(from, under), this.#world.clock);
  }
}
