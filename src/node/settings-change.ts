/**
 * From one configuration to the next: what a running node takes over of it, and what differs, in the words of the
 * configuration (DVC-14 to DVC-17).
 *
 * Invariant: whatever of the wanted settings is not taken over is named, also what nobody thought of here.
 */
import { isDeepStrictEqual } from 'node:util';
import type { LoggingSettings } from '../core/logs/logger-settings.ts';
import type { OutboundCapSettings } from '../core/outbound-settings.ts';
import type {
  ControlEndpoint,
  DatasourceSettings,
  ListenerSettings,
  NodeSettings,
  ReplicaSettings,
  VipSettings,
} from '../core/settings.ts';
import {
  endpointText,
  floatingIpsOf,
  hostOfConsole,
  hostOfListener,
  hostOfPeers,
  splitByAddress,
} from './vip-listeners.ts';

/** Options that must be the same on all nodes, and take effect at once. */
const agreedAtOnce = new Set([
  'view_mature_time',
  'view_balance_interval',
  'duravip_balance_set_size',
  'orphan_mature_time',
  'handover',
]);

/** `running` with as much of `wanted` as takes effect without a restart. */
export function reloaded(running: NodeSettings, wanted: NodeSettings): NodeSettings {
  const ips = floatingIpsOf(wanted.duravip.vips);
  const float = <Each>(
    now: readonly Each[],
    next: readonly Each[],
    host: (each: Each) => string | undefined,
  ) => [
    ...splitByAddress(now, host, ips).fixed.filter(
      // One that floated until now goes with its address.
      (each) => splitByAddress([each], host, floatingIpsOf(running.duravip.vips)).fixed.length > 0,
    ),
    ...splitByAddress(next, host, ips).floating,
  ];
  const ipsBefore = floatingIpsOf(running.duravip.vips);
  /** One that floated until now goes with its address: nothing can listen on it until the address is put on by hand. */
  const withoutGone = <Each>(all: readonly Each[], host: (each: Each) => string | undefined) => {
    const { floating, fixed } = splitByAddress(all, host, ips);
    return [...splitByAddress(fixed, host, ipsBefore).fixed, ...floating];
  };
  return {
    ...running,
    duravip: duravipOf(running.duravip, wanted.duravip),
    listeners: withoutGone(wanted.listeners, hostOfListener),
    control: withSockets(withoutGone(wanted.control, hostOfConsole), running.control),
    roles: wanted.roles,
    peers: {
      ...wanted.peers,
      secret: running.peers.secret,
      connectTimeoutMs: running.peers.connectTimeoutMs,
      listen: float(running.peers.listen, wanted.peers.listen, hostOfPeers),
    },
    logGroup: wanted.logGroup,
    api: { ...running.api, maxRequests: wanted.api.maxRequests },
    controlClientTimeoutMs: wanted.controlClientTimeoutMs,
    caps: capsOf(running.caps, wanted.caps),
    throttles: wanted.throttles,
    inboundThrottles: wanted.inboundThrottles,
    partition: wanted.partition,
    replicate: replicateOf(running.replicate, wanted.replicate),
    datasources: datasourcesOf(running.datasources, wanted.datasources),
    logIntervals: wanted.logIntervals,
    logs: wanted.logs,
    logging: loggingOf(running.logging, wanted.logging),
    logLevel: wanted.logLevel,
    ...ofManagers(wanted),
    mustAgree: new Map(
      [...running.mustAgree].map(([name, value]) => [
        name,
        agreedAtOnce.has(name) ? (wanted.mustAgree.get(name) ?? value) : value,
      ]),
    ),
  };
}

/** Nothing of a node depends on it. */
function ofManagers({ asLogger, aggregation, controlCache }: NodeSettings) {
  return { asLogger, aggregation, controlCache };
}

/** Of an endpoint that is open: who may come in counts for the next connection, what listens stays as it is. */
export function withSockets(
  wanted: readonly ControlEndpoint[],
  running: readonly ControlEndpoint[],
): ControlEndpoint[] {
  return wanted.map((next) => {
    const open = running.find((each) => isDeepStrictEqual(each.endpoint, next.endpoint));
    if (!open) return next;
    if ((next.tls === undefined) !== (open.tls === undefined)) return open;
    return { ...open, tls: next.tls, access: next.access, peers: next.peers };
  });
}

/** Bounds of journals are given to them when they are opened; how times are written is part of each open file. */
export function loggingOf(running: LoggingSettings, wanted: LoggingSettings): LoggingSettings {
  const { isHighResolution, maxLag } = running;
  return { ...wanted, isHighResolution, maxLag };
}

