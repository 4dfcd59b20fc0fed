/**
 * The outbound connection caps as the configuration states them: plain data, before anything is resolved. What a value
 * means and which count it is compared with is decided in outbound-caps.ts.
 */
import type { ReplicaSettings } from './settings.ts';
import type { PartitionPolicy } from './throttle/shares.ts';

/** The options of replication 6.1 and 6.2, spelled as in the files. */
export const outboundLimitNames = [
  'max_outbound_connections',
  'server_max_outbound_connections',
  'server_reserve_outbound_connections',
  'scope_max_outbound_connections',
  'cluster_max_outbound_connections',
  'cluster_server_max_outbound_connections',
  'cluster_scope_max_outbound_connections',
] as const;
export type OutboundLimitName = (typeof outboundLimitNames)[number];

/** Caps that can be strict (replication 21.1). */
export const clusterLimitNames = [
  'cluster_max_outbound_connections',
  'cluster_server_max_outbound_connections',
  'cluster_scope_max_outbound_connections',
] as const satisfies readonly OutboundLimitName[];
export type ClusterLimitName = (typeof clusterLimitNames)[number];

/**
 * The stanzas around an option, outermost first; none at all is the global scope. Names are as typed. A domain or host
 * between slashes (`/^(wanadoo|orange)\.fr$/`) is a regular expression, already known to compile.
 */
export interface OutboundScope {
  readonly group?: string;
  readonly binding?: string;
  readonly domain?: string;
  readonly host?: string;
}

/** One stanza that sets at least one cap. -1 means unlimited, 0 blocks, absent falls back (replication 6.10). */
export interface OutboundStanza<Name extends string = OutboundLimitName, Value = number> {
  readonly scope: OutboundScope;
  readonly limits: Readonly<Partial<Record<Name, Value>>>;
  /** What its throttles and strict caps admit while other nodes are lost (replication 21.7). Default: share. */
  readonly partition?: PartitionPolicy;
}

/** The options of replication 7.4 that count what goes out, spelled as in the files. */
export const outboundThrottleNames = [
  'outbound_throttle_messages',
  'outbound_throttle_connections',
  'cluster_outbound_throttle_messages',
  'cluster_outbound_throttle_connections',
] as const;
export type OutboundThrottleName = (typeof outboundThrottleNames)[number];

/** One stanza that sets at least one throttle, as `N/S`. `0/S` means no limit, absent falls back (replication 7.1). */
export type ThrottleStanza = OutboundStanza<OutboundThrottleName, string>;

/** A `Replicate` object as far as caps care; `NodeSettings.replicate` can be given as it is. */
export type OutboundObject = Pick<ReplicaSettings, 'name' | 'type' | 'bindingGroup'>;

export interface OutboundCapSettings {
  /** In order of declaration: regular expressions of one container are tried in it (replication 6.5). */
  readonly stanzas: readonly OutboundStanza[];
  /** Binding name -> name of the binding group that holds it. A binding not named here is in group `default`. */
  readonly groupOfBinding: ReadonlyMap<string, string>;
  readonly objects: readonly OutboundObject[];
  /** Caps for which a connection takes a slot from an account of the cluster. Default: none. */
  readonly strict?: readonly ClusterLimitName[];
}
