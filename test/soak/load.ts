/**
 * Steady work for a fleet: mail sessions from many addresses through the front listeners, which also fill the logs, and
 * requests over NATS: counts, throttles, caches.
 *
 * Invariant: after `stop` nothing of it is open, so that what a node holds then is its own.
 */
import { once } from 'node:events';
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { connect, JSONCodec, type NatsConnection } from 'nats';

export interface LoadTargets {
  readonly url: string;
  readonly nodes: readonly { readonly name: string; readonly port: number }[];
  /** Sessions open at once, on all nodes together. */
  readonly sessions: number;
}

export interface LoadCounts {
  sessions: number;
  messages: number;
  requests: number;
  /** Sessions and requests that did not end as they should, by reason. */
  readonly failures: Map<string, number>;
}

/** Of clients; more than a table keeps as idle keys. */
const addresses = 4_000;
const pauseMs = 20;
const codec = JSONCodec<unknown>();

export class Load {
  readonly counts: LoadCounts = { sessions: 0, messages: 0, requests: 0, failures: new Map() };
  readonly #targets: LoadTargets;
  readonly #upstream: Server;
  readonly #sockets = new Set<Socket>();
  readonly #nats: NatsConnection;
  readonly #running: Promise<void>[];
  #isOver = false;

  private constructor(targets: LoadTargets, upstream: Server, nats: NatsConnection) {
    this.#targets = targets;
    this.#upstream = upstream;
    this.#nats = nats;
    const mail = Array.from({ length: targets.sessions }, (_, at) => this.#mail(at));
    this.#running = [...mail, ...targets.nodes.map(({ name }) => this.#ask(name))];
  }

  /** `upstream`: from `openUpstream`, where the listeners pass mail on. */
  static async begin(targets: LoadTargets, upstream: Server): Promise<Load> {
    return new Load(targets, upstream, await connect({ servers: targets.url }));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
    await this.#nats.close();
    for (const socket of this.#sockets) socket.destroy();
    this.#upstream.close();
  }

  async #mail(client: number): Promise<void> {
    const { nodes } = this.#targets;
    for (let turn = client; !this.#isOver; turn += this.#targets.sessions) {
      const { port } = nodes[turn % nodes.length]!;
      await this.#session(port, turn % addresses).catch((error: Error) => this.#failed(error.message));
      await pause(pauseMs);
    }
  }

  /** A greeting, ten lines that are answered, and the end. */
  async #session(port: number, client: number): Promise<void> {
    const from = `127.7.${client >> 8}.${client & 255}`;
    const socket = connectSocket({ host: '127.0.0.1', port, localAddress: from });
    this.#sockets.add(socket);
    const closed = once(socket, 'close');
    try {
      await once(socket, 'data');
      for (let line = 0; line < 10; line++) {
        socket.write(`NOOP ${'x'.repeat(200)}\r\n`);
        await once(socket, 'data');
        this.counts.messages++;
      }
      this.counts.sessions++;
    } finally {
      socket.destroy();
      await closed;
      this.#sockets.delete(socket);
    }
  }

  async #ask(node: string): Promise<void> {
    for (let turn = 0; !this.#isOver; turn++) {
      const key = `key-${turn % 5_000}`;
      await this.#request(node, 'cache.set', { cache: 'senders', key, value: 'x'.repeat(100), ttl: 60 });
      await this.#request(node, 'cache.get', { cache: 'senders', key });
      await this.#request(node, 'throttle.take', { name: `throttle-${turn % 500}`, rate: '1000/10' });
      await pause(pauseMs);
    }
  }

  async #request(node: string, verb: string, fields: object): Promise<void> {
    this.counts.requests++;
    const subject = `ec_cluster.api.${node}.${verb}`;
    try {
      const { headers, data } = await this.#nats.request(subject, codec.encode(fields), { timeout: 5_000 });
      const answer = codec.decode(data) as { error?: unknown };
      if (headers?.hasError || answer?.error !== undefined)
        this.#failed(`${verb}: ${JSON.stringify(answer)}`);
    } catch (error) {
      this.#failed(`${verb}: ${(error as Error).message}`);
    }
  }

  #failed(reason: string): void {
    const { failures } = this.counts;
    failures.set(reason, (failures.get(reason) ?? 0) + 1);
  }
}

/** Greets, and answers each piece. */
export async function openUpstream(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write('220 ready\r\n');
    socket.on('data', () => socket.write('250 yes\r\n'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as { port: number }).port };
}

function pause(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}
