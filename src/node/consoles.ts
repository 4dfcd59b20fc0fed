/**
 * The console endpoints of a process on addresses that stay, each with a listener of its own, so that one can come or go
 * while the others serve.
 *
 * Invariant: an endpoint that is in both configurations is not closed, whatever else changes about it.
 */
import {
  type ControlListener,
  type ControlListenerOptions,
  startControlListener,
} from '../console/control-listener.ts';
import type { ControlEndpoint } from '../core/settings.ts';
import { endpointText } from './vip-listeners.ts';

export class Consoles {
  readonly #options: Omit<ControlListenerOptions, 'endpoints'>;
  readonly #open = new Map<string, ControlListener>();
  /** Closed, with a command that is still going on: perhaps the one that closed it. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(options: Omit<ControlListenerOptions, 'endpoints'>) {
    this.#options = options;
  }

  /**
   * Opens what is not open, all or none; resolves with the way back.
   * @throws FlotillaError FLT-1401, FLT-1501, FLT-1507
   */
  async prepare(endpoints: readonly ControlEndpoint[]): Promise<() => Promise<void>> {
    const opened: string[] = [];
    const back = async () => {
      await Promise.all(opened.map((name) => this.#open.get(name)?.stop()));
      for (const name of opened) this.#open.delete(name);
    };
    try {
      for (const endpoint of endpoints) {
        const name = consoleName(endpoint);
        if (this.#open.has(name)) continue;
        this.#open.set(name, await startControlListener({ ...this.#options, endpoints: [endpoint] }));
        opened.push(name);
      }
    } catch (error) {
      await back();
      throw error;
    }
    return back;
  }

  /** Closes what is not wanted any more; the others let in by these rules from now on. */
  configure(endpoints: readonly ControlEndpoint[]): void {
    const names = new Set(endpoints.map(consoleName));
    for (const [name, listener] of this.#open) {
      listener.configure(endpoints);
      if (names.has(name)) continue;
      this.#open.delete(name);
      const left: Promise<void> = listener.stop().finally(() => this.#leaving.delete(left));
      this.#leaving.add(left);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...[...this.#open.values()].map((listener) => listener.stop()), ...this.#leaving]);
  }
}

export function consoleName({ endpoint }: ControlEndpoint): string {
  return 'path' in endpoint ? endpoint.path : endpointText(endpoint.host, endpoint.port);
}
