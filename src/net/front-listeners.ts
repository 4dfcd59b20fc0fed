/** All front listeners of a node, with the session counts that those of one service share. */
import { type InboundTable, ListenerSessions, ServiceSessions } from '../core/session-caps.ts';
import type { ListenerSettings } from '../core/settings.ts';
import { type FrontListener, type FrontListenerOptions, openFrontListener } from './front-listener.ts';

type OwnOptions = Pick<FrontListenerOptions, 'service' | 'onEvent'>;

/** `inbound` is `inbound_cidr`, where that object is configured; `optionsOf` gives what differs between listeners. */
export interface FrontListenersOptions extends Omit<FrontListenerOptions, 'sessions' | keyof OwnOptions> {
  readonly inbound: InboundTable | undefined;
  readonly optionsOf?: (settings: ListenerSettings) => OwnOptions;
}

/**
 * Opens all of them, or none: a node that serves half of its addresses would look healthy. In the order of `settings`.
 * @throws FlotillaError FLT-1401 of the first one that cannot be opened
 */
export async function openFrontListeners(
  settings: readonly ListenerSettings[],
  { inbound, optionsOf = () => ({}), ...options }: FrontListenersOptions,
): Promise<FrontListener[]> {
  const services = new Map(
    settings.map(({ kind }) => [kind, new ServiceSessions(settings.filter((other) => other.kind === kind))]),
  );
  const opened: FrontListener[] = [];
  try {
    for (const each of settings) {
      const service = services.get(each.kind) ?? new ServiceSessions([each]);
      const sessions = new ListenerSessions(each, service, inbound);
      opened.push(await openFrontListener(each, { ...options, ...optionsOf(each), sessions }));
    }
  } catch (error) {
    await Promise.all(opened.map((listener) => listener.stop({ graceMs: 0 })));
    throw error;
  }
  return opened;
}
