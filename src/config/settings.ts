/**
 * From the validated scope tree to the settings of a node: fallback, defaults and units are resolved here, so that no
 * other layer knows the stanza language. Call only for a tree without errors.
 */

import { largestSize } from '../core/cache/cache.ts';
import type { LogLevel } from '../core/log.ts';
import {
  clusterLimitNames,
  type OutboundCapSettings,
  type OutboundScope,
  type OutboundStanza,
  outboundLimitNames,
  outboundThrottleNames,
  type ThrottleStanza,
} from '../core/outbound-settings.ts';
import type {
  AsLoggerSettings,
  AuditSettings,
  BusCredentials,
  BusSettings,
  BusTls,
  DatasourceSettings,
  EmbeddedServerSettings,
  InboundThrottle,
  InboundThrottleSettings,
  MembershipSettings,
  NodeSettings,
  OfferedLog,
  ReplicaSettings,
  ReplicaType,
} from '../core/settings.ts';
import { rateText } from '../core/throttle/rate.ts';
import { type PartitionPolicy, partitionPolicies } from '../core/throttle/shares.ts';
import { isLoopbackHost, parseEndpoint } from './address.ts';
import { busPortsOf, peersOf, serversOf } from './bus-layout.ts';
import { bindingsOf, effectiveType, type Identity } from './checks/check.ts';
import { controlEndpointsOf, rolesOf } from './control-settings.ts';
import { vipSettingsOf } from './duravip-settings.ts';
import {
  frontListenersOf,
  metricsEndpointsOf,
  peerSettingsOf,
  redisSettingsOf,
} from './listener-settings.ts';
import { loggingSettingsOf } from './logger-settings.ts';
import { aggregationOf, controlCacheOf } from './logs-settings.ts';
import { membershipTimes } from './membership-times.ts';
import { mustAgreeOf } from './must-agree.ts';
import { ScopeReader } from './reader.ts';
import type { Scope } from './scope-tree.ts';
import { processUserOf } from './security-settings.ts';
import type { SettingValue } from './values.ts';

const defaultClusterPort = 4802;

export function nodeSettingsOf(
  root: Scope,
  identity: Identity,
  environment: Readonly<Record<string, string | undefined>>,
): NodeSettings {
  const cluster = ScopeReader.ofTop(root, 'cluster');
  const replicate = replicasOf(root);
  return {
    nodename: identity.nodename,
    nodeaddr: cluster.text('nodeaddr'),
    clusterPort: clusterPortOf(root),
    subcluster: identity.subcluster,
    stateDir: cluster.text('state_dir') ?? '',
    pidFile: new ScopeReader(root.schema, root).text('pidfile'),
    processUser: processUserOf(root),
    clusterGroup: cluster.text('cluster_group') ?? '',
    controlGroup: cluster.text('control_group') ?? '',
    logGroup: cluster.text('log_group'),
    bus: busOf(root),
    membership: membershipOf(root),
    duravip: vipSettingsOf(root, identity.nodename),
    mustAgree: mustAgreeOf(root),
    replicate,
    audit: auditOf(root),
    asLogger: asLoggerOf(root),
    aggregation: aggregationOf(root),
    controlCache: controlCacheOf(root, identity.nodename),
    datasources: datasourcesOf(root),
    listeners: frontListenersOf(root),
    caps: capsOf(root, replicate),
    throttles: throttleStanzas(root),
    inboundThrottles: inboundThrottlesOf(root),
    partition: partitionOf(root) ?? 'share',
    maxNamedThrottles: namedThrottlesOf(root),
    control: controlEndpointsOf(root, environment.EC_DIGEST_REALM),
    roles: rolesOf(root),
    controlClientTimeoutMs: controlClientTimeoutMsOf(root),
    peers: peerSettingsOf(root, clusterPortOf(root)),
    api: { isServed: cluster.flag('api'), maxRequests: cluster.number('api_max_requests') },
    redis: redisSettingsOf(root),
    metrics: metricsEndpointsOf(root),
    logIntervals: {
      activeMs: 1000 * cluster.number('log_active_interval'),
      idleMs: 1000 * cluster.number('log_idle_interval'),
      leaseMs: 1000 * cluster.number('log_lease_timeout'),
    },
    logs: offeredLogs(cluster),
    logging: loggingSettingsOf(root),
    logLevel: cluster.text('debug_level') as LogLevel,
  };
}

function offeredLogs(cluster: ScopeReader): OfferedLog[] {
  const logs = cluster.value('logs');
  if (!(logs instanceof Map)) return [];
  return [...(logs as ReadonlyMap<string, SettingValue>)].map(([name, path]) => ({
    name,
    path: String(path),
  }));
}

function controlClientTimeoutMsOf(root: Scope): number {
  return new ScopeReader(root.schema, root).number('control_client_timeout') * 1000;
}

function clusterPortOf(root: Scope): number {
  const listen = root.child('eccluster_listener', '')?.children('listen')[0];
  const endpoint = listen === undefined ? undefined : parseEndpoint(listen.key, false);
  return typeof endpoint === 'object' && 'port' in endpoint ? endpoint.port : defaultClusterPort;
}

