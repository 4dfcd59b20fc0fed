/**
 * Two or more queue hosts' movers with real spools, and streams between them that a test can cut after any line. A life
 * ends like that of a process that is killed: what is on disk stays, nothing else.
 */

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Message } from '../../../examples/queue-host/message.ts';
import { Mover } from '../../../examples/queue-host/mover.ts';
import { Spool } from '../../../examples/queue-host/spool.ts';
import type { PeerHandler, PeerStream, RunningNode } from '../../../src/index.ts';

export class Movers {
  readonly lives = new Map<string, Life>();
  /** Lines that may still pass, in both directions together; then every stream breaks. */
  linesLeft = Number.POSITIVE_INFINITY;
  readonly #folder = mkdtempSync(join(tmpdir(), 'flotilla-movers-'));
  readonly #sockets = new Set<Socket>();
  readonly #servers: Server[] = [];

  /** Ends an earlier life of this name, if there is one. */
  async begin(name: string): Promise<Life> {
    const life = new Life(name, await Spool.open(join(this.#folder, name)), this);
    this.lives.set(name, life);
    return life;
  }

  async connect(from: Life, to: string): Promise<PeerStream> {
    const target = this.lives.get(to)!;
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    this.#servers.push(server);
    await once(server, 'listening');
    const arrived = once(server, 'connection') as Promise<[Socket]>;
    const socket = connect({ port: (server.address() as { port: number }).port, allowHalfOpen: true });
    const [theirs] = await arrived;
    for (const each of [socket, theirs]) this.#watch(each);
    const stream = { job: 'ECMMOVE-00001', service: 'ECmmove2' };
    void Promise.resolve(target.handler?.({ ...stream, node: from.name, socket: theirs })).catch(() => {});
    return { ...stream, node: to, socket };
  }

  breakAll(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  end(): void {
    this.breakAll();
    for (const server of this.#servers) server.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A line that is one too many is not sent. */
  #watch(socket: Socket): void {
    this.#sockets.add(socket.on('error', () => {}));
    const write = socket.write.bind(socket);
    socket.write = ((line: string) => {
      this.linesLeft -= 1;
      if (this.linesLeft >= 0) return write(line);
      this.breakAll();
      return false;
    }) as Socket['write'];
  }
}

export class Life {
  readonly name: string;
  readonly spool: Spool;
  readonly mover: Mover;
  handler: PeerHandler | undefined;
  /** Where all messages have to go; undefined: they stay. */
  target: string | undefined;
  refusal: string | undefined;

  constructor(name: string, spool: Spool, movers: Movers) {
    this.name = name;
    this.spool = spool;
    const node = {
      openPeer: (to: string) => movers.connect(this, to),
      servePeer: (_: string, handler: PeerHandler) => {
        this.handler = handler;
        return () => {};
      },
    };
    this.mover = new Mover({
      node: node as unknown as RunningNode,
      spool,
      movesPerSecond: 1e6,
      nextFor: (target, refused) =>
        target === this.target ? [...spool.queue.values()].find(({ id }) => !refused.has(id)) : undefined,
      refusal: () => this.refusal,
      taken: () => {},
    });
  }

  async take(more: Partial<Message> = {}): Promise<Message> {
    const message: Message = {
      id: randomUUID(),
      group: 'default',
      binding: 'out-1',
      hops: 0,
      attempts: 2,
      expiresAtMs: Date.now() + 1e6,
      from: 'sender@example.com',
      to: ['reader@example.net'],
      ...more,
    };
    await this.spool.accept(message, Buffer.from('Subject: one\r\n\r\nHello.\r\n'));
    return message;
  }

  moveTo(target: string): Promise<void> {
    this.target = target;
    return this.mover.moveTo(target);
  }
}
