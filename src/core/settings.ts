/**
 * What a node is told to do: the configuration after parsing, validation, fallback and defaults. Plain data, so that
 * every layer can read its part without knowing the stanza language. Durations are in milliseconds here, in seconds in
 * the files.
 */
import type { Prefix } from './address.ts';
import type { Ip, VipAnnouncement } from './duravip/vip.ts';
import type { VipTableSettings } from './duravip/vip-table.ts';
import type { Destination } from './logs/destination.ts';
import type { LoggingSettings } from './logs/logger-settings.ts';
import type { OutboundCapSettings, ThrottleStanza } from './outbound-settings.ts';
import type { PartitionPolicy } from './throttle/shares.ts';

/** `Security` */
export interface ProcessUserSettings {
  readonly user: string;
  /** Undefined: that of the user. */
  readonly group: string | undefined;
  /** Undefined: those that the user is in. */
  readonly supplementalGroups: readonly string[] | undefined;
  /** What it keeps of root, as `cap_net_admin`; undefined: what a process of its kind needs. */
  readonly capabilities: readonly string[] | undefined;
}

export interface NodeSettings {
  readonly nodename: string;
  /** Explicit address of this node on the cluster network, without port; undefined: what `nodename` resolves to (ID-7). */
  readonly nodeaddr: string | undefined;
  /** Port of ECCluster_Listener, printed behind `nodeaddr`. */
  readonly clusterPort: number;
  readonly subcluster: string;
  readonly stateDir: string;
  /** Holds the process id of a process of its own; undefined: none does. */
  readonly pidFile: string | undefined;
  /** Whom `flotilla node` and `flotilla manager` become when they are started as root; undefined: nobody else. */
  readonly processUser: ProcessUserSettings | undefined;
  readonly clusterGroup: string;
  readonly controlGroup: string;
  /** undefined prints as `none`. */
  readonly logGroup: string | undefined;
  readonly bus: BusSettings;
  readonly membership: MembershipSettings;
  /** Also without any address: who floats none still has a say in who owns what (OWN-3). */
  readonly duravip: VipSettings;
  /** Values that must be the same on all nodes, by option, to be compared with those of the others (CFG-2317). */
  readonly mustAgree: ReadonlyMap<string, string>;
  readonly replicate: readonly ReplicaSettings[];
  readonly audit: AuditSettings;
  /** What a manager writes to files; undefined: nothing. */
  readonly asLogger: AsLoggerSettings | undefined;
  /** What a manager does with the logs of nodes (`Logs`); undefined: nothing. */
  readonly aggregation: LogsSettings | undefined;
  /** Where a manager keeps what nodes answered. */
  readonly controlCache: ControlCacheSettings;
  /** Query caches, and what declares the replicated ones (replication 14.1). */
  readonly datasources: readonly DatasourceSettings[];
  readonly listeners: readonly ListenerSettings[];
  /** Outbound connection caps as the stanzas state them (replication 6). */
  readonly caps: OutboundCapSettings;
  /** Outbound throttles as the stanzas state them (replication 7.4). */
  readonly throttles: readonly ThrottleStanza[];
  readonly inboundThrottles: InboundThrottleSettings;
  /** `partition_policy`, for throttles and slots that programs make without naming one. */
  readonly partition: PartitionPolicy;
  /** `siv_throttle_cache_size`: named throttles held at most, local ones and shared ones each. */
  readonly maxNamedThrottles: number;
  readonly control: readonly ControlEndpoint[];
  readonly roles: readonly RoleSettings[];
  /** `control_client_timeout`: time for a command of a program, and its answer (CON-3). */
  readonly controlClientTimeoutMs: number;
  readonly peers: PeerSettings;
  /** Requests about shared objects over NATS. */
  readonly api: ApiSettings;
  /** Sockets for Redis clients; undefined: there are none. */
  readonly redis: RedisSettings | undefined;
  /** Where monitoring asks for health and figures (`Metrics_Listener`). */
  readonly metrics: readonly LocalEndpoint[];
  readonly logIntervals: LogIntervals;
  /** Offered to the aggregator, in the order of the configuration (`logs` of `cluster`). */
  readonly logs: readonly OfferedLog[];
  /** Loggers and where they write. */
  readonly logging: LoggingSettings;
  readonly logLevel: 'debug' | 'info' | 'notice' | 'warning' | 'error' | 'critical';
}

