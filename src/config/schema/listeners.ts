/**
 * Listeners with their `Listen` and `Peer` scopes (CONF-8.5). An option of a listener falls back from the peer to the
 * Listen, to peers of the listener, to the listener, and for session caps to its pathway.
 */

import { nodeName } from './cluster.ts';
import {
  afterRestart,
  anonymous,
  bool,
  dictionaryOf,
  duration,
  ignoredOptions,
  int,
  listOf,
  mode,
  named,
  type OptionSchema,
  oneOf,
  path,
  type ScopeSchema,
  seconds,
  text,
} from './option.ts';

/** Levels at which an option of listener `name` may stand. */
function pathsOf(name: string, levels: 'all' | 'listen' | 'listen only'): string[] {
  if (levels === 'listen only') return [`${name}::listen`];
  if (levels === 'listen') return [`${name}::listen`, name];
  return [`${name}::listen::peer`, `${name}::listen`, `${name}::peer`, name];
}

const at = (paths: readonly string[], options: readonly OptionSchema[]) =>
  options.map((option) => ({ ...option, paths }));

const socketOptions: readonly OptionSchema[] = [
  { name: 'enable', type: bool, default: 'true', text: 'Whether it listens.' },
  { name: 'file_mode', type: mode, default: '0660', text: 'Mode of a Unix socket.' },
  {
    name: 'listen_backlog',
    type: int(1, 65_535),
    default: '500',
    text: 'Connections the kernel keeps until they are accepted.',
  },
  { name: 'disable_nagle_algorithm', type: bool, default: 'false', text: 'Send small pieces at once.' },
  {
    name: 'tcp_recv_buffer_size',
    type: int(1, 1 << 30, 'bytes'),
    default: '4096',
    ignored: true,
    text: 'Receive buffer; the kernel sizes it.',
  },
  {
    name: 'tcp_send_buffer_size',
    type: int(1, 1 << 30, 'bytes'),
    default: '4096',
    ignored: true,
    text: 'Send buffer; the kernel sizes it.',
  },
  {
    name: 'accept_queue_backlog',
    type: int(0),
    default: '0',
    ignored: true,
    text: 'Queue of the threaded original.',
  },
  { name: 'concurrency', type: int(0), default: '0', ignored: true, text: 'Threads of the original.' },
  {
    name: 'events_per_iter',
    type: int(0),
    default: '0',
    ignored: true,
    text: 'Fairness bound of the original.',
  },
  { name: 'pool_name', type: text, ignored: true, text: 'Thread pool of the original.' },
];

/** Of a kind of listener to which these mean nothing. */
function socketsWithout(...pointless: readonly string[]): OptionSchema[] {
  return socketOptions.map((option) =>
    pointless.includes(option.name) ? { ...option, ignored: true } : option,
  );
}

const duravipOptions: readonly OptionSchema[] = [
  { name: 'enable_duravip', type: bool, default: 'false', text: 'The address floats between nodes.' },
  {
    name: 'duravip_preference',
    type: listOf(nodeName, { alone: true }),
    text: 'Node that should own the address, or several in order.',
  },
  { name: 'duravip_follow', type: text, text: 'Binding, or its address, that this one goes with.' },
];

/** Caps on open sessions; the options a `Peer` is made for. */
const capOptions: readonly OptionSchema[] = [
  {
    name: 'listener_sessions',
    type: int(0),
    default: '0',
    text: 'Most sessions of this listener; in a Peer, of that network. 0: no cap.',
  },
  {
    name: 'service_sessions',
    type: int(0),
    default: '0',
    text: 'Most sessions of all listeners of the service on this node; in a Peer, of that network. 0: no cap.',
  },
  {
    name: 'cluster_service_sessions',
    type: int(0),
    default: '0',
    text: 'Most sessions in the whole cluster, from `inbound_cidr`; in a Peer, of that network. 0: no cap.',
  },
];

export const pathwayCapPaths = ['pathway_group::pathway', 'pathway', 'pathway_group'] as const;
export const pathwayCapOptions: readonly OptionSchema[] = at(pathwayCapPaths, capOptions);

const frontOptions: readonly OptionSchema[] = [
  {
    name: 'upstream',
    type: { kind: 'endpoint', hostNames: true },
    text: 'The service behind the listener; unset: one that the program registers.',
  },
  {
    name: 'send_proxy',
    type: oneOf(['off', 'v1', 'v2']),
    default: 'off',
    text: 'PROXY protocol header that tells the upstream who the client is.',
  },
  {
    name: 'upstream_timeout',
    type: duration(0.01, 3600),
    default: '5',
    text: 'Wait for a connection to the upstream.',
  },
  {
    name: 'idle_timeout',
    type: duration(0),
    default: '0',
    text: 'Silence after which a connection is closed; 0: never.',
  },
];

