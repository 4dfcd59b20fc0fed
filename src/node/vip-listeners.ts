/**
 * Listeners of the configuration that are on floating addresses: front listeners and consoles (NET-12). Each is opened
 * when its address comes and closed when it goes.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Counters } from '../actors/ports.ts';
import {
  type ControlAccessParts,
  type ControlListener,
  startControlListener,
} from '../console/control-listener.ts';
import type { Interpreter } from '../console/interpreter.ts';
import { formatAddress, parseAddress } from '../core/address.ts';
import type { Ip } from '../core/duravip/vip.ts';
import type { Log } from '../core/log.ts';
import type {
  ControlEndpoint,
  ListenerSettings,
  NodeSettings,
  PeerEndpoint,
  VipAddressSettings,
} from '../core/settings.ts';
import type { FrontListener } from '../net/front-listener.ts';
import type { FrontListeners } from '../net/front-listeners.ts';
import type { PeerListener } from '../net/peers/peer-listener.ts';
import type { Peers } from './peers.ts';

/** Something that serves on an endpoint of a floating address while the address is on. */
export interface VipListener {
  readonly kind: string;
  readonly endpoint: string;
  /** The host program may serve in its place (API-3). */
  readonly isOpenToProgram: boolean;
  /** As the configuration has it; undefined: of the host program. */
  readonly settings?: ListenerSettings | ControlEndpoint | PeerEndpoint;
  start(): Promise<void>;
  stop(graceMs: number): Promise<void>;
}

/** Which of these are on an address that floats, and which are not. */
export function splitByAddress<Each>(
  all: readonly Each[],
  hostOf: (each: Each) => string | undefined,
  floating: ReadonlySet<Ip>,
): { readonly floating: readonly Each[]; readonly fixed: readonly Each[] } {
  const floats = (each: Each) => {
    const ip = ipOf(hostOf(each));
    return ip !== undefined && floating.has(ip);
  };
  return { floating: all.filter(floats), fixed: all.filter((each) => !floats(each)) };
}

export const hostOfListener = ({ listen }: ListenerSettings): string => listen.host;
export const hostOfConsole = ({ endpoint }: ControlEndpoint): string | undefined =>
  'host' in endpoint ? endpoint.host : undefined;

export const hostOfPeers = ({ host }: PeerEndpoint): string | undefined => host;

/** Undefined: a name, a wildcard, or nothing. */
export function ipOf(host: string | undefined): Ip | undefined {
  const address = host === undefined ? undefined : parseAddress(host);
  return address === undefined ? undefined : formatAddress(address);
}

export function endpointText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export interface ListenerOpeners {
  readonly front: FrontListeners;
  readonly peers: Peers;
  readonly interpreter: Interpreter;
  readonly access: ControlAccessParts;
  readonly log: Log;
  readonly counters: Counters;
}

/** Those of a configuration that float. One that was there before, and is the same, is the same object. */
export function floatingListeners(
  { listeners, control, peers, duravip }: NodeSettings,
  openers: ListenerOpeners,
  before: readonly VipListener[],
): VipListener[] {
  const ips = floatingIpsOf(duravip.vips);
  const known = (settings: VipListener['settings']) =>
    before.find((listener) => isDeepStrictEqual(unmarked(listener.settings), unmarked(settings)));
  return [
    ...splitByAddress(listeners, hostOfListener, ips).floating.map(
      (each) => known(each) ?? frontVipListener(each, openers.front),
    ),
    ...splitByAddress(control, hostOfConsole, ips).floating.map(
      (each) => known(each) ?? consoleVipListener(each, openers),
    ),
    ...splitByAddress(peers.listen, hostOfPeers, ips).floating.map(
      (each) => known(each) ?? peerVipListener(each, openers.peers),
    ),
  ];
}

/** Every address that may be on here at some time: followers, too, and those without a place. */
export function floatingIpsOf(vips: readonly VipAddressSettings[]): ReadonlySet<Ip> {
  return new Set(vips.flatMap(({ announcement: { ip, followers } }) => [ip, ...followers]));
}

/** What floats is the address: whether the listener is marked, too, changes nothing about it (DVC-8). */
function unmarked(settings: VipListener['settings']): unknown {
  return { ...settings, enableDuravip: undefined };
}

function frontVipListener(settings: ListenerSettings, front: FrontListeners): VipListener {
  let open: FrontListener | undefined;
  return {
    kind: settings.kind,
    endpoint: endpointText(settings.listen.host, settings.listen.port),
    isOpenToProgram: settings.upstream === undefined,
    settings,
    start: async () => {
      open = await front.open(settings);
    },
    stop: async (graceMs) => {
      await open?.stop({ graceMs });
      open = undefined;
    },
  };
}

function consoleVipListener(endpoint: ControlEndpoint, openers: ListenerOpeners): VipListener {
  let open: ControlListener | undefined;
  return {
    kind: 'control',
    settings: endpoint,
    endpoint: 'host' in endpoint.endpoint ? endpointText(endpoint.endpoint.host, endpoint.endpoint.port) : '',
    isOpenToProgram: false,
    start: async () => {
      const { interpreter, access, log, counters } = openers;
      open = await startControlListener({ endpoints: [endpoint], interpreter, access, log, counters });
    },
    stop: async () => {
      await open?.stop();
      open = undefined;
    },
  };
}

function peerVipListener(place: PeerEndpoint, peers: Peers): VipListener {
  let open: PeerListener | undefined;
  return {
    kind: 'eccluster',
    settings: place,
    endpoint: endpointText(place.host ?? '', place.port),
    isOpenToProgram: false,
    start: async () => {
      open = await peers.listen(place);
    },
    stop: async () => {
      if (open) await peers.close(open);
      open = undefined;
    },
  };
}
