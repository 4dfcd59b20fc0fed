/**
 * The client's side of one console connection, whatever carries it. The socket form is here; the NATS form comes from
 * the composition root, because nothing in the console knows the bus.
 */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { type ErrorCode, FlotillaError } from '../../core/errors.ts';
import { type Format, type Status, status } from '../answer.ts';
import { encodeFrame, FrameReader, parseResponse, type Request, type Response } from '../frame.ts';
import type { Credentials } from './credentials.ts';
import type { NatsEndpoint, SocketEndpoint } from './endpoint.ts';
import { type TlsFiles, tlsFor, tunnelThrough } from './transport.ts';

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
  readonly credentials?: Credentials;
  readonly tls?: TlsFiles;
}

export type ConnectOverNats = (endpoint: NatsEndpoint, options: ConnectOptions) => Promise<ConsoleConnection>;

/**
 * Logs in where that is wanted. Throws FLT-1502 when nobody answers there, FLT-1505 when the login fails, FLT-1507 for TLS
 * files that cannot be read.
 */
export async function connectToSocket(
  endpoint: SocketEndpoint,
  options: ConnectOptions,
): Promise<ConsoleConnection> {
  const stream = await openStream(endpoint, options);
  const connection = new SocketConnection(stream, endpoint.label, options);
  // Nobody logs in on a Unix socket: the system knows who it is.
  if ('host' in endpoint.where) await connection.enter();
  return connection;
}

function openStream(endpoint: SocketEndpoint, options: ConnectOptions): Promise<Duplex> {
  const secure = tlsFor(endpoint, options.tls);
  return new Promise((resolve, reject) => {
    const tunnel = endpoint.via && tunnelThrough(endpoint.via, endpoint.where);
    const stream = secure
      ? tls.connect({ ...endpoint.where, ...secure, ...(tunnel ? { socket: tunnel } : {}) })
      : (tunnel ?? net.connect(endpoint.where));
    const unreachable = (reason: string) => {
      clearTimeout(timer);
      stream.destroy();
      reject(new FlotillaError('FLT-1502', `${endpoint.label}: ${reason}`));
    };
    const timer = setTimeout(
      () => unreachable(`no answer within ${options.timeoutMs / 1000} s`),
      options.timeoutMs,
    );
    const failed = (error: NodeJS.ErrnoException) => unreachable(reasonOf(error));
    const closed = () => unreachable('the connection was closed');
    stream.once('error', failed).once('close', closed);
    const connected = () => {
      clearTimeout(timer);
      stream.off('error', failed).off('close', closed);
      resolve(stream);
    };
    if (tunnel && !secure) connected();
    else stream.once(secure ? 'secureConnect' : 'connect', connected);
  });
}

/** What the system's word for it means here. */
const meanings: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket',
  ENOTSOCK: 'this is no socket',
  ECONNREFUSED: 'nobody listens there',
  EACCES: 'this user may not connect to it',
  EPROTO: 'it does not speak TLS 1.3',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is of no authority that is known here; give one with --ca',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of no authority that is known here; give one with --ca',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is of no authority that is known here; give one with --ca',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is of no authority that is known here; give one with --ca',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  ENOTFOUND: 'there is no host of this name',
};

function reasonOf({ code = '', message }: NodeJS.ErrnoException): string {
  const meaning = meanings[code];
  return meaning === undefined ? message : `${code}, ${meaning}`;
}

/** How an answer ends. */
interface End {
  readonly status: Status;
  readonly login?: string;
}

/**
 * Reads even between requests, so that a close is noticed before the next request is lost in it; pauses while parts
 * wait to be printed, so that a huge answer stays on the server.
 */
class SocketConnection implements ConsoleConnection {
  readonly #socket: Duplex;
  readonly #options: ConnectOptions;
  readonly #label: string;
  readonly #reader = new FrameReader();
  readonly #responses: Response[] = [];
  #failure: FlotillaError | undefined;
  #wake: () => void = () => {};
  #nextId = 1;
  #isUnheard = true;

  constructor(socket: Duplex, label: string, options: ConnectOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#label = label;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.once('data', () => {
      this.#isUnheard = false;
    });
    socket.on('error', (error) => this.#fail('FLT-1502', error.message));
    socket.on('close', () => this.#fail('FLT-1502', 'the connection was closed'));
    socket.on('end', () => this.#fail('FLT-1502', 'the connection was closed'));
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  async *request(line: string, format: Format): RemoteReply {
    return (yield* this.#exchange({ id: this.#nextId++, cmd: line, format })).status;
  }

  /** Asks with an empty command whether a login is wanted, and logs in. */
  async enter(): Promise<void> {
    const { end, text } = await this.#whole({ id: this.#nextId++, cmd: '', format: 'text' }).catch(
      this.#silence,
    );
    if (end.login !== undefined) await this.#logIn(end.login);
    else if (end.status === status.notAuthorised) this.#refused(text);
  }

  /** As one that waits for the beginning of TLS closes, when it hears something else. */
  readonly #silence = (error: unknown): never => {
    if (!this.#isUnheard || this.#socket instanceof tls.TLSSocket) throw error;
    const reason =
      'it closed the connection without a word; where the endpoint has TLS, give --ca FILE, or --tls';
    throw new FlotillaError('FLT-1502', `${this.#label}: ${reason}`, error);
  };

  async #logIn(notice: string): Promise<void> {
    const { credentials } = this.#options;
    const user = credentials?.user ?? '';
    for (let attempt = 0; ; attempt++) {
      const password = await credentials?.password(notice, attempt);
      if (password === undefined) this.#refused(attempt === 0 ? notice : `${user}: login incorrect`);
      const { end, text } = await this.#whole({ id: this.#nextId++, login: { user, password } });
      if (end.status === status.ok) return;
      if (end.status !== status.notAuthorised) this.#refused(text);
    }
  }

  #refused(reason: string): never {
    this.close();
    throw new FlotillaError('FLT-1505', `${this.#label}: ${reason.trim()}`);
  }

  async #whole(request: Request): Promise<{ readonly end: End; readonly text: string }> {
    const reply = this.#exchange(request);
    let text = '';
    for (;;) {
      const next = await reply.next();
      if (next.done) return { end: next.value, text };
      text += next.value;
    }
  }

  async *#exchange(request: Request): AsyncGenerator<string, End, void> {
    this.#socket.write(encodeFrame(request));
    for (;;) {
      const response = await this.#next();
      if (response === 'timeout') {
        this.close();
        yield `No answer within ${this.#options.timeoutMs / 1000} s\n`;
        return { status: status.timedOut };
      }
      // Id 0 answers a request that could not be read as far as its id.
      if (response.id !== request.id && response.id !== 0) continue;
      if ('end' in response) return response;
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
