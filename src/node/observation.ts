/**
 * What this process tells monitoring: the figures that all processes have, and the sockets on which it is asked for them.
 *
 * Invariants: the sockets are open before the bus is looked for and until everything else has ended, so that a start and a
 * stop can be watched; without a socket nothing is measured for them.
 */
import type { ActorSystem } from '../actors/system.ts';
import { type LocalServer, openLocalServer } from '../console/local-server.ts';
import type { LocalEndpoint } from '../core/settings.ts';
import { EventLoop } from '../observe/event-loop.ts';
import { isHealthy } from '../observe/health.ts';
import type { Metrics } from '../observe/metrics.ts';
import { MetricsHttp } from '../observe/metrics-http.ts';
import { exposeProcess } from '../observe/process-figures.ts';
import type { ClusterLife } from './cluster-life.ts';
import { exposeMember } from './gauges.ts';
import { Health } from './health.ts';
import type { Surroundings } from './surroundings.ts';
import { flotillaVersion } from './version.ts';

/** For each endpoint; scrapers come one after the other. */
const maxConnections = 64;

/** A node or a manager. */
export interface ObservedProcess {
  readonly metrics: Metrics;
  /** State of the node actor. */
  readonly state: string;
}

export interface ObservationParts {
  readonly around: Surroundings;
  readonly system: ActorSystem;
  /** Undefined before the first join. */
  readonly life: () => ClusterLife | undefined;
}

export class Observation {
  readonly #process: ObservedProcess;
  readonly #parts: ObservationParts;
  readonly #servers: LocalServer[] = [];
  #loop: EventLoop | undefined;

  constructor(role: 'node' | 'manager', process: ObservedProcess, parts: ObservationParts) {
    this.#process = process;
    this.#parts = parts;
    const { metrics } = process;
    const { system, life } = parts;
    metrics.info('info', { role, version: flotillaVersion });
    exposeProcess(metrics);
    exposeMember(metrics, system, life);
  }

  /** All endpoints or none. Throws FLT-1401. */
  async open(endpoints: readonly LocalEndpoint[]): Promise<void> {
    if (endpoints.length === 0) return;
    const { metrics } = this.#process;
    const { around } = this.#parts;
    const loop = new EventLoop(around.clock);
    this.#loop = loop;
    const health = new Health({ ...this.#parts, state: () => this.#process.state, loop });
    metrics.gauge('event_loop_delay_p99_seconds', () => loop.delay.p99S);
    metrics.gauge('event_loop_delay_max_seconds', () => loop.delay.maxS);
    metrics.gauge('healthy', () => Number(isHealthy(health.live)));
    metrics.gauge('ready', () => Number(isHealthy(health.ready)));
    const http = new MetricsHttp({ metrics, health, ...around });
    try {
      for (const endpoint of endpoints) this.#servers.push(await this.#serve(endpoint, http));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#loop?.stop();
    await Promise.all(this.#servers.splice(0).map((server) => server.stop()));
  }

  #serve(endpoint: LocalEndpoint, http: MetricsHttp): Promise<LocalServer> {
    return openLocalServer(endpoint, {
      what: 'socket for monitoring',
      inUse: 'FLT-1401',
      maxSessions: maxConnections,
      ...this.#parts.around,
      accept: (socket) => ({ ended: http.serve(socket), finish: () => socket.destroySoon() }),
    });
  }
}
