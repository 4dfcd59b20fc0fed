/** The front listeners of a node: opened together, counted in the shared objects, closed together. */
import type { Socket } from 'node:net';
import { ListenerSessions, ServiceSessions } from '../core/session-caps.ts';
import type { ListenerSettings } from '../core/settings.ts';
import {
  type FrontClient,
  type FrontEvent,
  type FrontListener,
  openFrontListener,
} from '../net/front-listener.ts';
import type { SharedObject } from './shared-object.ts';
import type { Surroundings } from './surroundings.ts';

/** A service of the host program, for listeners without `Upstream`. */
export type ServiceHandler = (socket: Socket, client: FrontClient) => void;

export interface FrontOptions {
  readonly listeners: readonly ListenerSettings[];
  /** `inbound_cidr`, where it is replicated. Only SMTP counts in it (replication 5.15). */
  readonly inbound: SharedObject | undefined;
  readonly around: Surroundings;
  /** By `host:port` as in `Listen`. */
  readonly services: ReadonlyMap<string, ServiceHandler>;
  readonly onEvent: (listen: string, event: FrontEvent) => void;
}

export class Front {
  readonly #opened: FrontListener[] = [];

  /** Opens all of them or none: FLT-1401 for the first that cannot be opened. */
  async open(options: FrontOptions): Promise<void> {
    const { listeners, inbound, around, services, onEvent } = options;
    const ofKind = (wanted: ListenerSettings['kind']) => listeners.filter(({ kind }) => kind === wanted);
    const service = {
      esmtp: new ServiceSessions(ofKind('esmtp')),
      tcp: new ServiceSessions(ofKind('tcp')),
    };
    try {
      for (const settings of listeners) {
        const { kind, listen } = settings;
        const name = `${listen.host}:${listen.port}`;
        const handler = services.get(name);
        this.#opened.push(
          await openFrontListener(settings, {
            sessions: new ListenerSessions(settings, service[kind], kind === 'esmtp' ? inbound : undefined),
            ...around,
            ...(handler ? { service: handler } : {}),
            onEvent: (event) => onEvent(name, event),
          }),
        );
      }
    } catch (error) {
      await this.close(0);
      throw error;
    }
  }

  get sessions(): number {
    return this.#opened.reduce((sum, listener) => sum + listener.sessions, 0);
  }

  async close(graceMs: number): Promise<void> {
    await Promise.all(this.#opened.map((listener) => listener.stop({ graceMs })));
    this.#opened.length = 0;
  }
}
