/** Settings of listeners: the fallback of CONF-5.2 resolved for each `Listen`. */
import type {
  ListenerSettings,
  LocalEndpoint,
  PeerEndpoint,
  PeerSettings,
  RedisSettings,
  SessionCaps,
} from '../core/settings.ts';
import { contains, type Endpoint, parseEndpoint } from './address.ts';
import { asFlag, asNumber, asText, ScopeReader } from './reader.ts';
import { optionOf } from './schema/lookup.ts';
import type { Scope } from './scope-tree.ts';
import { resolve, type Target } from './scopes.ts';
import type { SettingValue } from './values.ts';

const capOptions: Readonly<Record<keyof SessionCaps, string>> = {
  listenerSessions: 'listener_sessions',
  serviceSessions: 'service_sessions',
  clusterServiceSessions: 'cluster_service_sessions',
};

const frontKinds = { esmtp_listener: 'esmtp', tcp_listener: 'tcp' } as const;

export function frontListenersOf(root: Scope): ListenerSettings[] {
  return Object.entries(frontKinds).flatMap(([listener, kind]) =>
    enabledListens(root, listener).flatMap((listen) => {
      const endpoint = parseEndpoint(listen.key, false);
      return typeof endpoint === 'string' || 'path' in endpoint
        ? []
        : [frontListener(root, listen, { kind, endpoint })];
    }),
  );
}

function frontListener(
  root: Scope,
  listen: Scope,
  { kind, endpoint }: { kind: ListenerSettings['kind']; endpoint: ListenerSettings['listen'] },
): ListenerSettings {
  const value = (option: string) => valueAt(root, listen, option);
  return {
    kind,
    listen: endpoint,
    upstream: value('upstream') as Endpoint | undefined,
    sendProxy: asText(value('send_proxy')) as ListenerSettings['sendProxy'],
    backlog: asNumber(value('listen_backlog')),
    noDelay: asFlag(value('disable_nagle_algorithm')),
    upstreamTimeoutMs: asNumber(value('upstream_timeout')) * 1000,
    idleTimeoutMs: asNumber(value('idle_timeout')) * 1000,
    caps: {
      listenerSessions: asNumber(value(capOptions.listenerSessions)),
      serviceSessions: asNumber(value(capOptions.serviceSessions)),
      clusterServiceSessions: asNumber(value(capOptions.clusterServiceSessions)),
    },
    peers: peersOf(listen),
    enableDuravip: asFlag(value('enable_duravip')),
  };
}

/** `Listen` scopes that are not switched off, by themselves or with their listener. */
export function enabledListens(root: Scope, listener: string): Scope[] {
  const listens = root.child(listener, '')?.children('listen') ?? [];
  return listens.filter((listen) => isEnabledListen(root, listen));
}

export function isEnabledListen(root: Scope, listen: Scope): boolean {
  return asFlag(valueAt(root, listen, 'enable'));
}

/** The value at a Listen without any client: from it, its listener, for session caps its pathway, or the default. */
export function valueAt(root: Scope, listen: Scope, name: string): SettingValue | undefined {
  const option = optionOf(listen.schema, listen.path, name);
  if (option === undefined) throw new Error(`a ${listen.path} has no option '${name}'`);
  const pathway = listen.get('pathway') ?? listen.parent?.get('pathway');
  const target = {
    [listen.path.split('::')[0] ?? '']: '',
    listen: listen.key,
    ...pathwayTarget(root, pathway?.value),
  };
  return resolve(root, option, target).value;
}

function pathwayTarget(root: Scope, pathway: SettingValue | undefined): Target {
  if (typeof pathway !== 'string') return {};
  const group = root
    .children('pathway_group')
    .find((candidate) => candidate.child('pathway', pathway) !== undefined);
  return { pathway, ...(group === undefined ? {} : { pathway_group: group.key }) };
}

/**
 * Peers by prefix. Those of the Listen come before those of the listener whatever their length, and a cap stated by the
 * Listen itself hides the listener's peers altogether; what is left can be searched by longest prefix alone.
 */
function peersOf(listen: Scope): ListenerSettings['peers'] {
  const near = listen.children('peer');
  const far = listen.parent?.children('peer') ?? [];
  const peers = new Map<string, Partial<Record<keyof SessionCaps, number>>>();
  for (const [cap, option] of Object.entries(capOptions) as [keyof SessionCaps, string][]) {
    const stating = near.filter((peer) => peer.get(option) !== undefined);
    const reached = listen.get(option) === undefined ? far.filter((peer) => !isHidden(peer, stating)) : [];
    for (const peer of [...reached, ...stating]) {
      const value = peer.get(option)?.value;
      if (value !== undefined) peers.set(peer.key, { ...peers.get(peer.key), [cap]: asNumber(value) });
    }
  }
  return [...peers].map(([prefix, caps]) => ({ prefix, caps }));
}

function isHidden({ prefix }: Scope, nearer: readonly Scope[]): boolean {
  return nearer.some((other) => prefix && other.prefix && contains(other.prefix, prefix));
}

const defaultBacklog = 500;

/** Undefined: nothing listens for Redis clients. */
export function redisSettingsOf(root: Scope): RedisSettings | undefined {
  const cache = ScopeReader.ofTop(root, 'redis_listener').text('cache');
  const endpoints = localEndpointsOf(root, 'redis_listener');
  return cache === undefined || endpoints.length === 0 ? undefined : { cache, endpoints };
}

/** Where monitoring asks. */
export function metricsEndpointsOf(root: Scope): LocalEndpoint[] {
  return localEndpointsOf(root, 'metrics_listener');
}

function localEndpointsOf(root: Scope, listener: string): LocalEndpoint[] {
  return enabledListens(root, listener).flatMap((listen) => {
    const endpoint = parseEndpoint(listen.key, false);
    if (typeof endpoint === 'string') return [];
    const fileMode = asNumber(valueAt(root, listen, 'file_mode'));
    return [{ endpoint, fileMode, backlog: asNumber(valueAt(root, listen, 'listen_backlog')) }];
  });
}

/** `port`: where it listens unless a `Listen` says otherwise. */
export function peerSettingsOf(root: Scope, port: number): PeerSettings {
  const listener = ScopeReader.ofTop(root, 'eccluster_listener');
  return {
    listen: peerEndpointsOf(root, port),
    secret: listener.text('secret') ?? ScopeReader.ofTop(root, 'msgc_server').text('secret'),
    membersOnly: listener.flag('members_only'),
    connectTimeoutMs: listener.number('connect_timeout') * 1000,
    idleTimeoutMs: listener.number('idle_timeout') * 1000,
    maxJobs: listener.number('max_jobs'),
  };
}

function peerEndpointsOf(root: Scope, port: number): PeerEndpoint[] {
  const listener = root.child('eccluster_listener', '');
  if (listener === undefined || listener.children('listen').length === 0) {
    const isOff = listener?.get('enable')?.value === false;
    const backlog =
      listener === undefined ? defaultBacklog : asNumber(valueAt(root, listener, 'listen_backlog'));
    return isOff ? [] : [{ host: undefined, port, backlog }];
  }
  return enabledListens(root, 'eccluster_listener').flatMap((listen) => {
    const endpoint = parseEndpoint(listen.key, false);
    if (typeof endpoint === 'string' || 'path' in endpoint) return [];
    return [{ ...endpoint, backlog: asNumber(valueAt(root, listen, 'listen_backlog')) }];
  });
}
