/**
 * One connection to the console: exchanges one after the other, each a request and its answer (CON-7).
 *
 * Invariant: a client cannot hold up the node. While an answer runs nothing more is read, so requests wait in the
 * client's socket; one part waits for the one before to be taken, so answers wait here in at most one part; and who
 * neither sends nor takes anything for the timeout is disconnected (CON-2, CON-14).
 */
import type { Socket } from 'node:net';
import type { Log } from '../core/log.ts';
import { status } from './answer.ts';
import {
  encodeFrame,
  FrameReader,
  type Malformed,
  parseRequest,
  type Request,
  type Response,
} from './frame.ts';
import type { Interpreter } from './interpreter.ts';

/**
 * How long the rest of a request that was refused is read and thrown away: closing with bytes unread resets the
 * connection, and the client would lose the answer that tells it why.
 */
const lingerMs = 1000;

export interface ControlSessionOptions {
  readonly socket: Socket;
  readonly interpreter: Interpreter;
  readonly log: Log;
  /** 0 = never. */
  readonly timeoutMs: number;
}

export class ControlSession {
  readonly #socket: Socket;
  readonly #interpreter: Interpreter;
  /** Resolves when the connection is closed. */
  readonly ended: Promise<void>;
  #isAnswering = false;
  #isFinishing = false;

  constructor({ socket, interpreter, log, timeoutMs }: ControlSessionOptions) {
    this.#socket = socket;
    this.#interpreter = interpreter;
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', ({ message }) => log.debug(`a console connection failed: ${message}`));
    socket.once('end', () => log.debug('a console client has left'));
    socket.setTimeout(timeoutMs, () => this.#timedOut(timeoutMs));
    void this.#serve().finally(() => socket.destroy());
  }

  /** Ends the session after the answer it is at, and in any case after `graceMs`. */
  finish(graceMs: number): void {
    this.#isFinishing = true;
    if (this.#isAnswering) this.#closeWithin(graceMs);
    else this.#socket.destroy();
  }

  async #serve(): Promise<void> {
    const reader = new FrameReader();
    try {
      // An iterator that ends the socket itself does so with an error, as if a client that leaves were a fault.
      for await (const chunk of this.#socket.iterator({ destroyOnReturn: false })) {
        if (reader.broken) continue;
        for (const body of reader.push(chunk as Buffer)) {
          await this.#exchange(parseRequest(body));
          if (this.#isFinishing) return;
        }
        if (reader.broken) {
          await this.#exchange({ problem: 'the request is longer than 1 MiB', id: 0 });
          this.#socket.end();
          this.#closeWithin(lingerMs);
        }
      }
    } catch {
      // The connection failed or was closed; the error listener has logged it and there is nobody left to tell.
    }
  }

  async #exchange(request: Request | Malformed): Promise<void> {
    this.#isAnswering = true;
    try {
      await ('problem' in request ? this.#refuse(request) : this.#answer(request));
    } finally {
      this.#isAnswering = false;
    }
  }

  async #answer({ id, cmd, format }: Request): Promise<void> {
    const reply = this.#interpreter.run(cmd, format);
    try {
      for (;;) {
        const next = await reply.next();
        if (next.done) return await this.#send({ id, end: true, status: next.value });
        await this.#send({ id, out: next.value });
      }
    } finally {
      // Lets a source of rows that nobody reads any more end.
      await reply.return(status.failed);
    }
  }

  async #refuse({ problem, id }: Malformed): Promise<void> {
    await this.#send({ id, out: `Syntax error: ${problem}\n` });
    await this.#send({ id, end: true, status: status.badSyntax });
  }

  /** Returns when the client has taken enough of it; throws when the connection is closed. */
  #send(response: Response): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.write(encodeFrame(response), (error) => (error ? reject(error) : resolve()));
    });
  }

  #closeWithin(delayMs: number): void {
    const timer = setTimeout(() => this.#socket.destroy(), delayMs);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  /** A command that takes its time is no idle client. */
  #timedOut(timeoutMs: number): void {
    if (this.#isAnswering && this.#socket.writableLength === 0) this.#socket.setTimeout(timeoutMs);
    else this.#socket.destroy();
  }
}
