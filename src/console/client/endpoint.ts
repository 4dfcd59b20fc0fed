/** Where a console client connects, as operators write it (CON-15): `/path`, `host:port`, `[v6]:port`, `nats://server/<node>`. */

export type Endpoint = SocketEndpoint | NatsEndpoint;

export interface SocketEndpoint {
  readonly kind: 'socket';
  readonly where: { readonly path: string } | { readonly host: string; readonly port: number };
  readonly label: string;
}

export interface NatsEndpoint {
  readonly kind: 'nats';
  /** URL of the server, with credentials if they were given. */
  readonly url: string;
  readonly node: string;
  readonly controlGroup: string;
  /** For prompts and messages: without credentials. */
  readonly label: string;
}

export const defaultEndpoint = '/tmp/2025';
const defaultControlGroup = 'ec_console';

/** undefined when the text is none of the forms. */
export function parseEndpoint(text: string): Endpoint | undefined {
  if (text.startsWith('/')) return { kind: 'socket', where: { path: text }, label: text };
  if (/^(nats|tls):\/\//.test(text)) return natsEndpoint(text);
  const match = /^(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return { kind: 'socket', where: { host, port }, label: text };
}

/** `?group=` names a control group other than the default one. */
function natsEndpoint(text: string): NatsEndpoint | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const node = decoded(url.pathname.slice(1));
  if (!url.hostname || !node || node.includes('/')) return undefined;
  const controlGroup = url.searchParams.get('group') ?? defaultControlGroup;
  const label = `${url.protocol}//${url.host}/${node}`;
  url.pathname = '';
  url.search = '';
  return { kind: 'nats', url: url.href.replace(/\/$/, ''), node, controlGroup, label };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
