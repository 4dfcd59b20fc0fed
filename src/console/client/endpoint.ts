/**
 * Where a console client connects, as operators write it (CON-15): `/path`, `host:port`, `user@host:port`, `[v6]:port`,
 * `ssh://user@gateway/user@host:port`, `nats://server/<node>`.
 */

export type Endpoint = SocketEndpoint | NatsEndpoint;

export interface SocketEndpoint {
  readonly kind: 'socket';
  readonly where: { readonly path: string } | { readonly host: string; readonly port: number };
  /** Who logs in there; undefined: the user of the system. */
  readonly user?: string;
  /** The machine that opens the connection in our place, as `ssh` takes it. */
  readonly via?: { readonly destination: string; readonly port: string | undefined };
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
  if (text.startsWith('ssh://')) return sshEndpoint(text);
  const match = /^(?:([^\s:/@[\]]+)@)?(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[4]);
  const host = match?.[2] ?? match?.[3];
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  const user = match?.[1];
  return { kind: 'socket', where: { host, port }, ...(user === undefined ? {} : { user }), label: text };
}

/** `*` as the inner host is the machine that ssh connects to. Passwords in it are refused: everybody would see them. */
function sshEndpoint(text: string): SocketEndpoint | undefined {
  const match = /^ssh:\/\/((?:[^\s:/@-][^\s:/@]*@)?[^\s:/@-][^\s:/@]*)(?::(\d{1,5}))?\/(.+)$/.exec(text);
  const inner = match && parseEndpoint(match[3]!.replace(/(^|@)\*:/, '$1localhost:'));
  if (inner?.kind !== 'socket' || 'path' in inner.where || inner.via) return undefined;
  return { ...inner, via: { destination: match![1]!, port: match![2] }, label: text };
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
