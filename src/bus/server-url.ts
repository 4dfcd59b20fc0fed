/** Address of one NATS server as an operator writes it: `[nats://|tls://][user:password@|token@]host[:port]`. */
import { FlotillaError } from '../core/errors.ts';

export interface ServerUrl {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  /** For logs and the console: never holds credentials. */
  readonly label: string;
}

const defaultPort = 4222;

/** Throws FLT-1201 when the text is not an address. */
export function parseServerUrl(text: string): ServerUrl {
  try {
    return fromUrl(new URL(text.includes('://') ? text : `nats://${text}`));
  } catch {
    // Without the cause: it repeats the whole text, password included.
    const harmless = text.replace(/[^/]*@/, '');
    throw new FlotillaError('FLT-1201', `'${harmless}' is not a server address such as nats://host:4222`);
  }
}

function fromUrl(url: URL): ServerUrl {
  const tls = url.protocol === 'tls:';
  if ((!tls && url.protocol !== 'nats:') || !url.hostname) throw new TypeError('neither nats:// nor tls://');
  const port = url.port ? Number(url.port) : defaultPort;
  const name = url.username ? decodeURIComponent(url.username) : undefined;
  const password = url.password ? decodeURIComponent(url.password) : undefined;
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port,
    tls,
    // A name without a password is a token, as in every NATS client.
    user: password === undefined ? undefined : name,
    password,
    token: password === undefined ? name : undefined,
    label: `${url.protocol}//${url.hostname}:${port}`,
  };
}
