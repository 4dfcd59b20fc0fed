/**
 * Records of front listeners (docs/decisions/0018): a session that is over as `C` of the main log, a client that was
 * turned away, or whose service could not be reached, as a line of the reject log.
 */
import { hex8 } from '../journal/layout.ts';
import type { Loggers } from '../logs/loggers.ts';
import type { FrontClient, FrontEvent } from '../net/front-listener.ts';
import type { Surroundings } from './surroundings.ts';

interface Session {
  readonly connectionId: string;
  readonly startMs: number;
}

const serviceNotAvailable = 421;

export class FrontRecords {
  readonly #loggers: Loggers;
  readonly #clock: Surroundings['clock'];
  /** Of clients that were let in and are not gone. */
  readonly #sessions = new Map<FrontClient, Session>();
  #count = 0;

  constructor(loggers: Loggers, { clock }: Pick<Surroundings, 'clock'>) {
    this.#loggers = loggers;
    this.#clock = clock;
  }

  take(listener: string, event: FrontEvent): void {
    const { client } = event;
    if (event.type === 'opened') {
      this.#sessions.set(client, { connectionId: this.#nextId(), startMs: this.#clock.nowMs() });
    } else if (event.type === 'refused') {
      const { limit, scope, value } = event.refusal;
      this.#reject(listener, client, `4.4.5 concurrency limit reached: ${limit} ${value} (${scope})`);
    } else if (event.type === 'upstreamFailed') {
      this.#reject(listener, client, `4.4.2 connection to the service failed: ${event.cause.message}`);
    } else {
      this.#end(listener, client, event.bytesIn, event.bytesOut);
    }
  }

  #end(listener: string, client: FrontClient, bytesIn: number, bytesOut: number): void {
    const session = this.#sessions.get(client);
    this.#sessions.delete(client);
    if (!session) return;
    const { connectionId, startMs } = session;
    const seconds = (this.#clock.nowMs() - startMs) / 1000;
    const timeUs = this.#clock.wallMs() * 1000;
    this.#loggers.write({
      kind: 'session',
      record: { timeUs, connectionId, listener, ...client, bytesIn, bytesOut, seconds },
    });
  }

  #reject(listener: string, client: FrontClient, text: string): void {
    const { address, port } = client;
    this.#loggers.write({
      kind: 'rejection',
      record: {
        connectionId: this.#sessions.get(client)?.connectionId ?? this.#nextId(),
        address,
        remote: `${address}:${port}`,
        local: listener,
        phase: 'connect',
        code: serviceNotAvailable,
        module: 'front_listener',
        text,
      },
    });
  }

  /** In the form of the original: unique within this process. */
  #nextId(): string {
    return `00/00-${String(process.pid).padStart(5, '0')}-${hex8(this.#count++ >>> 0)}`;
  }
}
