/**
 * What the commands ask of the node they run in. The composition root implements it over the real actors, a test over
 * plain data. Each call reads the state of this moment; nothing is kept.
 */
import type { LinkName, MemberType } from '../core/identity.ts';
import type { LogLevel } from '../core/log.ts';

export interface NodeFacts {
  readonly nodename: string;
  /** The cluster protocol service address (ID-8). */
  readonly address: string;
  readonly port: number;
  /** As `version` prints it, with the revision where there is one. */
  readonly version: string;
  readonly processId: number;
  readonly controlGroup: string;
  readonly clusterGroup: string;
  /** undefined prints as `none`. */
  readonly logGroup: string | undefined;

  link(name: LinkName): LinkFacts;
  view(): ViewFacts;
  /** In member order; empty while the bus is out of reach (MEM-4). */
  members(): readonly MemberFacts[];
  /** In the order of the configuration. */
  sharedObjects(): readonly SharedObjectFacts[];
  paniclog(): readonly PaniclogLine[];

  /** Leaves, closes both connections and joins again as a new incarnation (CMD-17). Returns before that is done. */
  reset(): void;
  /** Begins the graceful stop (LIFE-9). Returns before that is done, so that the answer still gets out. */
  shutdown(): void;
}

export interface LinkFacts {
  /** undefined while the connection is missing. */
  readonly privateName: string | undefined;
  /** URL of the server it is connected to, without credentials. */
  readonly server: string | undefined;
}

export interface ViewFacts {
  readonly epoch: number;
  /** Node name of the process that proposed the view. */
  readonly coordinator: string;
  /** Members that are nodes. */
  readonly nodeCount: number;
  /** State of the membership actor, in its own words. */
  readonly state: string;
  /** Node name of the leader; undefined while disconnected or unsettled (MEM-12). */
  readonly leader: string | undefined;
}

/** One member; what has not arrived yet is undefined and prints as a placeholder (MEM-2, MEM-3). */
export interface MemberFacts {
  readonly privateName: string;
  readonly node: string | undefined;
  readonly subcluster: string | undefined;
  readonly type: MemberType;
  readonly version: string | undefined;
  readonly address: string | undefined;
  readonly port: number | undefined;
  /** Control, subcluster, cluster (GRP-1). */
  readonly groups: readonly string[];
}

export interface PaniclogLine {
  readonly wallMs: number;
  readonly level: LogLevel;
  readonly text: string;
}

export type SharedKind = 'cidrtree' | 'gauge table';

export interface SharedObjectFacts {
  readonly name: string;
  readonly kind: SharedKind;
  readonly snapped: boolean;
  /**
   * The sum of all rows, or one member's row, named by node name or private name. undefined: nobody of that name is
   * in the view.
   */
  view(from: string | undefined): SharedViewFacts | undefined;
  /** Own copy of each member's row against the digest that member last sent (replication 21.4). */
  verify(): readonly RowVerdict[];
  stats(): SharedStats;
}

export interface SharedViewFacts {
  /** `global` or the private name of the row's owner on connection `s`. */
  readonly label: string;
  /**
   * The content of one moment (replication 18.6), in dump order, in batches: the event loop gets its turns between two,
   * however little comes of them. `under` keeps what lies in one prefix, and is one.
   */
  rows(under: string | undefined): AsyncIterable<readonly SharedRow[]>;
}

/** `key` is a prefix of a cidrtree, a key of a gauge table. */
export interface SharedRow {
  readonly key: string;
  readonly count: number;
}

export interface RowVerdict {
  /** Private name of the row's owner. */
  readonly origin: string;
  /** `unknown`: no digest of the same sequence number has arrived yet. */
  readonly verdict: 'match' | 'differ' | 'unknown';
}

export interface SharedStats {
  /** Keys that any node counts something for, idle ones included. */
  readonly keys: number;
  /** Keys this node counts something for. */
  readonly ownKeys: number;
  /** Own keys that were rolled up into their netblocks, and new ones that found no room at all (replication 21.10). */
  readonly rolledUp: number;
  readonly refused: number;
  /** Releases below zero, and sums beyond 2^53-1 (replication 4.10, 4.11). */
  readonly anomalies: number;
  readonly overflows: number;
  /** Changes of the own row that are not sent yet. */
  readonly pending: number;
  readonly oldestPendingMs: number;
  readonly batchesSent: number;
  readonly snapshotsSent: number;
  readonly batchesReceived: number;
  readonly snapshotsReceived: number;
  /** Batches that were missing, and copies of rows that turned out to differ; both are repaired by a snapshot. */
  readonly gaps: number;
  readonly differences: number;
  /** Messages that could not be used. */
  readonly drops: number;
  readonly origins: readonly OriginStats[];
}

export interface OriginStats {
  /** Private name of the row's owner. */
  readonly origin: string;
  /** Whether the row is complete here, in the words of the replicator. */
  readonly state: string;
  readonly keys: number;
  /** Number of the last batch applied. */
  readonly sequence: number;
  readonly lastMessageAgeMs: number;
}