const mailOptions =
  'banner_hostname banner_text idle_time enable_rsets max_receptions max_recipients receive_max_message_size smtp_extensions ' +
  'tls tls_ca tls_certificate tls_ciphers tls_client_ca tls_key tls_options tls_protocols tls_verify enable_authentication ' +
  'authloginparameters authplainparameters authcrammd5parameters authdigestmd5parameters always_allow_relaying ' +
  'relay_hosts relay_domains prohibited_hosts open_relay context xclient hostname allow_trailing_whitespace ' +
  'reject_lone_lf arg_max_length message_drain_rate event_loop';

const uriDictionary = dictionaryOf(text);
const consoleOptions: readonly OptionSchema[] = [
  {
    name: 'timeout',
    type: seconds(1),
    default: '60',
    text: 'Idle time after which a console connection is closed.',
  },
  {
    name: 'enable_authentication',
    type: bool,
    default: 'false',
    text: 'Whether a client must say who it is.',
  },
  {
    name: 'enable_authorization',
    type: bool,
    default: 'false',
    text: 'Whether each command must be allowed by a Role.',
  },
  {
    name: 'login_timeout',
    type: seconds(1, 3600),
    default: '60',
    text: 'Time for TLS and a login that succeeds; then the connection is closed.',
  },
  {
    name: 'authloginparameters',
    type: uriDictionary,
    text: 'Password file, as `uri`: `scrypt:///FILE` made with `flotilla passwd`, or `file:///FILE` with `user:password` in clear text.',
  },
  {
    name: 'authdigestmd5parameters',
    type: uriDictionary,
    text: 'Password file in htdigest format, as `uri`: `digest:///FILE`. Lines of the realm `EC_DIGEST_REALM` count; of all realms where it is not set.',
  },
  {
    name: 'authcrammd5parameters',
    type: uriDictionary,
    ignored: true,
    text: 'Of the original; passwords travel in TLS instead.',
  },
  {
    name: 'authorizationparameters',
    type: uriDictionary,
    text: 'File of groups and their users, as `uri`: `groups:///FILE` with lines `group:user,user`.',
  },
  {
    name: 'always_allow',
    type: bool,
    default: 'false',
    text: 'No login is needed and every command is allowed.',
  },
  {
    name: 'always_deny',
    type: bool,
    default: 'false',
    text: 'Nobody comes in; wins over `always_allow`.',
  },
];

/** Of a TCP endpoint. Clients of other hosts are let in with TLS only. */
const consoleTlsOptions: readonly OptionSchema[] = [
  { name: 'tls_certificate', type: path, text: 'Certificate of the console, with its chain.' },
  { name: 'tls_key', type: path, text: 'Private key of the certificate.' },
  {
    name: 'tls_client_ca',
    type: path,
    text: 'Authority of client certificates: who shows one of it is the user of its common name, without a password.',
  },
];

function listenerScope(
  name: string,
  description: string,
  parts: { everywhere: OptionSchema[]; listen: OptionSchema[]; peers: boolean },
): ScopeSchema {
  const options = [...parts.everywhere, ...parts.listen];
  const peer = named('Peer', 'prefix', {
    text: 'Clients of a network; the longest one that holds the client counts.',
    options: options.map((option) =>
      option.name === 'pathway' ? { ...option, ignored: true, instead: 'session caps of this Peer' } : option,
    ),
  });
  const peers = parts.peers ? [peer] : [];
  const listen = named('Listen', 'endpoint', { text: 'One socket.', options, scopes: peers });
  return anonymous(name, { text: description, options, scopes: [listen, ...peers] });
}

function frontListener(name: string, description: string): ScopeSchema {
  const key = name.toLowerCase();
  const everywhere = [
    ...at([...pathsOf(key, 'all'), ...pathwayCapPaths], capOptions),
    ...at(pathsOf(key, 'all'), [
      {
        name: 'pathway',
        type: text,
        text: 'Pathway whose session caps hold where the listener states none.',
      },
    ]),
    ...(key === 'esmtp_listener' ? ignoredOptions(mailOptions, pathsOf(key, 'all')) : []),
  ];
  const listen = [
    // It has no Unix sockets: clients without an address could not be counted.
    ...at(pathsOf(key, 'listen'), [...frontOptions, ...socketsWithout('file_mode')]),
    ...at(pathsOf(key, 'listen only'), duravipOptions),
  ];
  return listenerScope(name, description, { everywhere, listen, peers: true });
}