/** The lease, the quorum and the beats are what the others were told at the beginning of the view. */
function duravipOf(running: VipSettings, wanted: VipSettings): VipSettings {
  const { holdMs, quorum, beatIntervalMs } = running;
  const { failureTimeoutMs } = running.handover;
  return { ...wanted, holdMs, quorum, beatIntervalMs, handover: { ...wanted.handover, failureTimeoutMs } };
}

/** How long changes and callers wait and how much a cache holds can change at any time; what an object is cannot (replication 3.11). */
export function replicateOf(
  running: readonly ReplicaSettings[],
  wanted: readonly ReplicaSettings[],
): ReplicaSettings[] {
  return running.map((object) => {
    const next = wanted.find(({ name, type }) => name === object.name && type === object.type);
    if (!next) return object;
    const { maxDelayMs, maxPending, maxSize, maxWaitMs } = next;
    return { ...object, maxDelayMs, maxPending, maxSize, maxWaitMs };
  });
}

/** What is kept of results, and for how long (replication 14.8); whom to ask takes a restart. */
function datasourcesOf(
  running: readonly DatasourceSettings[],
  wanted: readonly DatasourceSettings[],
): DatasourceSettings[] {
  return running.map((datasource) => {
    const next = wanted.find(({ name }) => name === datasource.name);
    if (!next) return datasource;
    const { cacheSize, cacheLifeMs, maxRows, noCache } = next;
    return { ...datasource, cacheSize, cacheLifeMs, maxRows, noCache };
  });
}

/**
 * Caps hold for what is open, too. Objects of one group count connections: one that is open has to be counted down where it
 * was counted up. A connection that was opened without the slot of a strict cap has none to give back.
 */
function capsOf(running: OutboundCapSettings, wanted: OutboundCapSettings): OutboundCapSettings {
  const { stanzas, groupOfBinding } = wanted;
  const isCounting = running.objects.some(({ bindingGroup }) => bindingGroup !== undefined);
  return isCounting ? { ...running, stanzas } : { ...running, stanzas, groupOfBinding };
}

/** What differs, one text each: `10.1.1.41 added`, `view_mature_time`. */
export function differences(before: NodeSettings, after: NodeSettings): string[] {
  const lists = [
    ...listed(before.duravip.vips, after.duravip.vips, ({ announcement }) => `DuraVIP ${announcement.ip}`),
    ...listed(before.listeners, after.listeners, listenerName),
    ...listed(before.control, after.control, ({ endpoint }) =>
      'path' in endpoint
        ? `Control_Listener ${endpoint.path}`
        : `Control_Listener ${endpointText(endpoint.host, endpoint.port)}`,
    ),
    ...listed(
      before.peers.listen,
      after.peers.listen,
      ({ host = '*', port }) => `ECCluster_Listener ${endpointText(host, port)}`,
    ),
    ...listed(before.replicate, after.replicate, ({ name }) => `Replicate ${name}`),
    ...listed(before.datasources, after.datasources, ({ name }) => `Datasource ${name}`),
  ];
  return [...lists, ...new Set(plainDifferences('', before, after))];
}

/** Compared element by element above; `mustAgree` says again what other settings say. */
const compared = new Set([
  'duravip.vips',
  'listeners',
  'control',
  'peers.listen',
  'replicate',
  'datasources',
  'caps.objects',
  'mustAgree',
]);

function plainDifferences(path: string, before: unknown, after: unknown): string[] {
  if (compared.has(path) || isDeepStrictEqual(before, after)) return [];
  if (!isPlain(before) || !isPlain(after)) return [nameOf(path)];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) =>
    plainDifferences(path === '' ? key : `${path}.${key}`, before[key], after[key]),
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype;
}

function listed<Each>(
  before: readonly Each[],
  after: readonly Each[],
  name: (each: Each) => string,
): string[] {
  const earlier = new Map(before.map((each) => [name(each), each]));
  const later = new Map(after.map((each) => [name(each), each]));
  return [
    ...[...earlier.keys()].filter((key) => !later.has(key)).map((key) => `${key} removed`),
    ...[...later].flatMap(([key, each]) => {
      if (!earlier.has(key)) return [`${key} added`];
      return isDeepStrictEqual(earlier.get(key), each) ? [] : [`${key} changed`];
    }),
  ];
}

function listenerName({ kind, listen: { host, port } }: ListenerSettings): string {
  return `${kind === 'esmtp' ? 'ESMTP_Listener' : 'TCP_Listener'} ${endpointText(host, port)}`;
}

