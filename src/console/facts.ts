/**
 * What the commands ask of the node they run in. The composition root implements it over the real actors, a test over
 * plain data. Each call reads the state of this moment; nothing is kept.
 */

import type { Prefix } from '../core/address.ts';
import type { CacheCounts } from '../core/cache/cache-counts.ts';
import type { CommandTarget } from '../core/command-target.ts';
import type { ArpEntry } from '../core/duravip/arp-table.ts';
import type { MoveProblem, PlannedLoss } from '../core/duravip/decisions.ts';
import type { HistoryEntry } from '../core/duravip/history.ts';
import type { QuorumLack } from '../core/duravip/quorum.ts';
import type { Ip } from '../core/duravip/vip.ts';
import type { VipView } from '../core/duravip/vip-view.ts';
import type { Incarnation, LinkName, MemberType } from '../core/identity.ts';
import type { LogLevel } from '../core/log.ts';
import type { LogListing, NodeListing } from '../core/logs/service-messages.ts';
import type { AuditSeries } from '../core/series/audit-series.ts';
import type { CidrQuery } from '../core/series/cidr-query.ts';
import type { SharedKind, SharedRow } from '../core/shared-object.ts';
import type { Process } from '../core/view.ts';
import type { Commander } from './registry.ts';

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
  /** Query caches and replicated caches, in the order of the configuration. */
  caches(): readonly CacheFacts[];
  /** On this node only. The number of entries; undefined: there is no such cache. */
  flushCache(name: string): Promise<number | undefined>;
  paniclog(): readonly PaniclogLine[];
  /** What the node counts over time; undefined until it has started. */
  counts(): CountFacts | undefined;
  /** Files of series, and answers from them in pieces; the end says what was wrong with an answer. */
  readonly journals: {
    ask(query: CidrQuery, format?: 'text' | 'json'): AsyncGenerator<string, string | undefined, void>;
  };
  /** The floating addresses, or why there are none here. */
  duravip(): DuravipFacts | DuravipAbsence;
  /** What is offered to the aggregator. */
  readonly logs: LogFacts;
  /** Transfers between two processes that are under way. */
  jobs(): readonly JobFacts[];
  /** False: there is no job of this id. */
  abortJob(id: string): boolean;
  readonly loggers: LoggerFacts;

  readonly configuration: ConfigurationFacts;
  /** Of the configuration that runs. FLT-1003: there is none, only settings. */
  modules(): readonly ModuleFacts[];
  readonly hooks: readonly HookFacts[];
  /** Leaves, closes both connections and joins again as a new incarnation (CMD-17). Returns before that is done. */
  reset(): void;
  /** Begins the graceful stop (LIFE-9). Returns before that is done, so that the answer still gets out. */
  shutdown(): void;
}

/** What a manager can say of it. */
export type ManagerFacts = Pick<
  NodeFacts,
  | 'nodename'
  | 'version'
  | 'processId'
  | 'members'
  | 'paniclog'
  | 'journals'
  | 'jobs'
  | 'abortJob'
  | 'loggers'
  | 'shutdown'
  | 'controlGroup'
  | 'configuration'
  | 'modules'
  | 'hooks'
  | 'clusterGroup'
  | 'logGroup'
  | 'link'
  | 'view'
> & {
  readonly pulledLogs: PulledLogFacts;
  readonly dispatch: () => DispatchFacts;
};

/** A command that was sent to so many nodes. */
export interface Sent {
  readonly command: string;
  readonly nodes: number;
}

/** `broken`: parts of it are missing. */
export type AnswerState = 'waiting' | 'arriving' | 'whole' | 'broken';

export interface NodeAnswer {
  readonly node: string;
  /** Undefined before anything has come. */
  readonly privateName: string | undefined;
  readonly state: AnswerState;
  /** Of a whole one. */
  readonly status: number | undefined;
  readonly timeMs: number | undefined;
  text(): AsyncIterable<string>;
}

