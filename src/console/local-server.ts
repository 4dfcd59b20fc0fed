/**
 * A server on a socket for programs of this host: the console, and whatever else speaks there.
 *
 * Owns the socket files: made with their final mode, removed at stop. Invariant: at most one process answers on an
 * endpoint; a file is removed only when nobody does.
 */
import { existsSync, lstatSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import type { Counters } from '../actors/ports.ts';
import { type ErrorCode, FlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { LocalEndpoint } from '../core/settings.ts';

export interface LocalSession {
  readonly ended: Promise<void>;
  /** The server stops: end soon. */
  finish(): void;
}

export interface LocalServerOptions {
  /** For messages. */
  readonly what: string;
  /** Says that another process answers on the endpoint. */
  readonly inUse: ErrorCode;
  /** Beyond it new connections are closed at once. */
  readonly maxSessions: number;
  readonly log: Log;
  readonly counters?: Counters | undefined;
  accept(socket: net.Socket): LocalSession;
}

export interface LocalServer {
  /** The port actually bound, for port 0. */
  readonly address: string | net.AddressInfo;
  /** No further connections; resolves when all sessions have ended. */
  stop(): Promise<void>;
}

/** Throws `inUse` when another process answers there, FLT-1401 when it cannot be opened. */
export async function openLocalServer(
  endpoint: LocalEndpoint,
  options: LocalServerOptions,
): Promise<LocalServer> {
  const { what, inUse, maxSessions, log, accept } = options;
  if ('path' in endpoint.endpoint) await removeStaleSocket(endpoint.endpoint.path, inUse);
  const sessions = new Set<LocalSession>();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const session = accept(socket);
    sessions.add(session);
    session.ended.then(() => sessions.delete(session));
  });
  server.maxConnections = maxSessions;
  server.on('drop', () => options.counters?.add('socket_connections_dropped_total'));
  await listen(server, endpoint, options);
  server.on('error', (error) => log.error(`${what} failed`, { endpoint: nameOf(endpoint), error }));
  return {
    address: server.address()!,
    stop: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.finish();
      await closed;
    },
  };
}

function listen(server: net.Server, endpoint: LocalEndpoint, options: LocalServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(endpoint, options, error)));
    server.once('listening', () => {
      server.removeAllListeners('error');
      resolve();
    });
    const { endpoint: where, backlog } = endpoint;
    if ('path' in where) withFileMode(endpoint.fileMode, () => server.listen({ path: where.path, backlog }));
    else server.listen({ host: where.host === '*' ? '0.0.0.0' : where.host, port: where.port, backlog });
  });
}

/**
 * The file has its mode from the first moment: with a chmod afterwards everybody could connect in between. `listen`
 * binds before it returns, so nothing else of the process sees this umask.
 */
function withFileMode(mode: number, bind: () => void): void {
  const before = process.umask(~mode & 0o777);
  try {
    bind();
  } finally {
    process.umask(before);
  }
}

/** A file that a killed process left behind is removed; one that somebody answers on is not (CON-4). */
async function removeStaleSocket(path: string, inUse: ErrorCode): Promise<void> {
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (!file) return;
  if (!file.isSocket()) throw new FlotillaError('FLT-1401', `${path} exists and is not a socket`);
  if (await somebodyAnswers(path)) throw new FlotillaError(inUse, path);
  unlinkSync(path);
}

/** Only a refused connection proves that nobody does: with a full backlog the kernel says EAGAIN. */
function somebodyAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.connect({ path });
    const conclude = (answered: boolean) => {
      probe.destroy();
      resolve(answered);
    };
    probe.once('connect', () => conclude(true));
    probe.once('error', (error: NodeJS.ErrnoException) =>
      conclude(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT'),
    );
  });
}

function listenError(
  endpoint: LocalEndpoint,
  { what, inUse }: LocalServerOptions,
  error: NodeJS.ErrnoException,
): FlotillaError {
  if (error.code === 'EADDRINUSE') return new FlotillaError(inUse, nameOf(endpoint), error);
  const { endpoint: where } = endpoint;
  const directory = 'path' in where ? dirname(where.path) : '/';
  // For a directory that is missing the runtime says EACCES, too.
  const reason = existsSync(directory) ? error.message : `there is no directory ${directory}`;
  return new FlotillaError('FLT-1401', `${what} ${nameOf(endpoint)}: ${reason}`, error);
}

function nameOf({ endpoint }: LocalEndpoint): string {
  if ('path' in endpoint) return endpoint.path;
  return endpoint.host.includes(':')
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`;
}
