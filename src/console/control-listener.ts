/**
 * The console's door on sockets: one server for each Control_Listener endpoint, Unix socket or TCP (CON-1, CON-2,
 * CON-4). It needs nothing of the bus (CON-5).
 */
import type net from 'node:net';
import type { Log } from '../core/log.ts';
import type { ControlEndpoint } from '../core/settings.ts';
import { ControlSession } from './control-session.ts';
import type { Interpreter } from './interpreter.ts';
import { type LocalServer, openLocalServer } from './local-server.ts';

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
  const servers: LocalServer[] = [];
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop()));
  };
  try {
    for (const endpoint of endpoints) servers.push(await openDoor(endpoint, interpreter, log));
  } catch (error) {
    await stop();
    throw error;
  }
  return { addresses: servers.map(({ address }) => address), stop };
}

function openDoor(endpoint: ControlEndpoint, interpreter: Interpreter, log: Log): Promise<LocalServer> {
  return openLocalServer(endpoint, {
    what: 'console endpoint',
    inUse: 'FLT-1501',
    maxSessions: maxSessionsPerEndpoint,
    log,
    accept: (socket) => {
      const session = new ControlSession({ socket, interpreter, log, timeoutMs: endpoint.timeoutMs });
      return { ended: session.ended, finish: () => session.finish(stopGraceMs) };
    },
  });
}