/** Commands for nodes, and what they answered. What cannot be kept rejects with FLT-2701. */
export interface DispatchFacts {
  send(to: CommandTarget, line: string): Promise<Sent | { readonly problem: string }>;
  /** Resolves when all answers are there, or after so long. */
  settled(sent: Sent, waitMs: number): Promise<void>;
  /** Those to this line, in order of nodes: of one node, of a subcluster, of what was sent at one time, or all. */
  answers(
    line: string,
    choice: { readonly node?: string; readonly subcluster?: string; readonly command?: string },
  ): Promise<readonly NodeAnswer[]>;
  /** Whether there is such a node or subcluster at the moment. */
  knows(to: CommandTarget): boolean;
  flush(): Promise<void>;
}

/** The log service of a node. */
export interface LogFacts {
  list(): Promise<NodeListing>;
  /** Takes it out of every journal; the names of the logs it was taken out of. */
  dropSubscriber(
    name: string,
  ): Promise<{ readonly dropped: readonly string[]; readonly problems: readonly string[] }>;
}

/** The aggregator of a manager. */
export interface PulledLogFacts {
  /** What each node says of its logs, in order of names. */
  list(): Promise<readonly NodeLogs[]>;
  pullers(): readonly PullerFacts[];
}

export interface NodeLogs {
  readonly node: string;
  readonly logs: readonly LogListing[];
  /** Why the node says nothing. */
  readonly problem?: string;
}

/** The puller of one log, with its state in the words of its machine. */
export interface PullerFacts {
  readonly node: string;
  readonly log: string;
  readonly state: string;
}

export interface LoggerFacts {
  /** `ec_logger:NAME` of all loggers. */
  readonly names: readonly string[];
  /** What one of them writes to, or all, is written, closed and opened again. */
  reopen(name?: string): Promise<void>;
}

export interface CountFacts {
  readonly series: AuditSeries;
  /** `inbound_audit show ip`, in pieces. */
  show(prefix: Prefix): AsyncIterable<string>;
  /** `inbound_audit show all`, in pieces. */
  all(): AsyncIterable<string>;
  /** Adds a file to a series; the number of its entries. */
  load(series: string, file: string): Promise<number>;
}

/** What can be asked of the running configuration, or done to it (CONF-10). */
export const configVerbs = [
  'begin',
  'commit',
  'diff',
  'eval',
  'get',
  'history',
  'locate',
  'replay',
  'rollback',
  'set',
  'show',
  'showrecurse',
  'unset',
  'write',
  'writeback',
] as const;
export type ConfigVerb = (typeof configVerbs)[number];

export interface ConfigurationFacts {
  /**
   * Each session has a transaction of its own, so that it sees what it changes. Undefined: the words are none that belong
   * to the verb.
   */
  ask(
    verb: ConfigVerb,
    words: readonly string[],
    by: Commander,
  ): Promise<{ readonly isDone: boolean; readonly text: string } | undefined>;
  /** Reads the configuration again, from another file if one is named, and applies what a running node can follow. */
  reload(file: string | undefined, by: Commander): Promise<ReloadFacts>;
}

/** What became of a configuration that was read again (CONF-10). */
export interface ReloadFacts {
  /** False: refused as a whole. */
  readonly applied: boolean;
  /** Lines for people, with findings and verdict. */
  readonly report: string;
  readonly findings: readonly {
    readonly file: string;
    readonly line: number;
    readonly column: number;
    readonly severity: string;
    readonly code: string;
    readonly message: string;
  }[];
  readonly changes: readonly string[];
  readonly needRestart: readonly string[];
}

export interface ModuleFacts {
  /** The name of its stanza, and the first word of its commands. */
  readonly scope: string;
  /** Undefined: there is one of it. */
  readonly instance: string | undefined;
  readonly isEnabled: boolean;
  /** What kind of a module it is: Logger, Singleton, Generic. */
  readonly api: string;
  readonly description: string;
}

