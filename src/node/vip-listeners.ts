/**
 * Listeners of the configuration that are on floating addresses: front listeners and consoles (NET-12). Each is opened
 * when its address comes and closed when it goes.
 */
import { type ControlListener, startControlListener } from '../console/control-listener.ts';
import type { Interpreter } from '../console/interpreter.ts';
import { formatAddress, parseAddress } from '../core/address.ts';
import type { Ip } from '../core/duravip/vip.ts';
import type { Log } from '../core/log.ts';
import type { ControlEndpoint, ListenerSettings } from '../core/settings.ts';
import type { FrontListener } from '../net/front-listener.ts';
import type { FrontListeners } from '../net/front-listeners.ts';

/** Something that serves on an endpoint of a floating address while the address is on. */
export interface VipListener {
  readonly kind: string;
  readonly endpoint: string;
  /** The host program may serve in its place (API-3). */
  readonly isOpenToProgram: boolean;
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

/** Undefined: a name, a wildcard, or nothing. */
export function ipOf(host: string | undefined): Ip | undefined {
  const address = host === undefined ? undefined : parseAddress(host);
  return address === undefined ? undefined : formatAddress(address);
}

export function endpointText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export function frontVipListener(settings: ListenerSettings, front: FrontListeners): VipListener {
  let open: FrontListener | undefined;
  return {
    kind: settings.kind,
    endpoint: endpointText(settings.listen.host, settings.listen.port),
    isOpenToProgram: settings.upstream === undefined,
    start: async () => {
      open = await front.open(settings);
    },
    stop: async (graceMs) => {
      await open?.stop({ graceMs });
      open = undefined;
    },
  };
}

export function consoleVipListener(
  endpoint: ControlEndpoint,
  { interpreter, log }: { readonly interpreter: Interpreter; readonly log: Log },
): VipListener {
  let open: ControlListener | undefined;
  return {
    kind: 'control',
    endpoint: 'host' in endpoint.endpoint ? endpointText(endpoint.endpoint.host, endpoint.endpoint.port) : '',
    isOpenToProgram: false,
    start: async () => {
      open = await startControlListener({ endpoints: [endpoint], interpreter, log });
    },
    stop: async () => {
      await open?.stop();
      open = undefined;
    },
  };
}
