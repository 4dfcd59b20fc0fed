/**
 * One relay: a `flotilla node` with its configuration, and a console to it, as an operator has them.
 *
 * Owns the process and, when that had no time to do it, the removal of its socket file.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.ts';
import { writeRelayConfiguration } from './log-configuration.ts';
import { type ConsoleAnswer, NodeConsole } from './node-console.ts';
import { kernelSockets, type ShownRow } from './truth.ts';
import { until } from './until.ts';

const startLimitMs = 20_000;

export interface RelayOptions {
  readonly number: number;
  /** For logs and state. */
  readonly folder: string;
  readonly onLost: (error: Error) => void;
  readonly signal: AbortSignal;
}

/** What `cluster info -v` says. */
export interface ViewOfRelay {
  readonly nodeCount: number;
  readonly state: string;
}

export class Relay {
  readonly name: string;
  /** As in the configuration files. */
  readonly frontPort: number;
  readonly mailPort: number;
  readonly consolePath: string;
  readonly logFile: string;
  readonly #options: RelayOptions;
  readonly #console: NodeConsole;
  #child: Child | undefined;
  /** Nobody else's file is removed. */
  #ownsConsolePath = false;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.name = `relay-${options.number}`;
    this.frontPort = 2500 + options.number;
    this.mailPort = 2600 + options.number;
    this.consolePath = `/tmp/flotilla-${this.name}.sock`;
    this.logFile = join(options.folder, `${this.name}.log`);
    this.#console = new NodeConsole(this.consolePath);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child?.isRunning ?? false;
  }

  /** Resolves when its console answers, its listener is open, and it is in one view with the others. */
  async start(busUrl: string, nodeCount: number): Promise<void> {
    const { folder, onLost, signal } = this.#options;
    const root = join(import.meta.dirname, '../..');
    this.#child = new Child({
      name: this.name,
      command: [
        process.execPath,
        ...[join(root, 'bin/flotilla'), 'node'],
        ...['--config', writeRelayConfiguration(folder, this.name)],
        ...['--servers', busUrl],
        ...['--state-dir', join(folder, this.name)],
      ],
      logFile: this.logFile,
      onLost,
    });
    const isServing = async () => {
      if (!this.isRunning || !kernelSockets().listening.has(this.frontPort)) return false;
      this.#ownsConsolePath = true;
      const view = await this.view();
      return view?.nodeCount === nodeCount && view.state === 'settled';
    };
    if (!(await until(isServing, { limitMs: startLimitMs, everyMs: 25, signal })))
      throw new Error(`${this.name} does not serve after ${startLimitMs / 1000} s; its log: ${this.logFile}`);
  }

  /** `kill -9`: no goodbye, nothing tidied up. */
  async kill(): Promise<void> {
    await this.#child?.kill();
  }

  async stop(): Promise<void> {
    this.#console.close();
    const isWilling = await this.#child?.stop();
    if (isWilling === false) process.stderr.write(`${this.name} did not stop by itself and was killed\n`);
    this.removeLeftovers();
  }

  /** A process that was killed could not remove its socket file. */
  removeLeftovers(): void {
    if (this.#ownsConsolePath) rmSync(this.consolePath, { force: true });
  }

  /** What an operator sees who types this. Undefined when the console cannot be reached. */
  ask(line: string, format: 'text' | 'json' = 'text'): Promise<ConsoleAnswer | undefined> {
    return this.#console.ask(line, format);
  }

  /** Rows of inbound_cidr: the sum over the cluster, or one node's own. Undefined when there is no answer. */
  async connections(from?: Relay): Promise<readonly ShownRow[] | undefined> {
    const line = `cluster shared show inbound_cidr${from ? ` from ${from.name}` : ''}`;
    const answer = await this.ask(line, 'json');
    return answer?.isOk ? (JSON.parse(answer.text) as { rows: readonly ShownRow[] }).rows : undefined;
  }

  async view(): Promise<ViewOfRelay | undefined> {
    const answer = await this.ask('cluster info -v', 'json');
    return answer?.isOk ? (JSON.parse(answer.text) as { view: ViewOfRelay }).view : undefined;
  }
}
