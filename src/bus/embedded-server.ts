/**
 * The nats-server that a node runs for itself when no `servers` are configured (BUS-26): started or adopted, watched,
 * started again when it dies, ended with a graceful stop of the node.
 *
 * Owns `<stateDir>/nats/`: configuration, logins, log, JetStream store. Invariant: at most one server per state
 * directory, and it belongs to the node that the owner file names.
 */
import type { ChildProcess } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Counters } from '../actors/ports.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { FlotillaError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Random } from '../core/random.ts';
import type { BusCredentials, BusTls, EmbeddedServerSettings } from '../core/settings.ts';
import { type EmbeddedLogins, embeddedConfig } from './embedded-config.ts';
import { readGreeting } from './greeting.ts';
import { ServerLog } from './server-log.ts';
import {
  claim,
  endServer,
  findBinary,
  giveUp,
  isServer,
  leftOver,
  runsBinary,
  type ServerFiles,
  serverFiles,
  spawnServer,
  startWatcher,
  whyNotListen,
} from './server-process.ts';

export interface EmbeddedServerOptions {
  readonly nodename: string;
  readonly clusterGroup: string;
  readonly stateDir: string;
  readonly settings: EmbeddedServerSettings;
  /** `bus_heartbeat_interval`: the server has to ping between two beats. */
  readonly beatIntervalMs: number;
  /** With CA, certificate and key: routes use TLS and both ends prove themselves. */
  readonly tls: BusTls | undefined;
  readonly log: Log;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly random: Random;
  /** Name or path of the server; default `nats-server`. */
  readonly binary?: string;
  /** How long a server whose node is gone waits for the next life of the node; default 30. */
  readonly orphanGraceSeconds?: number;
}

export interface EmbeddedServer {
  readonly url: string;
  readonly credentials: BusCredentials;
  readonly systemCredentials: BusCredentials;
  /** Resolves when the server first answers. Connections need not wait for it. */
  readonly ready: Promise<void>;
  /** undefined while it is between two lives. */
  pid(): number | undefined;
  /** Ends the server and waits for its end. */
  stop(): Promise<void>;
}

/**
 * Starts the server, or adopts the one that an earlier life of the node left behind.
 * Throws FLT-1104 (no place for its files, or that of another node), FLT-1203 (not installed), FLT-1207 (unprotected
 * routes) and FLT-1401 (one of its ports is taken; later, when it has to start again, it waits for the port instead).
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const folder = resolve(options.stateDir, 'nats');
  const binary = findBinary(options.binary ?? 'nats-server');
  makeFolder(folder);
  const logins = keptLogins(join(folder, loginsFile), options.random);
  const text = embeddedConfig({ ...options, logins, folder });
  const files = serverFiles(folder);
  claim(files);
  const sameConfig = replaceText(files.config, text);
  const supervisor = new Supervisor(options, binary, files, logins);
  await supervisor.begin(sameConfig);
  return supervisor;
}

/** With what programs on this machine may log in to the server of the node that has this state directory, if it has one. */
export function ownServerLogin(stateDir: string): BusCredentials | undefined {
  try {
    const logins: EmbeddedLogins = JSON.parse(readFileSync(resolve(stateDir, 'nats', loginsFile), 'utf8'));
    return logins.fleet;
  } catch {
    return undefined;
  }
}

const loginsFile = 'logins.json';

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    // `EACCES: permission denied, mkdir '/...'`
    const [reason] = (error as Error).message.split(',');
    throw new FlotillaError('FLT-1104', `${folder}: ${reason}`, error);
  }
}

const tickMs = 250;
const firstRestartMs = 100;
const longestRestartMs = 5_000;
const steadyMs = 10_000;
const greetingTimeoutMs = 1_000;
const greetingRetryMs = 20;
const defaultGraceSeconds = 30;
const portPatienceMs = 500;

class Supervisor implements EmbeddedServer {
  readonly url: string;
  readonly credentials: BusCredentials;
  readonly systemCredentials: BusCredentials;
  readonly ready: Promise<void>;
  readonly #options: EmbeddedServerOptions;
  readonly #binary: string;
  readonly #files: ServerFiles;
  readonly #serverLog: ServerLog;
  readonly #endWatcher: () => void;
  #announceReady: () => void = () => {};
  #pid: number | undefined;
  #startedMs = 0;
  #failures = 0;
  /** What was last told of its end: the same again, every five seconds, would fill the log. */
  #toldReason: string | undefined;
  #timer: Timer | undefined;
  #stopping = false;

  constructor(options: EmbeddedServerOptions, binary: string, files: ServerFiles, logins: EmbeddedLogins) {
    this.#options = options;
    this.#binary = binary;
    this.#files = files;
    this.url = `nats://127.0.0.1:${options.settings.clientPort}`;
    this.credentials = logins.fleet;
    this.systemCredentials = logins.system;
    this.ready = new Promise((resolve) => {
      this.#announceReady = resolve;
    });
    this.#serverLog = new ServerLog(files.log, options.log);
    this.#endWatcher = startWatcher(files, options.orphanGraceSeconds ?? defaultGraceSeconds);
  }

  pid(): number | undefined {
    return this.#pid;
  }