function plainListener(
  name: string,
  description: string,
  { own = [], pointless }: { own?: readonly OptionSchema[]; pointless: readonly string[] },
): ScopeSchema {
  const key = name.toLowerCase();
  const listen = [
    ...at(pathsOf(key, 'listen'), afterRestart('socket', socketsWithout(...pointless))),
    ...at(pathsOf(key, 'listen only'), duravipOptions),
  ];
  const scope = listenerScope(name, description, { everywhere: [], listen, peers: false });
  return { ...scope, options: [...scope.options, ...own] };
}

/** Of the service between nodes as a whole: they hold for what a node opens, too. */
const nodeServiceOptions: readonly OptionSchema[] = [
  {
    name: 'secret',
    isSecret: true,
    restart: 'socket',
    type: text,
    text: 'What all nodes know and nobody else; unset: `secret` of `msgc_server`. Without any the service is off.',
  },
  {
    name: 'members_only',
    type: bool,
    default: 'true',
    text: 'Only addresses of members may connect; `false` where addresses are translated on the way.',
  },
  {
    name: 'connect_timeout',
    type: duration(0.01, 3600),
    default: '10',
    restart: 'socket',
    text: 'Wait for another node until it accepts or refuses, TLS and proof of the secret included.',
  },
  {
    name: 'idle_timeout',
    type: duration(0.01),
    default: '60',
    text: 'Silence in both directions after which a transfer is ended.',
  },
  {
    name: 'max_jobs',
    type: int(1, 100_000),
    default: '500',
    text: 'Transfers that others may have open to this node at once, and as many that it may have open to others.',
  },
];

/** Clients of this host only, so nothing that floats and nothing for the network. */
function redisListener(): ScopeSchema {
  const wanted = ['enable', 'file_mode', 'listen_backlog'];
  const options = at(
    pathsOf('redis_listener', 'listen'),
    afterRestart('socket', socketOptions).filter(({ name }) => wanted.includes(name)),
  );
  const scope = listenerScope('Redis_Listener', redisText, { everywhere: [], listen: options, peers: false });
  const cache: OptionSchema = {
    name: 'cache',
    type: text,
    restart: 'table',
    text: 'Replicated cache that holds keys and counters.',
  };
  return { ...scope, options: [...scope.options, cache] };
}

/** Monitoring comes from other hosts and must not hang on an address that moves. */
function metricsListener(): ScopeSchema {
  const wanted = ['enable', 'file_mode', 'listen_backlog'];
  const options = at(
    pathsOf('metrics_listener', 'listen'),
    afterRestart('socket', socketOptions).filter(({ name }) => wanted.includes(name)),
  );
  return listenerScope('Metrics_Listener', metricsText, { everywhere: [], listen: options, peers: false });
}

const metricsText =
  'HTTP for monitoring, of nodes and managers: `/healthz`, `/readyz` and `/metrics`. Whoever reaches it may read; nothing there names an address or a domain.';

const redisText =
  'Sockets for Redis clients on this host: what they count, limit and remember, all nodes share. A Unix socket, or a port of loopback.';

/** What is open stays as it was opened; endpoints come and go. */
const consoleSocketOptions = socketsWithout('disable_nagle_algorithm').map((option) =>
  ['file_mode', 'listen_backlog'].includes(option.name) ? { ...option, restart: 'socket' as const } : option,
);

export const listenerScopes: readonly ScopeSchema[] = [
  frontListener('ESMTP_Listener', 'Front listeners of SMTP: accept, count, cap and hand to the upstream.'),
  frontListener('TCP_Listener', 'Front listeners of any other service.'),
  listenerScope('Control_Listener', 'Endpoints of the console.', {
    everywhere: at(pathsOf('control_listener', 'all'), consoleOptions),
    listen: [
      ...at(pathsOf('control_listener', 'listen'), [...consoleSocketOptions, ...consoleTlsOptions]),
      ...at(pathsOf('control_listener', 'listen only'), duravipOptions),
    ],
    peers: true,
  }),
  plainListener(
    'ECCluster_Listener',
    'Point-to-point service between nodes; its port is printed behind the address of a node. Without a Listen: port 4802 of that address alone. TLS where `bus_tls_ca`, `bus_tls_cert` and `bus_tls_key` are set.',
    { own: nodeServiceOptions, pointless: ['file_mode', 'disable_nagle_algorithm'] },
  ),
  redisListener(),
  metricsListener(),
  // It is opened by the nats-server.
  plainListener('msgcserver_listener', 'Where bus servers of other nodes connect.', {
    pointless: ['enable', 'file_mode', 'listen_backlog', 'disable_nagle_algorithm'],
  }),
];

/** Listeners of the mail server that have no counterpart here. */
export const foreignListeners = ['ECStream_Listener', 'HTTP_Listener', 'POP3_Listener', 'XMPP_Listener'];
