/**
 * What monitoring asks over HTTP, one request a connection: `/healthz`, `/readyz`, `/metrics`.
 *
 * Invariants: a connection ends within seconds, whatever the other side does; nothing that is asked changes anything.
 */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Counters } from '../actors/ports.ts';
import type { Clock } from '../core/clock.ts';
import { type HealthSource, healthText, isHealthy } from './health.ts';
import type { Metrics } from './metrics.ts';

/** From the connection to the end of the answer. */
const requestLimitMs = 10_000;
const maxHeaderBytes = 8 * 1024;

export interface MetricsHttpOptions {
  readonly metrics: Pick<Metrics, 'text'>;
  readonly health: HealthSource;
  readonly counters: Counters;
  readonly clock: Pick<Clock, 'after'>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Answers on sockets that others accept. */
export class MetricsHttp {
  readonly #options: MetricsHttpOptions;
  readonly #server: Server;

  constructor(options: MetricsHttpOptions) {
    this.#options = options;
    this.#server = createServer({ maxHeaderSize: maxHeaderBytes }, (request, response) => {
      options.counters.add('metrics_requests_total');
      void this.#answer(request.method ?? '', request.url ?? '').then((answer) =>
        send(response, answer, request.method === 'HEAD'),
      );
    });
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  /** Resolves when the connection is over. */
  serve(socket: Socket): Promise<void> {
    const limit = this.#options.clock.after(requestLimitMs, () => socket.destroy());
    return new Promise((resolve) => {
      socket.once('close', () => {
        limit.cancel();
        resolve();
      });
      socket.on('error', () => {});
      this.#server.emit('connection', socket);
    });
  }

  async #answer(method: string, url: string): Promise<Answer> {
    if (method !== 'GET' && method !== 'HEAD') return plain(405, 'GET and HEAD only\n');
    const { health, metrics } = this.#options;
    switch (url.split('?')[0]) {
      case '/healthz':
        return healthAnswer(health.live);
      case '/readyz':
        return healthAnswer(health.ready);
      case '/metrics':
        return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: await metrics.text() };
      default:
        return plain(404, '/healthz, /readyz or /metrics\n');
    }
  }
}

function healthAnswer(checks: HealthSource['live']): Answer {
  return { status: isHealthy(checks) ? 200 : 503, type: 'application/json', body: healthText(checks) };
}

function plain(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function send(response: ServerResponse, { status, type, body }: Answer, isHead: boolean): void {
  const headers = {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    connection: 'close',
  };
  response.writeHead(status, headers).end(isHead ? undefined : body);
}