/** Of whoever pulls logs. */
export interface LogIntervals {
  /** Longest pause after data; `log_active_interval`. */
  readonly activeMs: number;
  /** Longest pause after none; `log_idle_interval`. */
  readonly idleMs: number;
  /** Silence after which somebody else may have the log; `log_lease_timeout`. */
  readonly leaseMs: number;
}

/** The journal `path` under the name by which managers ask for it. */
export interface OfferedLog {
  readonly name: string;
  readonly path: string;
}

export interface BusSettings {
  /** NATS URLs of external servers; empty means the embedded server. */
  readonly servers: readonly string[];
  readonly credentials: BusCredentials;
  readonly tls: BusTls | undefined;
  readonly connectTimeoutMs: number;
  /** Longest wait between two attempts to reconnect; the actual wait is shorter, with jitter. */
  readonly reconnectWaitMs: number;
  readonly pingIntervalMs: number;
  readonly maxPingOut: number;
  /** Messages that may wait in a connection before it counts as stuck and is restarted. */
  readonly maxBacklog: number;
  /** Login of a NATS system account: gives disconnect advisories, so that a killed node is noticed in milliseconds. */
  readonly systemCredentials: BusCredentials | undefined;
  readonly embedded: EmbeddedServerSettings;
}

/** Paths are re-read at each reconnect, so that rotated secrets need no restart. */
export interface BusCredentials {
  readonly user?: string;
  readonly password?: string;
  readonly passwordFile?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly nkeySeedFile?: string;
  readonly credsFile?: string;
}

