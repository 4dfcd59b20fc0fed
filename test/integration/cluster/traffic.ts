/**
 * Real mail sessions: the server behind front listeners, which greets and waits, and clients on many loopback
 * addresses, which connect and stay until they are told to leave.
 *
 * Owns all sockets of both ends. Invariant: what `open` says is what a kernel would say of established connections.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Session {
  /** First line of the server or of the listener, such as `220 ready` or `421 ...`. */
  readonly greeting: string;
  readonly from: string;
  close(): Promise<void>;
}

/** A mail server as far as a front listener can tell. */
export class Upstream {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
      socket.resume().write('220 ready\r\n');
    });
  }

  static async start(): Promise<Upstream> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Upstream(server);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** Clients of one front listener. */
export class Clients {
  readonly port: number;
  readonly #sessions: Session[] = [];

  constructor(port: number) {
    this.port = port;
  }

  /** Sessions let in and still open, by client address. */
  get open(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { from } of this.#sessions) counts.set(from, (counts.get(from) ?? 0) + 1);
    return counts;
  }

  /** Connects from this address and waits for the greeting; who was turned away is not kept. */
  async connect(from: string): Promise<Session> {
    const session = await openSession(this.port, from, () => this.#forget(session));
    if (session.greeting.startsWith('220')) this.#sessions.push(session);
    return session;
  }

  /** One session from each of so many addresses of 127.`network`.0.0/16. */
  async fill(network: number, sessions: number): Promise<void> {
    const addresses = Array.from(
      { length: sessions },
      (_, at) => `127.${network}.${at >> 8}.${(at & 255) + 1}`,
    );
    await Promise.all(addresses.map((from) => this.connect(from)));
  }

  /** Closes the oldest. */
  async close(sessions = this.#sessions.length): Promise<void> {
    await Promise.all(this.#sessions.slice(0, sessions).map((session) => session.close()));
  }

  #forget(session: Session): void {
    const at = this.#sessions.indexOf(session);
    if (at >= 0) this.#sessions.splice(at, 1);
  }
}

/** What the whole cluster has to count when these are all the clients there are. */
export function openTogether(...clients: readonly { readonly open: ReadonlyMap<string, number> }[]) {
  const sum = new Map<string, number>();
  for (const { open } of clients)
    for (const [from, count] of open) sum.set(from, (sum.get(from) ?? 0) + count);
  return sum;
}

async function openSession(port: number, from: string, onClosed: () => void): Promise<Session> {
  const socket = connect({ host: '127.0.0.1', port, localAddress: from });
  // Nodes are killed under their clients: what matters is that the session has ended.
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => {});
  let heard = '';
  await new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk) => {
      heard += chunk;
      if (heard.includes('\r\n')) resolve();
    });
    socket.once('close', () => reject(new Error(`no greeting on port ${port} for ${from}: '${heard}'`)));
  });
  socket.once('close', onClosed);
  return {
    greeting: heard.trim(),
    from,
    close: () => {
      socket.destroy();
      return closed;
    },
  };
}
