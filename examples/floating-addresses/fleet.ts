/**
 * All that runs: a switch, three machines with a node each, and a client on a fourth.
 *
 * Owns them. Invariant: `stop` ends whatever was started, however far `start` came, and leaves no namespace.
 */
import { FloatingNetwork } from '../../lab/floating-network.ts';
import type { CastOptions } from '../three-relays/stage.ts';
import { until } from '../three-relays/until.ts';
import { Client } from './client.ts';
import { Machine, machineName } from './machine.ts';
import { Truth } from './truth.ts';

const numbers = [1, 2, 3];
const clientMachine = 'client';
/** As in common.conf. */
const port = 2525;
const ips = [1, 2, 3, 4, 5, 6].map((host) => `10.84.0.${host}`);
const askEveryMs = 2;
const startLimitMs = 30_000;

export interface RunningFleet {
  readonly ips: readonly string[];
  readonly port: number;
  readonly askEveryMs: number;
  readonly network: FloatingNetwork;
  readonly machines: readonly Machine[];
  readonly client: Client;
  readonly truth: Truth;
}

export class Fleet {
  readonly #options: CastOptions;
  #network: FloatingNetwork | undefined;
  #machines: readonly Machine[] = [];
  #client: Client | undefined;

  constructor(options: CastOptions) {
    this.#options = options;
  }

  /** Resolves when each address is served, evenly spread. */
  async start(): Promise<RunningFleet> {
    const { signal } = this.#options;
    const network = makeNetwork();
    this.#network = network;
    this.#machines = numbers.map((number) => new Machine({ ...this.#options, number, network }));
    for (const machine of this.#machines) {
      machine.startService();
      machine.startNode();
    }
    const client = new Client(network.on(clientMachine), port, ips, askEveryMs);
    this.#client = client;
    const truth = new Truth(ips, this.#machines, client);
    const isServed = async () => (await truth.look()).problem === undefined;
    if (!(await until(isServed, { limitMs: startLimitMs, everyMs: 50, signal })))
      throw new Error(
        `not all addresses are served after ${startLimitMs / 1000} s: ${(await truth.look()).problem}`,
      );
    return { ips, port, askEveryMs, network, machines: this.#machines, client, truth };
  }

  async stop(): Promise<void> {
    this.#client?.stop();
    await Promise.all(this.#machines.map((machine) => machine.end()));
    this.#network?.remove();
  }

  removeLeftovers(): void {
    for (const machine of this.#machines) machine.removeLeftovers();
  }
}

function makeNetwork(): FloatingNetwork {
  try {
    return new FloatingNetwork(...numbers.map(machineName), clientMachine);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `network namespaces cannot be made here; root and the capabilities SYS_ADMIN and NET_ADMIN are needed.\n${reason}`,
    );
  }
}
