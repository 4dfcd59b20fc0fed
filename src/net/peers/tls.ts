/**
 * TLS between nodes: both ends show a certificate of the fleet's authority. Names in certificates are not looked at,
 * because nodes reach each other by address; who the other end is, the proof of the secret says, which is bound to the
 * TLS session.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { FlotillaError } from '../../core/errors.ts';
import type { BusTls } from '../../core/settings.ts';

export interface PeerTls {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

const bindingBytes = 32;
const bindingLabel = 'EXPORTER-flotilla-peer';

/** Undefined: not all three files are set, streams are in the clear. Throws FLT-1202 for a file that cannot be read. */
export async function readPeerTls(files: BusTls | undefined): Promise<PeerTls | undefined> {
  const { caFile, certFile, keyFile } = files ?? {};
  if (!caFile || !certFile || !keyFile) return undefined;
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map(contentOf));
  return { ca: ca!, cert: cert!, key: key! };
}

/** Key material is bound to a session only from 1.3 on. */
const session = { minVersion: 'TLSv1.3', rejectUnauthorized: true } as const;

/** Not listening: sockets are given to it with `emit('connection')`. */
export function tlsServer(tls: PeerTls, handshakeTimeoutMs: number): Server {
  return createServer({ ...tls, ...session, requestCert: true, handshakeTimeout: handshakeTimeoutMs });
}

export function tlsClientOptions(tls: PeerTls) {
  return { ...tls, ...session, checkServerIdentity: () => undefined };
}

export function bindingOf(socket: TLSSocket): Buffer {
  return socket.exportKeyingMaterial(bindingBytes, bindingLabel, Buffer.alloc(0));
}

async function contentOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new FlotillaError('FLT-1202', `cannot read ${path}: ${(error as Error).message}`, error);
  }
}