export interface BusTls {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface EmbeddedServerSettings {
  /** Port for clients, on loopback (`msgc_server { port }`). */
  readonly clientPort: number;
  /** Where other servers connect (`msgcserver_listener`). */
  readonly routeHost: string;
  readonly routePort: number;
  readonly peers: readonly { readonly name: string; readonly address: string; readonly port: number }[];
  /** Password of the routes; needed when a route leaves loopback, unless TLS is set. */
  readonly secret: string | undefined;
}

export interface MembershipSettings {
  /** `bus_heartbeat_interval`: period of beats. */
  readonly beatIntervalMs: number;
  /** `bus_failure_timeout`: silence after which a process counts as lost. */
  readonly failureTimeoutMs: number;
  /** `heartbeat_start_delay` and 1 / `heartbeats_per_sec`: heartbeats of the cluster module (MEM-13). */
  readonly heartbeatStartDelayMs: number;
  readonly heartbeatIntervalMs: number;
  /** `bus_order_backlog`: ordered messages kept until all members have them. */
  readonly orderBacklog: number;
  /** Leases of addresses need a quorum of hearers (LIFE-18); beats are larger then. */
  readonly tellsHeard: boolean;
}

/** Floating addresses: options of spec 5.1 in the shape in which the actors take them. */
export interface VipSettings {
  /** In canonical order. */
  readonly vips: readonly VipAddressSettings[];
  readonly table: VipTableSettings;
  readonly balanceSetSize: number;
  readonly balanceIntervalMs: number;
  /** `view_broadcast_interval`; 0: never unasked. */
  readonly broadcastIntervalMs: number;
  readonly handover: {
    readonly concurrent: boolean;
    readonly timeoutMs: number;
    readonly failureTimeoutMs: number;
  };
  /** `bus_loss_hold`: how long the lease outlasts the last beat that is known to have got through. */
  readonly holdMs: number;
  /** Nodes that a component needs to own addresses; undefined: `quorum = none`. */
  readonly quorum: number | undefined;
  readonly keepOnOutage: boolean;
  readonly beatIntervalMs: number;
  /** `if_check_interval`, and `if_down_limit` checks of a second (NET-16). */
  readonly patience: { readonly coolDownMs: number; readonly patienceMs: number };
  /** One question to the network who holds an address, and all of them. */
  readonly probeMs: number;
  readonly probeLimitMs: number;
  readonly neighbours: {
    readonly allHosts: boolean;
    readonly framesPerSecond: number;
    readonly shareIntervalMs: number;
  };
  /** What serves on the addresses. */
  readonly services: {
    readonly releaseGraceMs: number;
    /** `plumb_parallel`: addresses whose services start or stop at the same time (NET-10). */
    readonly parallel: number;
    readonly unconditionalRebind: boolean;
  };
}

/** One floating address as this node is configured to serve it. */
export interface VipAddressSettings {
  readonly announcement: Omit<VipAnnouncement, 'capable' | 'draining'>;
  /** Where it goes, followers behind it; undefined: some of it is covered by no Topology with an interface (NET-4). */
  readonly places: readonly VipPlace[] | undefined;
  /** The Topology block of the address: hosts in it are told when it moves (ARP-6). */
  readonly block: Prefix | undefined;
}

export interface VipPlace {
  readonly ip: Ip;
  readonly prefixBits: number;
  readonly interface: string;
}

export const replicaTypes = [
  'cache',
  'inbound_cidr',
  'outbound_cidr',
  'outbound_domains',
  'outbound_binding_domains',
  'OBTM',
  'OBTC',
  'shared_named_throttles',
  'metrics',
  'eccmgr_metrics',
] as const;
export type ReplicaType = (typeof replicaTypes)[number];

export interface ReplicaSettings {
  readonly name: string;
  /** Effective type: class, else type, else name (replication 3.3). */
  readonly type: ReplicaType;
  readonly parameters: readonly string[];
  readonly maxDelayMs: number;
  readonly maxPending: number;
  /** Most keys this node keeps in its own row; beyond it the coldest addresses roll up (replication 21.10). */
  readonly maxKeys: number;
  /** Throttles this node holds; more make the least recently used one go. */
  readonly maxThrottles: number;
  /** How long a throttle waits for an account that does not answer, before it refuses. */
  readonly maxWaitMs: number;
  /** Entries of a replicated cache. */
  readonly maxSize: number;
  readonly bindingGroup: string | undefined;
}

/** What is counted over time, and where files of it go (replication 8.2). */
export interface AuditSettings {
  /** Windows of so many seconds, of which so many finished ones are kept, in the order of the configuration. */
  readonly monitors: readonly { readonly sizeS: number; readonly count: number }[];
  /** Series with `serialize` are written there. */
  readonly logDir: string;
  /** Series with `persist` are saved there. */
  readonly serializeDir: string;
  readonly maintenanceMs: number;
}

/** `as_logger` of a manager (replication 11). */
export interface AsLoggerSettings {
  readonly baseDir: string;
  /** `log_interval`: each file holds so much time. */
  readonly periodMs: number;
  /** Series are written unless, or only if, one of the expressions is found in their name. */
  readonly writesAll: boolean;
  readonly patterns: readonly string[];
}

/** `Logs` as its scopes state it; `logsOf` says what counts for a node. */
export interface ControlCacheSettings {
  /** Default: `control-cache.db` in the state directory. */
  readonly path: string | undefined;
  /** Beyond it the oldest commands are forgotten. */
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export interface LogsSettings {
  readonly base: LogsOptions;
  readonly stanzas: readonly LogsStanza[];
  /** `backlog` of `log_job`: records that wait to be written, after which nothing more is fetched. */
  readonly backlog: number;
}

/** `Manager`, `Node` and `Subcluster` of `Logs`; undefined stands for any. */
export interface LogsStanza {
  readonly manager: string | undefined;
  readonly node: string | undefined;
  readonly subcluster: string | undefined;
  readonly options: Partial<LogsOptions>;
}

export interface LogsOptions {
  /** Holds items that stand for names and times: an OutputPattern. */
  readonly logfile: Destination;
  readonly fileMode: number;
  readonly dirMode: number;
  readonly maxIdleMs: number;
  readonly maxOpen: number;
  /** Whether data is on the disk before it is acknowledged. */
  readonly sync: boolean;
  /** Names tried in order; undefined: the manager's own, then `master`. */
  readonly subscribers: readonly string[] | undefined;
}

/** `inbound_throttle_messages` as one stanza states it (replication 7.6). */
export interface InboundThrottle {
  /** `global`, or the path, as in `pathway_group g::pathway p`. */
  readonly stanza: string;
  /** `N/S`; `0/S` is no limit. */
  readonly rate: string;
}

export interface InboundThrottleSettings {
  readonly global: InboundThrottle | undefined;
  /** What each pathway falls back to; undefined: nothing. */
  readonly byPathway: ReadonlyMap<string, InboundThrottle | undefined>;
}

/** One `Datasource`. */
export interface DatasourceSettings {
  readonly name: string;
  /** `driver:rest`; used in turn. */
  readonly uris: readonly string[];
  /** Results are published where there is a replicated cache of the name. */
  readonly serialized: boolean;
  readonly cacheSize: number;
  /** 0: until there is no room. */
  readonly cacheLifeMs: number;
  /** Undefined: all rows. */
  readonly maxRows: number | undefined;
  readonly noCache: boolean;
}

/** One `Listen` of an `ESMTP_Listener` or `TCP_Listener` (design: front listeners). */
export interface ListenerSettings {
  readonly kind: 'esmtp' | 'tcp';
  /** host `*` is any IPv4, `::` any IPv6. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Undefined: a service registered by the host program. */
  readonly upstream: { readonly host: string; readonly port: number } | { readonly path: string } | undefined;
  readonly sendProxy: 'off' | 'v1' | 'v2';
  readonly backlog: number;
  readonly noDelay: boolean;
  readonly upstreamTimeoutMs: number;
  /** Idle time after which a silent connection is closed; 0 = never. */
  readonly idleTimeoutMs: number;
  /** Caps outside Peer scopes. 0 = no cap. */
  readonly caps: SessionCaps;
  /**
   * For each cap by itself: the longest prefix that contains the client and states the cap applies, and counts that
   * netblock only (0 = no cap for it). A cap stated by no such prefix falls back to `caps`.
   */
  readonly peers: readonly { readonly prefix: string; readonly caps: Partial<SessionCaps> }[];
  /** The mark as stated. What floats is the address: `VipSettings` tells which (DVC-8). */
  readonly enableDuravip: boolean;
}

export interface SessionCaps {
  /** `listener_sessions`: sessions of this listener. */
  readonly listenerSessions: number;
  /** `service_sessions`: sessions of all listeners of the service on this node. */
  readonly serviceSessions: number;
  /** `cluster_service_sessions`: sessions in the whole cluster, from `inbound_cidr`. */
  readonly clusterServiceSessions: number;
}

/** Where a socket for programs of this host is opened. */
export interface LocalEndpoint {
  readonly endpoint: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly fileMode: number;
  readonly backlog: number;
}

/** One `Listen` of a `Control_Listener`. */
export interface ControlEndpoint extends LocalEndpoint {
  /** Undefined: in the clear, for this host only. */
  readonly tls: ControlTls | undefined;
  /** What holds for clients of none of the networks below. */
  readonly access: ControlAccess;
  /** The longest that holds the client counts alone. */
  readonly peers: readonly { readonly prefix: string; readonly access: ControlAccess }[];
}

/** Files, read again for each connection. */
export interface ControlTls {
  readonly certFile: string;
  readonly keyFile: string;
  /** Authority of client certificates; undefined: none is asked for. */
  readonly clientCaFile: string | undefined;
}

/** What a console wants of a client before it does what he says (CON-24 to CON-32). */
export interface ControlAccess {
  /** Idle time. */
  readonly timeoutMs: number;
  /** From the connection to a login that succeeds. */
  readonly loginTimeoutMs: number;
  readonly authenticate: boolean;
  readonly authorize: boolean;
  readonly alwaysAllow: boolean;
  readonly alwaysDeny: boolean;
  /** Whoever is in one of them may come in. */
  readonly passwordFiles: readonly PasswordFile[];
  readonly groupsFile: string | undefined;
}

export interface PasswordFile {
  readonly kind: 'scrypt' | 'clear' | 'digest';
  readonly path: string;
  /** Of `digest`: only lines of this realm count; undefined: all of them. */
  readonly realm?: string;
}

/** One `Role` of `Authorization`, in the order of the files. */
export interface RoleSettings {
  readonly name: string;
  /** Expressions that `LinePattern` takes. */
  readonly allow: readonly string[];
}

export interface ApiSettings {
  readonly isServed: boolean;
  /** Under way at once. */
  readonly maxRequests: number;
}

/** `Redis_Listener`. */
export interface RedisSettings {
  /** The replicated cache with keys and counters. */
  readonly cache: string;
  readonly endpoints: readonly LocalEndpoint[];
}

/** Streams from node to node (`ECCluster_Listener`). */
export interface PeerSettings {
  /** Without a host: the node's address. */
  readonly listen: readonly PeerEndpoint[];
  /** Undefined: the service is off, in both directions. */
  readonly secret: string | undefined;
  /** Only addresses of members may connect. */
  readonly membersOnly: boolean;
  /** Until the other node has accepted or refused. */
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Transfers at once, for each direction. */
  readonly maxJobs: number;
}

export interface PeerEndpoint {
  readonly host: string | undefined;
  readonly port: number;
  readonly backlog: number;
}
