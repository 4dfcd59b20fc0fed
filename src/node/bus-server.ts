/**
 * The NATS servers a node uses: external ones, or its own child (design: bus). A child outlives a cluster reset and
 * ends with a graceful stop.
 */
import { type EmbeddedServer, startEmbeddedServer } from '../bus/embedded-server.ts';
import type { BusCredentials, BusTls, NodeSettings } from '../core/settings.ts';
import type { Surroundings } from './surroundings.ts';

export interface BusServer {
  readonly urls: readonly string[];
  readonly credentials: BusCredentials;
  /** Undefined: no login of the system account, so only silence tells of a dead process. */
  readonly systemCredentials: BusCredentials | undefined;
  /** Of the clients' connections. */
  readonly tls: BusTls | undefined;
  stop(): Promise<void>;
}

export async function openBusServer(settings: NodeSettings, around: Surroundings): Promise<BusServer> {
  const { bus, nodename, clusterGroup, stateDir, membership } = settings;
  if (bus.servers.length > 0) {
    const { servers: urls, credentials, systemCredentials } = bus;
    return { urls, credentials, systemCredentials, tls: bus.tls, stop: async () => {} };
  }
  const server: EmbeddedServer = await startEmbeddedServer({
    nodename,
    clusterGroup,
    stateDir,
    settings: bus.embedded,
    beatIntervalMs: membership.beatIntervalMs,
    tls: bus.tls,
    ...around,
  });
  const { url, credentials, systemCredentials } = server;
  // Clients of the own server come over loopback, without TLS; `bus.tls` is for its routes.
  return { urls: [url], credentials, systemCredentials, tls: undefined, stop: () => server.stop() };
}
