/** Values that are addresses, endpoints, peers and servers (CONF-4). */
import { canonicalAddress, type Endpoint, isHostName, parseEndpoint } from './address.ts';
import { type Refuse, shown } from './refusal.ts';
import type { OptionType } from './schema/option.ts';

export interface PeerAddress {
  readonly host: string;
  readonly port: number | undefined;
}

type NetworkType = Extract<OptionType, { kind: 'ip' | 'host' | 'endpoint' | 'peer' | 'server' }>;

/** Values that name a place in a network. */
export function readNetworkValue(
  type: NetworkType,
  text: string,
  refuse: Refuse,
): string | Endpoint | PeerAddress | undefined {
  switch (type.kind) {
    case 'ip':
      return canonicalAddress(text) ?? refuse('CFG-2110', `${shown(text)} is not an address`);
    case 'host':
      if (type.any && text === '*') return text;
      return (
        canonicalAddress(text) ??
        (isHostName(text) ? text : refuse('CFG-2110', `${shown(text)} is not an address or host name`))
      );
    case 'endpoint': {
      const endpoint = parseEndpoint(text, type.hostNames);
      return typeof endpoint === 'string' ? refuse('CFG-2112', endpoint) : endpoint;
    }
    case 'peer':
      return (
        parsePeer(text) ??
        refuse('CFG-2110', `${shown(text)} is not an address or host name, with or without a port`)
      );
    case 'server':
      return readServer(text, refuse);
  }
}

function parsePeer(text: string): PeerAddress | undefined {
  const address = canonicalAddress(text);
  if (address !== undefined) return { host: address, port: undefined };
  if (isHostName(text)) return { host: text.toLowerCase(), port: undefined };
  const endpoint = parseEndpoint(text, true);
  return typeof endpoint === 'string' || 'path' in endpoint || endpoint.host === '*' || endpoint.host === '::'
    ? undefined
    : endpoint;
}

const defaultServerPort = 4222;

/** As a URL with scheme and port; `user:password@` or `token@` before the host stays. */
function readServer(text: string, refuse: Refuse): string | undefined {
  const [, scheme, login = '', rest = ''] =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?([^@/]*@)?([\s\S]*)$/.exec(text) ?? [];
  if (scheme !== undefined && !/^(nats|tls)$/i.test(scheme)) {
    return refuse(
      'CFG-2114',
      `unknown scheme '${scheme}' of a bus server`,
      'write nats://host:port or tls://host:port',
    );
  }
  const peer = parsePeer(rest.replace(/\/$/, ''));
  if (peer === undefined)
    return refuse('CFG-2112', `${shown(rest)} is not a bus server`, 'write nats://host:port');
  const host = peer.host.includes(':') ? `[${peer.host}]` : peer.host;
  const url = `${scheme?.toLowerCase() ?? 'nats'}://${login}${host}:${peer.port ?? defaultServerPort}`;
  return URL.canParse(url) ? url : refuse('CFG-2112', `${shown(rest)} is not a bus server`);
}
