/**
 * The console's door on sockets: one server for each Control_Listener endpoint, Unix socket or TCP (CON-1, CON-2,
 * CON-4). It needs nothing of the bus (CON-5).
 *
 * Owns the socket files: made with their final mode, removed at stop. Invariant: at most one process answers on an
 * endpoint; a file is removed only when nobody does.
 */
import { existsSync, lstatSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { FlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { ControlEndpoint } from '../core/settings.ts';
import { ControlSession } from './control-session.ts';
import type { Interpreter } from './interpreter.ts';

/** Beyond it new connections are closed at once: a looping script must not take all file descriptors. */
const maxSessionsPerEndpoint = 500;

/** How long a stop waits for commands that are under way, `shutdown` itself among them. */
const stopGraceMs = 1000;

export interface ControlListener {
  /** The ports actually bound, for endpoints with port 0. */
  readonly addresses: readonly (string | net.AddressInfo)[];
  /** No further connections; sessions end after the answer they are at. */
  stop(): Promise<void>;
}

export interface ControlListenerOptions {
  readonly endpoints: readonly ControlEndpoint[];
  readonly interpreter: Interpreter;
  readonly log: Log;
}

/** Opens all endpoints or none. Throws FLT-1501 when another process answers on one, FLT-1401 when one cannot be opened. */
export async function startControlListener({
  endpoints,
  interpreter,
  log,
}: ControlListenerOptions): Promise<ControlListener> {
  const doors: Door[] = [];
  try {
    for (const endpoint of endpoints) doors.push(await openDoor(endpoint, interpreter, log));
  } catch (error) {
    await Promise.all(doors.map(closeDoor));
    throw error;
  }
  return {
    addresses: doors.map(({ server }) => server.address()!),
    stop: async () => {
      await Promise.all(doors.map(closeDoor));
    },
  };
}

interface Door {
  readonly server: net.Server;
  readonly sessions: Set<ControlSession>;
}

async function openDoor(endpoint: ControlEndpoint, interpreter: Interpreter, log: Log): Promise<Door> {
  if ('path' in endpoint.endpoint) await removeStaleSocket(endpoint.endpoint.path);
  const sessions = new Set<ControlSession>();
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const session = new ControlSession({ socket, interpreter, log, timeoutMs: endpoint.timeoutMs });
    sessions.add(session);
    session.ended.then(() => sessions.delete(session));
  });
  server.maxConnections = maxSessionsPerEndpoint;
  await listen(server, endpoint);
  server.on('error', (error) => log.error('console endpoint failed', { endpoint: nameOf(endpoint), error }));
  return { server, sessions };
}

async function closeDoor({ server, sessions }: Door): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const session of sessions) session.finish(stopGraceMs);
  await closed;
}

function listen(server: net.Server, endpoint: ControlEndpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(endpoint, error)));
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
async function removeStaleSocket(path: string): Promise<void> {
  const file = lstatSync(path, { throwIfNoEntry: false });
  if (!file) return;
  if (!file.isSocket()) throw new FlotillaError('FLT-1401', `${path} exists and is not a socket`);
  if (await somebodyAnswers(path)) throw inUse(path);
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

function listenError(endpoint: ControlEndpoint, error: NodeJS.ErrnoException): FlotillaError {
  if (error.code === 'EADDRINUSE') return inUse(nameOf(endpoint), error);
  const { endpoint: where } = endpoint;
  const directory = 'path' in where ? dirname(where.path) : '/';
  // For a directory that is missing the runtime says EACCES, too.
  const reason = existsSync(directory) ? error.message : `there is no directory ${directory}`;
  return new FlotillaError('FLT-1401', `console endpoint ${nameOf(endpoint)}: ${reason}`, error);
}

function inUse(name: string, cause?: unknown): FlotillaError {
  return new FlotillaError('FLT-1501', name, cause);
}

function nameOf({ endpoint }: ControlEndpoint): string {
  if ('path' in endpoint) return endpoint.path;
  return endpoint.host.includes(':')
    ? `[${endpoint.host}]:${endpoint.port}`
    : `${endpoint.host}:${endpoint.port}`;
}
