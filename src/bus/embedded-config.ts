/**
 * Configuration of the embedded nats-server: what it listens on, who may log in, which servers it joins.
 *
 * Invariant: routes never leave loopback unprotected. Whoever can open a route can read and forge every message of the
 * fleet, also those that other accounts' permissions keep from clients.
 */
import { createHash } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { join } from 'node:path';
import { FlotillaError } from '../core/errors.ts';
import type { BusTls, EmbeddedServerSettings } from '../core/settings.ts';

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** One for the account of the fleet, one for the system account, whose advisories name lost connections. */
export interface EmbeddedLogins {
  readonly fleet: Login;
  readonly system: Login;
}

export interface EmbeddedConfig {
  readonly nodename: string;
  /** Servers of different cluster groups never join. */
  readonly clusterGroup: string;
  readonly settings: EmbeddedServerSettings;
  /** Period of the messages that every connection carries without end. */
  readonly beatIntervalMs: number;
  readonly tls: BusTls | undefined;
  readonly logins: EmbeddedLogins;
  /** Where the server keeps its files. */
  readonly folder: string;
}

/** Time without an answer after which a route or client is given up: long enough for a stall, see decision 6. */
const deadAfterMs = 700;
const longestPingIntervalMs = 50;

/** Text of the configuration file. Throws FLT-1207 for routes that leave loopback without `secret` and TLS. */
export function embeddedConfig(config: EmbeddedConfig): string {
  const { nodename, settings, beatIntervalMs, logins, folder } = config;
  const pingIntervalMs = pingIntervalFor(beatIntervalMs);
  const peers = settings.peers.filter(({ name }) => name !== nodename);
  return [
    '# Written by Flotilla at each start; changes are lost.',
    `server_name: ${quoted(nodename)}`,
    `listen: "127.0.0.1:${settings.clientPort}"`,
    `pid_file: ${quoted(join(folder, 'server.pid'))}`,
    `ping_interval: "${pingIntervalMs}ms"`,
    `ping_max: ${Math.ceil(deadAfterMs / pingIntervalMs)}`,
    // Peers that are down are no news: one line for each 60 attempts.
    'connect_error_reports: 60',
    'reconnect_error_reports: 60',
    'accounts {',
    `  FLOTILLA { jetstream: enabled, users: [ ${loginOf(logins.fleet)} ] }`,
    `  SYS { users: [ ${loginOf(logins.system)} ] }`,
    '}',
    'system_account: SYS',
    `jetstream { store_dir: ${quoted(join(folder, 'jetstream'))}, max_memory_store: 32MB, max_file_store: 256MB }`,
    ...(peers.length > 0 ? routes(config, peers) : []),
    '',
  ].join('\n');
}

/**
 * A dead route or client has to be noticed within a second instead of minutes. Up to 2.9 a server pings only a
 * connection on which it has sent nothing for so long: the pauses between beats have to be longer, or a route that a cut
 * has killed waits for retransmissions of its kernel, minutes apart after a long cut.
 */
function pingIntervalFor(beatIntervalMs: number): number {
  return Math.max(1, Math.min(longestPingIntervalMs, Math.floor(beatIntervalMs / 4)));
}

function routes(
  { clusterGroup, settings, tls }: EmbeddedConfig,
  peers: EmbeddedServerSettings['peers'],
): string[] {
  const routeTls = tls?.certFile && tls.keyFile && tls.caFile ? { ...tls } : undefined;
  const exposed = [settings.routeHost, ...peers.map(({ address }) => address)].find(
    (host) => !isLoopback(host),
  );
  if (exposed !== undefined && !settings.secret && !routeTls) {
    throw new FlotillaError('FLT-1207', `${settings.routeHost}:${settings.routePort} and ${exposed}`);
  }
  const password = settings.secret ? routePassword(settings.secret) : undefined;
  const login = password ? `route:${password}@` : '';
  return [
    'cluster {',
    `  name: ${quoted(clusterGroup)}`,
    `  listen: "${hostPort(settings.routeHost, settings.routePort)}"`,
    // Each server is reached on the loopback of its own machine only.
    '  no_advertise: true',
    ...(password ? [`  authorization { user: route, password: "${password}", timeout: 2 }`] : []),
    ...(routeTls
      ? [
          `  tls { cert_file: ${quoted(routeTls.certFile!)}, key_file: ${quoted(routeTls.keyFile!)}, ca_file: ${quoted(routeTls.caFile!)}, verify: true, timeout: 5 }`,
        ]
      : []),
    '  routes: [',
    ...peers.map(({ address, port }) => `    "nats-route://${login}${hostPort(address, port)}"`),
    '  ]',
    '}',
  ];
}

/** Derived, so that any text may be a secret: nats-server would take one that begins with `$2a$` for a hash. */
function routePassword(secret: string): string {
  return createHash('sha256').update(`flotilla route ${secret}`).digest('hex');
}

function loginOf({ user, password }: Login): string {
  return `{ user: ${quoted(user)}, password: ${quoted(password)} }`;
}

/** The server's quoting knows the escapes of JSON, but no `\u`; names and paths hold no control characters. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function hostPort(host: string, port: number): string {
  const listen = host === '*' ? '0.0.0.0' : host;
  return listen.includes(':') ? `[${listen}]:${port}` : `${listen}:${port}`;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const family = isIP(host);
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
