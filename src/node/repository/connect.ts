/** The way of a running process to the configuration repository: its own bus, unless `cluster.boot` names other servers. */
import { type ConfigBus, connectConfigBus } from '../../bus/config-bus.ts';
import type { BusServer } from '../bus-server.ts';
import { readClusterBoot } from '../configuration.ts';

export interface RepositoryWay {
  /** `<conf>`. */
  readonly conf: string;
  readonly clusterGroup: string;
  readonly server: Pick<BusServer, 'urls' | 'credentials' | 'tls'>;
}

const timeoutMs = 10_000;

/** Throws FLT-2301, FLT-2316. */
export function connectFrom({ conf, clusterGroup, server }: RepositoryWay): Promise<ConfigBus> {
  const repo = readClusterBoot(conf)?.repo ?? [];
  const named = repo.filter((place) => place !== 'auto' && place !== 'local');
  const urls = named.length > 0 ? named : server.urls;
  const { credentials, tls } = server;
  return connectConfigBus({ urls, credentials, tls, clusterGroup, timeoutMs });
}
