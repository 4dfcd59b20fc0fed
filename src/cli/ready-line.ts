/** The one line on standard output by which a node or manager says that it serves, whatever the level of its log. */
import { parseServerUrl } from '../bus/server-url.ts';
import type { NodeSettings } from '../core/settings.ts';

/** A relay may have hundreds of addresses; a line shows this many of a kind. */
const mostShown = 4;

/** `flotilla: relay-1 serves in ec_cluster: bus nats://10.1.1.10:4222, console /tmp/2025, listener 10.1.1.1:25` */
export function readyLine(settings: NodeSettings): string {
  const listeners = settings.listeners.map(({ listen }) => placeOf(listen));
  return line(settings, 'serves in', named('listener', listeners));
}

/** `flotilla: barca manages ec_cluster: bus nats://10.1.1.10:4222, console /tmp/2025, series /var/log/eccluster/aslogger` */
export function managerReadyLine(settings: NodeSettings): string {
  const { asLogger } = settings;
  return line(settings, 'manages', named('series', asLogger ? [asLogger.baseDir] : []));
}

function line({ nodename, clusterGroup, bus, control }: NodeSettings, verb: string, last: string): string {
  const servers =
    bus.servers.length === 0
      ? [`its own nats-server on port ${bus.embedded.clientPort}`]
      : bus.servers.map((url) => parseServerUrl(url).label);
  const consoles = control.map(({ endpoint }) => placeOf(endpoint));
  const parts = [named('bus', servers), named('console', consoles), last];
  const shown = parts.filter((part) => part !== '').join(', ');
  return `flotilla: ${nodename} ${verb} ${clusterGroup}: ${shown}`;
}

function named(kind: string, places: readonly string[]): string {
  if (places.length === 0) return '';
  const more = places.length > mostShown ? ` and ${places.length - mostShown} more` : '';
  return `${kind} ${places.slice(0, mostShown).join(' ')}${more}`;
}

function placeOf(
  place: { readonly path: string } | { readonly host: string; readonly port: number },
): string {
  if ('path' in place) return place.path;
  return place.host.includes(':') ? `[${place.host}]:${place.port}` : `${place.host}:${place.port}`;
}
