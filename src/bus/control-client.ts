/**
 * A console client over NATS: the counterpart of control.ts, for one node. It shares nothing with the node's own
 * connections: it is another process, often on another machine.
 *
 * Invariants: parts are given out in order and without a gap, or the request fails; every wait is bounded.
 */
import {
  connect,
  createInbox,
  type Msg,
  type NatsConnection,
  type Subscription as NatsSubscription,
} from 'nats';
import { FlotillaError } from '../core/errors.ts';
import { readCredentials, tlsOptions } from './credentials.ts';
import { readGreeting } from './greeting.ts';
import { parseServerUrl } from './server-url.ts';
import { subjects } from './subjects.ts';

export interface ControlClientOptions {
  /** URL of the server, with credentials if it wants any. */
  readonly url: string;
  readonly node: string;
  readonly controlGroup: string;
  /** Longest silence before and within an answer. */
  readonly timeoutMs: number;
}

export interface ControlClient {
  readonly isOpen: boolean;
  /**
   * The parts of the answer; returns its status. Throws FLT-1502 when no node of that name is there, FLT-1503 when the
   * answer makes no sense or has lost a part. One at a time.
   */
  request(line: string, format: 'text' | 'xml' | 'json'): AsyncGenerator<string, number, void>;
  close(): void;
}

const tooLateStatus = 5;
const noResponders = 503;

/** Throws FLT-1502 when the server cannot be reached or refuses the credentials. */
export async function connectControl(options: ControlClientOptions): Promise<ControlClient> {
  const url = parseServerUrl(options.url);
  try {
    const tls = tlsOptions(undefined, url);
    // A server that accepts and stays silent would keep a command from ending.
    await readGreeting(url, options.timeoutMs);
    const connection = await connect({
      servers: `${url.host.includes(':') ? `[${url.host}]` : url.host}:${url.port}`,
      authenticator: await readCredentials({}, url),
      name: 'flotilla console',
      timeout: options.timeoutMs,
      reconnect: false,
      ...(tls && { tls }),
    });
    return new NatsControlClient(connection, options);
  } catch (error) {
    throw new FlotillaError('FLT-1502', `${url.label}: ${(error as Error).message}`, error);
  }
}

class NatsControlClient implements ControlClient {
  readonly #connection: NatsConnection;
  readonly #options: ControlClientOptions;

  constructor(connection: NatsConnection, options: ControlClientOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  get isOpen(): boolean {
    return !this.#connection.isClosed();
  }

  async *request(line: string, format: 'text' | 'xml' | 'json'): AsyncGenerator<string, number, void> {
    const { node, controlGroup, timeoutMs } = this.#options;
    if (!this.isOpen) throw this.#lost('the connection was closed');
    const inbox = createInbox();
    const messages = this.#connection.subscribe(inbox);
    // Not the client library's request(): that one takes a single message for the answer.
    this.#connection.publish(
      subjects.controlNode({ controlGroup, clusterGroup: '' }, node),
      prefixed(line, format),
      {
        reply: inbox,
      },
    );
    try {
      return yield* this.#answer(messages, timeoutMs);
    } finally {
      messages.unsubscribe();
    }
  }

  async *#answer(messages: NatsSubscription, timeoutMs: number): AsyncGenerator<string, number, void> {
    const arriving = messages[Symbol.asyncIterator]();
    for (let part = 1; ; part++) {
      const next = await within(arriving.next(), timeoutMs);
      if (next === 'timeout') {
        yield `No answer within ${timeoutMs / 1000} s\n`;
        return tooLateStatus;
      }
      if (next.done) throw this.#lost('the connection was closed before the end of the answer');
      const status = this.#read(next.value, part);
      if (next.value.data.length > 0) yield next.value.string();
      if (status !== undefined) return status;
    }
  }

  /** The status, when this part is the last one. */
  #read({ headers }: Msg, expectedPart: number): number | undefined {
    if (headers?.code === noResponders) throw this.#lost('no node of this name answers');
    if (headers?.get('Flotilla-Part') !== String(expectedPart)) throw this.#nonsense();
    if (headers.get('Flotilla-End') !== 'true') return undefined;
    const status = Number(headers.get('Flotilla-Status') || Number.NaN);
    if (!Number.isInteger(status)) throw this.#nonsense();
    return status;
  }

  close(): void {
    void this.#connection.close();
  }

  #lost(reason: string): FlotillaError {
    return new FlotillaError('FLT-1502', `node ${this.#options.node}: ${reason}`);
  }

  #nonsense(): FlotillaError {
    return new FlotillaError('FLT-1503', `node ${this.#options.node}: a part of the answer is missing`);
  }
}

/** A prefix that was typed goes before the form that was asked for. */
function prefixed(line: string, format: 'text' | 'xml' | 'json'): string {
  return format === 'text' || /^\s*(xml|json)(\s|$)/i.test(line) ? line : `${format} ${line}`;
}

function within<Value>(promise: Promise<Value>, timeoutMs: number): Promise<Value | 'timeout'> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve('timeout'), timeoutMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
