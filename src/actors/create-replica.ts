/**
 * Which actor keeps which type of shared object. A new one implements `SharedReplica` and is named here; member, console
 * and node know no more of it.
 */
import { tableKindOf } from '../core/replica/create-table.ts';
import type { ReplicaSettings } from '../core/settings.ts';
import { kindOfType } from '../core/shared-object.ts';
import { CacheReplica } from './cache-replica.ts';
import type { World } from './ports.ts';
import { Replica } from './replica.ts';
import { SeriesReplica } from './series-replica.ts';
import type { SharedReplica } from './shared-replica.ts';
import type { ActorSystem } from './system.ts';
import { ThrottleReplica } from './throttle-replica.ts';

/**
 * `earlier`: the replica of the life before, from which is taken over what the process still holds, as the connections
 * that are still open. Undefined for a type of object that is not replicated by this version.
 */
export function createReplica(
  system: ActorSystem,
  world: World,
  settings: ReplicaSettings,
  earlier?: SharedReplica,
): SharedReplica | undefined {
  if (tableKindOf(settings.type))
    return Replica.of(system, world, settings, earlier instanceof Replica ? earlier : undefined);
  if (kindOfType[settings.type] === 'throttle table')
    return new ThrottleReplica(
      system,
      world,
      settings,
      earlier instanceof ThrottleReplica ? earlier : undefined,
    );
  if (kindOfType[settings.type] === 'event series')
    return SeriesReplica.of(system, world, settings, earlier instanceof SeriesReplica ? earlier : undefined);
  if (settings.type === 'cache')
    return new CacheReplica(system, world, settings, earlier instanceof CacheReplica ? earlier : undefined);
  return undefined;
}
