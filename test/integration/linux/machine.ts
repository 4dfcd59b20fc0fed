/**
 * A machine of a test network with one process on it (machine-process.ts), seen from the test.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Network } from '../../../lab/network.ts';
import type { KernelChange, PlumbedAddress, PlumbOutcome } from '../../../src/actors/kernel-port.ts';
import type { AnswerReport } from './answer-log.ts';

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Machine {
  readonly name: string;
  readonly #network: Network;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;

  private constructor(network: Network, name: string) {
    this.name = name;
    this.#network = network;
    const [command = '', ...words] = network.on(name);
    const program = [process.execPath, '--import', 'tsx', join(import.meta.dirname, 'machine-process.ts')];
    this.#child = spawn(command, [...words, ...program], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdin!.on('error', () => undefined);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#receive(line));
  }

  static async start(network: Network, name: string): Promise<Machine> {
    const machine = new Machine(network, name);
    await new Promise<unknown>((resolve, reject) => machine.#waiting.set(0, { resolve, reject }));
    return machine;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  call<T = void>(call: string, ...words: readonly unknown[]): Promise<T> {
    const id = ++this.#lastId;
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.#child.stdin!.write(`${JSON.stringify({ id, call, words })}\n`);
    });
  }

  open(stateFolder: string, held?: 'nftables' | 'valid_lft'): Promise<{ held: string; guardianPid: number }> {
    return this.call('open', { nodeName: `node.${this.name}`, stateFolder, held });
  }

  plumb(...addresses: readonly PlumbedAddress[]): Promise<PlumbOutcome[]> {
    return this.call('kernel', 'plumb', addresses);
  }

  unplumb(...addresses: readonly PlumbedAddress[]): Promise<PlumbOutcome[]> {
    return this.call('kernel', 'unplumb', addresses);
  }

  lease<T = void>(method: string, ...words: readonly unknown[]): Promise<T> {
    return this.call<T>('lease', method, ...words);
  }

  /** Plumbed, owned and under a lease, as after an acquire. */
  async serve(leaseMs: number, ...addresses: readonly PlumbedAddress[]): Promise<void> {
    const ips = addresses.map(({ ip }) => ip);
    await this.lease('manage', ips);
    await this.plumb(...addresses);
    await this.lease('take', leaseMs);
    await this.lease('own', ips);
  }

  answersFrom(ip: string): Promise<boolean> {
    return this.call('answersOnce', ip);
  }

  answerReport(): Promise<AnswerReport> {
    return this.call('answersUntilNow');
  }

  changes(): Promise<KernelChange[]> {
    return this.call('changes');
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.pid, name);
  }

  /** A command on this machine, whether or not its process lives. */
  run(...words: readonly string[]): string {
    const [command = '', ...rest] = [...this.#network.on(this.name), ...words];
    return execFileSync(command, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  runWithInput(input: string, ...words: readonly string[]): void {
    const [command = '', ...rest] = [...this.#network.on(this.name), ...words];
    execFileSync(command, rest, { input, stdio: ['pipe', 'ignore', 'pipe'] });
  }

  /** The number of the session that a process belongs to. */
  sessionOf(pid: number): string | undefined {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[3];
  }

  /** What `eth0` has beside its own address. */
  floating(): string[] {
    return this.plumbedOn('eth0').filter((ip) => ip.startsWith('10.84.') || ip.startsWith('fd84:'));
  }

  plumbedOn(name: string): string[] {
    const [link] = JSON.parse(this.run('ip', '-json', 'address', 'show', 'dev', name)) as {
      addr_info: { local: string }[];
    }[];
    return link!.addr_info.map(({ local }) => local);
  }

  mac(): string {
    return this.run('cat', '/sys/class/net/eth0/address').trim();
  }

  /** The hardware address that this machine believes a neighbour to have. */
  neighbour(ip: string): string | undefined {
    const entries = JSON.parse(this.run('ip', '-json', 'neigh', 'show', ip, 'dev', 'eth0') || '[]') as {
      lladdr?: string;
    }[];
    return entries[0]?.lladdr;
  }

  #receive(line: string): void {
    const { id, result, error } = JSON.parse(line) as { id: number; result: unknown; error?: string };
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new Error(error));
  }
}
