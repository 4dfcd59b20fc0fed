/**
 * Real nats-servers for tests: generated configuration, free ports on loopback, captured log, certain end.
 *
 * Invariant: no server outlives the test process, and `stopNatsServers` (for afterEach) leaves none between tests.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './until.ts';

export interface NatsServerOptions {
  /** Path of the binary; the installed one by default. */
  readonly binary?: string;
  /** Appended to the generated configuration: authorization, tls, max_payload, or a store in the folder that goes with it. */
  readonly config?: string | ((folder: string) => string);
  /** Adds the accounts FLEET (user `fleet`) and SYS (user `system`), both with the password `pass`. */
  readonly systemAccount?: boolean;
  /** Joins servers with the same cluster into one; `routes` are cluster ports of others. */
  readonly cluster?: { readonly port: number; readonly routes: readonly number[] };
  readonly port?: number;
  /** Variables that the configuration refers to. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface NatsServer {
  readonly port: number;
  readonly url: string;
  readonly configFile: string;
  /** All that it printed since it was first started. */
  log(): string;
  /** Ends it in its own way; `start` brings it back on the same port. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Replaces the extra configuration and has the server read it. */
  reload(config: string): Promise<void>;
  pause(): void;
  resume(): void;
}

const running = new Set<LaunchedServer>();
process.on('exit', () => {
  for (const server of running) server.endNow();
});

export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const server = new LaunchedServer(options, options.port ?? (await freePort()));
  await server.start();
  return server;
}

/** Ends all servers that this test file started. */
export async function stopNatsServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.discard()));
  running.clear();
}

/** A TCP port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

class LaunchedServer implements NatsServer {
  readonly port: number;
  readonly configFile: string;
  readonly #options: NatsServerOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'flotilla-nats-'));
  #process: ChildProcess | undefined;
  #log = '';

  constructor(options: NatsServerOptions, port: number) {
    this.#options = options;
    this.port = port;
    this.configFile = join(this.#folder, 'server.conf');
    const { config = '' } = options;
    this.#writeConfig(typeof config === 'string' ? config : config(this.#folder));
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  log(): string {
    return this.#log;
  }

  async start(): Promise<void> {
    const startOfLog = this.#log.length;
    const child = spawn(this.#options.binary ?? 'nats-server', ['-c', this.configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#options.environment },
    });
    this.#process = child;
    running.add(this);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
      });
    }
    child.on('exit', () => {
      if (this.#process === child) this.#process = undefined;
    });
    await until(() => {
      if (!this.#process) throw new Error(`nats-server ended:\n${this.#log.slice(startOfLog)}`);
      return this.#log.indexOf('Server is ready', startOfLog) >= 0;
    });
  }

  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  async reload(config: string): Promise<void> {
    this.#writeConfig(config);
    const startOfLog = this.#log.length;
    this.#process?.kill('SIGHUP');
    await until(() => this.#log.indexOf('Reloaded server configuration', startOfLog) >= 0);
  }

  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async discard(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** For the end of the test process, which waits for nothing. */
  endNow(): void {
    this.#process?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (!child) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  #writeConfig(extra: string): void {
    const { systemAccount, cluster } = this.#options;
    const lines = [`server_name: server-${this.port}`, `listen: "127.0.0.1:${this.port}"`];
    lines.push('ping_interval: "250ms"', 'ping_max: 2');
    if (systemAccount) lines.push(accounts);
    if (cluster) {
      const routes = cluster.routes.map((port) => `"nats-route://127.0.0.1:${port}"`);
      lines.push(
        `cluster { name: fleet, listen: "127.0.0.1:${cluster.port}", routes: [${routes.join(', ')}] }`,
      );
    }
    writeFileSync(this.configFile, [...lines, extra, ''].join('\n'));
  }
}

const accounts = `accounts {
  FLEET { users: [ { user: fleet, password: pass } ] }
  SYS { users: [ { user: system, password: pass } ] }
}
system_account: SYS`;
