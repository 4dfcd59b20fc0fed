/**
 * The service behind fuzzed front listeners: reads the PROXY header, says who the client is, and then does what the
 * client's first byte asks of it. It owns its sockets; `stop` fails when one of them is left.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { formatAddress } from '../../src/core/address.ts';
import { ProxyHeaderDecoder } from '../../src/net/proxy-header.ts';
import { until } from '../integration/until.ts';

/** How a client leaves, or is left. The first byte it sends is the index. */
export const manners = [
  'ends',
  'is ended',
  'destroys',
  'resets',
  'resets after an answer',
  'is reset',
  'is reset at once',
] as const;
export type Manner = (typeof manners)[number];

export class FuzzService {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #problem: string | undefined;

  private constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  static async start(): Promise<FuzzService> {
    const service = new FuzzService();
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', 500, resolve));
    return service;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    await until(() => this.#sockets.size === 0);
    await new Promise((resolve) => this.#server.close(resolve));
    if (this.#problem !== undefined) throw new Error(`a service has read no PROXY header: ${this.#problem}`);
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.once('end', () => socket.end());
    const decoder = new ProxyHeaderDecoder();
    const onData = (chunk: Buffer) => {
      const decoding = decoder.push(chunk);
      if (decoding.state === 'more') return;
      socket.off('data', onData);
      if (decoding.state === 'invalid') {
        this.#problem = decoding.reason;
        socket.destroy();
        return;
      }
      const client = decoding.header.endpoints?.client;
      // Unknown is who had left before the front listener asked.
      socket.write(client ? `${formatAddress(client.address)}:${client.port}\n` : 'unknown\n');
      if (decoding.rest.length > 0) behave(socket, decoding.rest);
      else socket.once('data', (first: Buffer) => behave(socket, first));
    };
    socket.on('data', onData);
  }
}

/** Echoes, unless it is told to reset or to end; at a pace that differs. */
function behave(socket: Socket, first: Buffer): void {
  const manner = manners[first[0]! % manners.length];
  if (manner === 'is reset at once') {
    socket.resetAndDestroy();
    return;
  }
  socket.write(first);
  if (manner === 'is reset') socket.resetAndDestroy();
  else if (manner === 'is ended') socket.end().resume();
  else if (first.length % 3 > 0) socket.pipe(socket);
  else {
    socket.pause();
    setImmediate(() => setImmediate(() => socket.pipe(socket)));
  }
}
