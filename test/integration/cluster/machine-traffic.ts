/**
 * Mail sessions on another machine (`network.ts`): a process of its own there, told what to do over its channel.
 *
 * Run as a program it is that process: an upstream and the clients of the front listener whose port is its argument.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Clients, Upstream } from './traffic.ts';

type Order =
  | { readonly kind: 'fill'; readonly network: number; readonly sessions: number }
  | { readonly kind: 'close'; readonly sessions: number };

interface Report {
  readonly upstreamPort: number;
  readonly open: [string, number][];
}

export class MachineTraffic {
  readonly upstreamPort: number;
  readonly #child: ChildProcess;
  #last: Promise<void> = Promise.resolve();
  /** Sessions open on that machine, by client address. */
  open: ReadonlyMap<string, number> = new Map();

  private constructor(child: ChildProcess, { upstreamPort }: Report) {
    this.#child = child;
    this.upstreamPort = upstreamPort;
  }

  /** `through`: words in front of a command that is to run there. */
  static async start(through: readonly string[], frontPort: number): Promise<MachineTraffic> {
    const program = [process.execPath, '--import', 'tsx', import.meta.filename, String(frontPort)];
    const [command = '', ...words] = [...through, ...program];
    const child = spawn(command, words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const [report] = (await once(child, 'message')) as [Report];
    return new MachineTraffic(child, report);
  }

  fill(network: number, sessions: number): Promise<void> {
    return this.#order({ kind: 'fill', network, sessions });
  }

  close(sessions: number): Promise<void> {
    return this.#order({ kind: 'close', sessions });
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }

  /** One after the other, since reports do not say what they answer. */
  #order(order: Order): Promise<void> {
    this.#last = this.#last.then(() => this.#execute(order));
    return this.#last;
  }

  async #execute(order: Order): Promise<void> {
    const answered = once(this.#child, 'message') as Promise<[Report]>;
    this.#child.send(order);
    const [{ open }] = await answered;
    this.open = new Map(open);
  }
}

if (process.argv[1] === import.meta.filename) {
  const upstream = await Upstream.start();
  const clients = new Clients(Number(process.argv[2]));
  const report = () =>
    process.send?.({ upstreamPort: upstream.port, open: [...clients.open] } satisfies Report);
  process.on('message', async (order: Order) => {
    if (order.kind === 'fill') await clients.fill(order.network, order.sessions);
    else await clients.close(order.sessions);
    report();
  });
  report();
}