  async begin(sameConfig: boolean): Promise<void> {
    const { log, clock } = this.#options;
    const pid = leftOver(this.#files);
    if (pid !== undefined && sameConfig && runsBinary(pid, this.#binary) && (await this.#answers())) {
      log.notice('adopted the nats-server that an earlier life left behind', { pid });
      await this.#serverLog.skipToEnd();
      this.#enter(pid);
      return;
    }
    if (pid !== undefined) await endServer(pid, this.#files, clock);
    await this.#checkPorts();
    this.#launch();
  }

  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#timer?.cancel();
    if (this.#pid !== undefined) await endServer(this.#pid, this.#files, this.#options.clock);
    this.#pid = undefined;
    this.#endWatcher();
    await this.#serverLog.poll();
    giveUp(this.#files);
  }

  /** A mistake of the configuration, or Debian's own service on 4222: the start fails, as for every other listener. */
  async #checkPorts(): Promise<void> {
    const { clientPort, routeHost, routePort, peers } = this.#options.settings;
    const routes = { option: 'msgcserver_listener', host: routeHost, port: routePort };
    const clients = { option: 'msgc_server { port }', host: '127.0.0.1', port: clientPort };
    for (const { option, host, port } of peers.length > 0 ? [clients, routes] : [clients]) {
      const reason = await this.#whyTaken(host === '*' ? '0.0.0.0' : host, port);
      if (reason === undefined) continue;
      this.#endWatcher();
      giveUp(this.#files);
      throw new FlotillaError(
        'FLT-1401',
        `${host}:${port} of the embedded nats-server (${option}): ${reason}`,
      );
    }
  }

  /** A process that has just ended may hold its ports for a moment. */
  async #whyTaken(host: string, port: number): Promise<string | undefined> {
    const { clock } = this.#options;
    const endMs = clock.nowMs() + portPatienceMs;
    for (;;) {
      const reason = await whyNotListen(host, port);
      if (reason === undefined || clock.nowMs() > endMs) return reason;
      await new Promise<void>((resume) => clock.after(greetingRetryMs, resume));
    }
  }

  #launch(): void {
    if (this.#stopping) return;
    const child: ChildProcess = spawnServer(this.#binary, this.#files);
    child.unref();
    child.on('error', ({ message }) => this.#options.log.error(`nats-server cannot be started: ${message}`));
    child.on('exit', () => this.#tick());
    if (child.pid === undefined) this.#scheduleLaunch();
    else this.#enter(child.pid);
  }

  #enter(pid: number): void {
    this.#pid = pid;
    this.#startedMs = this.#options.clock.nowMs();
    this.#awaitGreeting(pid);
    this.#scheduleTick();
  }

  #scheduleTick(): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(tickMs, () => this.#tick());
  }

  /** A server that was adopted is no child of ours: its end is seen by looking. */
  #tick(): void {
    if (this.#stopping || this.#pid === undefined) return;
    const told = this.#serverLog.poll();
    if (isServer(this.#pid, this.#files)) this.#scheduleTick();
    else {
      this.#pid = undefined;
      this.#scheduleLaunch();
      told.then(() => this.#tellEnd());
    }
  }

  #tellEnd(): void {
    const reason = this.#serverLog.lastError ?? 'it ended';
    const { code, message, advice } = new FlotillaError('FLT-1203', reason);
    this.#options.log[reason === this.#toldReason ? 'debug' : 'error'](message, { code, advice });
    this.#toldReason = reason;
  }

  #scheduleLaunch(): void {
    const { clock, counters } = this.#options;
    counters.add('bus_server_restarts');
    if (clock.nowMs() - this.#startedMs > steadyMs) this.#failures = 0;
    const delayMs = Math.min(longestRestartMs, firstRestartMs * 2 ** this.#failures++);
    this.#timer?.cancel();
    this.#timer = clock.after(delayMs, () => this.#launch());
  }

  async #awaitGreeting(pid: number): Promise<void> {
    const { clock, log } = this.#options;
    while (this.#pid === pid) {
      if (await this.#answers()) {
        log.notice('nats-server is ready', { pid, url: this.url });
        this.#toldReason = undefined;
        this.#serverLog.lastError = undefined;
        return this.#announceReady();
      }
      await new Promise<void>((resume) => clock.after(greetingRetryMs, resume));
    }
  }

  /** Also false when another server has our port. */
  async #answers(): Promise<boolean> {
    const { nodename, settings, clock } = this.#options;
    const address = { host: '127.0.0.1', port: settings.clientPort };
    try {
      return (await readGreeting(address, greetingTimeoutMs, clock)).serverName === nodename;
    } catch {
      return false;
    }
  }
}

/** Generated once, then kept: the logins must be those that an adopted server knows. */
function keptLogins(path: string, random: Random): EmbeddedLogins {
  try {
    const kept: EmbeddedLogins = JSON.parse(readFileSync(path, 'utf8'));
    if (kept.fleet.password && kept.system.password) return kept;
  } catch {
    // Missing or damaged: new ones follow, and the server is started with them.
  }
  const logins = {
    fleet: { user: 'flotilla', password: random.hex(16) },
    system: { user: 'system', password: random.hex(16) },
  };
  replaceText(path, JSON.stringify(logins));
  return logins;
}

/** True when the file held this text already. */
function replaceText(path: string, text: string): boolean {
  try {
    if (readFileSync(path, 'utf8') === text) return true;
  } catch {
    // Not there yet.
  }
  writeFileSync(path, text, { mode: 0o600 });
  chmodSync(path, 0o600);
  return false;
}
