/**
 * The front listeners of a node: opens them, together or one by one, with the session counts that those of one service
 * share. A listener on a floating address is opened again each time the address comes; its service goes on counting.
 */
import type { PresentSessions } from '../core/present-sessions.ts';
import { type InboundTable, ListenerSessions, ServiceSessions } from '../core/session-caps.ts';
import type { ListenerSettings } from '../core/settings.ts';
import { type FrontListener, type FrontListenerOptions, openFrontListener } from './front-listener.ts';

type OwnOptions = Pick<FrontListenerOptions, 'service' | 'onEvent'>;

/** `inbound` is `inbound_cidr`, where that object is configured; `optionsOf` gives what differs between listeners. */
export interface FrontListenersOptions extends Omit<FrontListenerOptions, 'sessions' | keyof OwnOptions> {
  readonly inbound: InboundTable | undefined;
  readonly present?: PresentSessions;
  readonly optionsOf?: (settings: ListenerSettings) => OwnOptions;
}

export class FrontListeners {
  readonly #services = new Map<ListenerSettings['kind'], ServiceSessions>();
  #settings: readonly ListenerSettings[] = [];
  readonly #options: FrontListenersOptions;

  /** `settings`: all that may ever be opened, because those of one service share its caps. */
  constructor(settings: readonly ListenerSettings[], options: FrontListenersOptions) {
    this.#options = options;
    this.configure(settings);
  }

  /**
   * For listeners that are opened from now on. A service whose netblocks are others than before counts its sessions anew;
   * listeners that stay open go on with the counts they have.
   */
  configure(settings: readonly ListenerSettings[]): void {
    const before = this.#settings;
    this.#settings = settings;
    for (const kind of new Set(settings.map((listener) => listener.kind))) {
      if (this.#services.has(kind) && peersOf(settings, kind) === peersOf(before, kind)) continue;
      this.#services.set(kind, new ServiceSessions(settings.filter((listener) => listener.kind === kind)));
    }
  }

  /** @throws FlotillaError FLT-1401 when it cannot be opened */
  open(settings: ListenerSettings): Promise<FrontListener> {
    const { inbound, present, optionsOf = () => ({}), ...options } = this.#options;
    const service = this.#services.get(settings.kind) ?? new ServiceSessions([settings]);
    const { kind, listen } = settings;
    const counts = present ? [present.onListener(`${listen.host}:${listen.port}`)] : [];
    if (present && kind === 'esmtp') counts.push(present.of('SMTP'));
    const sessions = new ListenerSessions(settings, service, inbound, counts);
    return openFrontListener(settings, { ...options, ...optionsOf(settings), sessions });
  }

  /**
   * All of them, or none: a node that serves half of its addresses would look healthy. In the order of `settings`.
   * @throws FlotillaError FLT-1401 of the first one that cannot be opened
   */
  async openAll(settings: readonly ListenerSettings[]): Promise<FrontListener[]> {
    const opened: FrontListener[] = [];
    try {
      for (const each of settings) opened.push(await this.open(each));
    } catch (error) {
      await Promise.all(opened.map((listener) => listener.stop({ graceMs: 0 })));
      throw error;
    }
    return opened;
  }
}

function peersOf(settings: readonly ListenerSettings[], kind: ListenerSettings['kind']): string {
  const ofKind = settings.filter((listener) => listener.kind === kind);
  const prefixes = ofKind.flatMap(({ peers }) => peers.map(({ prefix }) => prefix));
  return [...new Set(prefixes)].sort().join(' ');
}
