/**
 * A nats-server on a machine of its own: one of three, with the configuration of `deploy/nats`, whose roles have their
 * names as passwords. It comes back on the same address, with its store.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Network } from '../../../lab/network.ts';
import { passwords } from '../../integration/deployed-server.ts';
import { until } from '../../integration/until.ts';

const deployed = join(import.meta.dirname, '../../../deploy/nats');
export const clientPort = 4_222;
const routePort = 6_222;

export interface BusServerOptions {
  readonly network: Network;
  readonly machine: string;
  /** All machines with servers. */
  readonly machines: readonly string[];
  readonly folder: string;
}

export class BusServer {
  readonly machine: string;
  readonly #options: BusServerOptions;
  readonly #configFile: string;
  #process: ChildProcess | undefined;
  #log = '';

  constructor(options: BusServerOptions) {
    this.#options = options;
    this.machine = options.machine;
    const folder = join(options.folder, options.machine);
    mkdirSync(folder, { recursive: true });
    const text = readFileSync(join(deployed, 'nats-cluster.conf'), 'utf8');
    this.#configFile = join(folder, 'nats-cluster.conf');
    writeFileSync(this.#configFile, text.replace('/var/lib/nats', folder));
    copyFileSync(join(deployed, 'permissions.conf'), join(folder, 'permissions.conf'));
  }

  get url(): string {
    return `nats://${this.#options.network.address(this.machine)}:${clientPort}`;
  }

  log(): string {
    return this.#log;
  }

  /** Resolves when it says that it is ready; it may not have found the others then. */
  async start(): Promise<void> {
    const startOfLog = this.#log.length;
    const { network, machine } = this.#options;
    const [command = '', ...words] = [...network.on(machine), 'nats-server', '-c', this.#configFile];
    const child = spawn(command, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...passwords(), ...this.#environment() },
    });
    this.#process = child;
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
      });
    await until(() => {
      if (child.exitCode !== null) throw new Error(`${machine} ended:\n${this.#log.slice(startOfLog)}`);
      return this.#log.indexOf('Server is ready', startOfLog) >= 0;
    });
  }

  /** SIGKILL, also of a stopped one. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  #environment(): Record<string, string> {
    const { network, machine, machines } = this.#options;
    const [one = '', other = ''] = machines
      .filter((each) => each !== machine)
      .map((each) => `nats-route://route:route@${network.address(each)}:${routePort}`);
    return { SERVER_NAME: machine, ROUTE_PASSWORD: 'route', ROUTE_1: one, ROUTE_2: other };
  }
}
