/**
 * The greeting (INFO line) with which every nats-server opens a connection, read through a socket of our own.
 *
 * It tells whether a server answers at all, and which one. The client library cannot give up a dial: its socket to a
 * server that accepts but stays silent (a stopped process) is never closed, so each attempt would leak one.
 * Invariant: the socket is destroyed before the promise settles.
 */
import { createConnection } from 'node:net';
import type { Clock } from '../core/clock.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface Greeting {
  readonly serverName: string;
  readonly version: string;
}

const maxGreetingBytes = 64 * 1024;

/** For commands, which wait for nothing else. */
const timers: Pick<Clock, 'after'> = {
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The server's greeting. Rejects when nothing answers, something else answers, or `timeoutMs` have passed. */
export function readGreeting(
  address: ServerAddress,
  timeoutMs: number,
  clock: Pick<Clock, 'after'> = timers,
): Promise<Greeting> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: address.host, port: address.port });
    let received = '';
    const settle = (outcome: Greeting | Error) => {
      timer.cancel();
      socket.destroy();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    const timer = clock.after(timeoutMs, () => settle(new Error(`no answer within ${timeoutMs} ms`)));
    socket.setEncoding('utf8');
    socket.on('error', settle);
    socket.on('close', () => settle(new Error('the connection was closed before the greeting')));
    socket.on('data', (text: string) => {
      received += text;
      const end = received.indexOf('\r\n');
      if (end >= 0) settle(parseGreeting(received.slice(0, end)));
      else if (received.length > maxGreetingBytes) settle(new Error('this is not a NATS server'));
    });
  });
}

function parseGreeting(line: string): Greeting | Error {
  try {
    const info: unknown = JSON.parse(line.replace(/^INFO\s+/i, ''));
    const { server_name: serverName, version } = info as Record<string, unknown>;
    if (typeof version === 'string') return { serverName: String(serverName ?? ''), version };
  } catch {
    // Falls through: whatever it was, it is not an INFO line.
  }
  return new Error('this is not a NATS server');
}
