/**
 * One machine of the demonstration: a network namespace with a `flotilla node` in it and a service behind that.
 *
 * Owns both processes and the removal of the node's socket file. What happens to the node is done to the machine by
 * name: `kill`, `freeze`, `stop`, `unplug`, and what ends it again.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { FloatingNetwork } from '../../lab/floating-network.ts';
import { Child } from '../three-relays/child.ts';
import { type ConsoleAnswer, NodeConsole } from '../three-relays/node-console.ts';
import type { CastOptions } from '../three-relays/stage.ts';

const servicePort = 2500;

/** Why it does not take part, as it is shown; undefined: it does. */
export type Absence = 'killed' | 'frozen' | 'stopped' | 'unplugged' | undefined;

export interface MachineOptions extends CastOptions {
  readonly number: number;
  readonly network: FloatingNetwork;
}

export class Machine {
  readonly name: string;
  readonly consolePath: string;
  readonly logFile: string;
  absence: Absence;
  readonly #options: MachineOptions;
  readonly #console: NodeConsole;
  #node: Child | undefined;
  #service: Child | undefined;
  /** Nobody else's file is removed. */
  #ownsConsolePath = false;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.name = machineName(options.number);
    this.consolePath = `/tmp/flotilla-floating-${options.number}.sock`;
    this.logFile = join(options.folder, `${this.name}.log`);
    this.#console = new NodeConsole(this.consolePath);
  }

  get pid(): number {
    return this.#node?.pid ?? 0;
  }

  startService(): void {
    const { folder } = this.#options;
    const program = [join(import.meta.dirname, 'service.ts'), this.name, String(servicePort)];
    this.#service = this.#spawn(
      `the service of ${this.name}`,
      ['--import', 'tsx', ...program],
      join(folder, `${this.name}-service.log`),
    );
  }

  startNode(): void {
    const { network } = this.#options;
    this.#ownsConsolePath = true;
    this.#node = this.#spawn(
      this.name,
      [
        ...[join(import.meta.dirname, '../../bin/flotilla'), 'node'],
        ...['--config', join(import.meta.dirname, `${this.name}.conf`)],
        ...['--state-dir', network.stateFolder(this.name)],
      ],
      this.logFile,
    );
    this.absence = undefined;
  }

  async kill(): Promise<void> {
    this.absence = 'killed';
    await this.#node?.kill();
  }

  freeze(): void {
    this.absence = 'frozen';
    this.#node?.signal('SIGSTOP');
  }

  thaw(): void {
    this.#node?.signal('SIGCONT');
    this.absence = undefined;
  }

  async stop(): Promise<void> {
    this.absence = 'stopped';
    await this.#node?.stop();
  }

  unplug(): void {
    this.absence = 'unplugged';
    this.#options.network.unplug(this.name);
  }

  plugIn(): void {
    this.#options.network.heal();
    this.absence = undefined;
  }

  /** For good. */
  async end(): Promise<void> {
    this.#console.close();
    // One that is frozen would not hear that it has to go.
    if (this.absence === 'frozen') this.thaw();
    const isWilling = await this.#node?.stop();
    if (isWilling === false) process.stderr.write(`${this.name} did not stop by itself and was killed\n`);
    await this.#service?.stop();
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

  /** Who owns which address, as this node believes; an address without owner is left out. Undefined: no answer. */
  async owners(): Promise<ReadonlyMap<string, string> | undefined> {
    const answer = await this.ask('cluster duravip show', 'json');
    if (!answer?.isOk) return undefined;
    const { vips } = JSON.parse(answer.text) as { vips: { ip: string; owner: string | null }[] };
    return new Map(vips.flatMap(({ ip, owner }) => (owner === null ? [] : [[ip, owner] as const])));
  }

  /** All addresses of its interface, as the kernel says. */
  plumbed(): readonly string[] {
    const text = this.#options.network.run(this.name, 'ip', '-json', 'address', 'show', 'dev', 'eth0');
    const [link] = JSON.parse(text) as { addr_info: { local: string }[] }[];
    return link?.addr_info.map(({ local }) => local) ?? [];
  }

  #spawn(name: string, words: readonly string[], logFile: string): Child {
    const { network, onLost } = this.#options;
    const command = [...network.on(this.name), process.execPath, ...words];
    return new Child({ name, command, logFile, onLost });
  }
}

export function machineName(number: number): string {
  return `relay-${number}`;
}