/** The option or stanza that a setting comes from; the longest beginning of its path counts. */
const optionNames: Readonly<Record<string, string>> = {
  clusterPort: 'ECCluster_Listener',
  subcluster: 'EC_SUB_CLUSTER',
  stateDir: 'state_dir',
  pidFile: 'pidfile',
  processUser: 'Security',
  clusterGroup: 'cluster_group',
  controlGroup: 'control_group',
  logGroup: 'log_group',
  logLevel: 'debug_level',
  metrics: 'Metrics_Listener',
  'api.isServed': 'api',
  'api.maxRequests': 'api_max_requests',
  peers: 'ECCluster_Listener',
  'peers.membersOnly': 'members_only',
  'peers.idleTimeoutMs': 'idle_timeout of ECCluster_Listener',
  'peers.maxJobs': 'max_jobs',
  'caps.stanzas': 'outbound connection caps',
  'caps.strict': 'strict_connection_caps',
  throttles: 'outbound throttles',
  asLogger: 'as_logger',
  'asLogger.baseDir': 'base_dir',
  'asLogger.periodMs': 'log_interval',
  'asLogger.writesAll': 'series_include_default',
  'asLogger.patterns': 'series_include or series_exclude',
  aggregation: 'Logs',
  'aggregation.backlog': 'backlog of log_job',
  'logIntervals.activeMs': 'log_active_interval',
  'logIntervals.idleMs': 'log_idle_interval',
  'logIntervals.leaseMs': 'log_lease_timeout',
  logging: 'loggers',
  'logging.isHighResolution': 'log_hires_timestamp',
  'logging.maxLag': 'logs_max_lag',
  'logging.equalMessages': 'debug_throttle_max_num_same_message',
  'logging.splitsLevels': 'log_group_split',
  roles: 'Authorization',
  controlClientTimeoutMs: 'control_client_timeout',
  inboundThrottles: 'inbound_throttle_messages',
  partition: 'partition_policy',
  audit: 'inbound_audit',
  'controlCache.path': 'control_cache',
  'controlCache.maxBytes': 'control_cache_size',
  'controlCache.maxAgeMs': 'control_cache_life',
  maxNamedThrottles: 'siv_throttle_cache_size',
  'caps.groupOfBinding': 'Binding_Group, as outbound connection caps know it',
  bus: 'msgc_client',
  'bus.servers': 'servers',
  'bus.credentials': 'bus_user, bus_password, bus_token, bus_nkey_seed or bus_creds',
  'bus.tls': 'bus_tls_ca, bus_tls_cert or bus_tls_key',
  'bus.systemCredentials': 'bus_system_user or bus_system_password',
  'bus.maxBacklog': 'max_backlog',
  'bus.embedded': 'msgc_server',
  'membership.beatIntervalMs': 'bus_heartbeat_interval',
  'membership.failureTimeoutMs': 'bus_failure_timeout',
  'membership.heartbeatStartDelayMs': 'heartbeat_start_delay',
  'membership.heartbeatIntervalMs': 'heartbeats_per_sec',
  'membership.orderBacklog': 'bus_order_backlog',
  'membership.tellsHeard': 'quorum',
  'duravip.table.matureMs': 'view_mature_time',
  'duravip.table.orphanMatureMs': 'orphan_mature_time',
  'duravip.table.brokenPolicy': 'duravip_broken_policy',
  'duravip.balanceSetSize': 'duravip_balance_set_size',
  'duravip.balanceIntervalMs': 'view_balance_interval',
  'duravip.broadcastIntervalMs': 'view_broadcast_interval',
  'duravip.handover.concurrent': 'handover',
  'duravip.handover.timeoutMs': 'handover_timeout',
  'duravip.handover.failureTimeoutMs': 'bus_failure_timeout',
  'duravip.holdMs': 'bus_loss_hold',
  'duravip.quorum': 'quorum',
  'duravip.keepOnOutage': 'on_bus_outage',
  'duravip.beatIntervalMs': 'bus_heartbeat_interval',
  'duravip.patience.coolDownMs': 'if_check_interval',
  'duravip.patience.patienceMs': 'if_down_limit',
  'duravip.probeLimitMs': 'probe_limit',
  'duravip.neighbours.allHosts': 'arp_all_hosts',
  'duravip.neighbours.framesPerSecond': 'arp_rate',
  'duravip.neighbours.shareIntervalMs': 'arp_share_interval',
  'duravip.services.releaseGraceMs': 'release_grace',
  'duravip.services.parallel': 'plumb_parallel',
  'duravip.services.unconditionalRebind': 'unconditional_rebind',
};

function nameOf(path: string): string {
  const words = path.split('.');
  for (let length = words.length; length > 0; length--) {
    const name = optionNames[words.slice(0, length).join('.')];
    if (name !== undefined) return name;
  }
  return path;
}
