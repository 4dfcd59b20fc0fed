/**
 * Real node processes, as an operator starts them: `flotilla node --config FILE`, a configuration file each, consoles on
 * Unix sockets, states and logs in one temporary folder.
 *
 * Invariant: no process outlives `end`, nor the test process.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectToSocket } from '../../../src/console/client/connection.ts';
import { freePort } from '../nats-server.ts';
import { until } from '../until.ts';

/** The launcher of this tree. */
const ownProgram = join(import.meta.dirname, '../../../bin/flotilla');

export interface NodeOptions {
  readonly name: string;
  /** Default: a node. */
  readonly role?: 'node' | 'manager';
  /** Default: 127.0.0.1. */
  readonly nodeaddr?: string;
  /** URLs of external servers; without them the node starts its own. */
  readonly servers?: readonly string[];
  /** Where its front listener passes sessions on; without it there is none. */
  readonly upstreamPort?: number;
  /** Port of the front listener; default: a free one. */
  readonly port?: number;
  /** More lines of the scopes `cluster` and `ESMTP_Listener`, and more scopes. */
  readonly cluster?: string;
  readonly listener?: string;
  readonly scopes?: string;
  /** What it reads instead of a file of its own: a managed configuration, which opens the console at `socketOf`. */
  readonly workingCopy?: string;
  /** Words in front of the command: `ip netns exec ...`. */
  readonly through?: readonly string[];
  /** `bin/flotilla` of another tree; default: that of this one. */
  readonly program?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export class Fleet {
  readonly folder = mkdtempSync(join(tmpdir(), 'flotilla-fleet-'));
  readonly #processes: NodeProcess[] = [];
  readonly #endNow = () => {
    for (const node of this.#processes) node.endNow();
  };

  constructor() {
    process.on('exit', this.#endNow);
  }

  /** Where the console of the first process of this name is. */
  socketOf(name: string): string {
    return `${join(this.folder, name)}-1.sock`;
  }

  /** Starts a node and waits until its console answers. */
  async start(options: NodeOptions, limitMs?: number): Promise<NodeProcess> {
    const node = await this.launch(options);
    await until(() => {
      if (node.exitCode !== undefined)
        throw new Error(`${options.name} ended with ${node.exitCode}:\n${node.log()}`);
      return existsSync(node.socket) && / (serves|manages) as /.test(node.log());
    }, limitMs);
    return node;
  }

  /** Starts nodes of these names and waits until each lists all of them. */
  async startTogether<Names extends readonly string[]>(
    names: readonly [...Names],
    options: Omit<NodeOptions, 'name'>,
  ): Promise<{ [At in keyof Names]: NodeProcess }> {
    const nodes = await Promise.all(names.map((name) => this.start({ ...options, name })));
    await membersAgree(...nodes);
    return nodes as { [At in keyof Names]: NodeProcess };
  }

  /** Starts a node and waits for nothing. One name may be started several times: each life has its own files. */
  async launch(options: NodeOptions): Promise<NodeProcess> {
    const life = this.#processes.filter(({ name }) => name === options.name).length + 1;
    const node = new NodeProcess(
      options,
      join(this.folder, options.name),
      life,
      options.port ?? (await freePort()),
    );
    this.#processes.push(node);
    return node;
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map((node) => node.kill()));
    for (const node of this.#processes) node.endNow();
    process.off('exit', this.#endNow);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class NodeProcess {
  readonly name: string;
  /** Of the front listener. */
  readonly port: number;
  readonly socket: string;
  readonly stateDir: string;
  /** Resolves with the exit code, or with the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #child: ChildProcess;
  #log = '';

  constructor(options: NodeOptions, folder: string, life: number, port: number) {
    this.name = options.name;
    this.port = port;
    const { workingCopy } = options;
    // A managed configuration names one for all lives.
    this.socket = `${folder}-${workingCopy === undefined ? life : 1}.sock`;
    this.stateDir = `${folder}-state`;
    const configFile = `${folder}-${life}.conf`;
    if (workingCopy === undefined) writeFileSync(configFile, configuration(options, this));
    const [command = '', ...words] = [
      ...(options.through ?? []),
      process.execPath,
      options.program ?? ownProgram,
      options.role ?? 'node',
      ...(workingCopy === undefined
        ? ['--config', configFile]
        : ['--working-copy', workingCopy, '--state-dir', this.stateDir]),
    ];
    this.#child = spawn(command, words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.environment },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
      });
    }
    // Not 'exit': the last words of the log come before 'close'.
    this.ended = once(this.#child, 'close').then(([code, signal]) => code ?? signal);
  }

  /** Of the process started, which with `through` may be its parent. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get exitCode(): number | undefined {
    return this.#child.exitCode ?? undefined;
  }

  log(): string {
    return this.#log;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** SIGKILL, also of a stopped process. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** Runs a console command; its text, or `status N: text` when it failed. */
  async console(line: string): Promise<string> {
    const label = this.socket;
    const connection = await connectToSocket(
      { kind: 'socket', where: { path: label }, label },
      { timeoutMs: 5_000 },
    );
    try {
      const reply = connection.request(line, 'text');
      let text = '';
      for (;;) {
        const { value, done } = await reply.next();
        if (done) return value === 0 ? text : `status ${value}: ${text}`;
        text += value;
      }
    } finally {
      connection.close();
    }
  }

  /** Private names of the members this node lists. */
  async membership(): Promise<string[]> {
    return [...(await this.console('cluster membership')).matchAll(/^Private Name: (.*)$/gm)].map(
      ([, name]) => name!,
    );
  }

  /** Open inbound connections by client address, summed over the cluster or of one node. */
  async inbound(from?: string): Promise<Map<string, number>> {
    const answer = await this.console(
      `cluster shared show inbound_cidr${from === undefined ? '' : ` from ${from}`} json`,
    );
    const { rows }: { rows: { key: string; count: number }[] } = JSON.parse(answer);
    return new Map(
      rows.flatMap(({ key, count }) => (key.endsWith('/32') ? [[key.slice(0, -3), count] as const] : [])),
    );
  }

  /** Epoch and coordinator of its view: different after each change. */
  async view(): Promise<string> {
    return /^View: (.*)$/m.exec(await this.console('cluster info -v'))?.[1] ?? '';
  }

  /** For the end of a test: also the NATS server that it left behind. */
  endNow(): void {
    this.#child.kill('SIGKILL');
    const pidFile = join(this.stateDir, 'nats/server.pid');
    const pid = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() : '';
    const commandLine = `/proc/${pid}/cmdline`;
    if (pid === '' || !existsSync(commandLine) || !readFileSync(commandLine, 'utf8').includes(this.stateDir))
      return;
    process.kill(Number(pid), 'SIGKILL');
  }
}

/** Waits until every one of these nodes lists all of them and nobody else. */
export async function membersAgree(...nodes: readonly NodeProcess[]): Promise<void> {
  const names = nodes.map(({ name }) => name).sort();
  await until(async () => {
    const lists = await Promise.all(nodes.map((node) => node.membership()));
    return lists.every((list) => sameList(list.map((name) => name.split('#')[2] ?? '').sort(), names));
  });
}

/** Waits until every one of these nodes counts exactly this over the cluster. */
export async function sumsAre(
  expected: ReadonlyMap<string, number>,
  ...nodes: readonly NodeProcess[]
): Promise<void> {
  let sums: Map<string, number>[] = [];
  const exact = async () => {
    sums = await Promise.all(nodes.map((node) => node.inbound()));
    return sums.every((sum) => sameCounts(sum, expected));
  };
  // The sums themselves say what went wrong.
  await until(exact).catch(() =>
    deepStrictEqual(
      sums,
      nodes.map(() => expected),
    ),
  );
}

export function sameCounts(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([key, count]) => b.get(key) === count);
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((element, at) => element === b[at]);
}

function configuration(options: NodeOptions, { port, socket, stateDir }: NodeProcess): string {
  const {
    name,
    nodeaddr = '127.0.0.1',
    servers,
    upstreamPort,
    cluster = '',
    listener = '',
    scopes = '',
  } = options;
  return `
cluster {
  nodename = "${name}"
  nodeaddr = ${nodeaddr}
  state_dir = "${stateDir}"
  debug_level = DEBUG
  ${servers ? `servers = ( ${servers.map((url) => `"${url}"`).join(', ')} )` : ''}
  Replicate "inbound_cidr" { max_delay = 0.05 }
  ${cluster}
}
Control_Listener { Listen "${socket}" { } }
${upstreamPort === undefined ? '' : `ESMTP_Listener { Listen "127.0.0.1:${port}" { Upstream = "127.0.0.1:${upstreamPort}" } ${listener} }`}
${scopes}
`;
}