// Bus

/** Waits that hold when the files state none; those of the original are for links that break once a month. */
const unstatedMs = { connectTimeout: 2000, reconnectWait: 500, pingInterval: 1000 };
const unstatedPingOut = 2;

function busOf(root: Scope): BusSettings {
  const cluster = ScopeReader.ofTop(root, 'cluster');
  const client = ScopeReader.ofTop(root, 'msgc_client');
  const stated = (option: string) => {
    const seconds = client.seconds(option);
    return seconds === undefined ? undefined : seconds * 1000;
  };
  const pingIntervalMs = stated('keepalive_interval') ?? unstatedMs.pingInterval;
  const idleMs = stated('idle_timeout');
  return {
    servers: serversOf(root),
    credentials: credentialsOf(cluster),
    tls: tlsOf(cluster),
    connectTimeoutMs: stated('connect_timeout') ?? unstatedMs.connectTimeout,
    reconnectWaitMs: stated('reconnect_interval') ?? unstatedMs.reconnectWait,
    pingIntervalMs,
    maxPingOut: idleMs === undefined ? unstatedPingOut : Math.ceil(idleMs / pingIntervalMs),
    maxBacklog: client.number('max_backlog'),
    systemCredentials: systemCredentialsOf(cluster),
    embedded: embeddedOf(root),
  };
}

/** Only what is stated: an absent property is not the same as an undefined one. */
function stated<T extends object>(values: { readonly [name in keyof T]: T[name] | undefined }): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}

function credentialsOf(cluster: ScopeReader): BusCredentials {
  return stated<Required<BusCredentials>>({
    user: cluster.text('bus_user'),
    password: cluster.text('bus_password'),
    passwordFile: cluster.text('bus_password_file'),
    token: cluster.text('bus_token'),
    tokenFile: cluster.text('bus_token_file'),
    nkeySeedFile: cluster.text('bus_nkey_seed'),
    credsFile: cluster.text('bus_creds'),
  });
}

function systemCredentialsOf(cluster: ScopeReader): BusCredentials | undefined {
  const user = cluster.text('bus_system_user');
  if (user === undefined) return undefined;
  return stated<Required<Pick<BusCredentials, 'user' | 'password'>>>({
    user,
    password: cluster.text('bus_system_password'),
  });
}

function tlsOf(cluster: ScopeReader): BusTls | undefined {
  const tls = stated<Required<BusTls>>({
    caFile: cluster.text('bus_tls_ca'),
    certFile: cluster.text('bus_tls_cert'),
    keyFile: cluster.text('bus_tls_key'),
  });
  return Object.keys(tls).length === 0 ? undefined : tls;
}

function embeddedOf(root: Scope): EmbeddedServerSettings {
  const { clientPort, routeHost, routePort } = busPortsOf(root);
  const peers = peersOf(root);
  // Unless stated, routes are open to other machines only when there are peers on other machines.
  const isLocal = peers.every(({ address }) => isLoopbackHost(address));
  return {
    clientPort,
    routeHost: routeHost ?? (isLocal ? '127.0.0.1' : '*'),
    routePort,
    peers,
    secret: ScopeReader.ofTop(root, 'msgc_server').text('secret'),
  };
}

function membershipOf(root: Scope): MembershipSettings {
  const cluster = ScopeReader.ofTop(root, 'cluster');
  return {
    ...membershipTimes(root),
    heartbeatStartDelayMs: cluster.number('heartbeat_start_delay') * 1000,
    heartbeatIntervalMs: 1000 / cluster.number('heartbeats_per_sec'),
    orderBacklog: cluster.number('bus_order_backlog'),
    tellsHeard: cluster.text('quorum') !== 'none',
  };
}

// Shared objects and caps

function replicasOf(root: Scope): ReplicaSettings[] {
  const stanzas = root.child('cluster', '')?.children('replicate') ?? [];
  return stanzas.map((stanza) => {
    const reader = new ScopeReader(stanza.schema, stanza);
    const type = effectiveType(stanza) as ReplicaType;
    return {
      name: stanza.instance,
      type,
      parameters: reader.texts('parameters'),
      maxDelayMs: reader.number('max_delay') * 1000,
      maxPending: reader.number('max_pending'),
      maxKeys: reader.number('max_keys'),
      maxThrottles: type === 'shared_named_throttles' ? namedThrottlesOf(root) : stanzaThrottles,
      maxWaitMs: reader.number('max_wait') * 1000,
      maxSize: Math.min(unlimitedOr(reader.number('max_size')) ?? largestSize, largestSize),
      bindingGroup: reader.text('binding_group'),
    };
  });
}

/** Throttles of stanzas; a configuration of more stanzas would not load in any useful time. */
const stanzaThrottles = 1_000_000;

function namedThrottlesOf(root: Scope): number {
  return new ScopeReader(root.schema, root).number('siv_throttle_cache_size');
}

