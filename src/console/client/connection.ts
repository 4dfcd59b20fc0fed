/**
 * The client's side of one console connection, whatever carries it. The socket form is here; the NATS form comes from
 * the composition root, because nothing in the console knows the bus.
 */
import net from 'node:net';
import { FlotillaError } from '../../core/errors.ts';
import type { Format, Status } from '../answer.ts';
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
export function connectToSocket(endpoint: SocketEndpoint, options: ConnectOptions): Promise<ConsoleConnection> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(endpoint.where);
    const unreachable = (reason: string) => {
      socket.destroy();
      reject(new FlotillaError('FLT-1502', `${endpoint.label}: ${reason}`));
    };
    socket.setTimeout(options.timeoutMs, () => unreachable(silence(options.timeoutMs)));
    socket.once('error', (error: NodeJS.ErrnoException) => unreachable(error.code ?? error.message));
    socket.once('connect', () => {
      socket.removeAllListeners();
      resolve(new SocketConnection(socket, endpoint.label, options.timeoutMs));
    });
  });
}

class SocketConnection implements ConsoleConnection {
  readonly #socket: net.Socket;
  readonly #label: string;
  readonly #responses: AsyncGenerator<Response>;
  #nextId = 1;

  constructor(socket: net.Socket, label: string, timeoutMs: number) {
    this.#socket = socket;
    this.#label = label;
    this.#responses = this.#read();
    socket.setTimeout(timeoutMs);
    socket.on('error', () => {});
    socket.on('timeout', () => socket.destroy(new Error(silence(timeoutMs))));
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed && this.#socket.readable && this.#socket.writable;
  }

  async *request(line: string, format: Format): RemoteReply {
    const id = this.#nextId++;
    this.#socket.write(encodeFrame({ id, cmd: line, format }));
    for (;;) {
      const next = await this.#responses.next();
      if (next.done) throw new FlotillaError('FLT-1502', `${this.#label}: the connection was closed before the end of the answer`);
      const response = next.value;
      // Id 0 answers a request that could not be read as far as its id.
      if (response.id !== id && response.id !== 0) continue;
      if ('end' in response) return response.status;
      yield response.out;
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async *#read(): AsyncGenerator<Response> {
    const reader = new FrameReader();
    try {
      for await (const chunk of this.#socket) {
        for (const body of reader.push(chunk as Buffer)) {
          const response = parseResponse(body);
          if (!response) throw new FlotillaError('FLT-1503', this.#label);
          yield response;
        }
        if (reader.broken) throw new FlotillaError('FLT-1503', this.#label);
      }
    } catch (error) {
      if (error instanceof FlotillaError) throw error;
      throw new FlotillaError('FLT-1502', `${this.#label}: ${(error as Error).message}`, error);
    }
  }
}

function silence(timeoutMs: number): string {
  return `no answer within ${timeoutMs / 1000} s`;
}
