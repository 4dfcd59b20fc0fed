/**
 * The client's side of one console connection, whatever carries it. The socket form is here; the NATS form comes from
 * the composition root, because nothing in the console knows the bus.
 */
import net from 'node:net';
import { type ErrorCode, FlotillaError } from '../../core/errors.ts';
import { type Format, type Status, status } from '../answer.ts';
import { encodeFrame, FrameReader, parseResponse, type Response } from '../frame.ts';
import type { NatsEndpoint, SocketEndpoint } from './endpoint.ts';

/** The parts of an answer; returns its status. Throws FLT-1502 or FLT-1503 when the connection fails. */
export type RemoteReply = AsyncGenerator<string, Status, void>;

export interface ConsoleConnection {
  /** False once the other side has closed, as it does with idle clients. */
  readonly isOpen: boolean;
  /** One at a time. */
  request(line: string, format: Format): RemoteReply;
  close(): void;
}

export interface ConnectOptions {
  /** Longest silence before and within an answer. */
  readonly timeoutMs: number;
}

export type ConnectOverNats = (endpoint: NatsEndpoint, options: ConnectOptions) => Promise<ConsoleConnection>;

/** Throws FLT-1502 when nobody answers there. */
export function connectToSocket(
  endpoint: SocketEndpoint,
  options: ConnectOptions,
): Promise<ConsoleConnection> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(endpoint.where);
    const unreachable = (reason: string) => {
      socket.destroy();
      reject(new FlotillaError('FLT-1502', `${endpoint.label}: ${reason}`));
    };
    socket.setTimeout(options.timeoutMs, () => unreachable(`no answer within ${options.timeoutMs / 1000} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => unreachable(reasonOf(error)));
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeAllListeners('error');
      resolve(new SocketConnection(socket, endpoint.label, options));
    });
  });
}

/** What the system's word for it means here. */
const meanings: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ENOTSOCK: 'this is no socket',
  ECONNREFUSED: 'nobody listens there',
  EACCES: 'this user may not connect to it',
  ENOTFOUND: 'there is no host of this name',
};

function reasonOf({ code = '', message }: NodeJS.ErrnoException): string {
  const meaning = meanings[code];
  return meaning === undefined ? message : `${code}, ${meaning}`;
}

/**
 * Reads even between requests, so that a close is noticed before the next request is lost in it; pauses while parts
 * wait to be printed, so that a huge answer stays on the server.
 */
class SocketConnection implements ConsoleConnection {
  readonly #socket: net.Socket;
  readonly #options: ConnectOptions;
  readonly #label: string;
  readonly #reader = new FrameReader();
  readonly #responses: Response[] = [];
  #failure: FlotillaError | undefined;
  #wake: () => void = () => {};
  #nextId = 1;

  constructor(socket: net.Socket, label: string, options: ConnectOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#label = label;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail('FLT-1502', error.message));
    socket.on('close', () => this.#fail('FLT-1502', 'the connection was closed'));
    socket.on('end', () => this.#fail('FLT-1502', 'the connection was closed'));
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  async *request(line: string, format: Format): RemoteReply {
    const id = this.#nextId++;
    this.#socket.write(encodeFrame({ id, cmd: line, format }));
    for (;;) {
      const response = await this.#next();
      if (response === 'timeout') {
        this.close();
        yield `No answer within ${this.#options.timeoutMs / 1000} s\n`;
        return status.timedOut;
      }
      // Id 0 answers a request that could not be read as far as its id.
      if (response.id !== id && response.id !== 0) continue;
      if ('end' in response) return response.status;
      yield response.out;
    }
  }

  close(): void {
    this.#fail('FLT-1502', 'the connection was closed');
  }

  async #next(): Promise<Response | 'timeout'> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#wake();
    }, this.#options.timeoutMs);
    try {
      while (this.#responses.length === 0) {
        if (this.#failure) throw this.#failure;
        if (isLate) return 'timeout';
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
    const response = this.#responses.shift()!;
    if (this.#responses.length === 0) this.#socket.resume();
    return response;
  }

  #receive(chunk: Buffer): void {
    for (const body of this.#reader.push(chunk)) {
      const response = parseResponse(body);
      if (response) this.#responses.push(response);
      else this.#fail('FLT-1503', 'this is no response');
    }
    if (this.#reader.broken) this.#fail('FLT-1503', 'this is no frame');
    if (this.#responses.length > 0) this.#socket.pause();
    this.#wake();
  }

  #fail(code: ErrorCode, reason: string): void {
    this.#failure ??= new FlotillaError(code, `${this.#label}: ${reason}`);
    this.#socket.destroy();
    this.#wake();
  }
}
