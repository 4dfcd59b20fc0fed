/** What carries a console connection to another machine: TLS, and tunnels of ssh (CON-15, CON-29). */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { FlotillaError } from '../../core/errors.ts';
import type { SocketEndpoint } from './endpoint.ts';

/** Files of `flotilla console`; any of them, or `always`, stands for TLS also on this host. */
export interface TlsFiles {
  readonly always?: boolean;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Undefined: in the clear, as on this host. @throws FlotillaError FLT-1507 */
export function tlsFor({ where }: SocketEndpoint, files: TlsFiles = {}): ConnectionOptions | undefined {
  if ('path' in where) return undefined;
  const { always = false, ca, cert, key } = files;
  if (isThisHost(where.host) && !always && ca === undefined && cert === undefined && key === undefined)
    return undefined;
  const read = (name: 'ca' | 'cert' | 'key', path: string | undefined) =>
    path === undefined ? {} : { [name]: contentOf(path) };
  return {
    minVersion: 'TLSv1.3',
    ...(isIP(where.host) === 0 ? { servername: where.host } : {}),
    ...read('ca', ca),
    ...read('cert', cert),
    ...read('key', key ?? cert),
  };
}

function isThisHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function contentOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FlotillaError('FLT-1507', (error as Error).message, error);
  }
}

/** A connection that `ssh` opens on another machine. It asks for its own password, on the terminal. */
export function tunnelThrough(
  { destination, port }: NonNullable<SocketEndpoint['via']>,
  where: SocketEndpoint['where'],
): Duplex {
  if ('path' in where) throw new Error('a tunnel leads to a port');
  const target = where.host.includes(':') ? `[${where.host}]:${where.port}` : `${where.host}:${where.port}`;
  const words = [...(port === undefined ? [] : ['-p', port]), '-W', target, '--', destination];
  const child = spawn('ssh', words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const stream = Duplex.from({ writable: child.stdin, readable: child.stdout });
  child.once('error', (error) => stream.destroy(error));
  stream.once('close', () => child.kill());
  return stream;
}
