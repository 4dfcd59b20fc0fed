/** A queue host (examples/queue-host) on one machine of the test network, as an operator runs it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Message } from '../../../examples/queue-host/message.ts';
import type { FloatingNetwork } from '../../../lab/floating-network.ts';
import { until } from '../until.ts';

const program = join(import.meta.dirname, '../../../examples/queue-host/main.ts');
export const mailPort = 2525;
const startLimitMs = 40_000;

export interface RelayOptions {
  readonly network: FloatingNetwork;
  readonly machines: readonly string[];
  /** Addresses 10.84.0.1 and on, each with a binding `out-N` in a group of its own, `group-N`. */
  readonly addresses: number;
  /** More lines of the scope `cluster`. */
  readonly cluster?: string;
}

export class Relay {
  readonly name: string;
  readonly #options: RelayOptions;
  readonly #folder: string;
  readonly #configFile: string;
  #child: ChildProcess | undefined;
  #log = '';
  #lines: string[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(name: string, options: RelayOptions) {
    this.name = name;
    this.#options = options;
    this.#folder = options.network.stateFolder(name);
    this.#configFile = `${this.#folder}.conf`;
    writeFileSync(this.#configFile, configuration(name, this.#folder, options));
  }

  get address(): string {
    return this.#options.network.address(this.name);
  }

  get log(): string {
    return this.#log;
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const [command = '', ...words] = [
      ...this.#options.network.on(this.name),
      process.execPath,
      '--import',
      'tsx',
      program,
      this.#configFile,
      join(this.#folder, 'spool'),
    ];
    const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    this.#lines = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
    child.stdin.on('error', () => {});
    createInterface({ input: child.stdout }).on('line', (line) => void this.#lines.push(line));
    const serves = () => {
      if (child.exitCode !== null) throw new Error(`${this.name} ended:\n${this.#log}`);
      return this.#lines.includes(`${this.name} serves`);
    };
    await until(serves, startLimitMs).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#log.slice(-3_000)}`);
    });
  }

  /** Runs a command of the program; its answer without the dot. */
  ask(line: string): Promise<string> {
    const run = async () => {
      this.#lines = [];
      this.#child?.stdin?.write(`${line}\n`);
      await until(() => this.#lines.at(-1)?.endsWith('.') ?? false);
      return this.#lines.join('\n').slice(0, -1).trim();
    };
    const answer = this.#last.then(run);
    this.#last = answer.catch(() => {});
    return answer;
  }

  console(line: string): Promise<string> {
    return this.ask(`console ${line}`);
  }

  /** Messages by binding, as `queue` lists them. */
  async queue(): Promise<Record<string, number>> {
    const lines = (await this.ask('queue')).split('\n').filter(Boolean);
    return Object.fromEntries(lines.map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]));
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Subjects of the messages in a folder of its spool, with what the queue knows about them. */
  messages(folder: 'queue' | 'held' | 'moved' | 'delivered' | 'expired') {
    const path = join(this.#folder, 'spool', folder);
    return readdirSync(path).flatMap((name) => {
      const text = name.startsWith('.') ? undefined : contentOf(join(path, name));
      return text === undefined ? [] : [describedIn(text)];
    });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'close');
  }
}

/** Undefined: it has gone elsewhere meanwhile. */
function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function describedIn(file: string): Message & { readonly subject: string } {
  const message = JSON.parse(file.slice(0, file.indexOf('\n'))) as Message;
  return { ...message, subject: /^Subject: (.*?)\r?$/m.exec(file)?.[1] ?? '' };
}

function configuration(
  name: string,
  folder: string,
  { network, machines, addresses, cluster }: RelayOptions,
): string {
  const peers = machines.map((machine) => `${machine} = ${network.address(machine)}`).join(' ');
  const groups = Array.from(
    { length: addresses },
    (_, n) =>
      `Binding_Group "group-${n + 1}" { Binding "out-${n + 1}" { Bind_Address = 10.84.0.${n + 1} Enable_Duravip = true } }`,
  );
  return `
cluster {
  nodename = ${name}
  nodeaddr = ${network.address(name)}
  state_dir = "${folder}"
  Topology "10.84.0.0/16" { interface = eth0 }
  # A machine that is busy with other things is not a machine that is gone.
  bus_failure_timeout = 5
  view_mature_time = 1
  view_balance_interval = 1
  ${cluster ?? ''}
}
msgc_server { peers = [ ${peers} ] secret = "of the queue hosts" }
msgcserver_listener { Listen ":4809" { } }
ESMTP_Listener { Listen "${network.address(name)}:${mailPort}" { } }
${groups.join('\n')}
`;
}