/** What a program can attach to. */
export interface HookFacts {
  readonly name: string;
  /** As TypeScript declares it. */
  readonly prototype: string;
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

export interface CacheFacts {
  readonly kind: 'ds_core' | 'cluster';
  readonly name: string;
  readonly counts: CacheCounts;
}

export interface PaniclogLine {
  readonly wallMs: number;
  readonly level: LogLevel;
  readonly text: string;
}

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

export interface RowVerdict {
  /** Private name of the row's owner. */
  readonly origin: string;
  /** `unknown`: no digest of the same sequence number has arrived yet. */
  readonly verdict: 'match' | 'differ' | 'unknown';
}

/** Figures by their names; each kind of object has some of its own besides. */
export interface SharedStats {
  /** Keys that any node counts something for, idle ones included. */
  readonly keys: number;
  /** Changes that are not sent yet. */
  readonly pending: number;
  /** Messages that could not be used. */
  readonly drops: number;
  readonly origins: readonly OriginStats[];
}

/** Of trees and tables. */
export interface RowStats extends SharedStats {
  /** Keys this node counts something for. */
  readonly ownKeys: number;
  /** Own keys that were rolled up into their netblocks, and new ones that found no room at all (replication 21.10). */
  readonly rolledUp: number;
  readonly refused: number;
  /** Releases below zero, and sums beyond 2^53-1 (replication 4.10, 4.11). */
  readonly anomalies: number;
  readonly overflows: number;
  readonly oldestPendingMs: number;
  readonly batchesSent: number;
  readonly snapshotsSent: number;
  readonly batchesReceived: number;
  readonly snapshotsReceived: number;
  /** Batches that were missing, and copies of rows that turned out to differ; both are repaired by a snapshot. */
  readonly gaps: number;
  readonly differences: number;
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

export interface JobFacts {
  /** As in log lines: `ECMMOVE-00017`. */
  readonly id: string;
  readonly kind: string;
  /** Node name of the other end. */
  readonly peer: string;
  readonly ageMs: number;
  readonly bytes: number;
  /** How far it is, where it can tell. */
  readonly progress?: string;
}

export interface DuravipAbsence {
  /** The whole answer to whoever asks about floating addresses. */
  readonly absence: string;
}

/** Floating addresses as this node knows them, and what an operator may ask for about them. */
export interface DuravipFacts {
  /** `gathering`: a new view is agreed and its claims are not complete, so nothing can be decided (OWN-5). */
  readonly state: 'down' | 'gathering' | 'running';
  readonly self: Incarnation;
  /** Nodes of the view, in member order. */
  readonly members: readonly Process[];
  /** Undefined: enough nodes are here to own addresses, or would be without this one (EXT-1). */
  lackOfQuorum(without?: Incarnation): QuorumLack | undefined;
  /** These addresses, or all; in canonical order, each of the moment at which it is asked for. */
  vips(ips?: readonly Ip[]): Iterable<VipView>;
  vip(ip: Ip): VipView | undefined;
  /** Addresses with this binding name, in its own case. */
  named(name: string): readonly Ip[];
  ownedBy(member: Incarnation): readonly Ip[];
  ownerOf(ip: Ip): Process | undefined;
  /** Moved by hand, and kept where they are since (OWN-31). */
  readonly held: readonly Ip[];
  /** The shared ARP table, in order of addresses. */
  hosts(): readonly ArpEntry[];
  /** Changes of ownership that this node saw, oldest first; of one address, or of all. */
  history(ip?: Ip): readonly HistoryEntry[];
  /** What changes owner when this process ends. */
  planWithout(gone: Incarnation): readonly PlannedLoss[];
  /** What is wrong on this machine: privileges, topology, interfaces; and options that differ from other nodes'. */
  problems(): Promise<readonly DuravipProblem[]>;
  readonly debugging: boolean;

  /** Undefined: it can be moved there. */
  moveProblem(ip: Ip, target: Incarnation): MoveProblem | undefined;
  /** Asks the leader; what cannot be moved stays. */
  move(ips: readonly Ip[], target: Incarnation): void;
  /** Ends manual holds (OWN-31). */
  unhold(ips: readonly Ip[]): void;
  /** Multicasts what this node says of its addresses; returns how many they are. */
  announce(): number;
  /**
   * Gives up all addresses, or those of one binding group, until `resume` (LIFE-11). Returns how many it owned of them;
   * undefined: there is no such group.
   */
  release(group: string | undefined): number | undefined;
  /** False: nothing was given up. */
  resume(): boolean;
  debug(on: boolean): void;
}

export interface DuravipProblem {
  /** Undefined: it concerns the node as a whole. */
  readonly ip: Ip | undefined;
  readonly kind: 'privilege' | 'topology' | 'interface' | 'network' | 'option';
  readonly text: string;
}
