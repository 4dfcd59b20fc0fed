/**
 * A real redis-server on a free port of loopback, without persistence, and clients of it.
 *
 * Invariant: nothing of it outlives `end`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { freePort } from '../test/integration/nats-server.ts';

export class RedisServer {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #clients: Redis[] = [];

  private constructor(port: number) {
    this.port = port;
    this.#child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], {
      stdio: 'ignore',
    });
  }

  static async start(): Promise<RedisServer> {
    return new RedisServer(await freePort());
  }

  /** Connected. */
  async client(): Promise<Redis> {
    const client = clientOf(this.port);
    this.#clients.push(client);
    await client.ping();
    return client;
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.disconnect();
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }
}

/** Tries until somebody listens there. */
export function clientOf(port: number): Redis {
  const client = new Redis({ port, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => {});
  return client;
}
