/**
 * A shared object of this process as the member, the console and the node see it, whatever is kept in it and however it
 * is kept equal with the other members. One life of the process has one for each object of the configuration.
 */
import type { RowDigest } from '../core/agreement/messages.ts';
import type { Incarnation } from '../core/identity.ts';
import type { RowVerdict, Standing } from '../core/replica/replicator.ts';
import type { ReplicaSettings, ReplicaType } from '../core/settings.ts';
import type { SharedKind, SharedRow, SharedStats } from '../core/shared-object.ts';
import type { View } from '../core/view.ts';

/** What can be changed while the object is in use. */
export type ReplicaBounds = Pick<ReplicaSettings, 'maxDelayMs' | 'maxPending' | 'maxSize' | 'maxWaitMs'>;

export interface SharedReplica {
  readonly name: string;
  readonly type: ReplicaType;
  readonly kind: SharedKind;
  /** A joiner gets what was there before it (replication 4.4). */
  readonly snapped: boolean;
  /** Stands for the name in beats. */
  readonly objectHash: number;
  /** State names of the actor. */
  readonly state: string;
  readonly standing: Standing;

  /** For the next beat; undefined: there is nothing to compare. */
  digest(): RowDigest | undefined;
  /** What a member's beat says of this object; undefined: nothing. With each beat: keep it cheap. */
  beatDigest(from: Incarnation, digest: RowDigest | undefined): void;
  /** `ended`: names of nodes of the view before that said goodbye, or are known to have ended. */
  viewInstalled(view: View, ended: readonly string[]): void;

  /** Other bounds, from now on (replication 3.11). */
  configure(bounds: ReplicaBounds): void;
  /** Sends what waits, now. */
  flush(): void;
  /** Own copies of what others have against what these last said of it; empty where there are none. */
  verify(): readonly RowVerdict[];
  stats(): SharedStats;
  /** A dump of one moment, in batches between which everything else gets its turns (replication 18.6). */
  rows(from?: Incarnation, under?: string): AsyncIterable<readonly SharedRow[]>;

  /** Ends it. What the process still holds can be taken over by the replica of its next life. */
  stop(): void;
}
