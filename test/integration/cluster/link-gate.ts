/**
 * A gate in front of a NATS server that tells the connections of a node apart, by the name each gives, and lets one of
 * its two links through and not the other.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

type Link = 'm' | 's';

export class LinkGate {
  readonly url: string;
  readonly #server: Server;
  readonly #passing = new Map<Socket, Link | undefined>();
  #shut: Link | undefined;
  /** Attempts of the link that is shut. */
  refusals = 0;

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.url = `nats://127.0.0.1:${(server.address() as { port: number }).port}`;
    server.on('connection', (client) => this.#pass(client, connect(targetPort, '127.0.0.1')));
  }

  static async before(targetPort: number): Promise<LinkGate> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new LinkGate(server, targetPort);
  }

  /** Ends this link, now and whenever it comes back. */
  shut(link: Link): void {
    this.#shut = link;
    for (const [client, passing] of this.#passing) if (passing === link) client.destroy();
  }

  open(): void {
    this.#shut = undefined;
  }

  async stop(): Promise<void> {
    for (const client of this.#passing.keys()) client.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(client: Socket, upstream: Socket): void {
    this.#passing.set(client, undefined);
    client.on('data', (chunk) => {
      // CONNECT, with the name in it, is the first thing a client says, in one write.
      const link = /"name":"flotilla ([ms]) /.exec(chunk.toString('latin1'))?.[1] as Link | undefined;
      if (link) this.#passing.set(client, link);
      if (link === undefined || link !== this.#shut) {
        upstream.write(chunk);
        return;
      }
      this.refusals++;
      client.destroy();
    });
    upstream.on('data', (chunk) => client.write(chunk));
    const end = () => {
      this.#passing.delete(client);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
  }
}
