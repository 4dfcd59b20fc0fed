/** Which NATS servers a configuration means: external ones or an embedded one, and on which ports (CONF-8.6). */
import { hostOfServer, isLoopbackHost, parseEndpoint } from './address.ts';
import type { PeerAddress } from './network-values.ts';
import { asNumber, ScopeReader } from './reader.ts';
import type { Scope } from './scope-tree.ts';

const defaultRoutePort = 4809;
const defaultClientPort = 4222;

export interface BusPorts {
  readonly clientPort: number;
  /** Undefined when no listener is stated. */
  readonly routeHost: string | undefined;
  readonly routePort: number;
}

/**
 * `port` is the clients' port. Files of the original state the listener's port there, for clients and peers alike; then
 * the routes keep it, and clients, which are ours alone, get the default.
 */
export function busPortsOf(root: Scope): BusPorts {
  const listen = root.child('msgcserver_listener', '')?.children('listen')[0];
  const endpoint = listen === undefined ? undefined : parseEndpoint(listen.key, false);
  const route = typeof endpoint === 'object' && 'port' in endpoint ? endpoint : undefined;
  const routePort = route?.port ?? defaultRoutePort;
  const port = asNumber(ScopeReader.ofTop(root, 'msgc_server').value('port'));
  return { clientPort: port === routePort ? defaultClientPort : port, routeHost: route?.host, routePort };
}

export interface Peer {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

export function peersOf(root: Scope): Peer[] {
  const peers = ScopeReader.ofTop(root, 'msgc_server').value('peers');
  const { routePort } = busPortsOf(root);
  const entries = peers instanceof Map ? ([...peers] as [string, PeerAddress][]) : [];
  return entries.map(([name, { host, port }]) => ({ name, address: host, port: port ?? routePort }));
}

/** External servers; empty means the embedded one. */
export function serversOf(root: Scope): string[] {
  const stated = ScopeReader.ofTop(root, 'cluster').texts('servers');
  if (stated.length > 0) return stated;
  const clients = ScopeReader.ofTop(root, 'msgc_client').texts('server');
  return clients.length > 0 && clients.every((url) => isOwnServer(root, url)) ? [] : clients;
}

export function isEmbedded(root: Scope): boolean {
  return serversOf(root).length === 0;
}

/** `msgc_client { server = ( "127.0.0.1:4809" ) }` beside `msgc_server`: the server that the node itself runs. */
function isOwnServer(root: Scope, url: string): boolean {
  if (root.child('msgc_server', '') === undefined || !isLoopbackHost(hostOfServer(url))) return false;
  const port = Number(new URL(url).port);
  return (
    port === busPortsOf(root).clientPort || port === ScopeReader.ofTop(root, 'msgc_server').number('port')
  );
}
