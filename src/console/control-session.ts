/**
 * One connection to the console: exchanges one after the other, each a request and its answer (CON-7).
 *
 * Invariant: a client cannot hold up the node. While an answer runs nothing more is read, so requests wait in the
 * client's socket; one part waits for the one before to be taken, so answers wait here in at most one part; and who
 * neither sends nor takes anything for the timeout, or does not log in when it is wanted, is disconnected (CON-2, CON-14).
 */
import type { Socket } from 'node:net';
import { isFlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { ControlAccess } from '../core/settings.ts';
import type { Entrance } from './access/entrance.ts';
import { Conversation } from './conversation.ts';
import {
  encodeFrame,
  FrameReader,
  type Malformed,
  maxBodyBytes,
  maxUnknownBodyBytes,
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

/** A connection behind its handshake. */
export interface Entered {
  readonly stream: Socket;
  readonly entrance: Entrance;
}

export interface ControlSessionOptions {
  readonly socket: Socket;
  readonly access: Pick<ControlAccess, 'timeoutMs' | 'loginTimeoutMs'>;
  /** TLS, and who it is. Rejects when the connection is of no use. */
  readonly enter: () => Promise<Entered>;
  /** The client may give commands from now on. */
  readonly opened: () => void;
  readonly interpreter: Interpreter;
  readonly log: Log;
}

export class ControlSession {
  readonly #options: ControlSessionOptions;
  readonly #socket: Socket;
  #stream: Socket;
  /** Resolves when the connection is closed. */
  readonly ended: Promise<void>;
  #isAnswering = false;
  #isFinishing = false;

  constructor(options: ControlSessionOptions) {
    this.#options = options;
    const { socket } = options;
    this.#socket = socket;
    this.#stream = socket;
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()));
    this.#watch(socket);
    void this.#live().finally(() => socket.destroy());
  }

  /** Ends the session after the answer it is at, and in any case after `graceMs`. */
  finish(graceMs: number): void {
    this.#isFinishing = true;
    if (this.#isAnswering) this.#closeWithin(graceMs);
    else this.#socket.destroy();
  }

  /** Another one needs the place. */
  drop(): void {
    this.#socket.destroy();
  }

  #watch(stream: Socket): void {
    const { log, access } = this.#options;
    stream.on('error', ({ message }) => log.debug(`a console connection failed: ${message}`));
    stream.setTimeout(access.timeoutMs, () => this.#timedOut());
  }

  async #live(): Promise<void> {
    const { access, enter, opened, interpreter, log } = this.#options;
    let entrance: Entrance | undefined;
    const late = setTimeout(() => {
      entrance?.late();
      this.#socket.destroy();
    }, access.loginTimeoutMs);
    const isIn = () => {
      clearTimeout(late);
      opened();
    };
    try {
      const entered = await enter();
      entrance = entered.entrance;
      this.#stream = entered.stream;
      if (this.#stream !== this.#socket) {
        this.#socket.setTimeout(0);
        this.#watch(this.#stream);
      }
      this.#stream.once('end', () => log.debug('a console client has left'));
      await this.#serve(new Conversation(entrance, interpreter), isIn);
    } catch (error) {
      // Once it was established its streams have logged why it ended.
      if (isFlotillaError(error)) log.error(`no console connection: ${error.message}. ${error.advice}`);
      else if (!entrance) log.debug(`a console connection was not established: ${(error as Error).message}`);
    } finally {
      clearTimeout(late);
    }
  }

  async #serve(conversation: Conversation, isIn: () => void): Promise<void> {
    const reader = new FrameReader();
    let wasOpen = false;
    const noteOpening = () => {
      if (wasOpen || !conversation.isOpen) return;
      wasOpen = true;
      isIn();
    };
    noteOpening();
    // An iterator that ends the socket itself does so with an error, as if a client that leaves were a fault.
    let isClosing = false;
    for await (const chunk of this.#stream.iterator({ destroyOnReturn: false })) {
      if (isClosing) continue;
      reader.mostBytes = conversation.isOpen ? maxBodyBytes : maxUnknownBodyBytes;
      for (const body of reader.push(chunk as Buffer)) {
        if (isClosing) break;
        await this.#exchange(conversation, parseRequest(body));
        noteOpening();
        if (this.#isFinishing) return;
        isClosing = conversation.isOver;
      }
      if (reader.broken && !isClosing) {
        await this.#exchange(conversation, { problem: tooLong(reader.mostBytes), id: 0 });
        isClosing = true;
      }
      if (isClosing) {
        this.#stream.end();
        this.#closeWithin(lingerMs);
      }
    }
  }

  async #exchange(conversation: Conversation, request: Request | Malformed): Promise<void> {
    this.#isAnswering = true;
    try {
      for await (const response of conversation.answer(request)) await this.#send(response);
    } finally {
      this.#isAnswering = false;
    }
  }

  /** Returns when the client has taken enough of it; throws when the connection is closed. */
  #send(response: Response): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(encodeFrame(response), (error) => (error ? reject(error) : resolve()));
    });
  }

  #closeWithin(delayMs: number): void {
    const timer = setTimeout(() => this.#socket.destroy(), delayMs);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  /** A command that takes its time is no idle client. */
  #timedOut(): void {
    const { timeoutMs } = this.#options.access;
    if (this.#isAnswering && this.#stream.writableLength === 0) this.#stream.setTimeout(timeoutMs);
    else this.#socket.destroy();
  }
}

function tooLong(mostBytes: number): string {
  return mostBytes === maxBodyBytes
    ? 'the request is longer than 1 MiB'
    : `the request is longer than ${mostBytes / 1024} KiB, and nobody has logged in`;
}
