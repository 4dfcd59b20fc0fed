/**
 * All that runs: the bus, three relays, a mail server behind each, a manager for their logs, the mail clients.
 *
 * Owns them. Invariant: `stop` ends whatever was started, however far `start` came, clients first and bus last.
 */
import { Bus } from './bus.ts';
import { MailClients } from './mail-clients.ts';
import { MailServer } from './mail-server.ts';
import { Manager } from './manager.ts';
import { probePort } from './ports.ts';
import { Relay } from './relay.ts';
import type { CastOptions } from './stage.ts';

export interface RunningFleet {
  readonly bus: Bus;
  readonly relays: readonly Relay[];
  readonly mailServers: ReadonlyMap<Relay, MailServer>;
  readonly manager: Manager;
  readonly clients: MailClients;
}

export class Fleet {
  readonly #options: CastOptions;
  readonly #relays: readonly Relay[];
  readonly #mailServers = new Map<Relay, MailServer>();
  readonly #manager: Manager;
  #bus: Bus | undefined;
  #clients: MailClients | undefined;

  constructor(options: CastOptions) {
    this.#options = options;
    this.#manager = new Manager(options);
    this.#relays = [1, 2, 3].map((number) => new Relay({ ...options, number }));
  }

  async start(): Promise<RunningFleet> {
    const { signal } = this.#options;
    const relays = this.#relays;
    await this.#needPorts();
    const bus = new Bus(await Bus.choosePort(), this.#options);
    this.#bus = bus;
    await bus.ready(signal);
    for (const relay of relays) {
      this.#mailServers.set(relay, await MailServer.start(relay.mailPort, relay.name));
      signal.throwIfAborted();
    }
    await Promise.all([
      this.#manager.start(bus.url),
      ...relays.map((relay) => relay.start(bus.url, relays.length)),
    ]);
    const clients = new MailClients(relays);
    this.#clients = clients;
    return { bus, relays, mailServers: this.#mailServers, manager: this.#manager, clients };
  }

  async stop(): Promise<void> {
    this.#clients?.stop();
    await Promise.all(this.#relays.map((relay) => relay.stop()));
    await this.#manager.stop();
    await Promise.all([...this.#mailServers.values()].map((mailServer) => mailServer.stop()));
    await this.#bus?.stop();
  }

  removeLeftovers(): void {
    for (const relay of this.#relays) relay.removeLeftovers();
  }

  /** Said before anything runs, by name: a log line of a child about EADDRINUSE is harder to understand. */
  async #needPorts(): Promise<void> {
    for (const { name, frontPort, mailPort } of this.#relays) {
      for (const [port, what] of [
        [frontPort, `the listener of ${name}`],
        [mailPort, `the mail server behind ${name}`],
      ] as const) {
        if ((await probePort(port)) === undefined)
          throw new Error(
            `127.0.0.1:${port} is needed for ${what} and is in use; see who has it with: ss -ltnp 'sport = :${port}'`,
          );
      }
    }
  }
}