function auditOf(root: Scope): AuditSettings {
  const reader = ScopeReader.ofTop(root, 'inbound_audit');
  return {
    monitors: (reader.flag('enabled') ? reader.texts('monitors') : []).map((text) => {
      const [sizeS, count] = text.split(',').map(Number);
      return { sizeS: sizeS!, count: count! };
    }),
    logDir: reader.text('log_dir') ?? '',
    serializeDir: reader.text('serialize_dir') ?? '',
    maintenanceMs: reader.number('maintenance_interval') * 1000,
  };
}

function asLoggerOf(root: Scope): AsLoggerSettings | undefined {
  const reader = ScopeReader.ofTop(root, 'as_logger');
  if (root.child('as_logger', '') === undefined || !reader.flag('enabled')) return undefined;
  const writesAll = reader.text('series_include_default') === 'all';
  return {
    baseDir: reader.text('base_dir') ?? '',
    periodMs: reader.number('log_interval') * 1000,
    writesAll,
    patterns: reader.texts(writesAll ? 'series_exclude' : 'series_include'),
  };
}

function datasourcesOf(root: Scope): DatasourceSettings[] {
  return root.children('datasource').map((stanza) => {
    const reader = new ScopeReader(stanza.schema, stanza);
    return {
      name: stanza.instance,
      uris: reader.texts('uri'),
      serialized: reader.flag('serialized'),
      cacheSize: reader.number('cache_size'),
      cacheLifeMs: reader.number('cache_life') * 1000,
      maxRows: unlimitedOr(reader.number('max_rows')),
      noCache: reader.flag('no_cache'),
    };
  });
}

/** -1 is no limit. */
function unlimitedOr(number: number): number | undefined {
  return number === -1 ? undefined : number;
}

function capsOf(root: Scope, objects: readonly ReplicaSettings[]): OutboundCapSettings {
  const groups = bindingsOf(root).filter(({ group }) => group !== undefined);
  return {
    stanzas: capStanzas(root),
    groupOfBinding: new Map(groups.map(({ scope, group }) => [scope.instance, group?.instance ?? 'default'])),
    objects,
    strict: clusterLimitNames.filter((name) =>
      new ScopeReader(root.schema, root).texts('strict_connection_caps').includes(name),
    ),
  };
}

function capStanzas(root: Scope): OutboundStanza[] {
  return outboundStanzas(root, outboundLimitNames, (value) =>
    typeof value === 'number' ? value : undefined,
  );
}

function throttleStanzas(root: Scope): ThrottleStanza[] {
  return outboundStanzas(root, outboundThrottleNames, rateTextOf);
}

function inboundThrottlesOf(root: Scope): InboundThrottleSettings {
  const stated = (scope: Scope, stanza: string): InboundThrottle | undefined => {
    const value = scope.get('inbound_throttle_messages')?.value;
    const rate = value === undefined ? undefined : rateTextOf(value);
    return rate === undefined ? undefined : { stanza, rate };
  };
  const global = stated(root, 'global');
  const byPathway = new Map<string, InboundThrottle | undefined>();
  for (const pathway of root.children('pathway'))
    byPathway.set(pathway.instance, stated(pathway, `pathway ${pathway.instance}`) ?? global);
  for (const group of root.children('pathway_group')) {
    const path = `pathway_group ${group.instance}`;
    const ofGroup = stated(group, path) ?? global;
    for (const pathway of group.children('pathway'))
      byPathway.set(pathway.instance, stated(pathway, `${path}::pathway ${pathway.instance}`) ?? ofGroup);
  }
  return { global, byPathway };
}

function rateTextOf(value: SettingValue): string | undefined {
  if (typeof value !== 'object' || !('periodSeconds' in value)) return undefined;
  const { count, periodSeconds, burst } = value;
  return rateText({ units: count, windowS: periodSeconds, ...(burst === undefined ? {} : { burst }) });
}

const outboundKinds = { binding_group: 'group', binding: 'binding', domain: 'domain', host: 'host' } as const;

/** What stands in the scope itself. */
function partitionOf(scope: Scope): PartitionPolicy | undefined {
  const policy = scope.get('partition_policy')?.value;
  return partitionPolicies.find((known) => known === policy);
}

/** Stanzas that set one of the options, containers before what they hold. */
function outboundStanzas<Name extends string, Value>(
  scope: Scope,
  names: readonly Name[],
  read: (value: SettingValue) => Value | undefined,
  place: OutboundScope = {},
  around?: PartitionPolicy,
): OutboundStanza<Name, Value>[] {
  const partition = partitionOf(scope) ?? around;
  const limits: Partial<Record<Name, Value>> = {};
  for (const name of names) {
    const setting = scope.get(name)?.value;
    const value = setting === undefined ? undefined : read(setting);
    if (value !== undefined) limits[name] = value;
  }
  const own =
    Object.keys(limits).length === 0 ? [] : [{ scope: place, limits, ...(partition && { partition }) }];
  const inner = Object.entries(outboundKinds).flatMap(([kind, property]) =>
    scope
      .children(kind)
      .flatMap((child) =>
        outboundStanzas(child, names, read, { ...place, [property]: child.instance }, partition),
      ),
  );
  return [...own, ...inner];
}
