/**
 * TLS of a console endpoint (CON-29). The files are read for each connection, so that they can be replaced in place.
 *
 * A client certificate that is not valid is let through the handshake, because the door then can say what is wrong with it
 * and keep a record; TLS would only break off.
 */
import { constants } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createSecureContext, createServer, type TLSSocket } from 'node:tls';
import { FlotillaError } from '../core/errors.ts';
import type { ControlTls } from '../core/settings.ts';
import type { Certificate } from './access/entrance.ts';

/** @throws FlotillaError FLT-1507 when the files are no certificate and its key */
export async function checkTls(files: ControlTls): Promise<void> {
  const material = await readMaterial(files);
  try {
    createSecureContext(material);
  } catch (error) {
    throw new FlotillaError(
      'FLT-1507',
      `${files.certFile}, ${files.keyFile}: ${(error as Error).message}`,
      error,
    );
  }
}

/** Rejects when the handshake fails or takes longer than `timeoutMs`; the socket is then destroyed. */
export async function secured(socket: Socket, files: ControlTls, timeoutMs: number): Promise<TLSSocket> {
  const material = await readMaterial(files);
  return await new Promise((resolve, reject) => {
    const server = createServer({
      ...material,
      minVersion: 'TLSv1.3',
      // A session that is resumed shows no certificate again; each connection has keys of its own, so none can be.
      secureOptions: constants.SSL_OP_NO_TICKET,
      requestCert: files.clientCaFile !== undefined,
      rejectUnauthorized: false,
      handshakeTimeout: timeoutMs,
    });
    server.once('secureConnection', (stream) => {
      // Until somebody else listens: a client that resets at once would end the process.
      stream.on('error', () => {});
      resolve(stream);
    });
    server.once('tlsClientError', (error) => {
      socket.destroy();
      reject(error);
    });
    socket.once('close', () => reject(new Error('the connection was closed')));
    server.emit('connection', socket);
  });
}

/** Undefined when none was shown. */
export function certificateOf(socket: TLSSocket): Certificate | undefined {
  const subject: unknown = socket.getPeerCertificate().subject;
  if (subject === undefined || subject === null) return undefined;
  const { CN } = subject as { readonly CN?: unknown };
  const user = typeof CN === 'string' ? CN : '';
  if (socket.authorized) return { user, problem: user === '' ? 'it has no single common name' : undefined };
  const code = String(socket.authorizationError);
  return { user, problem: meanings[code] ?? code };
}

const meanings: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  CERT_REVOKED: 'it was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its authority is another one',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is another one',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is another one',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is another one',
  INVALID_PURPOSE: 'it is not for clients',
};

async function readMaterial({ certFile, keyFile, clientCaFile }: ControlTls) {
  const [cert, key, ca] = await Promise.all([
    contentOf(certFile),
    contentOf(keyFile),
    clientCaFile === undefined ? undefined : contentOf(clientCaFile),
  ]);
  return { cert, key, ...(ca === undefined ? {} : { ca }) };
}

async function contentOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new FlotillaError('FLT-1507', (error as Error).message, error);
  }
}
