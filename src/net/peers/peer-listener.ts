/**
 * Where other nodes open streams to this one (`ECCluster_Listener`, ID-9): asks for the proof of the secret, refuses with
 * a reason or accepts, and hands the stream to the service that was named.
 *
 * It owns sockets until they are handed over, and ends those that were when it stops. Invariant: no byte reaches a
 * service before the other end has proved that it is of the fleet.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket, Server as TlsServer } from 'node:tls';
import type { Counters } from '../../actors/ports.ts';
import type { Clock } from '../../core/clock.ts';
import { FlotillaError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { LogGate } from '../../core/log-gate.ts';
import { readPeerMessage } from './frames.ts';
import { type Conversation, encodePeerMessage, type Hello, isProof, proofOf } from './handshake.ts';
import { bindingOf, type PeerTls, tlsServer } from './tls.ts';

export interface PeerListenerOptions {
  readonly key: Buffer;
  readonly tls: PeerTls | undefined;
  /** 32 unguessable bytes, each time others. */
  readonly nonce: () => Buffer;
  /** Before a byte is read: whether this address may say anything at all. */
  readonly mayConnect: (address: string) => boolean;
  /** Of an opener that knows the secret: undefined to accept, or why not. */
  readonly refusal: (hello: Hello) => string | undefined;
  /** The stream is its own from here on. */
  readonly accepted: (socket: Socket, hello: Hello) => void;
  readonly connectTimeoutMs: number;
  /** Sockets at once, those in the handshake among them. */
  readonly maxSockets: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly counters: Counters;
}

export interface PeerPlace {
  /** `*` is any IPv4, `::` any IPv6. */
  readonly host: string;
  readonly port: number;
  readonly backlog: number;
}

const logIntervalMs = 10_000;
const keepAlive = { keepAlive: true, keepAliveInitialDelay: 30_000 } as const;

export class PeerListener {
  readonly #options: PeerListenerOptions;
  readonly #server: Server;
  readonly #tls: TlsServer | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #gate: LogGate;

  private constructor(options: PeerListenerOptions) {
    this.#options = options;
    this.#gate = new LogGate(options.clock, logIntervalMs);
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, ...keepAlive });
    this.maxSockets = options.maxSockets;
    this.#server.on('drop', () => options.counters.add('peer_refused_total'));
    this.#server.on('connection', (socket) => this.#arrived(socket));
    this.#tls = options.tls && tlsServer(options.tls, options.connectTimeoutMs);
    this.#tls?.on('secureConnection', (socket) => void this.#greet(socket, bindingOf(socket)));
    this.#tls?.on('tlsClientError', (error) => this.#report('TLS failed', error.message));
  }

  /** @throws FlotillaError FLT-1401 when it cannot listen there */
  static async open(place: PeerPlace, options: PeerListenerOptions): Promise<PeerListener> {
    const listener = new PeerListener(options);
    await listener.#listen(place);
    return listener;
  }

  /** Those that are open already stay. */
  set maxSockets(count: number) {
    this.#server.maxConnections = count;
  }

  get address(): AddressInfo {
    return this.#server.address() as AddressInfo;
  }

  /** Ends what is under way, too. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #listen({ host, port, backlog }: PeerPlace): Promise<void> {
    const where = { host: host === '*' ? '0.0.0.0' : host, port, backlog, ipv6Only: host === '::' };
    return new Promise((resolve, reject) => {
      const refuse = (cause: Error) =>
        reject(new FlotillaError('FLT-1401', `ECCluster_Listener ${host}:${port}: ${cause.message}`, cause));
      this.#server.once('error', refuse);
      this.#server.listen(where, () => {
        this.#server.off('error', refuse);
        this.#server.on('error', (cause) => this.#report('a connection could not be taken', cause.message));
        resolve();
      });
    });
  }

  #arrived(socket: Socket): void {
    // 'close' follows; an error nobody listens to would end the process.
    socket.on('error', () => {});
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (!this.#options.mayConnect(socket.remoteAddress ?? '')) {
      this.#report('not the address of a member', socket.remoteAddress ?? 'gone');
      socket.destroy();
    } else if (this.#tls) this.#tls.emit('connection', socket);
    else void this.#greet(socket, Buffer.alloc(0));
  }

  async #greet(socket: Socket | TLSSocket, binding: Buffer): Promise<void> {
    const { clock, connectTimeoutMs } = this.#options;
    socket.on('error', () => {});
    const late = clock.after(connectTimeoutMs, () => socket.destroy(new Error('it took too long')));
    try {
      await this.#handshake(socket, binding);
    } catch (error) {
      this.#report('the handshake failed', error instanceof Error ? error.message : String(error));
      socket.destroy();
    } finally {
      late.cancel();
    }
  }

  async #handshake(socket: Socket, binding: Buffer): Promise<void> {
    const { key, nonce } = this.#options;
    const greetingNonce = nonce();
    socket.write(encodePeerMessage({ kind: 'greeting', nonce: greetingNonce }));
    const hello = await readPeerMessage(socket);
    if (hello?.kind !== 'hello') throw new Error('malformed, or broken off');
    const said = { greetingNonce, helloNonce: hello.nonce, hello, binding };
    const refusal = isProof(hello.proof, key, 'opener', said)
      ? this.#options.refusal(hello)
      : 'the secret is another one here';
    if (refusal === undefined) this.#accept(socket, said);
    else this.#refuse(socket, hello, refusal);
  }

  #accept(socket: Socket, said: Conversation): void {
    const { key, counters, accepted } = this.#options;
    counters.add('peer_accepted_total');
    socket.write(encodePeerMessage({ kind: 'accepted', proof: proofOf(key, 'listener', said) }));
    accepted(socket, said.hello);
  }

  #refuse(socket: Socket, { source, service, job }: Hello, reason: string): void {
    this.#report(reason, socket.remoteAddress ?? '', { source, service, job });
    socket.end(encodePeerMessage({ kind: 'refused', reason }), () => socket.destroy());
  }

  #report(reason: string, detail: string, fields: object = {}): void {
    const { counters, log } = this.#options;
    counters.add('peer_refused_total');
    this.#gate.pass((heldBack) =>
      log.error(`ECCluster_Listener turned a node away: ${reason}`, { detail, ...fields, heldBack }),
    );
  }
}
