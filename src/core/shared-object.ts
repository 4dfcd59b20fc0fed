/**
 * What can be said of every shared object, whatever is kept in it: its kind, the lines of a dump, its figures, and which
 * messages are about it.
 */
import type { CacheMessage } from './cache/messages.ts';
import type { SharedMessage } from './replica/messages.ts';
import type { OriginState } from './replica/replicator.ts';
import type { TableRow } from './replica/table.ts';
import type { ReplicaSettings, ReplicaType } from './settings.ts';
import type { QuotaMessage } from './throttle/messages.ts';
import type { Rate } from './throttle/rate.ts';

/** As printed (replication 2). */
export type SharedKind = 'cidrtree' | 'gauge table' | 'throttle table' | 'event series' | 'cache';

export const kindOfType: Readonly<Record<ReplicaType, SharedKind>> = {
  cache: 'cache',
  inbound_cidr: 'cidrtree',
  outbound_cidr: 'cidrtree',
  outbound_domains: 'gauge table',
  outbound_binding_domains: 'gauge table',
  OBTM: 'throttle table',
  OBTC: 'throttle table',
  shared_named_throttles: 'throttle table',
  metrics: 'event series',
  eccmgr_metrics: 'event series',
};

/** What a node tells the others of itself: who has no such object keeps none of its accounts. */
export function throttleObjects(objects: readonly Pick<ReplicaSettings, 'name' | 'type'>[]): string[] {
  return objects.filter(({ type }) => kindOfType[type] === 'throttle table').map(throttleObject);
}

/** Nodes that have another type of object under the name have no part in this one. */
export function throttleObject({ name, type }: Pick<ReplicaSettings, 'name' | 'type'>): string {
  return `${type} ${name}`;
}

/** How objects of a kind are kept equal: row by row, entry by entry, or by grants of one account holder. */
export type MessageFamily = 'rows' | 'cache' | 'quota';

export function familyOf(type: ReplicaType): MessageFamily {
  const kind = kindOfType[type];
  if (kind === 'cache') return 'cache';
  return kind === 'throttle table' ? 'quota' : 'rows';
}

/** Invariant, kept by the codec: the family of the message is that of its type. */
export type ObjectMessage = SharedMessage | CacheMessage | QuotaMessage;

export function isOfRows(message: ObjectMessage): message is SharedMessage {
  return familyOf(message.type) === 'rows';
}

export function isOfCache(message: ObjectMessage): message is CacheMessage {
  return familyOf(message.type) === 'cache';
}

export function isOfQuota(message: ObjectMessage): message is QuotaMessage {
  return familyOf(message.type) === 'quota';
}

/** A line of a dump. */
export interface SharedRow extends TableRow {
  /** Of a throttle table: `count` is what is used of it. */
  readonly rate?: Rate;
}

/** Figures by their names; each kind of object has some of its own besides. */
export interface SharedStats {
  readonly keys: number;
  /** Changes that are not sent yet. */
  readonly pending: number;
  /** Messages that could not be used. */
  readonly drops: number;
  /** Rows of other members, where there are rows. */
  readonly origins: readonly OriginState[];
}
